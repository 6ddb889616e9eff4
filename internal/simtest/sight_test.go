package simtest

import (
	"reflect"
	"slices"

	"restorewatch/internal/restore"
)

// A sight is what one run has seen, and what the oracle expects of it for that reason.
type sight struct {
	of       *visit
	listing  map[restore.JobID]restore.Job
	pages    int
	complete bool  // the last page was among them
	failed   error // the listing's
	expected *expectations
	tried    map[restore.Key]bool // records that it tried to save as observed
	dropped  map[restore.Key]bool // records that it tried to drop
	unsaved  bool                 // an observation could not be saved

	undropped bool // a record could not be dropped: the rest stays
}

func (s *sight) begin(v *visit) {
	*s = sight{
		of: v, listing: make(map[restore.JobID]restore.Job), tried: make(map[restore.Key]bool),
		dropped: make(map[restore.Key]bool),
	}
}

func (s *sight) listingFailed(err error) { s.failed = err }

func (s *sight) paged(jobs []restore.Job, more bool) {
	s.pages++
	s.complete = !more
	for _, j := range jobs {
		s.listing[j.ID] = j
	}
}

// over computes, once, what the finished listing means for the ledger that the run has.
func (s *sight) over() *expectations {
	if s.expected == nil && s.listed() {
		s.expected = s.of.at.oracle.expect(s.of)
	}
	return s.expected
}

// listed reports whether the run has got so far as to list.
func (s *sight) listed() bool { return s.pages > 0 || s.failed != nil }

// A purpose is why a record is saved.
type purpose string

const (
	beginning purpose = "begins"
	observing purpose = "saves"
	settling  purpose = "settles"
)

// attempt notes that a run is about to save a record, and tells what for: a record that has another outbox or progress
// than it had, and remembers the same, is settled after publishing.
func (s *sight) attempt(saving restore.Record) purpose {
	if !s.listed() {
		return beginning
	}
	s.over()
	before := s.of.known[saving.Key()]
	if before != nil && (len(before.record.Outbox) > len(saving.Outbox) || !slices.Equal(before.record.Progress, saving.Progress)) &&
		reflect.DeepEqual(before.record.Memory, saving.Memory) {
		return settling
	}
	s.tried[saving.Key()] = true
	return observing
}

func (s *sight) dropping(key restore.Key) {
	s.over()
	s.dropped[key] = true
}

// view returns the facts that the run's ledger holds.
func (v *visit) view() map[restore.Key]facts {
	view := make(map[restore.Key]facts, len(v.known))
	for key, known := range v.known {
		view[key] = known.facts
	}
	return view
}
