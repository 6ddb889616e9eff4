package restore

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// tally notes in the new events of jobs how far their batches have come: a person who hears of one job at three in the
// morning asks for the others next.
func (s *sighting) tally(members map[BatchID][]JobMemory) {
	tallies := make(map[BatchID]*Tally) // all jobs of a batch may change at once
	for i, r := range s.Changed {
		m, ok := r.Memory.(JobMemory)
		if !ok || m.Job.BatchID == "" {
			continue
		}
		tally := tallies[m.Job.BatchID]
		if tally == nil {
			batch := batchOf(m.Job.BatchID, members[m.Job.BatchID])
			finished, failed := batch.Count()
			tally = &Tally{Total: len(batch.Members), Finished: finished, Failed: failed}
			tallies[m.Job.BatchID] = tally
		}
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
func (s *sighting) batches(members map[BatchID][]JobMemory) {
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
//
// That a member failed is read from the words that it has reached, not from the one that it shows: if the run that saved
// it crashed before this record was saved, the member may have been mended by the time of the next look. Finished is read
// from what the members show: a pipeline must not start on a batch that is not whole any more.
func (r Record) observeBatch(members []JobMemory, now time.Time) (Record, bool) {
	finished, failed := outcomesOf(members)
	before := r.Sequence
	if failed {
		r = r.tellOutcome(OutcomeFailed, members, now)
	}
	if finished {
		r = r.tellOutcome(OutcomeFinished, members, now)
	}
	return r, r.Sequence != before
}

// tellOutcome tells how a batch ended, once.
func (r Record) tellOutcome(outcome Outcome, members []JobMemory, now time.Time) Record {
	m := r.Memory.(BatchMemory)
	if slices.Contains(m.Told, outcome) {
		return r
	}
	m.Told = append(slices.Clip(m.Told), outcome)
	r.Memory, r.Updated = m, now
	return r.tell(batchEvent(m.ID, outcome, members), now)
}

// outcomesOf returns how the batch ended, as far as that is news: finished when all of its members are, failed as soon
// as one has. An outcome that rests on nothing but what the members were adopted with is history.
func outcomesOf(members []JobMemory) (finished, failed bool) {
	whole, news := true, false
	for _, m := range members {
		whole = whole && m.Job.Status == Finished
		news = news || m.Job.Status == Finished && m.reachedAsNews(Finished)
		failed = failed || m.failure() != ""
	}
	return whole && news, failed
}

// failure returns the word that a member failed with while it was watched, the latest if there are two, or "".
func (m JobMemory) failure() Status {
	for _, r := range slices.Backward(m.Statuses) {
		if word := Status(r.Word); word.Failed() && m.reachedAsNews(word) {
			return word
		}
	}
	return ""
}

// reachedAsNews reports whether the job reached a word while it was watched, and not only before.
func (m JobMemory) reachedAsNews(word Status) bool {
	for _, r := range m.Statuses {
		if r.Word == string(word) {
			return r.Times > 1 || m.Adopted != word
		}
	}
	return false
}

func batchEvent(id BatchID, outcome Outcome, members []JobMemory) Event {
	batch := batchOf(id, members)
	batch.Outcome = outcome
	if _, failed := batch.Count(); outcome == OutcomeFailed && failed == 0 {
		batch = failedThen(batch, members)
	}
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

// failedThen returns a batch that was mended before anybody was told that it had failed, as it was when it had.
func failedThen(batch *Batch, members []JobMemory) *Batch {
	for _, m := range members {
		if word := m.failure(); word != "" {
			i, _ := slices.BinarySearchFunc(batch.Members, m.Job.ID, func(b Member, id JobID) int { return cmp.Compare(b.ID, id) })
			batch.Members[i].Status = word
		}
	}
	return batch
}
