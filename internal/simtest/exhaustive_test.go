package simtest

import (
	"flag"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// blows are the fates that each step of each scenario meets.
var blows = []fate{failBefore, failAfter, lost, late, slow, tooSlow, killBefore, killAfter, cancelled}

// worlds are the catalogue twice: with outputs that take one event at a time, and with topics behind the real publisher
// and runs that have a deadline.
func worlds() []scenario {
	all := slices.Clone(scenarios)
	for _, s := range scenarios {
		s.name += ", to topics"
		s.setup.topics, s.setup.fifo, s.setup.hurried = s.setup.outputs, s.setup.outputs == 2, true
		all = append(all, s)
	}
	return all
}

// struck plays a scenario whose run meets one blow, and its next run perhaps another.
func (s scenario) struck(m mutant, tracing bool, hits ...blow) (w *world, met bool) {
	w = s.begin(m, tracing)
	defer w.abandon()
	met = true
	for _, b := range hits {
		met = w.strike(b) && met
	}
	w.leaveBriefly()
	return w, met
}

// TestEveryStepEveryFault lets the run of every scenario meet every fault at step 1, 2, 3, … until it comes through
// untouched.
func TestEveryStepEveryFault(t *testing.T) {
	var points atomic.Int64
	all := worlds()
	inParallel(t, all, func(t *testing.T, s scenario) {
		for _, f := range blows {
			points.Add(s.everyStep(t, f))
		}
		if s.setup.topics > 0 {
			points.Add(s.everyAnswer(t))
		}
	})
	t.Logf("%d scenarios, %d faults", len(all), points.Load())
}

func (s scenario) everyStep(t *testing.T, f fate) (points int64) {
	t.Helper()
	for step := 1 + s.skipped(); ; step += 1 + s.skipped() {
		w, met := s.struck(mutant{}, false, blow{step: step, fate: f})
		if w.broken != nil {
			t.Errorf("%s, %s: %v", s.name, blow{step: step, fate: f}, w.broken)
			s.show(t, blow{step: step, fate: f})
			return points
		}
		if !met {
			return points
		}
		points++
	}
}

// skipped returns how many points to leave out before the next. None, but that the catalogue's second half, which takes
// the longest, is played in a random quarter of its points unless -wide asks for all.
func (s scenario) skipped() int {
	if s.setup.topics == 0 || *wideFlag {
		return 0
	}
	return rand.IntN(7)
}

// everyAnswer lets a topic answer each call in every way: each event taken, refused, not mentioned, or taken and not
// mentioned.
func (s scenario) everyAnswer(t *testing.T) (points int64) {
	t.Helper()
	for step := 1; ; step++ {
		for mask := 1 + s.skipped(); ; mask += 1 + s.skipped() {
			b := blow{step, partly, mask}
			w, met := s.struck(mutant{}, false, b)
			if w.broken != nil {
				t.Errorf("%s, %s: %v", s.name, b, w.broken)
				s.show(t, b)
				return points
			}
			if !met {
				return points
			}
			if mask >= 1<<(2*w.parts) {
				break
			}
			points++
		}
	}
}

var pairsFlag = flag.Bool("pairs", false, "let every scenario also meet every fault at every step of each of two runs")

// TestEveryPairOfFaults lets the run of every scenario meet every fault at every step, and the run after it too.
func TestEveryPairOfFaults(t *testing.T) {
	var points atomic.Int64
	inParallel(t, worlds(), func(t *testing.T, s scenario) {
		chance := rand.New(rand.NewPCG(rand.Uint64(), 0))
		all := s.blowsOf()
		for _, first := range all {
			for _, second := range all {
				if !*pairsFlag && chance.IntN(oneIn) > 0 {
					continue
				}
				points.Add(1)
				if w, _ := s.struck(mutant{}, false, first, second); w.broken != nil {
					t.Errorf("%s, %s, then %s: %v", s.name, first, second, w.broken)
					s.show(t, first, second)
					return
				}
			}
		}
	})
	t.Logf("%d pairs of faults", points.Load())
}

// oneIn so many pairs of faults is played, unless all are asked for.
const oneIn = 1000

// blowsOf returns every fault at every step of a scenario.
func (s scenario) blowsOf() []blow {
	w := s.begin(mutant{}, false)
	defer w.abandon()
	before := w.seen.calls
	w.strike(blow{})
	var all []blow
	for step := range w.seen.calls - before {
		for _, f := range blows {
			all = append(all, blow{step: 1 + step, fate: f})
		}
	}
	return all
}

// TestLadder lets one world meet the same fault at step 1 of one run, step 2 of the next, and so on, until a run comes
// through untouched.
func TestLadder(t *testing.T) {
	inParallel(t, worlds(), func(t *testing.T, s scenario) {
		for _, f := range append(blows, partly) {
			w := s.begin(mutant{}, false)
			for step := 1; w.broken == nil && w.strike(blow{step: step, fate: f}); step++ {
			}
			w.leaveAlone()
			w.abandon()
			if w.broken != nil {
				t.Errorf("%s, each step %s: %v", s.name, f, w.broken)
			}
		}
	})
}

func (s scenario) show(t *testing.T, hits ...blow) {
	t.Helper()
	if !testing.Verbose() {
		return
	}
	w, _ := s.struck(mutant{}, true, hits...)
	for _, line := range w.trace {
		t.Log(line)
	}
}

// inBubble runs a test of its own, in which waiting costs no time.
func inBubble(t *testing.T, name string, f func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// A named thing is what a test is about.
type named interface{ String() string }

// inParallel runs a test for each of some things, several at a time, each in a bubble, and returns when all are over.
func inParallel[T named](t *testing.T, all []T, f func(*testing.T, T)) {
	t.Helper()
	t.Run("all", func(t *testing.T) {
		for _, one := range all {
			t.Run(one.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { f(t, one) })
			})
		}
	})
}
