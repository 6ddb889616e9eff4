package simtest

import (
	"slices"
	"time"

	"restorewatch/internal/restore"
)

// play makes a history happen, leaves the world alone, and returns the promise that was broken, or nil. It has to be
// called within a synctest bubble.
func play(h history, m mutant, tracing bool) *world {
	w := newWorld(h.setup)
	w.mutant, w.tracing = m, tracing
	defer w.abandon()
	for _, d := range h.deeds {
		if w.broken != nil {
			return w
		}
		w.make(d)
	}
	w.leaveAlone()
	return w
}

// quiet is the time between the runs that a world left alone gets: long enough for ledgers in memory to grow old and
// for listings to be read to their end.
var quiet = []time.Duration{time.Minute, time.Minute, 11 * time.Minute, 61 * time.Minute, time.Minute, time.Minute}

// leaveAlone lets everything under way come to its end, and makes some runs in which nothing happens.
func (w *world) leaveAlone() {
	w.calmDown()
	w.beShortOfTime()
	w.makeQuietRuns(quiet)
}

// leaveBriefly does so with the fewest runs that a small world needs.
func (w *world) leaveBriefly() {
	w.calmDown()
	w.makeQuietRuns([]time.Duration{time.Minute, 11 * time.Minute, 61 * time.Minute})
}

func (w *world) calmDown() {
	w.logf("from here on nothing goes wrong")
	w.skew, w.stale = 0, 0
	w.blackout("")
	for len(w.pending) > 0 && w.broken == nil {
		w.step(w.pending[0], fine)
	}
	for len(w.late) > 0 && w.broken == nil {
		w.land(0)
	}
}

func (w *world) makeQuietRuns(pauses []time.Duration) {
	for i, d := range pauses {
		w.advance(d)
		w.quietRun(w.container(i % 2 * len(w.runs) % 3))
	}
	if w.broken == nil {
		w.settledDown()
	}
}

// quietRun makes a run in which nothing goes wrong.
func (w *world) quietRun(c *container) *run {
	if w.broken != nil {
		return nil
	}
	r := w.start(c)
	w.finish(r)
	if w.broken == nil && (r.err != nil || len(r.report.Passes) != len(w.places) || r.report.Failed() > 0) {
		w.violate("an undisturbed run succeeds", "run %d: %v, %+v", r.id, r.err, r.report)
	}
	return r
}

// beShortOfTime makes runs that have time to list no more than the first targets whose turn it is, and checks that each
// had its turn: within as many runs as there are targets in a container that remembers, or twice as many in new ones.
func (w *world) beShortOfTime() {
	if !w.hurried || len(w.places) == 1 || w.broken != nil {
		return
	}
	w.advance(6 * time.Minute) // a clock that was ahead gave turns in the future
	turns := make([]int, len(w.places))
	runs := len(w.places)
	if w.seeded(1) {
		runs *= 2
	}
	for range runs {
		began := w.now
		if w.seeded(1) {
			w.discard(w.container(0))
		}
		r := w.start(w.container(0))
		w.finishListing(r)
		if w.broken != nil {
			return
		}
		for i, v := range r.visits {
			turns[i] += v.sight.pages
		}
		w.advance(began.Add(time.Minute).Sub(w.now))
	}
	if w.broken == nil && slices.Contains(turns, 0) {
		w.violate("no target starves", "in %d runs that were short of time %v pages were read", runs, turns)
	}
}

// finishListing lets a run go on until it is over, while the pages that it reads at once take all the time there is.
func (w *world) finishListing(r *run) {
	for calls := w.callsOf(r); len(calls) > 0 && w.broken == nil; calls = w.callsOf(r) {
		other := slices.IndexFunc(calls, func(c *call) bool { return c.what != "page" })
		if other >= 0 {
			w.step(calls[other], fine)
		} else {
			w.step(calls[0], slow)
		}
	}
}

// settledDown checks what must hold at every place once the world was left alone.
func (w *world) settledDown() {
	for _, p := range w.places {
		p.oracle.settledDown()
	}
}

// blackout lets no target be listed for a reason; "" ends it.
func (w *world) blackout(kind restore.FailureKind) {
	for _, p := range w.places {
		p.outage = kind
	}
}
