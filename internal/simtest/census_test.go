package simtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"restorewatch/internal/restore"
)

// A census counts what histories met, so that one sees that they met something.
type census struct {
	histories, runs, calls, conflicts, told, again int
	faults                                         map[string]int // by kind of call and fate
	events                                         map[restore.Type]int
}

func newCensus() census {
	return census{faults: make(map[string]int), events: make(map[restore.Type]int)}
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

// details writes a table of all that was counted.
func (c *census) details() string {
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(c.faults)) {
		lines = append(lines, fmt.Sprintf("%10d  %s", c.faults[what], what))
	}
	for _, what := range slices.Sorted(maps.Keys(c.events)) {
		lines = append(lines, fmt.Sprintf("%10d  %s owed", c.events[what], what))
	}
	return strings.Join(lines, "\n")
}
