package watch_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

func TestRunTellsChangesOnce(t *testing.T) {
	w := newWorld(t)
	w.list(target, []restore.Job{job("old", -time.Hour, "IN_PROGRESS")})
	report := w.mustRun()
	if sum := report.Total(); sum.Listed != 1 || sum.Adopted != 1 || sum.Changed != 1 || len(sum.Published) != 0 || !report.Passes[0].Begun {
		t.Errorf("first run: %+v", sum)
	}
	w.list(target, []restore.Job{job("new", time.Minute, "IN_PROGRESS"), job("old", -time.Hour, "FINISHED")})
	w.mustRun()
	w.mustRun()
	w.wantTold("new.created", "old.status.FINISHED")
	if w.outboxes() != 0 {
		t.Errorf("%d events left in the outboxes", w.outboxes())
	}
}

// Design section 4: what a run costs.
func TestWarmRunCostsNothing(t *testing.T) {
	w := newWorld(t)
	jobs := []restore.Job{job("live", time.Second, "IN_PROGRESS")}
	for i := range 2000 {
		old := job(fmt.Sprintf("old%04d", i), -time.Duration(i+1)*time.Hour, "FINISHED")
		old.Delivery.Status = restore.DeliveryExpired
		jobs = append(jobs, old)
	}
	w.list(target, jobs)
	w.mustRun()
	if w.pagesRead != 5 || w.loads != 1 {
		t.Errorf("first run: %d pages, %d loads; want the whole listing of 5 pages and 1 load", w.pagesRead, w.loads)
	}
	w.resetCounts()
	for range 5 {
		w.mustRun()
	}
	if w.pagesRead != 5 || w.loads+w.saves+w.drops+w.publishes != 0 {
		t.Errorf("five warm runs: %d pages, %d loads, %d saves, %d drops, %d publishes; want 5 pages and nothing else",
			w.pagesRead, w.loads, w.saves, w.drops, w.publishes)
	}
	w.restart()
	w.resetCounts()
	w.mustRun()
	if w.pagesRead != 1 || w.loads != 1 || w.saves != 0 {
		t.Errorf("cold run: %d pages, %d loads, %d saves; want 1, 1, 0", w.pagesRead, w.loads, w.saves)
	}
}

func TestChangedJobCostsTwoWrites(t *testing.T) {
	w := newWorld(t)
	var before, after []restore.Job
	for i := range 10 {
		before = append(before, job(fmt.Sprintf("j%d", i), -time.Second, "IN_PROGRESS"))
		after = append(after, job(fmt.Sprintf("j%d", i), -time.Second, "FINISHED"))
	}
	w.list(target, before)
	w.mustRun()
	w.resetCounts()
	w.list(target, after)
	report := w.mustRun()
	if w.saves != 20 || w.publishes != 1 || w.loads != 0 || len(report.Total().Published) != 10 {
		t.Errorf("ten changed jobs: %d saves, %d publishes, %d loads, %d published; want 20, 1, 0, 10",
			w.saves, w.publishes, w.loads, len(report.Total().Published))
	}
}

// A reading goes on past the newest page for as long as something alive may follow.
func TestReadingDepth(t *testing.T) {
	finished := func(id string, age time.Duration) restore.Job {
		j := job(id, age, "FINISHED")
		j.Delivery.Status = restore.DeliveryExpired
		return j
	}
	many := func(n int, from time.Duration) (jobs []restore.Job) {
		for i := range n {
			jobs = append(jobs, finished(fmt.Sprintf("m%d", i), from-time.Duration(i)*time.Second))
		}
		return jobs
	}
	for _, tt := range []struct {
		name string
		jobs []restore.Job
		want int // pages of a warm run
	}{
		{"nothing alive", many(1000, -time.Hour), 1},
		{"one alive at the end", append(many(1000, -time.Hour), job("z", -24*time.Hour+time.Minute, "IN_PROGRESS")), 11},
		{"one alive in the middle", slices.Insert(many(1000, -time.Hour), 450, job("z", -time.Hour-450*time.Second, "IN_PROGRESS")), 5},
		{"out of order", slices.Insert(many(1000, -time.Hour), 50, finished("z", -48*time.Hour)), 11},
		{"without creation time", slices.Insert(many(1000, -time.Hour), 50, restore.Job{ID: "z", Status: "FINISHED"}), 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.list(target, tt.jobs)
			w.mustRun()
			w.resetCounts()
			w.mustRun()
			if w.pagesRead != tt.want {
				t.Errorf("read %d pages, want %d", w.pagesRead, tt.want)
			}
		})
	}
}

func TestReadsEverythingOnceAnHour(t *testing.T) {
	w := newWorld(t)
	var jobs []restore.Job
	for i := range 600 {
		old := job(fmt.Sprintf("o%d", i), -time.Duration(i+1)*time.Hour, "FINISHED")
		old.Delivery.Status = restore.DeliveryExpired
		jobs = append(jobs, old)
	}
	late := job("late", -500*time.Hour-time.Second, "IN_PROGRESS") // listed out of the blue, far down
	w.list(target, jobs)
	w.mustRun()
	w.list(target, slices.Insert(slices.Clone(jobs), 500, late))
	w.mustRun()
	if w.outboxes() != 0 || len(w.records[target]) != 1 {
		t.Fatalf("%d records after a reading of the newest page", len(w.records[target]))
	}
	for range 60 {
		w.mustRun()
	}
	if _, found := w.records[target]["job/late"]; !found {
		t.Error("a job far down the listing was not found within an hour")
	}
}

func TestLedgerIsReloadedNowAndThen(t *testing.T) {
	w := newWorld(t)
	for range 21 {
		w.mustRun()
	}
	if w.loads != 3 {
		t.Errorf("%d loads in 21 minutes, want one every ten", w.loads)
	}
}

