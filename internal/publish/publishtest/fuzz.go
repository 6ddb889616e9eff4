package publishtest

import (
	"cmp"
	"math/rand/v2"
	"time"

	"restorewatch/internal/restore"
)

// Fuzzed returns one of Events, in which each text that an API chooses is its own, a or b, and each number and time its
// own or one of the extremes that the domain can have. As the client does, it cuts texts to 1,024 bytes. choice decides which, so that the same arguments give the same
// event. What the domain makes itself (ids, types, severities, sequences) is left alone.
func Fuzzed(choice uint64, a, b string) restore.Event {
	f := fuzzed{rand.New(rand.NewPCG(choice, 42)), a[:min(len(a), 1024)], b[:min(len(b), 1024)]}
	all := Events()
	e := all[f.IntN(len(all))]
	e.Target.Cluster = cmp.Or(f.text(e.Target.Cluster), e.Target.Cluster) // never without one
	if at := f.time(e.Time); !at.IsZero() {                               // the domain never leaves it out
		e.Time = at
	}
	if e.Job != nil {
		e.Job = new(f.job(*e.Job))
	}
	if e.Change != nil {
		e.Change = &restore.Change{From: f.text(e.Change.From), To: f.text(e.Change.To), Repeat: f.IntN(2) == 0}
	}
	if e.Hashes != nil {
		e.Hashes = append(f.hashes(), f.hash())
	}
	if e.Hash != nil {
		e.Hash, e.PreviousHash = new(f.hash()), new(f.hash())
	}
	if e.Expiry != nil {
		threshold := max(f.span(), time.Second)
		remaining := 1 + time.Duration(f.Int64N(int64(threshold)))
		e.Expiry = &restore.Expiry{Expires: e.Expiry.Expires, Remaining: remaining, Threshold: threshold}
	}
	if e.Batch != nil {
		e.Batch = &restore.Batch{ID: e.Batch.ID, Outcome: e.Batch.Outcome, Members: f.members(e.Batch.Outcome)}
	}
	if e.Failure != nil {
		failure := *e.Failure
		failure.Message, failure.Hint, failure.Since = f.text(failure.Message), f.text(failure.Hint), f.time(failure.Since)
		e.Failure = &failure
	}
	return e
}

type fuzzed struct {
	*rand.Rand
	a, b string
}

func (f fuzzed) text(own string) string {
	return []string{own, f.a, f.b}[f.IntN(3)]
}

func (f fuzzed) time(own time.Time) time.Time {
	return []time.Time{own, {}, time.Unix(f.Int64N(253402300800), 0).UTC(), own.Add(f.span())}[f.IntN(4)]
}

func (f fuzzed) span() time.Duration {
	return []time.Duration{0, time.Second, -time.Hour, time.Duration(f.Int64N(int64(1000 * time.Hour))), 1<<63 - 1}[f.IntN(5)]
}

// many returns how long a list is: mostly short, at times as long as a very large cluster makes it.
func (f fuzzed) many() int {
	if f.IntN(50) == 0 {
		return f.IntN(400)
	}
	return []int{0, 1, 3, f.IntN(40)}[f.IntN(4)]
}

func (f fuzzed) job(j restore.Job) restore.Job {
	j.ProjectID, j.ClusterID, j.ClusterName = f.text(j.ProjectID), f.text(j.ClusterID), f.text(j.ClusterName)
	j.HostID, j.SnapshotID, j.Created = f.text(""), f.text(j.SnapshotID), f.time(j.Created)
	j.Status, j.Timestamp.Date = restore.Status(f.text(string(j.Status))), f.time(j.Timestamp.Date)
	d := &j.Delivery
	d.Method, d.Status, d.Expires = f.text(d.Method), restore.DeliveryStatus(f.text(string(d.Status))), f.time(d.Expires)
	d.MaxDownloads, d.TargetCluster, d.TargetProject = []int{0, 1, 1<<31 - 1}[f.IntN(3)], f.text(""), f.text("")
	j.Hashes = f.hashes()
	return j
}

func (f fuzzed) hash() restore.Hash {
	return restore.Hash{File: f.text(tarball.File), Algorithm: f.text(tarball.Algorithm), Sum: f.text(tarball.Sum)}
}

func (f fuzzed) hashes() []restore.Hash {
	all := make([]restore.Hash, f.many())
	for i := range all {
		all[i] = f.hash()
	}
	return all
}

// members has a failed one in a batch that failed, and none but finished ones in one that finished, as the domain has.
func (f fuzzed) members(outcome restore.Outcome) []restore.Member {
	all := make([]restore.Member, 1+f.many())
	for i := range all {
		status := restore.Finished
		if outcome == restore.OutcomeFailed {
			status = restore.Status(f.text("BROKEN"))
		}
		all[i] = restore.Member{
			ID: Config, ClusterID: f.text(""), Status: status, Delivery: restore.DeliveryStatus(f.text("READY")),
		}
	}
	if outcome == restore.OutcomeFailed {
		all[0].Status = restore.Killed
	}
	return all
}
