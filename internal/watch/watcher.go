package watch

import (
	"cmp"
	"context"
	"math"
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
	n := len(all)
	if n == 0 {
		return nil
	}
	step := stride(n)
	first := beginning(now, n) * step % n
	targets := make([]restore.Target, n)
	for i := range targets {
		targets[i] = all[(first+i)%n*step%n]
	}
	slices.SortStableFunc(targets, func(a, b restore.Target) int {
		return w.recall(a).passed.Compare(w.recall(b).passed)
	})
	return targets
}

// beginning returns a number below n for a minute. In n minutes that follow each other it mostly takes each value, and
// so it does for ticks that are further apart, although the minute modulo n would be the same for all when n divides the
// time between them: after every n minutes the count goes on from another place, chosen by the golden section.
func beginning(now time.Time, n int) int {
	minute := max(int(now.Unix()/60), 0)
	_, part := math.Modf(float64(minute/n) * (math.Phi - 1))
	return (minute + int(part*float64(n))) % n
}

// stride returns the step by which n targets are visited, each once: near the golden section, so that those visited in a
// row are of many projects, and so that runs which begin a step apart, minute after minute, begin far from each other.
func stride(n int) int {
	for s := max(1, n*618/1000); ; s++ {
		if divisor(s, n) == 1 {
			return s
		}
	}
}

// divisor returns the greatest that two numbers have in common.
func divisor(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
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

// phases are the contexts of one run. Whatever lists ends first, then the writing of what was listed, then the publishing,
// so that there is always time left for what rests on it. Those of the first line say until when something may begin; the
// others end what they are given to.
type phases struct {
	half, observe, tell context.Context //nolint:containedctx // names for what else were parameters everywhere
	list, publish, save context.Context //nolint:containedctx // the same
}

// schedule divides the time until ctx's deadline. The last quarter, at most ten seconds, is kept for saving what was
// listed (a third of it), for publishing (a third), and for noting what was published. The last moment is left alone: who
// is still at work then is killed, and loses what it remembers and could have reported.
func schedule(ctx context.Context) (phases, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return phases{ctx, ctx, ctx, ctx, ctx, ctx}, func() {}
	}
	left := time.Until(deadline)
	reserve := min(left/4, 10*time.Second)
	var cancels []context.CancelFunc
	before := func(d time.Duration) context.Context {
		phase, cancel := context.WithDeadline(ctx, deadline.Add(-d))
		cancels = append(cancels, cancel)
		return phase
	}
	times := phases{
		half:    before(reserve + (left-reserve)/2),
		list:    before(reserve),
		observe: before(reserve * 2 / 3),
		tell:    before(reserve / 2),
		publish: before(reserve / 3),
		save:    before(reserve / 10),
	}
	return times, func() {
		for _, cancel := range cancels {
			cancel()
		}
	}
}
