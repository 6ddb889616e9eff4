package simtest

import (
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "begin with this seed instead of a fresh one")
	histories = flag.Int("histories", 0, "play so many histories")
	forFlag   = flag.Duration("for", 0, "play histories for so long")
	keep      = flag.String("keep", "", "replay only these deeds of the history, by number; one with a minus meets no fault")
)

func TestHistories(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	t.Logf("seed %d", seed)
	n := *histories
	if n == 0 {
		n = 2000
	}
	start := time.Now()
	steps, faults, runs := 0, 0, 0
	synctest.Test(t, func(t *testing.T) {
		for i := range uint64(n) {
			w := play(generate(seed+i), mutant{}, false)
			steps += w.counts.steps
			faults += w.counts.faults
			runs += w.counts.runs
			if w.broken != nil {
				t.Errorf("seed %d: %v", seed+i, w.broken)
				if testing.Verbose() {
					w := play(generate(seed+i), mutant{}, true)
					for _, l := range w.trace {
						t.Log(l)
					}
				}
				return
			}
		}
	})
	t.Logf("%d histories, %d runs, %d calls, %d faults in %s", n, runs, steps, faults, time.Since(start))
}
