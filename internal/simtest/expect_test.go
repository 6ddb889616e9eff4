package simtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// A batchFacts is what has been saved of a batch.
type batchFacts struct{ told []restore.Outcome }

// A targetFacts is what has been saved of the target itself.
type targetFacts struct {
	since       time.Time
	failing     *restore.Failure
	unreachable bool
	last        time.Time // beginning of the last row told: no two share one
}

// Expectations are what a run has to make of its listing, given the ledger that it has.
type expectations struct {
	listing map[restore.JobID]restore.Job
	changes map[restore.Key]expectation
	drops   map[restore.Key]bool
}

// An expectation is what a record is to hold, and the news that this is.
type expectation struct {
	facts facts
	news  []restore.Event
}

// expect computes what a run has to save. Nothing may be saved of a listing that is incomplete, but for the failure.
func (o *oracle) expect(r *visit) *expectations {
	e := &expectations{changes: map[restore.Key]expectation{}, drops: map[restore.Key]bool{}, listing: r.sight.listing}
	view := r.view()
	about, _ := view[restore.TargetKey].(*targetFacts)
	if about == nil {
		o.violate("nothing is listed before watching began", "run %d lists without a beginning", r.id)
		return e
	}
	if r.sight.failed != nil {
		e.fail(about, r, o.rules)
		return e
	}
	rules := o.rules
	rules.Since = about.since
	e.jobs(view, rules, r.now)
	e.batches(view, rules, r.now)
	e.letGo(r, view, about, rules)
	return e
}

// jobs expects a change of each job that the listing shows otherwise than the ledger, and of those that time changes.
func (e *expectations) jobs(view map[restore.Key]facts, rules restore.Rules, now time.Time) {
	for key, known := range view {
		if known, ok := known.(*jobFacts); ok {
			var listed *restore.Job
			if j, ok := e.listing[known.job.ID]; ok {
				listed = &j
			}
			e.expect(key, seeAgain(known, listed, rules, now))
		}
	}
	alive := map[restore.BatchID]bool{}
	for _, f := range view {
		if f, ok := f.(*jobFacts); ok && !f.retired(now) {
			alive[f.job.BatchID] = true
		}
	}
	history := func(j restore.Job) bool { return !bornSince(j, rules.Since) && isOver(j, j.Created, now) }
	for _, j := range e.listing {
		alive[j.BatchID] = alive[j.BatchID] || !history(j)
	}
	for id, j := range e.listing {
		if _, known := view[restore.JobKey(id)]; known || history(j) && (j.BatchID == "" || !alive[j.BatchID]) {
			continue
		}
		e.expect(restore.JobKey(id), meet(j, rules, now))
	}
	e.tally(view)
}

// tally expects the news of a job to say how far its batch has come, as the run's ledger and listing show it together.
func (e *expectations) tally(view map[restore.Key]facts) {
	for id, members := range e.afterwards(view) {
		tally := restore.Tally{Total: len(members)}
		for _, f := range members {
			switch f.job.Status {
			case "FINISHED":
				tally.Finished++
			case "BROKEN", "KILLED":
				tally.Failed++
			}
		}
		for _, f := range members {
			news := e.changes[restore.JobKey(f.job.ID)].news
			for i := range news {
				if id != "" {
					news[i].Tally = &tally
				}
			}
		}
	}
}

func (e *expectations) expect(key restore.Key, a *account) {
	if a.moved {
		e.changes[key] = expectation{&a.jobFacts, a.news}
	}
	for i := range a.news {
		a.news[i].Subject = string(a.job.ID)
	}
}

// afterwards returns the jobs as they are once every expected change is saved, those of one batch together.
func (e *expectations) afterwards(view map[restore.Key]facts) map[restore.BatchID][]*jobFacts {
	jobs := map[restore.Key]*jobFacts{}
	for key, f := range view {
		if f, ok := f.(*jobFacts); ok {
			jobs[key] = f
		}
	}
	for key, c := range e.changes {
		if f, ok := c.facts.(*jobFacts); ok {
			jobs[key] = f
		}
	}
	batches := map[restore.BatchID][]*jobFacts{}
	for _, f := range jobs {
		batches[f.job.BatchID] = append(batches[f.job.BatchID], f)
	}
	for _, members := range batches {
		slices.SortFunc(members, func(a, b *jobFacts) int { return cmp.Compare(a.job.ID, b.job.ID) })
	}
	return batches
}

// batches expects the outcome of each batch that its members now have, unless it was told or is what they were when they were met.
func (e *expectations) batches(view map[restore.Key]facts, rules restore.Rules, now time.Time) {
	for id, members := range e.afterwards(view) {
		forgotten := !slices.ContainsFunc(members, func(f *jobFacts) bool { return !f.retired(now) || bornSince(f.job, rules.Since) })
		if id == "" || forgotten {
			continue
		}
		finished, news, failed := 0, false, false
		for _, f := range members {
			watched := !f.silent || f.job.Status != f.first || f.statuses[string(f.job.Status)] > 1
			if f.job.Status == "FINISHED" {
				finished++
				news = news || watched
			}
			failed = failed || f.failure != "" // whatever it shows now: that it failed was told
		}
		if failed {
			e.outcome(view, id, members, "FAILED")
		}
		if news && finished == len(members) {
			e.outcome(view, id, members, "FINISHED")
		}
	}
}

