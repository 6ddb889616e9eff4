package restore

import "time"

const (
	expiredFor   = 24 * time.Hour      // a link dead for this long is not coming back
	unchangedFor = 30 * 24 * time.Hour // a finished download that nothing happens to any more
	retiredFor   = 90 * 24 * time.Hour // how long a record is kept after its job is over
	readInFull   = 60 * time.Minute    // how often a listing is read to its end
	warnedFor    = 24 * time.Hour      // how long a warning is remembered past its link's expiry
	sumsPerEvent = 32 << 10            // bytes of hash text in one event, so that it stays under 64 KiB
)

// Rules decide what is news.
type Rules struct {
	// Since separates history from news: a job created before it is history. A ledger brings its own.
	Since time.Time
	// ExpiryWarnings are the remaining times at which a download link is told to be about to expire, in any order.
	ExpiryWarnings []time.Duration
	// StuckAfter is the age at which a job that is not final is stuck; 0 means never.
	StuckAfter time.Duration
	// UnreachableAfter is how many passes in a row must fail before that is told; at least 1.
	UnreachableAfter int
}

// isNews reports whether a job never seen before was created while it was watched for. The API tells the creation by
// the second, so it is compared by the second.
func (r Rules) isNews(j Job) bool {
	return !j.Created.Before(r.Since.Truncate(time.Second)) && !j.Created.IsZero()
}

// isHistory reports whether a job never seen before was over before it was watched for.
func (r Rules) isHistory(j Job, now time.Time) bool {
	return !r.isNews(j) && j.Over(j.Created, now)
}

// tightest returns the smallest threshold that a remaining time has crossed.
func (r Rules) tightest(remaining time.Duration) (time.Duration, bool) {
	var least time.Duration
	for _, threshold := range r.ExpiryWarnings {
		if remaining <= threshold && (least == 0 || threshold < least) {
			least = threshold
		}
	}
	return least, least > 0
}

// Over reports whether nothing more is to come of a job that was last seen to change at changed: its status is final,
// and its delivery is none, no download, final, past its expiry by a day, or unchanged for thirty days.
func (j Job) Over(changed, now time.Time) bool {
	d := j.Delivery
	switch {
	case !j.Status.Final():
		return false
	case !d.Download(), d.Status.Final():
		return true
	case !d.Expires.IsZero() && now.Sub(d.Expires) >= expiredFor:
		return true
	}
	return now.Sub(changed) >= unchangedFor
}

func severityOfStatus(s Status) Severity {
	if s.Failed() {
		return Critical
	}
	return Info
}

func severityOfDelivery(s DeliveryStatus) Severity {
	if s.Final() || s == DeliveryInterrupted {
		return Warning
	}
	return Info
}
