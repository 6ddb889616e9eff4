package simtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var epoch = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// A setup is what does not change during a history.
type setup struct {
	targets   int  // watched, 1 to 3
	atOnce    int  // targets that a run passes over at a time
	outputs   int  // to publish to, 1 or 2
	topics    int  // of the outputs, so many are SNS topics with their real publisher
	fifo      bool // which drop what they had within five minutes
	hurried   bool // runs have a deadline
	pageSize  int  // jobs that the API gives in a page
	sameBytes bool // the store takes a refused write for its own if the very bytes stand there, as DynamoDB's does
	reversed  bool // the API lists the oldest first
}

// A world is everything around the watchers: an API, a store, outputs and a clock.
type world struct {
	setup
	rules restore.Rules
	now   time.Time // what clocks should say
	skew  time.Duration

	stale int // so many states ago is what a lagging replica of the API answers with

	places     []*place
	topicLogs  map[string]*topicLog
	parts      int      // of the last call to a topic
	late       []func() // writes still on their way although their caller has given up
	containers []*container
	runs       []*run

	mu      sync.Mutex
	pending []*call
	tracing bool
	trace   []string
	broken  *violation
	mutant  mutant
	seen    census
}

// A row is one stored record, and what the oracle says it holds. Rows are never edited.
type row struct {
	version int
	body    []byte
	record  restore.Record // as read back from body
	facts   facts
}

// A container is one process with a watcher that remembers its ledger between runs.
type container struct {
	id       int
	watcher  *watch.Watcher
	memories []*memory // by place
	running  *run
	last     *run
	memo     any // of a mutant
}

// A memory is what a container remembers of a place.
type memory struct {
	known map[restore.Key]*row // what its ledger was read from or saved as
	memo  any                  // of a mutant
}

// A run is one invocation in a container.
type run struct {
	*world
	id        int
	in        *container
	now       time.Time
	began     time.Time // by the clock of the bubble
	ctx       context.Context
	cancel    context.CancelFunc
	dead      bool // killed: its process is gone
	cancelled bool
	finished  bool
	report    watch.Report
	err       error
	visits    []*visit // by place
}

// A visit is one run at one place.
type visit struct {
	*run
	*memory
	at    *place
	sight sight
	asked int  // how many states the API had had when the first page was read
	fresh bool // the ledger was loaded by this run
}

// A violation is a broken promise.
type violation struct {
	invariant string
	detail    string
}

func (v *violation) Error() string { return v.invariant + ": " + v.detail }

func newWorld(s setup) *world {
	w := &world{
		setup: s, now: epoch, topicLogs: make(map[string]*topicLog),
		rules: restore.Rules{
			ExpiryWarnings: []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute},
			StuckAfter:     24 * time.Hour, UnreachableAfter: 3,
		},
	}
	w.seen = newCensus()
	for n := range max(s.targets, 1) {
		w.places = append(w.places, newPlace(w, n))
	}
	return w
}

// violate notes the first broken promise; what comes after it may only be a consequence.
func (w *world) violate(invariant, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken == nil {
		w.broken = &violation{invariant, fmt.Sprintf(format, args...)}
		if w.tracing {
			w.trace = append(w.trace, "*** "+w.broken.Error())
		}
	}
}

func (w *world) logf(format string, args ...any) {
	if !w.tracing {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trace = append(w.trace, w.now.Format("Jan 02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// container returns the container of a number, started if it is not there.
func (w *world) container(id int) *container {
	for _, c := range w.containers {
		if c.id == id {
			return c
		}
	}
	c := &container{id: id}
	for range w.places {
		c.memories = append(c.memories, &memory{known: make(map[restore.Key]*row)})
	}
	w.containers = append(w.containers, c)
	return c
}

// discard ends a container with all that it remembers.
func (w *world) discard(c *container) {
	w.containers = slices.DeleteFunc(w.containers, func(other *container) bool { return other == c })
}
