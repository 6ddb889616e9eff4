package simtest

import (
	"fmt"
	"time"

	"restorewatch/internal/restore"
)

// A scenario is a small world brought to the moment before the run that is put to the test.
type scenario struct {
	name  string
	setup setup
	ready func(w *world)
}

var one = setup{outputs: 1, pageSize: 100}

// tick makes an undisturbed run a minute later.
func (w *world) tick() { w.after(time.Minute) }

// after makes an undisturbed run some time later.
func (w *world) after(d time.Duration) {
	w.advance(d)
	w.quietRun(w.container(0))
}

// fail makes a run a minute later in which one kind of call fails.
func (w *world) tickFailing(what string, f fate) {
	w.advance(time.Minute)
	r := w.start(w.container(0))
	for calls := w.callsOf(r); len(calls) > 0; calls = w.callsOf(r) {
		if calls[0].what == what {
			w.step(calls[0], f)
		} else {
			w.step(calls[0], fine)
		}
	}
}

// edits changes jobs of the first target by number.
func (w *world) edits(change func(*restore.Job), jobs ...int) { w.places[0].edits(change, jobs...) }

func status(s restore.Status) func(*restore.Job) { return func(j *restore.Job) { j.Status = s } }

func inBatch(j *restore.Job) { j.BatchID = batchOf(j.ID) }

func (w *world) expiring(d time.Duration) func(*restore.Job) {
	return func(j *restore.Job) {
		j.Status, j.Delivery.Status, j.Delivery.Expires = restore.Finished, restore.DeliveryReady, w.now.Add(d)
	}
}

func gone(j *restore.Job) { j.Status, j.Delivery.Status = restore.Finished, restore.DeliveryExpired }

// whole does everything to a job that can happen between two looks.
func (w *world) whole(j *restore.Job) {
	w.expiring(50 * time.Minute)(j)
	j.Hashes = hashed(hashed(nil, 0), 1)
}

var scenarios = []scenario{
	{"first run", one, func(w *world) { w.edits(status(restore.InProgress), 0) }},
	{"job is born", one, func(w *world) { w.tick(); w.edits(status(restore.InProgress), 0) }},
	{"job is born and over", one, func(w *world) { w.tick(); w.edits(w.whole, 0) }},
	{"job finishes", one, func(w *world) { w.under(1); w.edits(w.whole, 0) }},
	{"job is adopted and stuck", one, func(w *world) {
		w.edits(func(j *restore.Job) { j.Created = w.now.Add(-48 * time.Hour) }, 0)
	}},
	{"two jobs change", one, func(w *world) { w.under(2); w.edits(status(restore.Broken), 0, 1) }},
	{"three jobs change, two outputs", setup{outputs: 2, pageSize: 2}, func(w *world) { w.under(3); w.edits(w.whole, 0, 1, 2) }},
	{"batch finishes", one, func(w *world) { w.batch(2); w.edits(status(restore.Finished), 0, 1) }},
	{"batch fails", setup{outputs: 2, pageSize: 1}, func(w *world) { w.batch(3); w.edits(status(restore.Broken), 1) }},
	{"batch is mended", one, func(w *world) {
		w.batch(2)
		w.edits(status(restore.Broken), 0)
		w.tick()
		w.edits(status(restore.Finished), 0, 1)
	}},
	{"batch gets a late member", one, func(w *world) {
		w.batch(2)
		w.edits(status(restore.Finished), 0, 1)
		w.tick()
		w.edits(func(j *restore.Job) { inBatch(j); j.Status = restore.Killed }, 2)
	}},
	{"link is about to expire", one, func(w *world) { w.under(1); w.edits(w.expiring(2*time.Hour), 0); w.tick(); w.advance(time.Hour) }},
	{"link is extended", one, func(w *world) {
		w.under(1)
		w.edits(w.expiring(10*time.Minute), 0)
		w.tick()
		w.edits(w.expiring(50*time.Minute), 0)
	}},
	{"hash changes", one, func(w *world) {
		w.under(1)
		w.edits(w.whole, 0)
		w.tick()
		w.edits(func(j *restore.Job) { j.Hashes = hashed(hashed(nil, 2), 1) }, 0)
	}},
	{"outboxes are full", setup{outputs: 2, pageSize: 100}, func(w *world) {
		w.under(2)
		w.edits(w.whole, 0, 1)
		w.tickFailing("publish", failBefore)
		w.edits(status(restore.Killed), 1)
	}},
	{"trim was lost", one, func(w *world) {
		w.under(1)
		w.edits(w.whole, 0)
		w.advance(time.Minute)
		r := w.start(w.container(0))
		for calls := w.callsOf(r); len(calls) > 0; calls = w.callsOf(r) {
			if calls[0].what == "save" && r.visits[0].sight.tried[restore.JobKey(w.places[0].job(0))] && len(w.places[0].oracle.told) > 1 {
				w.step(calls[0], killBefore)
				break
			}
			w.step(calls[0], fine)
		}
		w.edits(status(restore.Broken), 0)
	}},
	{"target becomes unreachable", one, func(w *world) {
		w.under(1)
		w.blackout("access_list")
		w.tickBlind(2)
	}},
	{"target recovers", one, func(w *world) {
		w.under(1)
		w.blackout("access_list")
		w.tickBlind(3)
		w.blackout("")
		w.edits(w.whole, 0)
	}},
	{"many pages, oldest first", setup{outputs: 1, pageSize: 1, reversed: true}, func(w *world) {
		w.under(3)
		w.advance(time.Hour)
		w.edits(status(restore.Finished), 0, 2)
	}},
	{"Since moves", one, func(w *world) { w.retire(1, 0) }},
	{"record is let go", one, func(w *world) { w.retire(1, 1) }},
	{"three records are let go", one, func(w *world) { w.retire(3, 1) }},
	{"batch is let go", one, func(w *world) { w.retireBatch(1) }},
	{"batch is let go by a clock that is set back", one, func(w *world) { w.ahead(); w.retireBatch(0) }},
	{"target fails again after the clock was set back", one, func(w *world) {
		w.under(1)
		w.ahead()
		w.blackout("unavailable")
		w.tickBlind(3)
		w.blackout("")
		w.tick()
		w.skew = 0
		w.tick()
		w.blackout("unavailable")
		w.tickBlind(5)
	}},
	{"batch born here is let go by a clock that is set back", one, func(w *world) { w.tick(); w.ahead(); w.now = w.now.Add(-4 * time.Minute); w.retireBatch(1) }},
	{"record is let go by a clock that is set back", one, func(w *world) { w.ahead(); w.retire(1, 0) }},
	{"two targets of one project change", setup{targets: 2, atOnce: 2, outputs: 1, pageSize: 100}, func(w *world) {
		w.tick()
		w.somewhere(w.whole, 0, 1)
	}},
	{"three targets of two projects change, two at once", setup{targets: 3, atOnce: 2, outputs: 2, pageSize: 100}, func(w *world) {
		w.tick()
		w.somewhere(status(restore.InProgress), 0, 1, 2)
		w.tick()
		w.somewhere(status(restore.Broken), 0, 1, 2)
	}},
	{"three targets begin, one after the other", setup{targets: 3, atOnce: 1, outputs: 1, pageSize: 100}, func(w *world) {
		w.somewhere(status(restore.InProgress), 0, 1, 2)
	}},
	{"one of three targets becomes unreachable", setup{targets: 3, atOnce: 3, outputs: 1, pageSize: 100}, func(w *world) {
		w.tick()
		w.places[1].outage = "forbidden"
		w.tickBlind(2)
		w.somewhere(status(restore.Killed), 0, 2)
	}},
	{"one target recovers while another becomes unreachable", setup{targets: 2, atOnce: 1, outputs: 2, pageSize: 100}, func(w *world) {
		w.tick()
		w.places[0].outage = "forbidden"
		w.tickBlind(1)
		w.places[1].outage = "unavailable"
		w.tickBlind(2)
		w.places[0].outage = ""
	}},
}

