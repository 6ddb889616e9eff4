package restore

import (
	"maps"
	"slices"
	"time"
)

// A Key names a record within its target's ledger: "job/<id>", "batch/<id>" or "target".
type Key string

// TargetKey is the key of the record about the target itself, which marks the beginning of a ledger.
const TargetKey Key = "target"

// JobKey returns the key of a job's record.
func JobKey(id JobID) Key { return Key("job/" + string(id)) }

// BatchKey returns the key of a batch's record.
func BatchKey(id BatchID) Key { return Key("batch/" + string(id)) }

// A Record is what is remembered of one subject, and the news of it: state and the events that it caused are one
// value, so that one write commits both.
type Record struct {
	Target   Target
	Memory   Memory
	Version  int        // compare-and-swap token: 0 was never saved; only a store sets it
	Sequence int        // events made so far
	Outbox   []Event    // saved and not yet known to be published everywhere, oldest first
	Progress []Progress // of the outputs that are ahead of the slowest, by name
	Updated  time.Time
}

// A Progress is how far one output has taken an outbox: every event up to Sequence.
type Progress struct {
	Output   string
	Sequence int
}

// Key returns the record's key within its ledger.
func (r Record) Key() Key { return r.Memory.Key() }

// Untaken returns the events of the outbox that an output has not taken yet, oldest first.
func (r Record) Untaken(output string) []Event {
	taken := r.TakenBy(output)
	for i, e := range r.Outbox {
		if e.Sequence > taken {
			return r.Outbox[i:len(r.Outbox):len(r.Outbox)]
		}
	}
	return nil
}

// TakenBy returns the sequence of the last event that an output has taken, as far as the outbox is concerned.
func (r Record) TakenBy(output string) int {
	for _, p := range r.Progress {
		if p.Output == output {
			return p.Sequence
		}
	}
	if len(r.Outbox) == 0 {
		return r.Sequence
	}
	return r.Outbox[0].Sequence - 1
}

// Take returns r after each output has taken the outbox up to a sequence: without the events that all of them have
// taken, and with the progress of those that are ahead. An output that is not among them is not waited for.
func (r Record) Take(taken map[string]int) Record {
	if len(taken) == 0 {
		return r
	}
	least := slices.Min(slices.Collect(maps.Values(taken)))
	done := 0
	for done < len(r.Outbox) && r.Outbox[done].Sequence <= least {
		done++
	}
	r.Outbox = r.Outbox[done:len(r.Outbox):len(r.Outbox)]
	r.Progress = nil
	if len(r.Outbox) == 0 {
		r.Outbox = nil
		return r
	}
	for _, output := range slices.Sorted(maps.Keys(taken)) {
		if taken[output] >= r.Outbox[0].Sequence {
			r.Progress = append(r.Progress, Progress{output, taken[output]})
		}
	}
	return r
}

// A Memory is what is remembered of a subject: a JobMemory, a BatchMemory or a TargetMemory.
type Memory interface {
	Key() Key
	memory() // closed: stores and publishers switch over exactly three
}

// A JobMemory is what is remembered of one job.
type JobMemory struct {
	Job        Job             // as last listed
	Adopted    Status          // the status it had when it was recorded silently; "" if its birth was news
	Statuses   []Reached       // words of Job.Status, in the order of first reach
	Deliveries []Reached       // words of Job.Delivery.Status
	Told       []Told          // hashes told or known from before, the latest last
	Warned     []ExpiryWarning // expiry warnings given, one for each expiry
	Stuck      bool            // job.stuck was told
	Changed    time.Time       // when a listing last differed from the one before
}

// Reached counts how often a word was reached.
type Reached struct {
	Word  string
	Times int
	Last  time.Time
}

// Told is a hash that is no news any more, and how often it became the file's current one.
type Told struct {
	Hash
	Times int
}

// An ExpiryWarning is the tightest threshold told for one value of the link's expiry.
type ExpiryWarning struct {
	Expires   time.Time
	Threshold time.Duration
}

// A BatchMemory is what is remembered of one batch: only what its members' records cannot tell.
type BatchMemory struct {
	ID   BatchID
	Told []Outcome
}

// A TargetMemory is what is remembered of the target itself.
type TargetMemory struct {
	Since       time.Time // jobs created from then on are news from birth
	FullRead    time.Time // when the listing was last read to its end
	Failing     *Failure  // the row of failing passes that has not ended
	Unreachable bool      // target.unreachable was told for that row
	Last        time.Time // beginning of the last row that was told; no other is told under the same time
}

// Key implements Memory.
func (m JobMemory) Key() Key { return JobKey(m.Job.ID) }

// Key implements Memory.
func (m BatchMemory) Key() Key { return BatchKey(m.ID) }

// Key implements Memory.
func (m TargetMemory) Key() Key { return TargetKey }

func (JobMemory) memory()    {}
func (BatchMemory) memory()  {}
func (TargetMemory) memory() {}
