package simtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// A census counts what histories met, so that one sees that they met something.
type census struct {
	histories, runs, calls, conflicts, told, again int
	faults                                         map[string]int // by kind of call and fate
	events                                         map[restore.Type]int
	kinds                                          map[string]int // of what may happen beside faults
}

func newCensus() census {
	return census{faults: make(map[string]int), events: make(map[restore.Type]int), kinds: make(map[string]int)}
}

func (c *census) add(other census) {
	c.histories++
	c.runs += other.runs
	c.calls += other.calls
	c.conflicts += other.conflicts
	c.told += other.told
	c.again += other.again
	for what, n := range other.faults {
		c.faults[what] += n
	}
	for what, n := range other.events {
		c.events[what] += n
	}
	for what, n := range other.kinds {
		c.kinds[what] += n
	}
}

func (c *census) merge(other census) {
	histories := c.histories + other.histories
	c.add(other)
	c.histories = histories
}

func (c *census) String() string {
	faults := 0
	for _, n := range c.faults {
		faults += n
	}
	return fmt.Sprintf("%d histories: %d runs, %d calls, %d faults of %d kinds, %d conflicts, %d events told, %d of them once more",
		c.histories, c.runs, c.calls, faults, len(c.faults), c.conflicts, c.told, c.again)
}

// begins counts what is notable about a run that begins.
func (c *census) begins(r *run) {
	c.runs++
	together := 1
	for _, other := range r.runs {
		if other != r && !other.finished {
			together++
		}
	}
	if together > 1 {
		c.kinds[fmt.Sprintf("%d runs at once", min(together, 4))]++
	}
	switch {
	case r.skew > 0:
		c.kinds["run with a clock ahead"]++
	case r.skew < 0:
		c.kinds["run with a clock behind"]++
	}
	last := r.in.last
	switch {
	case last == nil:
		return
	case r.now.Before(last.now):
		c.kinds["clock set back between two runs"]++
	case r.now.Sub(last.now) > 2*time.Minute:
		c.kinds["ticks missed"]++
	}
}

// lists counts what is notable about a page that is read.
func (c *census) lists(v *visit, page int) {
	states := len(v.at.past)
	switch {
	case page == 0:
		v.asked = states
	case states != v.asked:
		c.kinds["listing that shifts while it is read"]++
	}
	if v.stale > 0 && states > 1 {
		c.kinds["stale page"]++
	}
	outdated := func(key restore.Key) bool { return v.known[key] != v.at.rows[key] }
	if !v.fresh && slices.ContainsFunc(slices.Collect(maps.Keys(v.at.rows)), outdated) {
		c.kinds["warm ledger that is out of date"]++
	}
}

// details writes a table of all that was counted.
func (c *census) details() string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(c.faults)) {
		lines = append(lines, fmt.Sprintf("%10d  %s", c.faults[what], what))
	}
	for _, what := range slices.Sorted(maps.Keys(c.events)) {
		lines = append(lines, fmt.Sprintf("%10d  %s owed", c.events[what], what))
	}
	for _, what := range slices.Sorted(maps.Keys(c.kinds)) {
		lines = append(lines, fmt.Sprintf("%10d  %s", c.kinds[what], what))
	}
	return strings.Join(lines, "\n")
}
