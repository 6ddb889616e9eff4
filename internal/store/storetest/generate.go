package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"restorewatch/internal/restore"
)

// A generator makes records of every shape that the domain can have, and some that it never has.
type generator struct{ *rand.Rand }

// Generate returns a valid record of t that depends on nothing but seed. Its version is 0.
func Generate(t restore.Target, seed uint64) restore.Record {
	g := generator{rand.New(rand.NewPCG(seed, 42))}
	r := restore.Record{Target: t, Updated: g.time(), Sequence: g.IntN(20)}
	switch g.IntN(4) {
	case 0:
		id := restore.BatchID(g.id())
		r.Memory = restore.BatchMemory{ID: id, Told: some(g, func() restore.Outcome { return restore.Outcome(g.word()) })}
		r.Outbox = some(g, func() restore.Event { return g.batchEvent(r, id) })
	case 1:
		m := restore.TargetMemory{Since: g.time(), FullRead: g.time(), Unreachable: g.coin(), Last: g.time()}
		if g.coin() {
			m.Failing = g.failure()
		}
		r.Memory = m
		r.Outbox = some(g, func() restore.Event { return g.targetEvent(r) })
	default:
		m := g.jobMemory(r)
		r.Memory = m
		r.Outbox = some(g, func() restore.Event { return g.jobEvent(r, m.Job) })
	}
	r.Progress = some(g, func() restore.Progress { return restore.Progress{Output: g.text(), Sequence: g.IntN(20)} })
	for i := range r.Outbox {
		r.Outbox[i].Sequence = r.Sequence - len(r.Outbox) + 1 + i
		if g.IntN(20) == 0 {
			r.Outbox[i].Sequence = g.IntN(20)
		}
	}
	return r
}

func (g generator) jobMemory(r restore.Record) restore.JobMemory {
	m := restore.JobMemory{
		Job:        g.job(r.Target),
		Adopted:    restore.Status(g.word()),
		Statuses:   some(g, func() restore.Reached { return g.reached(r) }),
		Deliveries: some(g, func() restore.Reached { return g.reached(r) }),
		Stuck:      g.coin(),
		Changed:    pick(g, r.Updated, g.time()),
		Warned: some(g, func() restore.ExpiryWarning {
			return restore.ExpiryWarning{Expires: g.time(), Threshold: g.span()}
		}),
	}
	m.Told = some(g, func() restore.Told { return restore.Told{Hash: g.hash(), Times: 1 + g.IntN(3)} })
	if g.coin() {
		m.Told = nil
		for _, h := range m.Job.Hashes {
			m.Told = append(m.Told, restore.Told{Hash: h, Times: 1})
		}
	}
	return m
}

func (g generator) job(t restore.Target) restore.Job {
	return restore.Job{
		ID:                restore.JobID(g.id()),
		ProjectID:         pick(g, t.Project, g.text()),
		ClusterID:         pick(g, g.id(), ""),
		ClusterName:       pick(g, t.Cluster, g.text()),
		BatchID:           restore.BatchID(pick(g, g.id(), "")),
		HostID:            pick(g, "", g.id()),
		SnapshotID:        pick(g, g.id(), ""),
		Created:           g.time(),
		Status:            restore.Status(g.word()),
		EncryptionEnabled: g.coin(),
		PointInTime:       g.coin(),
		Timestamp:         restore.Timestamp{Date: g.time(), Increment: g.Int64N(1 << 40)},
		Hashes:            some(g, g.hash),
		Delivery: restore.Delivery{
			Method:          pick(g, "HTTP", g.text()),
			Status:          restore.DeliveryStatus(g.word()),
			Expires:         g.time(),
			ExpirationHours: g.IntN(100),
			MaxDownloads:    pick(g, 2147483647, g.IntN(2)),
			TargetProject:   pick(g, "", g.text()),
			TargetCluster:   pick(g, "", g.text()),
		},
	}
}

