package simtest

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

// A meeting is a small world in which runs overlap, each in a container that has just started.
type meeting struct {
	name  string
	setup setup // one, if nothing is said
	ready func(w *world)
	runs  int
	turn  func(w *world) // what happens to the API at some moment between two calls, if anything
	fate  fate           // what one call of the first run meets at some moment, if anything
	wide  bool           // in tens of thousands of orders
	vast  bool           // in more than can be held: in some of them, even if all are asked for
}

func changed(jobs int) func(*world) {
	return func(w *world) {
		w.under(3)
		w.edits(status(restore.Broken), []int{0, 1, 2}[:jobs]...)
	}
}

var meetings = []meeting{
	{name: "nothing changed", ready: changed(0), runs: 2},
	{name: "one job changed", ready: changed(1), runs: 2},
	{name: "two jobs changed", ready: changed(2), runs: 2},
	{name: "three jobs changed", ready: changed(3), runs: 2, wide: true},
	{name: "one job changed, three runs", ready: changed(1), runs: 3, wide: true},
	{name: "a job changes again meanwhile", ready: changed(1), runs: 2, turn: func(w *world) { w.edits(status(restore.Finished), 0) }},
	{name: "a job changes back meanwhile", ready: changed(1), runs: 2, turn: func(w *world) { w.edits(status(restore.InProgress), 0) }},
	{name: "both begin", ready: func(w *world) { w.edits(status(restore.InProgress), 0) }, runs: 2},
	{name: "a job is born while both begin", ready: func(*world) {}, runs: 2, turn: func(w *world) { w.edits(status(restore.InProgress), 0) }},
	{name: "a batch finishes", ready: func(w *world) { w.batch(2); w.edits(status(restore.Finished), 0, 1) }, runs: 2, wide: true},
	{name: "an outbox is full", ready: func(w *world) {
		w.under(1)
		w.edits(w.whole, 0)
		w.tickFailing("publish", failBefore)
	}, runs: 2},
	{name: "a target becomes unreachable", ready: func(w *world) { w.under(1); w.blackout("forbidden"); w.tickBlind(2) }, runs: 2},
	{name: "a target recovers meanwhile", ready: func(w *world) { w.under(1); w.blackout("forbidden"); w.tickBlind(3) }, runs: 2,
		turn: func(w *world) { w.blackout("") }},
	{name: "a record is let go", ready: func(w *world) { w.retire(1, 1) }, runs: 2},
	{name: "two jobs changed, to topics", setup: setup{outputs: 2, topics: 2, pageSize: 100}, ready: changed(2), runs: 2, wide: true},
	{name: "one job changed, to a FIFO topic", setup: setup{outputs: 1, topics: 1, fifo: true, pageSize: 100}, ready: changed(1), runs: 2},
	{name: "two targets changed, one after the other", setup: setup{targets: 2, atOnce: 1, outputs: 1, pageSize: 100},
		ready: func(w *world) { w.tick(); w.somewhere(status(restore.InProgress), 0, 1) }, runs: 2, wide: true},
	{name: "two targets changed, at once", setup: setup{targets: 2, atOnce: 2, outputs: 1, pageSize: 100},
		ready: func(w *world) { w.tick(); w.somewhere(status(restore.InProgress), 0, 1) }, runs: 2, vast: true},
	{name: "Since moves", ready: func(w *world) { w.retire(2, 0) }, runs: 2},
}

var wideFlag = flag.Bool("wide", false, "hold also the meetings of tens of thousands of orders in every one of them, and play every point of every scenario")

// sampled is in how many orders, taken at random, a wide meeting is held unless -wide asks for all.
const sampled = 100

// orders returns in how many orders, taken at random, a meeting is held; 0 stands for every one.
func (m meeting) orders() int {
	switch {
	case m.vast && *wideFlag:
		return 200 * sampled
	case m.vast, m.wide && !*wideFlag:
		return sampled
	}
	return 0
}

// An order is one way in which overlapping runs take turns: at each moment, which of the calls that wait goes on.
type order struct {
	picks, choices []int
	chance         *rand.Rand // takes the choices not made yet; nil takes the first
}

// next makes o the order after it, depth first, and reports whether there is one.
func (o *order) next() bool {
	for n := len(o.picks); n > 0; n = len(o.picks) {
		if o.picks[n-1]++; o.picks[n-1] < o.choices[n-1] {
			o.choices = o.choices[:n]
			return true
		}
		o.picks, o.choices = o.picks[:n-1], o.choices[:n-1]
	}
	return false
}

// pick returns the choice that the order makes at a moment at which there are so many.
func (o *order) pick(moment, choices int) int {
	if moment == len(o.picks) {
		first := 0
		if o.chance != nil {
			first = o.chance.IntN(choices)
		}
		o.picks, o.choices = append(o.picks, first), append(o.choices, choices)
	}
	return o.picks[moment]
}