func TestOneBadTargetDoesNotStopOthers(t *testing.T) {
	w := newWorld(t, target, other)
	w.list(other, []restore.Job{job("a", time.Second, "IN_PROGRESS")})
	w.fails[target] = errFault
	report := w.mustRun()
	wantFailures(t, report, "legacy:p/c unavailable")
	w.wantTold("a.created")

	w.fails[other] = errFault
	report, err := w.run()
	wantFailures(t, report, "legacy:p/c unavailable", "legacy:p/other unavailable")
	wantError(t, err, "2 of 2 targets failed", "legacy:p/c: unavailable: injected fault", "legacy:p/other")
}

// Failures in a row are remembered by the store, so that cold starts do not begin to count anew.
func TestUnreachableAcrossColdStarts(t *testing.T) {
	w := newWorld(t, target, other)
	w.mustRun()
	w.fails[target] = errFault
	for range 5 {
		w.restart()
		w.mustRun()
	}
	since := t0.Add(2 * time.Minute).Unix()
	w.wantTold(fmt.Sprintf("p/c.unreachable.%d", since))
	w.resetCounts()
	w.mustRun()
	if w.saves != 0 {
		t.Errorf("blindness that was told costs %d writes a run", w.saves)
	}
	delete(w.fails, target)
	w.mustRun()
	w.mustRun()
	w.wantTold(fmt.Sprintf("p/c.unreachable.%d", since), fmt.Sprintf("p/c.recovered.%d", since))
}

// Time that is left when the deadline nears belongs to saving and publishing what was found.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := restore.Target{Source: restore.Legacy, Project: "p", Cluster: "slow"}
		w := newWorld(t, target, other, slow)
		w.now = time.Unix(60, 0).UTC() // the minute decides who begins: the slow one
		w.Concurrency = 1
		w.list(target, []restore.Job{job("a", time.Second, "IN_PROGRESS")})
		w.list(other, []restore.Job{job("b", time.Second, "IN_PROGRESS")})
		w.Lister = stalling{w, slow}
		for turn := range 2 {
			w.now = w.now.Add(time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			started := time.Now()
			report, err := w.Run(ctx, w.now)
			cancel()
			if allFailed := turn == 0; (err != nil) != allFailed {
				t.Errorf("run %d: %v", turn+1, err)
			}
			if took := time.Since(started); took != 30*time.Second {
				t.Errorf("the run took %s of its 40 s, want it to give up listing after 30 s", took)
			}
			if len(report.Passes) != 3 {
				t.Errorf("%d passes reported, want all three", len(report.Passes))
			}
		}
		slices.Sort(w.tries)
		if !slices.Equal(w.tries, []string{"a.created", "b.created"}) {
			t.Errorf("told %q: a target that had no turn in one run comes first in the next", w.tries)
		}
	})
}

// stalling is a lister that does not answer for one target.
type stalling struct {
	watch.Lister
	stalled restore.Target
}

func (s stalling) RestoreJobs(ctx context.Context, t restore.Target, n int) iter.Seq2[[]restore.Job, error] {
	if t != s.stalled {
		return s.Lister.RestoreJobs(ctx, t, n)
	}
	return func(yield func([]restore.Job, error) bool) {
		<-ctx.Done()
		yield(nil, ctx.Err())
	}
}

// The kind and the hint of a failure come from the error that knows.
func TestFailureKind(t *testing.T) {
	w := newWorld(t)
	w.mustRun()
	w.fails[target] = fmt.Errorf("page 1: %w", forbidden{})
	for range 3 {
		_, err := w.run()
		wantError(t, err, "legacy:p/c: access_list: page 1: not from here")
	}
	if f := w.told[0].Failure; f.Kind != restore.FailedAccessList || f.Hint != "add 203.0.113.9" {
		t.Errorf("told %+v", *f)
	}
}

type forbidden struct{}

func (forbidden) Error() string                    { return "not from here" }
func (forbidden) FailureKind() restore.FailureKind { return restore.FailedAccessList }
func (forbidden) Hint() string                     { return "add 203.0.113.9" }

func TestEmptyWatch(t *testing.T) {
	var w watch.Watcher
	if report, err := w.Run(t.Context(), t0); err != nil || len(report.Passes) != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
}

// A store that shows no beginning would make all history news.
func TestLedgerWithoutBeginning(t *testing.T) {
	w := newWorld(t)
	w.list(target, []restore.Job{job("a", -time.Hour, "IN_PROGRESS")})
	w.saveFault = func(restore.Record) fault { return conflict }
	report, err := w.run()
	wantFailures(t, report, "legacy:p/c state")
	wantError(t, err, "begin ledger")
	if len(w.told) != 0 || errors.Is(err, watch.ErrConflict) {
		t.Errorf("told %q, error %v", w.ids(), err)
	}
}

// A target that got no turn is remembered all the same: its events are counted, and the next run asks the store for nothing.
func TestTargetWithoutATurnIsRemembered(t *testing.T) {
	w := newWorld(t)
	w.mustRun()
	w.list(target, []restore.Job{job("a", time.Minute, restore.InProgress)})
	w.pubFault = func(restore.Event) fault { return notApplied }
	if _, err := w.run(); err == nil {
		t.Fatal("what was not published was not reported")
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	report, err := w.Run(late, w.now.Add(time.Minute))
	wantError(t, err, "no time left")
	if got := report.Total().Pending; got != 1 {
		t.Errorf("%d events pending, want 1", got)
	}
	w.pubFault = nil
	w.resetCounts()
	w.mustRun()
	if w.wantTold("a.created"); w.loads != 0 {
		t.Errorf("the ledger was loaded %d times more", w.loads)
	}
}
