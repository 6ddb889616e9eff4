package watch

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"restorewatch/internal/restore"
)

// errNoTime is why a run has left something undone. What it left is found again by the next one.
var errNoTime = errors.New("left for the next run: this one had no time left")

// A passage is one pass over one target while it is made.
type passage struct {
	*Watcher
	Pass
	times   phases
	now     time.Time
	ledger  restore.Ledger
	loaded  time.Time
	passed  time.Time
	early   bool                 // the pass began while half of the time for listing was left, or more
	suspect bool                 // the ledger may differ from the store: load it again next time
	lost    map[restore.Key]bool // records that another run changed first
}

// pass takes one target from left to right: load, list, observe, save, publish, save.
func (w *Watcher) pass(times phases, target restore.Target, now time.Time) Pass {
	p := &passage{
		Watcher: w, Pass: Pass{Target: target}, times: times, now: now,
		early: times.half.Err() == nil, lost: make(map[restore.Key]bool),
	}
	if p.load() {
		p.save(p.observe())
		p.publish()
	}
	p.count()
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
	h := p.recall(p.Target)
	p.ledger, p.loaded = h.ledger, h.loaded
	if p.times.list.Err() != nil {
		p.Blind = true
		p.fail(restore.FailedUnavailable, errNoTime)
		return false
	}
	if age := p.now.Sub(h.loaded); h.ledger.Begun() && age >= 0 && age < ledgerLife {
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
	listing, err := p.list()
	if err != nil && p.times.list.Err() != nil && !p.early {
		// It came too late to be asked for long enough: that is no turn, so it comes first the next time.
		p.Blind = true
		p.fail(restore.FailedUnavailable, fmt.Errorf("%w: %w", errNoTime, err))
		return restore.Observation{}
	}
	p.passed = p.now // even if it fails: a target that never answers must not come first for ever
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
	horizon := p.ledger.Horizon(p.now)
	perPage := newestPage
	// Many jobs alive are read in few pages: an API that takes a hundred requests a minute would not give more than ten
	// thousand of them otherwise, and nothing to anybody else.
	if full || p.ledger.CreatedFrom(horizon) > newestPage {
		perPage = fullPage
	}
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

// save writes what changed, for as long as there is time to publish some of it too. A batch and the target's own record
// rest on the jobs: they wait for the next pass when a job could not be saved, which will find the same again.
func (p *passage) save(found restore.Observation) {
	complete := true
	for i, record := range found.Changed {
		if p.times.observe.Err() != nil {
			p.Unsaved = true
			p.fail(restore.FailedState, fmt.Errorf("save %d of %s: %w",
				len(found.Changed)-i, counted(len(found.Changed), "changed record"), errNoTime))
			return
		}
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
		if p.times.observe.Err() != nil || !p.drop(record) {
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
