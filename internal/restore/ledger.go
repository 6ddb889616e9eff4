package restore

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Ledger is every record of one target. One without records is of a target never watched.
type Ledger struct {
	Target  Target
	Records map[Key]Record
}

// A Listing is what an API said about a target.
type Listing struct {
	Jobs     []Job // each job once
	Pages    int   // how many pages were read
	Complete bool  // whether the last page was among them
}

// An Observation is what a listing means for a ledger.
type Observation struct {
	Changed []Record // to be saved in this order: jobs by id, batches by id, the target
	Dropped []Record // to be deleted
	History int      // jobs left alone, over before they were watched for
	Adopted int      // jobs recorded silently
}

// Begin returns the record that begins a ledger: jobs created from since on are news from birth. It is stored rather
// than guessed, because a job may begin and end between two passes, and "never seen" alone cannot tell such a job from
// history.
func Begin(t Target, since time.Time) Record {
	return Record{Target: t, Memory: TargetMemory{Since: since.UTC()}, Updated: since.UTC()}
}

// Begun reports whether the target has been watched before.
func (l Ledger) Begun() bool {
	_, ok := l.Records[TargetKey]
	return ok
}

// Since returns the time from which on jobs are news from birth.
func (l Ledger) Since() time.Time { return l.about().Since }

// about returns what is remembered of the target itself.
func (l Ledger) about() TargetMemory {
	m, _ := l.Records[TargetKey].Memory.(TargetMemory)
	return m
}

// FullReadDue reports whether the listing is to be read to its end, and not just as far as something may have changed.
// The hour is shortened by up to a quarter, by the target's name, so that targets do not all come due in one pass.
func (l Ledger) FullReadDue(now time.Time) bool {
	spread := 0 // seconds
	for _, c := range []byte(l.Target.String()) {
		spread = (spread*31 + int(c)) % 900
	}
	return now.Sub(l.about().FullRead) >= readInFull-time.Duration(spread)*time.Second
}

// Horizon returns the creation time that a listing, newest first, must be read down to: everything older is either
// unknown history or a record to which nothing more is expected to happen. What is older and changes all the same is
// seen by the next reading in full.
func (l Ledger) Horizon(now time.Time) time.Time {
	newest, oldest := l.Since(), time.Time{}
	for _, r := range l.Records {
		m, ok := r.Memory.(JobMemory)
		if !ok {
			continue
		}
		if m.Job.Created.After(newest) {
			newest = m.Job.Created
		}
		// A job that has not moved for a month, whatever its status, would hold the horizon back for ever.
		alive := !m.Job.Over(m.Changed, now) && now.Sub(m.Changed) < unchangedFor
		if alive && (oldest.IsZero() || m.Job.Created.Before(oldest)) {
			oldest = m.Job.Created
		}
	}
	if oldest.IsZero() || newest.Before(oldest) {
		return newest
	}
	return oldest
}

// CreatedFrom returns how many recorded jobs were created at a time or after it.
func (l Ledger) CreatedFrom(horizon time.Time) int {
	n := 0
	for _, r := range l.Records {
		if m, ok := r.Memory.(JobMemory); ok && !m.Job.Created.Before(horizon) {
			n++
		}
	}
	return n
}

// Observe finds the news in a listing. The ledger must have begun; it is not edited.
func (l Ledger) Observe(listing Listing, rules Rules, now time.Time) Observation {
	rules.Since = l.Since()
	seen := sighting{ledger: l, rules: rules, now: now, records: maps.Clone(l.Records)}
	seen.jobs(listing.Jobs)
	seen.unlisted(listing.Jobs)
	members := seen.members()
	seen.tally(members)
	seen.batches(members)
	seen.target(listing)
	return seen.Observation
}

// A sighting is a ledger while a listing is taken in.
type sighting struct {
	Observation
	ledger  Ledger
	rules   Rules
	now     time.Time
	records map[Key]Record // as they will be once all changes are saved
}

// jobs observes every listed job, in the order of their ids.
func (s *sighting) jobs(listed []Job) {
	alive := s.aliveBatches(listed)
	for _, job := range slices.SortedFunc(slices.Values(listed), func(a, b Job) int { return cmp.Compare(a.ID, b.ID) }) {
		if record, known := s.records[JobKey(job.ID)]; known {
			s.observe(record, job)
			continue
		}
		// How a batch ends depends on all its members, so one that was over before is recorded with those under way.
		if s.rules.isHistory(job, s.now) && (job.BatchID == "" || !alive[job.BatchID]) {
			s.History++
			continue
		}
		if !s.rules.isNews(job) {
			s.Adopted++
		}
		s.change(Record{Target: s.ledger.Target}.meet(job, s.rules, s.now))
	}
}

// unlisted lets time pass for the jobs that this listing does not show: it may not have been read to its end, and
// absence is not deletion.
func (s *sighting) unlisted(listed []Job) {
	shown := make(map[Key]bool, len(listed))
	for _, job := range listed {
		shown[JobKey(job.ID)] = true
	}
	for _, key := range slices.Sorted(maps.Keys(s.ledger.Records)) {
		record := s.ledger.Records[key]
		m, isJob := record.Memory.(JobMemory)
		if !isJob || shown[key] {
			continue
		}
		s.observe(record, m.Job)
	}
}

func (s *sighting) observe(r Record, job Job) {
	if r, changed := r.Observe(job, s.rules, s.now); changed {
		s.change(r)
	}
}

// change notes a record to be saved.
func (s *sighting) change(r Record) {
	s.Changed = append(s.Changed, r)
	s.records[r.Key()] = r
}

// aliveBatches returns the batches of which a member is recorded or worth recording.
func (s *sighting) aliveBatches(listed []Job) map[BatchID]bool {
	alive := make(map[BatchID]bool)
	for _, r := range s.records {
		if m, ok := r.Memory.(JobMemory); ok && !retired(m, s.now) {
			alive[m.Job.BatchID] = true
		}
	}
	for _, job := range listed {
		if !s.rules.isHistory(job, s.now) {
			alive[job.BatchID] = true
		}
	}
	return alive
}
