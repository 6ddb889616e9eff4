package restore

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// batches tells how batches ended. The state of a batch is a function of its members' records; its own record holds
// only which outcomes were told. So a run that saved the members and crashed before the batch leaves nothing behind
// that the next run does not find again.
func (s *sighting) batches() {
	members := make(map[BatchID][]JobMemory)
	for _, r := range s.records {
		if m, ok := r.Memory.(JobMemory); ok && m.Job.BatchID != "" {
			members[m.Job.BatchID] = append(members[m.Job.BatchID], m)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		if s.closed(members[id]) {
			continue
		}
		record, known := s.records[BatchKey(id)]
		if !known {
			record = Record{Target: s.ledger.Target, Memory: BatchMemory{ID: id}}
		}
		if record, changed := record.observeBatch(members[id], s.now); changed {
			s.change(record)
		}
	}
}

// closed reports whether a batch is being forgotten: its members are dropped one by one, and what is left of them says
// nothing about the whole.
func (s *sighting) closed(members []JobMemory) bool {
	return !slices.ContainsFunc(members, func(m JobMemory) bool {
		return !retired(m, s.now) || s.rules.isNews(m.Job)
	})
}

// observeBatch returns r brought up to date with the members of its batch, and whether it differs from r.
func (r Record) observeBatch(members []JobMemory, now time.Time) (Record, bool) {
	m := r.Memory.(BatchMemory)
	outcome, ended := outcomeOf(members)
	if !ended || slices.Contains(m.Told, outcome) {
		return r, false
	}
	m.Told = append(slices.Clip(m.Told), outcome)
	r.Memory, r.Updated = m, now
	return r.tell(batchEvent(m.ID, outcome, members), now), true
}

// outcomeOf returns how the batch ended, as far as that is news: failed as soon as one member did, finished when all of
// them are. An outcome that rests on nothing but what the members were adopted with is history.
func outcomeOf(members []JobMemory) (Outcome, bool) {
	finished, newlyFinished, newlyFailed := 0, false, false
	for _, m := range members {
		status := m.Job.Status
		news := m.Adopted != status || timesReached(m.Statuses, string(status)) > 1
		if status == Finished {
			finished++
			newlyFinished = newlyFinished || news
		}
		newlyFailed = newlyFailed || news && status.Failed()
	}
	switch {
	case newlyFailed:
		return OutcomeFailed, true
	case newlyFinished && finished == len(members):
		return OutcomeFinished, true
	}
	return "", false
}

func batchEvent(id BatchID, outcome Outcome, members []JobMemory) Event {
	batch := &Batch{ID: id, Outcome: outcome}
	for _, m := range members {
		batch.Members = append(batch.Members, Member{
			ID: m.Job.ID, ClusterID: m.Job.ClusterID, Status: m.Job.Status, Delivery: m.Job.Delivery.Status,
		})
	}
	slices.SortFunc(batch.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	e := Event{ID: fact(string(id), "batch", string(outcome)), Subject: string(id), Batch: batch}
	if e.Type, e.Severity = BatchFinished, Info; outcome == OutcomeFailed {
		e.Type, e.Severity = BatchFailed, Critical
	}
	return e
}

func timesReached(reached []Reached, word string) int {
	for _, r := range reached {
		if r.Word == word {
			return r.Times
		}
	}
	return 0
}
