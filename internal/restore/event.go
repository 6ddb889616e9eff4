package restore

import "time"

// A Type is what an event is about, without the prefix that the published form has.
type Type string

// The event types.
const (
	JobCreated            Type = "job.created"
	JobStatusChanged      Type = "job.status_changed"
	DeliveryStatusChanged Type = "delivery.status_changed"
	HashAdded             Type = "hash.added"
	HashChanged           Type = "hash.changed"
	DeliveryExpiring      Type = "delivery.expiring"
	JobStuck              Type = "job.stuck"
	BatchFinished         Type = "batch.finished"
	BatchFailed           Type = "batch.failed"
	TargetUnreachable     Type = "target.unreachable"
	TargetRecovered       Type = "target.recovered"
)

// A Severity says how much an event matters to a person.
type Severity string

// The severities, least first.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// An Event is one thing worth telling, frozen at the moment it was observed. Its ID names the fact, so the same fact
// has the same ID whoever observes it; Sequence counts the events of one Subject from 1.
//
// Which of the pointers are set depends on Type: Job on every job.*, delivery.* and hash.*; Change on
// *.status_changed; Hashes on hash.added; Hash and PreviousHash on hash.changed; Expiry on delivery.expiring; Batch on
// batch.*; Tally on those of a job that belongs to a batch; Failure on target.*. What they point at is never edited.
type Event struct {
	ID       string
	Type     Type
	Target   Target
	Subject  string // the job's id, the batch's id, or the target's Place
	Sequence int
	Time     time.Time // when the change was observed, UTC, whole seconds
	Severity Severity

	Job          *Job
	Change       *Change
	Hashes       []Hash
	Hash         *Hash
	PreviousHash *Hash
	Expiry       *Expiry
	Batch        *Batch
	Tally        *Tally
	Failure      *Failure
}

// A Change is the two words of a transition. From is "" when the job was already there on first sight. Repeat marks a
// word reached before, or one that leaves a final status.
type Change struct {
	From, To string
	Repeat   bool
}

// An Expiry is a download link about to die. Remaining is at most Threshold, the configured warning that it crossed.
type Expiry struct {
	Expires   time.Time
	Remaining time.Duration
	Threshold time.Duration
}

// An Outcome is how a batch ended.
type Outcome string

// The outcomes of a batch.
const (
	OutcomeFinished Outcome = "FINISHED"
	OutcomeFailed   Outcome = "FAILED"
)

// A Batch is the state of one sharded restore: its members in the order of their ids.
type Batch struct {
	ID      BatchID
	Outcome Outcome
	Members []Member
}

// A Member is one job of a batch.
type Member struct {
	ID        JobID
	ClusterID string
	Status    Status
	Delivery  DeliveryStatus
}

// Count returns how many members finished and how many ended without a restore.
func (b Batch) Count() (finished, failed int) {
	for _, m := range b.Members {
		switch {
		case m.Status == Finished:
			finished++
		case m.Status.Failed():
			failed++
		}
	}
	return finished, failed
}

// A Tally says how far the batch of a job had come when an event about the job was observed.
type Tally struct {
	Total, Finished, Failed int
}

// A FailureKind is the class of a failed pass; the words stand in reports, metrics and events.
type FailureKind string

// The kinds of failure.
const (
	FailedCredentials     FailureKind = "credentials"
	FailedAccessList      FailureKind = "access_list"
	FailedForbidden       FailureKind = "forbidden"
	FailedNotFound        FailureKind = "not_found"
	FailedRateLimited     FailureKind = "rate_limited"
	FailedUnavailable     FailureKind = "unavailable"
	FailedInvalidResponse FailureKind = "invalid_response"
	FailedState           FailureKind = "state"
	FailedPublish         FailureKind = "publish"
	FailedConfig          FailureKind = "config"
)

// A Failure is why a target could not be watched. Since is the first failing pass of the row, Failures how many there
// have been.
type Failure struct {
	Kind     FailureKind
	Message  string // what happened, without any secret
	Hint     string // what to do about it
	Since    time.Time
	Failures int
}