// jobEvent returns an event of any type about a job: frozen as the record has it, or as it was before.
func (g generator) jobEvent(r restore.Record, job restore.Job) restore.Event {
	then := job
	if g.coin() {
		then.Status, then.Delivery.Status, then.Delivery.Expires = restore.Status(g.word()), "", g.time()
		then.Hashes = pick(g, then.Hashes, some(g, g.hash))
	}
	e := g.event(r, string(job.ID))
	e.Job = &then
	if g.coin() {
		e.Tally = &restore.Tally{Total: g.IntN(3), Finished: g.IntN(2), Failed: g.IntN(2)}
	}
	switch g.IntN(7) {
	case 0:
		e.Type = restore.JobCreated
	case 1:
		e.Type, e.Change = restore.JobStatusChanged, &restore.Change{From: g.word(), To: g.word(), Repeat: g.coin()}
	case 2:
		e.Type, e.Change = restore.DeliveryStatusChanged, &restore.Change{From: g.word(), To: g.word(), Repeat: g.coin()}
	case 3:
		e.Type, e.Hashes = restore.HashAdded, pick(g, then.Hashes, some(g, g.hash))
	case 4:
		e.Type, e.Hash, e.PreviousHash = restore.HashChanged, new(g.hash()), new(g.hash())
	case 5:
		e.Type = restore.DeliveryExpiring
		e.Expiry = &restore.Expiry{Expires: pick(g, job.Delivery.Expires, g.time()), Remaining: g.span(), Threshold: g.span()}
	default:
		e.Type = restore.JobStuck
	}
	return e
}

func (g generator) batchEvent(r restore.Record, id restore.BatchID) restore.Event {
	e := g.event(r, string(id))
	e.Type = pick(g, restore.BatchFinished, restore.BatchFailed)
	e.Batch = &restore.Batch{ID: id, Outcome: restore.Outcome(g.word()), Members: some(g, func() restore.Member {
		return restore.Member{
			ID: restore.JobID(g.id()), ClusterID: g.text(), Status: restore.Status(g.word()),
			Delivery: restore.DeliveryStatus(g.word()),
		}
	})}
	return e
}

func (g generator) targetEvent(r restore.Record) restore.Event {
	e := g.event(r, r.Target.Place())
	e.Type = pick(g, restore.TargetUnreachable, restore.TargetRecovered)
	e.Failure = g.failure()
	return e
}

func (g generator) event(r restore.Record, subject string) restore.Event {
	facts := []string{"created", "status.FINISHED.2", "delivery.READY", "hash.0123456789ab", "hashchanged.0123456789ab",
		"expiring.1h0m0s.1516664978", "stuck", "batch.FINISHED", "batch.FAILED", "unreachable.1516664978", "recovered.1", "", "?"}
	return restore.Event{
		ID:       pick(g, subject+"."+facts[g.IntN(len(facts))], g.text()),
		Target:   r.Target,
		Subject:  subject,
		Time:     pick(g, r.Updated, g.time()),
		Severity: pick(g, restore.Info, restore.Critical),
	}
}

func (g generator) reached(r restore.Record) restore.Reached {
	return restore.Reached{Word: g.word(), Times: 1 + g.IntN(2), Last: pick(g, r.Updated, g.time())}
}

func (g generator) failure() *restore.Failure {
	return &restore.Failure{Kind: restore.FailedAccessList, Message: g.text(), Hint: g.text(), Since: g.time(), Failures: g.IntN(9)}
}

func (g generator) hash() restore.Hash {
	return restore.Hash{File: g.text(), Algorithm: pick(g, "SHA1", g.text()), Sum: fmt.Sprintf("%040x", g.Uint64())}
}

// time returns a time of the kind that the domain has: UTC, in whole seconds, or zero. A target's Since, which is when
// somebody first ran the program, can be more precise.
func (g generator) time() time.Time {
	switch g.IntN(8) {
	case 0:
		return time.Time{}
	case 1:
		return time.Unix(g.Int64N(1<<33), g.Int64N(1e9)).UTC()
	}
	return time.Unix(g.Int64N(1<<33), 0).UTC()
}

func (g generator) span() time.Duration { return time.Duration(g.Int64N(int64(100 * time.Hour))) }

func (g generator) id() string { return fmt.Sprintf("%024x", g.Uint64()) }

func (g generator) word() string {
	words := []string{"IN_PROGRESS", "FINISHED", "BROKEN", "READY", "EXPIRED", "A_WORD_OF_TOMORROW", ""}
	return words[g.IntN(len(words))]
}

// text returns what could break a quotation.
func (g generator) text() string {
	texts := []string{"", "plain", "größe 大きさ 🗄", `"quoted" \ back`, "<a href='&amp;'>", "line\nbreak\ttab", "\u2028\x00\x7f", "' OR 1=1 --", "null"}
	return texts[g.IntN(len(texts))]
}

func (g generator) coin() bool { return g.IntN(2) == 0 }

func pick[T any](g generator, a, b T) T {
	if g.coin() {
		return a
	}
	return b
}

// some returns nil, an empty slice, or a few.
func some[T any](g generator, one func() T) []T {
	n := g.IntN(5)
	if n == 4 {
		return nil
	}
	all := make([]T, n)
	for i := range all {
		all[i] = one()
	}
	return all
}