// copied returns a world at rest once more, with no container.
func (w *world) copied() *world {
	c := newWorld(w.setup)
	c.now, c.skew, c.stale, c.mutant, c.tracing, c.trace = w.now, w.skew, w.stale, w.mutant, w.tracing, slices.Clone(w.trace)
	for n, p := range w.places {
		p.copyTo(c.places[n])
	}
	for name, log := range w.topicLogs {
		c.topicLogs[name] = &topicLog{maps.Clone(log.seen)}
	}
	return c
}

func (p *place) copyTo(c *place) {
	c.past, c.rows, c.outage = slices.Clone(p.past), maps.Clone(p.rows), p.outage
	from, to := p.oracle, c.oracle
	to.lives, to.once, to.told, to.latest = maps.Clone(from.lives), maps.Clone(from.once), maps.Clone(from.told), from.latest
	for _, d := range from.order {
		d := &debt{event: d.event, life: d.life, toldTo: maps.Clone(d.toldTo), content: d.content}
		to.order, to.owed[d.event.ID] = append(to.order, d), append(to.owed[d.event.ID], d)
	}
}

// hold lets the runs of a meeting take turns in an order, and leaves the world alone for a short while.
func (m meeting) hold(w *world, o *order) {
	for n := range m.runs {
		w.start(w.container(10 + n))
	}
	turned, struck := m.turn == nil, m.fate == fine
	for moment := 0; len(w.pending) > 0 && w.broken == nil; moment++ {
		waiting := len(w.pending)
		choices := waiting
		if !turned {
			choices++
		}
		blow := !struck && w.pending[0].of.in.id == 10
		if blow {
			choices++
		}
		switch pick := o.pick(moment, choices); {
		case pick < waiting:
			w.step(w.pending[pick], fine)
		case blow && pick == choices-1:
			struck = true
			w.step(w.pending[0], m.fate)
		default:
			turned = true
			w.logf("the API changes")
			m.turn(w)
		}
	}
	w.rest(time.Minute, 11*time.Minute)
}

// rest ends what is on its way and makes undisturbed runs in one container.
func (w *world) rest(pauses ...time.Duration) {
	w.skew = 0
	w.blackout("")
	for len(w.late) > 0 && w.broken == nil {
		w.land(0)
	}
	for _, d := range pauses {
		w.advance(d)
		w.quietRun(w.container(20))
	}
	if w.broken == nil {
		w.settledDown()
	}
}

// every holds a meeting in every order, or in some if it is wide, and returns in how many.
func (m meeting) every(t *testing.T, mutant mutant) (orders int, broken *violation) {
	t.Helper()
	start := newWorld(m.world())
	start.mutant = mutant
	m.ready(start)
	start.abandon()
	o := new(order)
	if m.orders() > 0 {
		o.chance = rand.New(rand.NewPCG(rand.Uint64(), 0))
	}
	for broken = start.broken; broken == nil; {
		w := start.copied()
		m.hold(w, o)
		w.abandon()
		orders++
		if broken = w.broken; broken != nil {
			broken.detail += fmt.Sprintf("\norder %v\n%s", o.picks, m.trace(o, mutant))
			break
		}
		if o.chance != nil {
			o.picks, o.choices = nil, nil
		}
		if o.chance == nil && !o.next() || o.chance != nil && orders == m.orders() {
			break
		}
	}
	return orders, broken
}

func (m meeting) world() setup { return cmp.Or(m.setup, one) }

func (m meeting) String() string { return m.name }

func (m meeting) trace(o *order, mutant mutant) string {
	start := newWorld(m.world())
	start.mutant, start.tracing = mutant, true
	m.ready(start)
	start.abandon()
	w := start.copied()
	m.hold(w, &order{picks: o.picks, choices: o.choices})
	w.abandon()
	return strings.Join(w.trace, "\n")
}

// TestEveryInterleaving lets runs overlap in every order of their calls.
func TestEveryInterleaving(t *testing.T) {
	heldAll(t, meetings)
}

// heldAll holds meetings in every order, several meetings at a time.
func heldAll(t *testing.T, meetings []meeting) {
	t.Helper()
	var total atomic.Int64
	inParallel(t, meetings, func(t *testing.T, m meeting) {
		orders, broken := m.every(t, mutant{})
		t.Logf("%d orders", orders)
		total.Add(int64(orders))
		if broken != nil {
			t.Error(broken)
		}
	})
	t.Logf("%d orders", total.Load())
}

// TestEveryInterleavingWithAFault does so while one call of the first run meets a fault, whichever it is.
func TestEveryInterleavingWithAFault(t *testing.T) {
	var struck []meeting
	for _, f := range blows {
		struck = append(struck,
			meeting{name: f.String(), ready: changed(1), runs: 2, fate: f},
			meeting{name: "two jobs, " + f.String(), ready: changed(2), runs: 2, fate: f, wide: true},
			meeting{name: "in a hurry, to a topic, " + f.String(), setup: setup{outputs: 1, topics: 1, pageSize: 100, hurried: true}, ready: changed(1), runs: 2, fate: f})
	}
	heldAll(t, struck)
}
