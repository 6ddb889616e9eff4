package simtest

import (
	"context"
	"time"
)

// longestRun is how long a run may be under way. A function has a minute; a laptop may sleep in the middle of a run.
const longestRun = 12 * time.Hour

// The minute that a hurried run has, as the documentation of watch.Watcher divides it: the last quarter, at most ten
// seconds, is for publishing and saving alone, and the last third of that for saving.
const (
	timeOfRun     = time.Minute
	timeToList    = timeOfRun - 10*time.Second
	timeToPublish = timeOfRun - 10*time.Second/3
)

// timeFor returns how long after a hurried run began a call of some kind may begin.
func timeFor(what string) time.Duration {
	switch what {
	case "load", "page":
		return timeToList
	case "publish":
		return timeToPublish
	}
	return timeOfRun
}

// time returns the context of a run that begins.
func (r *run) time() (context.Context, context.CancelFunc) {
	r.began = time.Now()
	if r.hurried {
		return context.WithDeadline(context.Background(), r.began.Add(timeOfRun))
	}
	return context.WithCancel(context.Background())
}

// keepsTime checks that a call begins while there is time for its kind.
func (r *run) keepsTime(what string) {
	if since := time.Since(r.began); r.hurried && since >= timeFor(what) {
		r.violate("time is kept for saving", "run %d begins to %s after %s", r.id, what, since)
	}
}

// shortOfTime reports whether a run that ends had not the time to save all that it was to find. What was listed to its
// end in the time for listing has to be saved, for the rest of a run's time is kept for that.
func (v *visit) shortOfTime() bool {
	since := time.Since(v.began)
	return v.hurried && (since > timeToList || since == timeToList && v.sight.failed != nil)
}

// outlast lets time pass until that for calls of this kind is over. The clock of the history and that of the bubble, by
// which contexts end, go together.
func (w *world) outlast(c *call) {
	w.seen.kinds["time to "+c.what+" used up"]++
	w.advance((timeFor(c.what) - time.Since(c.of.began) + time.Second - 1).Truncate(time.Second))
}

// advance moves the clock, and ends runs that are under way for too long. No write is on its way for as long: one that
// came after its record was let go would be taken for the first of a new one.
func (w *world) advance(d time.Duration) {
	if d <= 0 {
		return
	}
	for d > longestRun && len(w.late) > 0 && w.broken == nil {
		w.land(0)
	}
	w.now = w.now.Add(d)
	time.Sleep(d)
	w.wait()
	for _, r := range w.runs {
		if !r.finished && w.now.Sub(r.now) > longestRun {
			w.seen.kinds["run that outlives its tick by half a day"]++
			w.logf("run %d: killed after %s", r.id, w.now.Sub(r.now))
			w.kill(r)
			w.wait()
		}
	}
	w.logf("the time is %s", w.now.Format(time.RFC3339))
}
