package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"restorewatch/internal/restore"
)

// A passage is one pass over one target while it is made.
type passage struct {
	*Watcher
	Pass
	times   phases
	now     time.Time
	ledger  restore.Ledger
	loaded  time.Time
	passed  time.Time
	suspect bool                 // the ledger may differ from the store: load it again next time
	lost    map[restore.Key]bool // records that another run changed first
}

// pass takes one target from left to right: load, list, observe, save, publish, save.
func (w *Watcher) pass(times phases, target restore.Target, now time.Time) Pass {
	p := &passage{
		Watcher: w, Pass: Pass{Target: target}, times: times, now: now,
		lost: make(map[restore.Key]bool),
	}
	if p.load() {
		p.save(p.observe())
		p.publish()
		p.count()
	}
	w.keep(target, p.holding())
	return p.Pass
}

// holding is what is remembered of the target until the next pass.
func (p *passage) holding() holding {
	h := holding{ledger: p.ledger, loaded: p.loaded, passed: cmp.Or(p.passed, p.recall(p.Target).passed)}
	if p.suspect {
		h.ledger, h.loaded = restore.Ledger{}, time.Time{}
	}
	return h
}

// load finds the ledger, in memory or in the store, and begins it when there is none.
func (p *passage) load() bool {
	if err := p.times.list.Err(); err != nil {
		p.Blind = true
		p.fail(restore.FailedUnavailable, errors.New("left for the next run: this one had no time left"))
		return false
	}
	h := p.recall(p.Target)
	if age := p.now.Sub(h.loaded); h.ledger.Begun() && age >= 0 && age < ledgerLife {
		p.ledger, p.loaded = h.ledger, h.loaded
		return true
	}
	if err := p.ask(); err != nil {
		p.suspect, p.Blind = true, true
		p.fail(restore.FailedState, err)
		return false
	}
	p.loaded = p.now
	return true
}

// ask gets the ledger from the store, and begins it when the store has none.
func (p *passage) ask() error {
	if err := p.fetch(); err != nil || p.ledger.Begun() {
		return err
	}
	if err := p.begin(); err != nil {
		return err
	}
	if !p.ledger.Begun() {
		// Without its beginning everything would be news.
		return errors.New("begin ledger: another run began it, but the store does not show it")
	}
	return nil
}

func (p *passage) fetch() error {
	ledger, err := p.Store.Load(p.times.list, p.Target)
	if err != nil {
		return fmt.Errorf("load ledger: %w", err)
	}
	if ledger.Records == nil {
		ledger.Records = make(map[restore.Key]restore.Record)
	}
	p.ledger = ledger
	return nil
}

// begin stores where the news begins before the first listing is read: if we crash right after, a job created
// meanwhile is still known to be news. Somebody who began at the same moment is right too.
func (p *passage) begin() error {
	since := cmp.Or(p.Since, p.bornSince(p.Target), p.now)
	record, err := p.Store.Save(p.times.save, restore.Begin(p.Target, since))
	if errors.Is(err, ErrConflict) {
		return p.fetch()
	}
	if err != nil {
		return fmt.Errorf("begin ledger: %w", err)
	}
	p.ledger.Records[record.Key()] = record
	p.Begun = true
	return nil
}

// observe lists the jobs and returns the records that this changes. From an incomplete listing nothing is saved but
// the failure itself.
func (p *passage) observe() restore.Observation {
	p.passed = p.now // even if it fails: a target that never answers must not come first for ever
	listing, err := p.list()
	if err != nil {
		return p.blind(restore.FailedUnavailable, err)
	}
	found := p.ledger.Observe(listing, p.Rules, p.now)
	p.Listed, p.History, p.Adopted = len(listing.Jobs), found.History, found.Adopted
	return found
}

// blind notes that the target could not be seen, and returns what that changes.
func (p *passage) blind(kind restore.FailureKind, err error) restore.Observation {
	p.Blind = true
	failure := p.fail(kind, err)
	record, changed := p.ledger.Fail(failure, p.Rules, p.now)
	if !changed {
		return restore.Observation{}
	}
	if m := record.Memory.(restore.TargetMemory); failure.Kind == restore.FailedNotFound && m.Failing.Failures == 1 {
		p.doubt(p.Target)
	}
	return restore.Observation{Changed: []restore.Record{record}}
}

// list reads the listing down to what may have changed, or to its end when that is due. Listings are newest first in
// practice and not by contract: the order is checked as pages come, and a listing out of order is read to its end.
func (p *passage) list() (restore.Listing, error) {
	full := p.ledger.FullReadDue(p.now)
	perPage := newestPage
	if full {
		perPage = fullPage
	}
	horizon := p.ledger.Horizon(p.now)
	var listing restore.Listing
	descending := true
	for jobs, err := range p.Lister.RestoreJobs(p.times.list, p.Target, perPage) {
		if err != nil {
			return restore.Listing{}, err
		}
		listing.Jobs = append(listing.Jobs, jobs...)
		listing.Pages++
		descending = descending && newestFirst(listing.Jobs[max(0, len(listing.Jobs)-len(jobs)-1):])
		if !full && descending && len(jobs) > 0 && jobs[len(jobs)-1].Created.Before(horizon) {
			return listing, nil
		}
	}
	listing.Complete = true
	return listing, nil
}

// newestFirst reports whether jobs are in the order of their creation, newest first. One without a creation time fits
// no order.
func newestFirst(jobs []restore.Job) bool {
	return slices.IsSortedFunc(jobs, func(a, b restore.Job) int { return b.Created.Compare(a.Created) }) &&
		!slices.ContainsFunc(jobs, func(j restore.Job) bool { return j.Created.IsZero() })
}

