package restore

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// tally notes in the new events of jobs how far their batches have come: a person who hears of one job at three in the
// morning asks for the others next.
func (s *sighting) tally() {
	if len(s.Changed) == 0 {
		return
	}
	members := s.members()
	for i, r := range s.Changed {
		m, ok := r.Memory.(JobMemory)
		if !ok || m.Job.BatchID == "" {
			continue
		}
		batch := batchOf(m.Job.BatchID, members[m.Job.BatchID])
		finished, failed := batch.Count()
		tally := &Tally{Total: len(batch.Members), Finished: finished, Failed: failed}
		told := s.ledger.Records[r.Key()].Sequence
		r.Outbox = slices.Clone(r.Outbox)
		for at := range r.Outbox {
			if r.Outbox[at].Sequence > told {
				r.Outbox[at].Tally = tally
			}
		}
		s.Changed[i], s.records[r.Key()] = r, r
	}
}

// members returns the memories of the jobs of each batch.
func (s *sighting) members() map[BatchID][]JobMemory {
	members := make(map[BatchID][]JobMemory)
	for _, r := range s.records {
		if m, ok := r.Memory.(JobMemory); ok && m.Job.BatchID != "" {
			members[m.Job.BatchID] = append(members[m.Job.BatchID], m)
		}
	}
	return members
}

// batches tells how batches ended. The state of a batch is a function of its members' records; its own record holds
// only which outcomes were told. So a run that saved the members and crashed before the batch leaves nothing behind
// that the next run does not find again.
func (s *sighting) batches() {
	members := s.members()
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
	batch := batchOf(id, members)
	batch.Outcome = outcome
	e := Event{ID: fact(string(id), "batch", string(outcome)), Subject: string(id), Batch: batch}
	if e.Type, e.Severity = BatchFinished, Info; outcome == OutcomeFailed {
		e.Type, e.Severity = BatchFailed, Critical
	}
	return e
}

func batchOf(id BatchID, members []JobMemory) *Batch {
	batch := &Batch{ID: id}
	for _, m := range members {
		batch.Members = append(batch.Members, Member{
			ID: m.Job.ID, ClusterID: m.Job.ClusterID, Status: m.Job.Status, Delivery: m.Job.Delivery.Status,
		})
	}
	slices.SortFunc(batch.Members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	return batch
}

func timesReached(reached []Reached, word string) int {
	for _, r := range reached {
		if r.Word == word {
			return r.Times
		}
	}
	return 0
}
