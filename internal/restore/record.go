package restore

import (
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
	Version  int     // compare-and-swap token: 0 was never saved; only a store sets it
	Sequence int     // events made so far
	Outbox   []Event // saved and not yet known to be published, oldest first
	Updated  time.Time
}

// Key returns the record's key within its ledger.
func (r Record) Key() Key { return r.Memory.Key() }

// Trim returns r without the first n events of its outbox.
func (r Record) Trim(n int) Record {
	r.Outbox = r.Outbox[n:len(r.Outbox):len(r.Outbox)]
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