// save writes what changed. A batch and the target's own record rest on the jobs: they wait for the next pass when a
// job could not be saved, which will find the same again.
func (p *passage) save(found restore.Observation) {
	complete := true
	for _, record := range found.Changed {
		_, isJob := record.Memory.(restore.JobMemory)
		if !isJob && !complete {
			continue
		}
		saved, err := p.write(record)
		complete = complete && saved
		p.Unsaved = p.Unsaved || err != nil
		if isJob && saved {
			p.Changed++
		}
	}
	// A batch goes after its jobs, and not at all if one of them could not go: what is left of it would be taken for a
	// batch that nobody was told of.
	for _, record := range found.Dropped {
		if !p.drop(record) {
			return
		}
	}
}

// write saves one record and takes it into the ledger. What could not be saved is not published: the ledger keeps the
// record as it was, and the next pass observes the same change again, under the same event id. Losing to another run is
// no error; any other failure is noted and returned.
func (p *passage) write(record restore.Record) (saved bool, err error) {
	written, err := p.Store.Save(p.times.save, record)
	if err == nil {
		p.ledger.Records[written.Key()] = written
		return true, nil
	}
	p.suspect = true
	if errors.Is(err, ErrConflict) {
		p.lost[record.Key()] = true
		return false, nil
	}
	p.fail(restore.FailedState, fmt.Errorf("save %s: %w", record.Key(), err))
	return false, err
}

func (p *passage) drop(record restore.Record) bool {
	err := p.Store.Drop(p.times.save, record)
	if err == nil {
		delete(p.ledger.Records, record.Key())
		return true
	}
	p.suspect = true
	if !errors.Is(err, ErrConflict) {
		p.fail(restore.FailedState, fmt.Errorf("drop %s: %w", record.Key(), err))
	}
	return false
}

// publish tells every output what the outboxes hold for it, whether this run or an earlier one put it there, and notes
// what was accepted. The outputs are told at once, so that one that fails or hangs keeps nothing from the others. If we
// crash in between, the next run tells the same again under the same ids.
func (p *passage) publish() {
	results := make([]result, len(p.Outputs))
	var all sync.WaitGroup
	for i, output := range p.Outputs {
		if entries := p.outboxes(output.Name); len(entries) > 0 {
			all.Go(func() { results[i] = tell(p.times.publish, output, entries) })
		}
	}
	all.Wait()
	for _, r := range results {
		if r.err != nil {
			p.fail(restore.FailedPublish, r.err)
			p.Unpublished = true
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.ledger.Records)) {
		p.settle(p.ledger.Records[key], results)
	}
}

// A result is what an output made of the events that it was told: the sequence up to which it has accepted each
// record's.
type result struct {
	taken map[restore.Key]int
	err   error
}

func tell(ctx context.Context, output Output, entries []entry) result {
	events := make([]restore.Event, len(entries))
	for i, e := range entries {
		events[i] = e.event
	}
	accepted, err := output.Publisher.Publish(ctx, events)
	r := result{taken: make(map[restore.Key]int)}
	if err != nil {
		r.err = fmt.Errorf("publish %s to %s: %w", counted(len(events), "event"), output.Name, err)
	}
	blocked := make(map[restore.Key]bool)
	for i, e := range entries {
		if i >= len(accepted) || !accepted[i] {
			blocked[e.key] = true
		}
		if !blocked[e.key] {
			r.taken[e.key] = e.event.Sequence
		}
	}
	return r
}

// settle saves how far each output has taken a record's outbox, and lets go of what all have taken.
func (p *passage) settle(record restore.Record, results []result) {
	if len(record.Outbox) == 0 || p.lost[record.Key()] {
		return
	}
	taken := make(map[string]int)
	moved := false
	for i, output := range p.Outputs {
		taken[output.Name] = record.TakenBy(output.Name)
		if upTo, ok := results[i].taken[record.Key()]; ok {
			taken[output.Name], moved = upTo, true
		}
	}
	settled := record.Take(taken)
	if !moved && len(settled.Outbox) == len(record.Outbox) {
		return
	}
	p.Published = append(p.Published, record.Outbox[:len(record.Outbox)-len(settled.Outbox)]...)
	// If this is not saved, the events are told once more; that is a failure to report, but nothing is lost.
	_, _ = p.write(settled)
}

// An entry is one event of an outbox, and its place there.
type entry struct {
	key   restore.Key
	place int
	event restore.Event
}

// outboxes returns all that an output is to be told: the first event of every job, then the second of each, and so on,
// so that one call to a publisher that takes one event of a job at a time takes many; then batches, whose end follows
// their jobs', and the target.
func (p *passage) outboxes(output string) []entry {
	var entries []entry
	for _, key := range slices.Sorted(maps.Keys(p.ledger.Records)) {
		if p.lost[key] {
			continue // another run has it, and what it holds now is not known here
		}
		for place, event := range p.ledger.Records[key].Untaken(output) {
			entries = append(entries, entry{key, place, event})
		}
	}
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(p.rank(a.key), p.rank(b.key)), cmp.Compare(a.place, b.place))
	})
	return entries
}

func (p *passage) rank(key restore.Key) int {
	switch p.ledger.Records[key].Memory.(type) {
	case restore.JobMemory:
		return 0
	case restore.BatchMemory:
		return 1
	}
	return 2
}

// count notes what is left in the outboxes.
func (p *passage) count() {
	for _, record := range p.ledger.Records {
		p.Pending += len(record.Outbox)
		if len(record.Outbox) == 0 {
			continue
		}
		if oldest := record.Outbox[0].Time; p.OldestPending.IsZero() || oldest.Before(p.OldestPending) {
			p.OldestPending = oldest
		}
	}
}
