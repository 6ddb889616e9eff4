package simtest

import "time"

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
	w.logf("from here on nothing goes wrong")
	w.skew, w.stale, w.outage = 0, 0, ""
	for len(w.pending) > 0 && w.broken == nil {
		w.step(w.pending[0], fine)
	}
	for len(w.late) > 0 && w.broken == nil {
		w.land(0)
	}
	for i, d := range quiet {
		w.advance(d)
		w.quietRun(w.container(i % 2 * len(w.runs) % 3))
	}
	if w.broken == nil {
		w.oracle.settledDown()
	}
}

// quietRun makes a run in which nothing goes wrong.
func (w *world) quietRun(c *container) *run {
	if w.broken != nil {
		return nil
	}
	r := w.start(c)
	w.finish(r)
	if w.broken == nil && (r.err != nil || len(r.report.Passes) != 1 || len(r.report.Passes[0].Failures) > 0) {
		w.violate("an undisturbed run succeeds", "run %d: %v, %+v", r.id, r.err, r.report)
	}
	return r
}
