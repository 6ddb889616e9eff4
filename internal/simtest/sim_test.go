package simtest

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "the first history's seed; 0 takes a fresh one")
	histories = flag.Uint64("histories", 0, "play so many histories")
	forFlag   = flag.Duration("for", 0, "play histories for so long")
	keepFlag  = flag.String("keep", "", "replay only these deeds of the history, by number; a deed with a minus meets no fault")
)

const (
	usually = 2500 // histories, unless a flag says otherwise
	perTurn = 50   // histories in one bubble
)

// A campaign is many histories, played by several workers.
type campaign struct {
	mutant mutant
	first  uint64        // the first seed
	most   uint64        // histories
	until  time.Duration // or for so long
	began  time.Time
	taken  atomic.Uint64

	mu     sync.Mutex
	census census
	worst  *finding // that of the least seed
}

// A finding is a history that broke a promise.
type finding struct {
	history history
	broken  *violation
	after   uint64 // histories
}

// next returns the first seed of a turn, and whether there is one.
func (c *campaign) next() (uint64, uint64, bool) {
	n := c.taken.Add(perTurn) - perTurn
	c.mu.Lock()
	defer c.mu.Unlock()
	over := c.worst != nil || c.until > 0 && time.Since(c.began) > c.until || c.until == 0 && n >= c.most
	return n, min(perTurn, max(c.most, n+perTurn)-n), !over
}

// work plays one turn after another.
func (c *campaign) work(t *testing.T) {
	for n, count, ok := c.next(); ok; n, count, ok = c.next() {
		synctest.Test(t, func(*testing.T) {
			seen := newCensus()
			for i := n; i < n+count && !c.over(i); i++ {
				h := c.mutant.of(c.first + i)
				w := play(h, c.mutant, false)
				seen.add(w.seen)
				if w.broken != nil && c.mutant.meantFor(w.broken) {
					c.found(finding{h, w.broken, i + 1})
					break
				}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.census.merge(seen)
		})
	}
}

// over reports whether a history before that number broke a promise.
func (c *campaign) over(number uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.worst != nil && c.worst.after <= number
}

func (c *campaign) found(f finding) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.worst == nil || f.after < c.worst.after {
		c.worst = &f
	}
}

// run plays the whole campaign.
func (c *campaign) run(t *testing.T) {
	c.began, c.census = time.Now(), newCensus()
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // histories are short and leave nothing behind
	t.Run(cmp.Or(c.mutant.name, "workers"), func(t *testing.T) {
		for n := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				c.work(t)
			})
		}
	})
}

func freshSeed() uint64 { return 1 + rand.Uint64N(1<<40) }

// TestHistories plays histories of fresh seeds, and shows the shortest that it finds of one that breaks a promise.
func TestHistories(t *testing.T) {
	c := campaign{first: *seedFlag, most: *histories, until: *forFlag}
	if c.first == 0 {
		c.first = freshSeed()
	}
	if c.most == 0 {
		c.most = usually
	}
	c.run(t)
	t.Logf("seeds from %d: %s in %s", c.first, c.census.String(), time.Since(c.began).Round(time.Millisecond))
	if testing.Verbose() {
		t.Logf("met:\n%s", c.census.details())
	}
	if c.worst != nil {
		report(t, *c.worst)
		return
	}
	c.metEverything(t)
}

// kinds are what long enough campaigns meet beside faults.
var kinds = []string{
	"2 runs at once", "3 runs at once", "4 runs at once", "ticks missed", "warm ledger that is out of date",
	"run with a clock ahead", "run with a clock behind", "clock set back between two runs",
	"listing that shifts while it is read", "stale page", "record let go",
	"call that takes effect after it was given up", "run that outlives its tick by half a day",
	"time to load used up", "time to page used up", "time to save used up", "time to publish used up",
	"event refused by a topic", "event that a topic's answer does not mention", "event dropped by a topic as a repetition",
}

// metEverything complains when histories did not meet what they are for: then nothing was proved.
func (c *campaign) metEverything(t *testing.T) {
	if c.census.histories < usually {
		return
	}
	types := []restore.Type{
		restore.JobCreated, restore.JobStatusChanged, restore.DeliveryStatusChanged, restore.HashAdded, restore.HashChanged,
		restore.DeliveryExpiring, restore.JobStuck, restore.BatchFinished, restore.BatchFailed, restore.TargetUnreachable, restore.TargetRecovered,
	}
	for _, e := range types {
		if c.census.events[e] == 0 {
			t.Errorf("no history owed %s", e)
		}
	}
	for _, what := range []string{"load", "page", "save", "publish"} {
		for f := failBefore; f < numberFates; f++ {
			if f != partly && c.census.faults[what+" "+f.String()] == 0 {
				t.Errorf("no history had this: %s %s", what, f)
			}
		}
	}
	for _, kind := range kinds {
		if c.census.kinds[kind] == 0 {
			t.Errorf("no history had this: %s", kind)
		}
	}
	if c.census.conflicts == 0 || c.census.again == 0 {
		t.Errorf("%d conflicts, %d events told twice", c.census.conflicts, c.census.again)
	}
}

// report shrinks a history that broke a promise and says how to see it again.
func report(t *testing.T, f finding) {
	t.Helper()
	var short history
	var trace []string
	synctest.Test(t, func(*testing.T) {
		short = shrink(f.history, mutant{}, f.broken.invariant)
		trace = play(short, mutant{}, true).trace
	})
	t.Errorf("%v\nshrunk to %s\n%s\nagain: go test ./internal/simtest -run TestReplay -v -seed %d -keep %s",
		f.broken, short, strings.Join(trace, "\n"), short.seed, short.kept())
}

// TestReplay shows the history of the seed that is asked for. Without one it plays some histories twice: the same seed
// has to be the same history to the last call.
func TestReplay(t *testing.T) {
	if *seedFlag == 0 {
		synctest.Test(t, func(t *testing.T) {
			for seed := range uint64(20) {
				first, second := play(generate(seed), mutant{}, true), play(generate(seed), mutant{}, true)
				if a, b := strings.Join(first.trace, "\n"), strings.Join(second.trace, "\n"); a != b {
					t.Errorf("seed %d played twice:\n%s\n\n%s", seed, a, b)
				}
			}
		})
		return
	}
	h := generate(*seedFlag)
	if *keepFlag != "" {
		var err error
		if h, err = h.only(*keepFlag); err != nil {
			t.Fatalf("-keep: %v", err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		w := play(h, mutant{}, true)
		t.Logf("%s\n%s", h, strings.Join(w.trace, "\n"))
		if w.broken != nil {
			t.Error(w.broken)
		}
	})
}
