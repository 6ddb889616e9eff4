package watch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"restorewatch/internal/restore"
)

const (
	// ledgerLife is how long a ledger is trusted without a look at the store. The conditional write is the truth; this
	// bounds how long a record that another run changed goes unnoticed while nothing of it changes here.
	ledgerLife = 10 * time.Minute

	// newestPage and fullPage are the page sizes of an ordinary reading, which mostly ends after the first page, and of
	// a reading to the end. The API's default is 100, its maximum 500.
	newestPage = 100
	fullPage   = 500
)

// A Watcher watches targets. Its ledgers stay in memory from one run to the next, so that a run in which nothing
// changes needs no store. Runs of one Watcher must not overlap; runs of different Watchers, in other processes too, may.
type Watcher struct {
	Targets []restore.Target
	Lister  Lister
	Finder  Finder // nil if no target is a "*"
	Store   Store
	Outputs []Output // each gets every event; at least one
	Rules   restore.Rules

	// Since is stored for targets that are watched for the first time, the beginning of what is news. Zero means the
	// time of that run.
	Since time.Time
	// Concurrency is how many targets are passed over at a time; 0 means 8.
	Concurrency int

	mu    sync.Mutex
	held  map[restore.Target]holding
	found map[restore.Target]finding
	born  map[restore.Target]time.Time // targets that came to be while they were looked for, and since when at the latest
}

// An Output is one place to publish to. Its name is stored with what it has not taken yet: keep it.
type Output struct {
	Name      string
	Publisher Publisher
}

// A holding is the ledger of a target between two passes.
type holding struct {
	ledger restore.Ledger
	loaded time.Time // when the store was last asked
	passed time.Time // when it was last its turn
}

// Run makes one pass over every target; one that fails does not stop the others. now is the run's only reading of the
// clock. If ctx has a deadline, listing stops early enough to save and publish what was found. The error, if any, is
// the report's Err.
func (w *Watcher) Run(ctx context.Context, now time.Time) (Report, error) {
	now = now.UTC().Truncate(time.Second)
	times, cancel := schedule(ctx)
	defer cancel()
	q := newQueue(w.inTurn(w.Targets, now))
	var workers sync.WaitGroup
	for range cmp.Or(w.Concurrency, 8) {
		workers.Go(func() {
			for target, ok := q.next(); ok; target, ok = q.next() {
				q.done(target, w.visit(q, times, target, now))
			}
		})
	}
	workers.Wait()
	report := q.report()
	return report, report.Err()
}

// visit makes the pass over a target, or queues the targets that it stands for.
func (w *Watcher) visit(q *queue, times phases, target restore.Target, now time.Time) Pass {
	if !target.Wild() {
		return w.pass(times, target, now)
	}
	pass, found := w.find(times, target, now)
	q.add(w.inTurn(found, now))
	return pass
}

// inTurn returns the targets, those passed over longest ago first, so that none starves when a run's time is too short
// for all. Without a memory the minute decides who begins.
func (w *Watcher) inTurn(all []restore.Target, now time.Time) []restore.Target {
	if len(all) == 0 {
		return nil
	}
	first := int(now.Unix()/60) % len(all)
	targets := slices.Concat(all[first:], all[:first])
	slices.SortStableFunc(targets, func(a, b restore.Target) int {
		return w.recall(a).passed.Compare(w.recall(b).passed)
	})
	return targets
}

func (w *Watcher) recall(t restore.Target) holding {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.held[t]
}

func (w *Watcher) keep(t restore.Target, h holding) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil {
		w.held = make(map[restore.Target]holding)
	}
	w.held[t] = h
}

// phases are the contexts of one run: whatever lists ends first, then whatever publishes, so that there is always time
// left to save what was listed and to note what was published.
type phases struct {
	list, publish, save context.Context //nolint:containedctx // three names for what else were three parameters everywhere
}

// schedule divides the time until ctx's deadline: the last quarter, at most ten seconds, is kept for publishing and
// saving, and the last third of that for saving alone.
func schedule(ctx context.Context) (phases, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return phases{ctx, ctx, ctx}, func() {}
	}
	reserve := min(time.Until(deadline)/4, 10*time.Second)
	list, cancelList := context.WithDeadline(ctx, deadline.Add(-reserve))
	publish, cancelPublish := context.WithDeadline(ctx, deadline.Add(-reserve/3))
	return phases{list, publish, ctx}, func() { cancelList(); cancelPublish() }
}