// somewhere returns what changes the first job of some of the targets, by number.
func (w *world) somewhere(change func(*restore.Job), targets ...int) {
	for _, n := range targets {
		w.places[n].edits(change, 0)
	}
}

// ahead sets the clocks five minutes ahead until the world is left alone.
func (w *world) ahead() { w.skew = 5 * time.Minute }

// under watches so many jobs that are under way.
func (w *world) under(jobs int) {
	w.tick()
	for n := range jobs {
		w.advance(time.Second)
		w.edits(status(restore.InProgress), n)
	}
	w.tick()
}

// batch watches a batch that is under way.
func (w *world) batch(jobs int) {
	w.tick()
	for n := range jobs {
		w.edits(inBatch, n)
	}
	w.tick()
}

func (w *world) tickBlind(times int) {
	for range times {
		w.advance(time.Minute)
		w.finish(w.start(w.container(0)))
	}
}

// retire watches jobs end, and makes runs ninety days later.
func (w *world) retire(jobs, runs int) {
	w.under(jobs)
	for n := range jobs {
		w.edits(gone, n)
	}
	w.tick()
	w.advance(90 * 24 * time.Hour)
	for range runs {
		w.tick()
	}
}

func (w *world) retireBatch(runs int) {
	w.batch(2)
	w.edits(gone, 0, 1)
	w.tick()
	w.advance(90 * 24 * time.Hour)
	for range runs {
		w.tick()
	}
}

func (s scenario) String() string { return s.name }

func (s scenario) begin(m mutant, tracing bool) *world {
	w := newWorld(s.setup)
	w.mutant, w.tracing = m, tracing
	s.ready(w)
	w.logf("--- %s", s.name)
	return w
}

// A blow is a fate at a step of a run.
type blow struct {
	step int // from 1
	fate fate
	mask int // of the fate partly
}

func (b blow) String() string {
	if b.mask != 0 {
		return fmt.Sprintf("%s (%b) at step %d", b.fate, b.mask, b.step)
	}
	return fmt.Sprintf("%s at step %d", b.fate, b.step)
}

// strike makes a run that meets a blow, and reports whether it got so far.
func (w *world) strike(b blow) (met bool) {
	w.advance(time.Minute)
	return w.finishMeeting(w.start(w.container(0)), b)
}
