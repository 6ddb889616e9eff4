package store

import (
	"reflect"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// An event is what differs between an event in an outbox and a usual one: one about its record's subject and, for a
// job's, about the job as the record has it; observed when the record was updated; and in its place in the sequence.
type event struct {
	Fact     string                     `json:"fact,omitzero"` // the id without "<subject>."
	ID       string                     `json:"id,omitzero"`   // the id, if it does not begin so
	Type     optional[restore.Type]     `json:"type,omitzero"`
	Target   optional[target]           `json:"target,omitzero"`
	Subject  optional[string]           `json:"subject,omitzero"`
	Sequence optional[int]              `json:"sequence,omitzero"`
	Time     optional[time.Time]        `json:"time,omitzero"`
	Severity optional[restore.Severity] `json:"severity,omitzero"` // usual: info

	Job          optional[*job]   `json:"job,omitzero"`
	Change       *change          `json:"change,omitzero"`
	Hashes       optional[[]hash] `json:"hashes,omitzero"` // usual on hash.added: those of the job
	Hash         *hash            `json:"hash,omitzero"`
	PreviousHash *hash            `json:"previousHash,omitzero"`
	Expiry       *expiry          `json:"expiry,omitzero"`
	Batch        *batch           `json:"batch,omitzero"`
	Tally        optional[*tally] `json:"tally,omitzero"` // usual: that of the event before
	Failure      *failure         `json:"failure,omitzero"`
}

func (s *event) exchange(d direction, e *restore.Event, usual restore.Event) {
	exchange(d, &s.Subject, &e.Subject, usual.Subject)
	s.exchangeID(d, e)
	exchange(d, &s.Type, &e.Type, typeOf(s.Fact))
	exchange(d, &s.Target, (*target)(&e.Target), target(usual.Target))
	exchange(d, &s.Sequence, &e.Sequence, usual.Sequence)
	exchange(d, &s.Time, &e.Time, usual.Time)
	exchange(d, &s.Severity, &e.Severity, usual.Severity)
	s.exchangeJob(d, e, usual.Job)
	pointer(d, &s.Change, &e.Change, func(c *change, v *restore.Change) { c.exchange(d, v, s.Fact) })
	var usualHashes []restore.Hash
	if e.Type == restore.HashAdded && e.Job != nil {
		usualHashes = e.Job.Hashes
	}
	exchangeHashes(d, &s.Hashes, &e.Hashes, usualHashes)
	pointer(d, &s.Hash, &e.Hash, func(s *hash, v *restore.Hash) { s.exchange(d, v) })
	pointer(d, &s.PreviousHash, &e.PreviousHash, func(s *hash, v *restore.Hash) { s.exchange(d, v) })
	pointer(d, &s.Expiry, &e.Expiry, func(s *expiry, v *restore.Expiry) { s.exchange(d, v) })
	pointer(d, &s.Batch, &e.Batch, func(s *batch, v *restore.Batch) { s.exchange(d, v, restore.BatchID(e.Subject)) })
	s.exchangeTally(d, e, usual.Tally)
	pointer(d, &s.Failure, &e.Failure, func(s *failure, v *restore.Failure) { plain(d, s, (*failure)(v)) })
}

func (s *event) exchangeID(d direction, e *restore.Event) {
	if d == reading {
		e.ID = s.ID
		if s.Fact != "" {
			e.ID = e.Subject + "." + s.Fact
		}
		return
	}
	fact, found := strings.CutPrefix(e.ID, e.Subject+".")
	if found && fact != "" {
		s.Fact = fact
	} else {
		s.ID = e.ID
	}
}

func (s *event) exchangeTally(d direction, e *restore.Event, usual *restore.Tally) {
	value := tallyOf(e.Tally)
	exchange(d, &s.Tally, &value, tallyOf(usual))
	if d == reading && value != nil {
		e.Tally = &restore.Tally{Total: value[0], Finished: value[1], Failed: value[2]}
	}
}

// exchangeJob stores a job only where the record has moved on since the event, and of it only what differs.
func (s *event) exchangeJob(d direction, e *restore.Event, usual *restore.Job) {
	if d == storing {
		s.Job.set = !reflect.DeepEqual(e.Job, usual)
	} else if !s.Job.set {
		e.Job = copied(usual)
		return
	}
	if usual == nil {
		usual = new(restore.Job)
	}
	pointer(d, &s.Job.value, &e.Job, func(s *job, v *restore.Job) { s.exchange(d, v, *usual) })
}

func copied(j *restore.Job) *restore.Job {
	if j == nil {
		return nil
	}
	return new(*j)
}

// typeOf returns the usual type of an event by the first words of the fact that it tells, or "".
func typeOf(fact string) restore.Type {
	words := strings.Split(fact, ".")
	switch words[0] {
	case "created":
		return restore.JobCreated
	case "status":
		return restore.JobStatusChanged
	case "delivery":
		return restore.DeliveryStatusChanged
	case "hash":
		return restore.HashAdded
	case "hashchanged":
		return restore.HashChanged
	case "expiring":
		return restore.DeliveryExpiring
	case "stuck":
		return restore.JobStuck
	case "unreachable":
		return restore.TargetUnreachable
	case "recovered":
		return restore.TargetRecovered
	}
	switch fact {
	case "batch.FINISHED":
		return restore.BatchFinished
	case "batch.FAILED":
		return restore.BatchFailed
	}
	return ""
}

// A target has the fields of restore.Target in their order, so that one converts to the other.
type target struct {
	Source  restore.Source `json:"source"`
	Project string         `json:"project"`
	Cluster string         `json:"cluster"`
}

type change struct {
	From   string           `json:"from"`
	To     optional[string] `json:"to,omitzero"` // usual: the second word of the fact
	Repeat bool             `json:"repeat,omitzero"`
}

func (s *change) exchange(d direction, v *restore.Change, fact string) {
	_, word, _ := strings.Cut(fact, ".")
	word, _, _ = strings.Cut(word, ".")
	plain(d, &s.From, &v.From)
	exchange(d, &s.To, &v.To, word)
	plain(d, &s.Repeat, &v.Repeat)
}

type expiry struct {
	Expires   time.Time `json:"expires,omitzero"`
	Remaining span      `json:"remaining"`
	Threshold span      `json:"threshold"`
}

func (s *expiry) exchange(d direction, v *restore.Expiry) {
	plain(d, &s.Expires, &v.Expires)
	plain(d, &s.Remaining, (*span)(&v.Remaining))
	plain(d, &s.Threshold, (*span)(&v.Threshold))
}

type batch struct {
	ID      optional[restore.BatchID] `json:"id,omitzero"` // usual: the event's subject
	Outcome restore.Outcome           `json:"outcome"`
	Members []member                  `json:"members,omitzero"`
}

func (s *batch) exchange(d direction, v *restore.Batch, usual restore.BatchID) {
	exchange(d, &s.ID, &v.ID, usual)
	plain(d, &s.Outcome, &v.Outcome)
	exchangeAll(d, &s.Members, &v.Members, func(s *member, v *restore.Member) { plain(d, s, (*member)(v)) })
}

// A tally is how many jobs a batch has, how many finished and how many failed. Names for the three would cost a long
// life of a job its place in one write unit.
type tally [3]int

func tallyOf(t *restore.Tally) *tally {
	if t == nil {
		return nil
	}
	return &tally{t.Total, t.Finished, t.Failed}
}

// A member has the fields of restore.Member in their order, so that one converts to the other.
type member struct {
	ID        restore.JobID          `json:"id"`
	ClusterID string                 `json:"clusterId,omitzero"`
	Status    restore.Status         `json:"status,omitzero"`
	Delivery  restore.DeliveryStatus `json:"delivery,omitzero"`
}
