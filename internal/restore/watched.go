package restore

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// target brings the record about the target itself up to date after a listing that was read without an error: a row
// of failures ends, the reading in full is noted, and records that are long over are let go.
func (s *sighting) target(listing Listing) {
	record := s.ledger.Records[TargetKey]
	m := s.ledger.about()
	changed := false
	if m.Failing != nil {
		record, m, changed = recovered(record, m, s.now), m.succeed(), true
	}
	// A listing of one page is read to its end every time; noting that would cost a write an hour for nothing.
	if listing.Complete && listing.Pages > 1 && s.ledger.FullReadDue(s.now) {
		m.FullRead, changed = s.now, true
	}
	if since, moved := s.retire(); moved {
		m.Since, changed = since, true
	}
	if changed {
		record.Memory, record.Updated = m, s.now
		s.change(record)
	}
}

func (m TargetMemory) succeed() TargetMemory {
	m.Failing, m.Unreachable = nil, false
	return m
}

// recovered tells the end of a row of failures whose beginning was told.
func recovered(r Record, m TargetMemory, now time.Time) Record {
	if !m.Unreachable {
		return r
	}
	return r.tell(Event{
		ID:       fact(r.Target.Place(), "recovered", strconv.FormatInt(m.Failing.Since.Unix(), 10)),
		Type:     TargetRecovered,
		Subject:  r.Target.Place(),
		Severity: Info,
		Failure:  m.Failing,
	}, now)
}

// Fail returns the target's record after a pass that could not list it, and whether it differs. Only Kind, Message and
// Hint of why are read. The row is counted until it is told, once, after rules.UnreachableAfter passes; from then on it
// changes nothing, so that blindness costs no writes.
func (l Ledger) Fail(why Failure, rules Rules, now time.Time) (Record, bool) {
	record, m := l.Records[TargetKey], l.about()
	if m.Unreachable {
		return record, false
	}
	why.Since, why.Failures = now, 1
	if m.Failing != nil {
		why.Since, why.Failures = m.Failing.Since, m.Failing.Failures+1
	}
	m.Failing = &why
	if why.Failures >= rules.UnreachableAfter {
		// The beginning is part of the event's id. A clock that was set back, or a second row within a second, must not
		// give this row the id of the one before.
		if !why.Since.After(m.Last) {
			why.Since = m.Last.Add(time.Second)
		}
		m.Unreachable, m.Last = true, why.Since
		record = record.tell(Event{
			ID:       fact(l.Target.Place(), "unreachable", strconv.FormatInt(why.Since.Unix(), 10)),
			Type:     TargetUnreachable,
			Subject:  l.Target.Place(),
			Severity: Critical,
			Failure:  &why,
		}, now)
	}
	record.Memory, record.Updated = m, now
	return record, true
}

// retired reports whether a job has been over for so long that it need not be remembered. One that the API dates later is
// kept until that day has come and is long past: Since would move into the future with it, and hide all that happens until
// then.
func retired(m JobMemory, now time.Time) bool {
	then := now.Add(-retiredFor)
	return !m.Changed.After(then) && !m.Job.Created.After(then) && m.Job.Over(m.Changed, then)
}

// retire lets go of records that are over for ninety days, in two steps so that nothing is ever announced again: first
// Since moves past their creation, which makes them history, and is saved; a later pass drops them. If we crash in
// between, they are dropped later. The jobs of a batch go together, and its own record last, or alone if we crashed
// before it.
func (s *sighting) retire() (since time.Time, moved bool) {
	since = s.rules.Since
	for _, group := range s.retirees() {
		if news := slices.IndexFunc(group, s.isNewsRecord) >= 0; !news {
			s.Dropped = append(s.Dropped, group...)
			continue
		}
		for _, r := range group {
			m, isJob := r.Memory.(JobMemory)
			if !isJob {
				continue
			}
			if after := m.Job.Created.Add(time.Second); after.After(since) {
				since, moved = after, true
			}
		}
	}
	return since, moved
}

func (s *sighting) isNewsRecord(r Record) bool {
	m, isJob := r.Memory.(JobMemory)
	return isJob && s.rules.isNews(m.Job)
}

// retirees returns the records that are due to be let go, those of one batch together and its own last. A record with
// news that is not yet known to be published stays, and so does its whole batch.
func (s *sighting) retirees() [][]Record {
	groups := make(map[Key][]Record)
	held := make(map[Key]bool)
	var batches []Record
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		switch r := s.records[key]; m := r.Memory.(type) {
		case JobMemory:
			group := key
			if m.Job.BatchID != "" {
				group = BatchKey(m.Job.BatchID)
			}
			groups[group] = append(groups[group], r)
			held[group] = held[group] || len(r.Outbox) > 0 || !retired(m, s.now)
		case BatchMemory:
			batches = append(batches, r)
			held[key] = held[key] || len(r.Outbox) > 0
		}
	}
	for _, r := range batches {
		groups[r.Key()] = append(groups[r.Key()], r)
	}
	var due [][]Record
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		if !held[group] {
			due = append(due, groups[group])
		}
	}
	return due
}
