package watch

import (
	"errors"
	"slices"
	"time"

	"restorewatch/internal/restore"
)

// foundLife is how long the clusters found for a "*" are taken for all there are.
const foundLife = 10 * time.Minute

// A finding is what stands for a "*" between two runs.
type finding struct {
	targets []restore.Target
	at      time.Time
	doubted bool // ask again, however fresh it is
}

// find returns the targets that a "*" stands for, from memory or by asking. That its answer fails is told as it is of
// any target; what was found before is watched all the same.
func (w *Watcher) find(times phases, wild restore.Target, now time.Time) (Pass, []restore.Target) {
	last := w.lastFound(wild)
	p := &passage{
		Watcher: w, Pass: Pass{Target: wild}, times: times, now: now, lost: make(map[restore.Key]bool),
	}
	found := last.targets
	if p.load() {
		if !last.fresh(now) {
			targets, changes := p.look()
			if targets != nil {
				found = append(targets, w.untold(last.targets, targets)...)
				w.keepFound(wild, finding{targets: found, at: now}, last)
			}
			p.save(changes)
		}
		p.publish()
	}
	p.count()
	w.keep(wild, p.holding())
	return p.Pass, found
}

// untold returns those targets that are not found any more and have something to tell yet. A cluster may be deleted as soon
// as its restore is over, while a topic does not answer. After a cold start nothing is known of such a cluster here.
func (w *Watcher) untold(before, found []restore.Target) (left []restore.Target) {
	for _, t := range before {
		if slices.Contains(found, t) {
			continue
		}
		for _, r := range w.recall(t).ledger.Records {
			if len(r.Outbox) > 0 {
				left = append(left, t)
				break
			}
		}
	}
	return left
}

// fresh reports whether what was found need not be asked for again.
func (f finding) fresh(now time.Time) bool {
	age := now.Sub(f.at)
	return age >= 0 && age < foundLife && !f.doubted
}

// look asks what the "*" stands for, and returns what the answer changes in the record about the target itself. No
// cluster at all is an answer; nil is none.
func (p *passage) look() ([]restore.Target, restore.Observation) {
	if p.Finder == nil {
		return nil, p.blind(restore.FailedConfig, errors.New("find clusters: this program cannot watch *"))
	}
	targets := []restore.Target{}
	for t, err := range p.Finder.Targets(p.times.list, p.Target) {
		if err != nil {
			return nil, p.blind(restore.FailedUnavailable, err)
		}
		targets = append(targets, t)
	}
	return targets, p.ledger.Observe(restore.Listing{Pages: 1, Complete: true}, p.Rules, p.now)
}

func (w *Watcher) lastFound(wild restore.Target) finding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found[wild]
}

// keepFound remembers what was found. What was not there the last time has come since, so all that happens there from
// then on is news, also before it was found.
func (w *Watcher) keepFound(wild restore.Target, now, last finding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.found == nil {
		w.found = make(map[restore.Target]finding)
		w.born = make(map[restore.Target]time.Time)
	}
	w.found[wild] = now
	if last.at.IsZero() {
		return
	}
	for _, t := range now.targets {
		if !slices.Contains(last.targets, t) {
			w.born[t] = last.at
		}
	}
}

// bornSince returns the time after which a target came to be, zero if that is not known.
func (w *Watcher) bornSince(t restore.Target) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.born[t]
}

// doubt makes the next run ask again what the "*" stands for that a target was found by. A cluster that is not there any
// more is no failure of the watch: it stops being listed before anybody is told.
func (w *Watcher) doubt(gone restore.Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wild, f := range w.found {
		if slices.Contains(f.targets, gone) {
			f.doubted = true
			w.found[wild] = f
		}
	}
}
