package watch_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var (
	target = restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}
	other  = restore.Target{Source: restore.Legacy, Project: "p", Cluster: "other"}
	t0     = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

	errFault = errors.New("injected fault")
)

// A fault is what becomes of one call: nothing, failed without effect, or failed after its effect.
type fault int

const (
	none fault = iota
	notApplied
	appliedButFailed
	conflict // somebody else's write came first
)

var faultNames = map[fault]string{notApplied: "not applied", appliedButFailed: "applied but reported as failed"}

// A world is a watcher with a store, an API and a topic that can be made to fail.
type world struct {
	watch.Watcher
	t   testing.TB
	now time.Time

	mu        sync.Mutex
	pages     map[restore.Target][][]restore.Job
	fails     map[restore.Target]error // what the listing ends with, after its pages
	records   map[restore.Target]map[restore.Key]restore.Record
	saveFault func(restore.Record) fault
	loadFault func(restore.Target) error
	pubFault  func(restore.Event) fault
	told      []restore.Event // what reached the world
	tries     []string        // ids in the order tried

	pagesRead, loads, saves, drops, publishes int
}

func newWorld(t testing.TB, targets ...restore.Target) *world {
	w := &world{
		t: t, now: t0,
		pages:   make(map[restore.Target][][]restore.Job),
		fails:   make(map[restore.Target]error),
		records: make(map[restore.Target]map[restore.Key]restore.Record),
	}
	if len(targets) == 0 {
		targets = []restore.Target{target}
	}
	w.Watcher = w.watcher(targets...)
	return w
}

// watcher returns one more watcher of the same world: another container.
func (w *world) watcher(targets ...restore.Target) watch.Watcher {
	return watch.Watcher{Targets: targets, Lister: w, Store: w, Outputs: []watch.Output{{Name: "world", Publisher: w}}, Since: t0, Rules: restore.Rules{
		ExpiryWarnings: []time.Duration{time.Hour}, StuckAfter: 24 * time.Hour, UnreachableAfter: 3,
	}}
}

// run makes one run a minute after the last.
func (w *world) run() (watch.Report, error) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	return w.Run(w.t.Context(), w.now)
}

// mustRun makes one run that has to succeed.
func (w *world) mustRun() watch.Report {
	w.t.Helper()
	report, err := w.run()
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	return report
}

// restart forgets what the watcher has in memory, as a cold start does.
func (w *world) restart() { w.Watcher = w.watcher(w.Targets...) }

func (w *world) list(t restore.Target, pages ...[]restore.Job) { w.pages[t] = pages }

func (w *world) resetCounts() { w.pagesRead, w.loads, w.saves, w.drops, w.publishes = 0, 0, 0, 0, 0 }

// ids returns the ids that the world was told, in order.
func (w *world) ids() []string {
	var ids []string
	for _, e := range w.told {
		ids = append(ids, e.ID)
	}
	return ids
}

func (w *world) wantTold(ids ...string) {
	w.t.Helper()
	if got := w.ids(); !slices.Equal(got, ids) {
		w.t.Errorf("told:\n got %q\nwant %q", got, ids)
	}
}

func (w *world) outboxes() int {
	n := 0
	for _, records := range w.records {
		for _, r := range records {
			n += len(r.Outbox)
		}
	}
	return n
}

func (w *world) RestoreJobs(ctx context.Context, t restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		w.mu.Lock()
		pages, err := w.pages[t], w.fails[t]
		w.mu.Unlock()
		for _, page := range pages {
			for part := range slices.Chunk(page, perPage) {
				w.mu.Lock()
				w.pagesRead++
				w.mu.Unlock()
				if !yield(part, nil) {
					return
				}
			}
		}
		if len(pages) == 0 && err == nil {
			w.mu.Lock()
			w.pagesRead++
			w.mu.Unlock()
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (w *world) Load(_ context.Context, t restore.Target) (restore.Ledger, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loads++
	if w.loadFault != nil {
		if err := w.loadFault(t); err != nil {
			return restore.Ledger{}, err
		}
	}
	return restore.Ledger{Target: t, Records: maps.Clone(w.records[t])}, nil
}

func (w *world) Save(_ context.Context, r restore.Record) (restore.Record, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saves++
	f := none
	if w.saveFault != nil {
		f = w.saveFault(r)
	}
	switch {
	case f == notApplied:
		return restore.Record{}, errFault
	case f == conflict, w.records[r.Target][r.Key()].Version != r.Version:
		return restore.Record{}, fmt.Errorf("save %s: %w", r.Key(), watch.ErrConflict)
	}
	if w.records[r.Target] == nil {
		w.records[r.Target] = make(map[restore.Key]restore.Record)
	}
	r.Version++
	w.records[r.Target][r.Key()] = r
	if f == appliedButFailed {
		return restore.Record{}, errFault
	}
	return r, nil
}

func (w *world) Drop(_ context.Context, r restore.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drops++
	delete(w.records[r.Target], r.Key())
	return nil
}

func (w *world) Publish(_ context.Context, events []restore.Event) ([]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.publishes++
	accepted := make([]bool, len(events))
	refused := make(map[string]bool)
	var failed error
	for i, e := range events {
		if refused[e.Subject] {
			continue
		}
		f := none
		w.tries = append(w.tries, e.ID)
		if w.pubFault != nil {
			f = w.pubFault(e)
		}
		if f != notApplied {
			w.told = append(w.told, e)
		}
		if f != none {
			refused[e.Subject], failed = true, errFault
			continue
		}
		accepted[i] = true
	}
	return accepted, failed
}

// job returns a restore job that was created a while after t0 and is under way.
func job(id string, age time.Duration, s restore.Status) restore.Job {
	return restore.Job{
		ID: restore.JobID(id), Created: t0.Add(age), Status: s,
		Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryNotStarted},
	}
}

// once returns a fault function that strikes the first time that match says so.
func once[T any](f fault, match func(T) bool) func(T) fault {
	struck := false
	return func(v T) fault {
		if struck || !match(v) {
			return none
		}
		struck = true
		return f
	}
}

// wantFailures compares "target kind" of each failure.
func wantFailures(t *testing.T, report watch.Report, want ...string) {
	t.Helper()
	var got []string
	for _, p := range report.Passes {
		for _, f := range p.Failures {
			got = append(got, p.Target.String()+" "+string(f.Kind))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("failures: got %q, want %q", got, want)
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error: got %v, want it to name %q", err, part)
		}
	}
}

// unplugged is a publisher that reaches nobody.
type unplugged struct{}

func (unplugged) Publish(_ context.Context, events []restore.Event) ([]bool, error) {
	return make([]bool, len(events)), errFault
}

// deaf is a publisher that never answers.
type deaf struct{}

func (deaf) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	<-ctx.Done()
	return make([]bool, len(events)), ctx.Err()
}
