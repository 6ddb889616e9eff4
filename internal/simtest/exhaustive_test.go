package simtest

import (
	"testing"
	"testing/synctest"
)

// blows are the fates that each step of each scenario meets.
var blows = []fate{failBefore, failAfter, lost, late, killBefore, killAfter, cancelled}

// struck plays a scenario whose run meets one blow, and its next run perhaps another.
func (s scenario) struck(m mutant, tracing bool, hits ...blow) (w *world, met bool) {
	w = s.begin(m, tracing)
	defer w.abandon()
	met = true
	for _, b := range hits {
		met = w.strike(b) && met
	}
	w.leaveAlone()
	return w, met
}

// TestEveryStepEveryFault lets the run of every scenario meet every fault at step 1, 2, 3, … until it comes through
// untouched.
func TestEveryStepEveryFault(t *testing.T) {
	points := 0
	for _, s := range scenarios {
		inBubble(t, s.name, func(t *testing.T) {
			for _, f := range blows {
				for step := 1; ; step++ {
					w, met := s.struck(mutant{}, false, blow{step, f})
					if w.broken != nil {
						t.Errorf("%s, %s: %v", s.name, blow{step, f}, w.broken)
						s.show(t, blow{step, f})
						break
					}
					if !met {
						break
					}
					points++
				}
			}
		})
	}
	t.Logf("%d scenarios, %d faults", len(scenarios), points)
}

// TestLadder lets one world meet the same fault at step 1 of one run, step 2 of the next, and so on, until a run comes
// through untouched.
func TestLadder(t *testing.T) {
	for _, s := range scenarios {
		inBubble(t, s.name, func(t *testing.T) {
			for _, f := range blows {
				w := s.begin(mutant{}, false)
				for step := 1; w.broken == nil && w.strike(blow{step, f}); step++ {
				}
				w.leaveAlone()
				w.abandon()
				if w.broken != nil {
					t.Errorf("%s, each step %s: %v", s.name, f, w.broken)
				}
			}
		})
	}
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