func (e *expectations) outcome(view map[restore.Key]facts, id restore.BatchID, members []*jobFacts, outcome restore.Outcome) {
	key := restore.BatchKey(id)
	var told []restore.Outcome
	if known, ok := view[key].(*batchFacts); ok {
		told = known.told
	}
	expected, ok := e.changes[key]
	if ok {
		told = expected.facts.(*batchFacts).told
	}
	if slices.Contains(told, outcome) {
		return
	}
	event := restore.Event{ID: fmt.Sprintf("%s.batch.%s", id, outcome), Type: "batch.finished", Severity: "info", Subject: string(id)}
	if outcome == "FAILED" {
		event.Type, event.Severity = "batch.failed", "critical"
	}
	event.Batch = &restore.Batch{ID: id, Outcome: outcome}
	for _, f := range members {
		event.Batch.Members = append(event.Batch.Members, restore.Member{
			ID: f.job.ID, ClusterID: f.job.ClusterID, Status: f.job.Status, Delivery: f.job.Delivery.Status,
		})
	}
	if _, failed := event.Batch.Count(); outcome == "FAILED" && failed == 0 { // mended before anybody was told
		for i, f := range members {
			if f.failure != "" {
				event.Batch.Members[i].Status = f.failure
			}
		}
	}
	e.changes[key] = expectation{&batchFacts{append(slices.Clone(told), outcome)}, append(expected.news, event)}
}

// fail expects one more failing pass to be counted, until the row is told.
func (e *expectations) fail(about *targetFacts, r *visit, rules restore.Rules) {
	if about.unreachable {
		return
	}
	failure := restore.Failure{Kind: "unavailable", Message: r.sight.failed.Error(), Since: r.now, Failures: 1}
	if o, ok := r.sight.failed.(outage); ok {
		failure.Kind, failure.Hint = o.kind, o.Hint()
	}
	if about.failing != nil {
		failure.Since, failure.Failures = about.failing.Since, about.failing.Failures+1
	}
	now := &targetFacts{since: about.since, failing: &failure, last: about.last}
	var news []restore.Event
	if failure.Failures >= rules.UnreachableAfter {
		if !failure.Since.After(about.last) {
			failure.Since = about.last.Add(time.Second)
		}
		now.unreachable, now.last = true, failure.Since
		news = append(news, aboutTarget(r.at.target, "unreachable", "critical", failure))
	}
	e.changes[restore.TargetKey] = expectation{now, news}
}

func aboutTarget(target restore.Target, what string, severity restore.Severity, failure restore.Failure) restore.Event {
	place := target.Project + "/" + target.Cluster
	return restore.Event{
		ID: fmt.Sprintf("%s.%s.%d", place, what, failure.Since.Unix()), Type: restore.Type("target." + what),
		Subject: place, Severity: severity, Failure: &failure,
	}
}

func (f *jobFacts) retired(now time.Time) bool {
	then := now.Add(-90 * 24 * time.Hour)
	return !f.changed.After(then) && !f.job.Created.After(then) && isOver(f.job, f.changed, then)
}

// letGo expects the end of a row of failures, and the two steps in which what is over for ninety days is let go: Since
// moves past it, and in a later run its records go, a batch's together.
func (e *expectations) letGo(r *visit, view map[restore.Key]facts, about *targetFacts, rules restore.Rules) {
	now := *about
	var news []restore.Event
	if about.failing != nil {
		if about.unreachable {
			news = append(news, aboutTarget(r.at.target, "recovered", "info", *about.failing))
		}
		now.failing, now.unreachable = nil, false
	}
	for id, members := range e.afterwards(view) {
		if id != "" {
			e.letGoTogether(r, id, members, &now.since, rules)
			continue
		}
		for _, f := range members {
			e.letGoTogether(r, id, []*jobFacts{f}, &now.since, rules)
		}
	}
	batches := e.afterwards(view)
	for key, f := range view { // a run that ended between the last job of a batch and its record
		id, isBatch := strings.CutPrefix(string(key), "batch/")
		_, known := f.(*batchFacts)
		if isBatch && known && len(batches[restore.BatchID(id)]) == 0 && len(r.known[key].record.Outbox) == 0 {
			e.drops[key] = true
		}
	}
	if now != *about {
		e.changes[restore.TargetKey] = expectation{&now, news}
	}
}

func (e *expectations) letGoTogether(r *visit, batch restore.BatchID, members []*jobFacts, since *time.Time, rules restore.Rules) {
	keys := []restore.Key{restore.BatchKey(batch)}
	for _, f := range members {
		if !f.retired(r.now) {
			return
		}
		keys = append(keys, restore.JobKey(f.job.ID))
	}
	for _, key := range keys {
		if known := r.known[key]; len(e.changes[key].news) > 0 || known != nil && len(known.record.Outbox) > 0 {
			return
		}
	}
	history := true
	for _, f := range members {
		if bornSince(f.job, rules.Since) {
			*since, history = maxTime(*since, f.job.Created.Add(time.Second)), false
		}
	}
	if !history {
		return
	}
	for _, f := range members {
		e.drops[restore.JobKey(f.job.ID)] = true
	}
	if key := restore.BatchKey(batch); batch != "" && r.known[key] != nil {
		e.drops[key] = true
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// missing returns what a run that ended undisturbed should have tried to save and did not.
func (e *expectations) missing(s *sight) []restore.Key {
	var keys []restore.Key
	for _, key := range slices.Sorted(maps.Keys(e.changes)) {
		_, isJob := e.changes[key].facts.(*jobFacts)
		if !s.tried[key] && (isJob || !s.unsaved) {
			keys = append(keys, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(e.drops)) {
		if !s.dropped[key] && !s.undropped {
			keys = append(keys, key)
		}
	}
	return keys
}
