package simtest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var (
	target = restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}
	epoch  = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
)

// A setup is what does not change during a history.
type setup struct {
	outputs   int  // places to publish to, 1 or 2
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

	past   [][]restore.Job // every state of the API, the latest last
	stale  int             // so many states ago is what a lagging replica answers with
	outage restore.FailureKind

	rows       map[restore.Key]*row
	late       []func() // writes still on their way although their caller has given up
	containers []*container
	runs       []*run
	oracle     *oracle

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
	id      int
	watcher *watch.Watcher
	known   map[restore.Key]*row // what its ledger was read from or saved as
	running *run
	memo    any // of a mutant
}

// A run is one invocation in a container.
type run struct {
	*world
	id        int
	in        *container
	now       time.Time
	ctx       context.Context
	cancel    context.CancelFunc
	dead      bool // killed: its process is gone
	cancelled bool
	finished  bool
	report    watch.Report
	err       error
	sight     sight
}

// A violation is a broken promise.
type violation struct {
	invariant string
	detail    string
}

func (v *violation) Error() string { return v.invariant + ": " + v.detail }

func newWorld(s setup) *world {
	w := &world{
		setup: s, now: epoch, past: [][]restore.Job{nil}, rows: make(map[restore.Key]*row),
		rules: restore.Rules{
			ExpiryWarnings: []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute},
			StuckAfter:     24 * time.Hour, UnreachableAfter: 3,
		},
	}
	w.oracle, w.seen = newOracle(w), newCensus()
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
	c := &container{id: id, known: make(map[restore.Key]*row)}
	w.containers = append(w.containers, c)
	return c
}

// discard ends a container with all that it remembers.
func (w *world) discard(c *container) {
	w.containers = slices.DeleteFunc(w.containers, func(other *container) bool { return other == c })
}

// jobs returns the state of the API.
func (w *world) jobs() []restore.Job { return w.past[len(w.past)-1] }

// answer returns what the API lists at this moment, in its order.
func (w *world) answer() []restore.Job {
	jobs := slices.Clone(w.past[max(0, len(w.past)-1-w.stale)])
	slices.SortFunc(jobs, func(a, b restore.Job) int {
		order := cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
		if w.reversed {
			return -order
		}
		return order
	})
	return jobs
}

// edit makes a new state of the API in which one job differs. A job that is not there yet is made.
func (w *world) edit(id restore.JobID, change func(*restore.Job)) {
	jobs := slices.Clone(w.jobs())
	i := slices.IndexFunc(jobs, func(j restore.Job) bool { return j.ID == id })
	if i < 0 {
		jobs, i = append(jobs, restore.Job{
			ID: id, ProjectID: target.Project, ClusterName: target.Cluster, ClusterID: "of-" + string(id), SnapshotID: "snapshot",
			Created: w.now, Status: restore.InProgress,
			Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryNotStarted, MaxDownloads: 1, ExpirationHours: 48},
		}), len(jobs)
	}
	change(&jobs[i])
	w.past = append(w.past, jobs)
}

// remove makes a new state of the API without a job.
func (w *world) remove(id restore.JobID) {
	w.past = append(w.past, slices.DeleteFunc(slices.Clone(w.jobs()), func(j restore.Job) bool { return j.ID == id }))
}

func (w *world) listed(id restore.JobID) bool {
	return slices.ContainsFunc(w.jobs(), func(j restore.Job) bool { return j.ID == id })
}
