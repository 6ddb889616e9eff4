package watch_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// These are the rows of the table in docs/design.md, "It breaks here", each with the call failing before its effect and
// after it.

// changing returns a world that has watched a job and is about to see it finish.
func changing(t *testing.T) *world {
	w := newWorld(t)
	w.list(target, []restore.Job{job("a", time.Second, "IN_PROGRESS")})
	w.mustRun()
	w.told, w.tries = nil, nil
	finished := job("a", time.Second, "FINISHED")
	finished.Delivery.Status = restore.DeliveryReady
	w.list(target, []restore.Job{finished})
	return w
}

func wantSettled(t *testing.T, w *world) {
	t.Helper()
	told := len(w.told)
	for range 3 {
		w.mustRun()
	}
	if len(w.told) != told || w.outboxes() != 0 {
		t.Errorf("not settled: told %q, %d events in outboxes", w.ids()[told:], w.outboxes())
	}
}

func TestLoadFails(t *testing.T) {
	w := newWorld(t, target, other)
	w.list(target, []restore.Job{job("a", time.Second, "IN_PROGRESS")})
	w.list(other, []restore.Job{job("b", time.Second, "IN_PROGRESS")})
	w.mustRun()
	w.told = nil
	w.restart()
	w.list(target, []restore.Job{job("a", time.Second, "FINISHED")})
	w.list(other, []restore.Job{job("b", time.Second, "FINISHED")})
	w.loadFault = func(t restore.Target) error {
		if t == target {
			return errFault
		}
		return nil
	}
	report := w.mustRun()
	wantFailures(t, report, "legacy:p/c state")
	w.wantTold("b.status.FINISHED")
	w.loadFault = nil
	w.mustRun()
	w.wantTold("b.status.FINISHED", "a.status.FINISHED")
	wantSettled(t, w)
}

func TestPageFails(t *testing.T) {
	for _, pages := range []int{0, 1} {
		w := changing(t)
		all := w.pages[target]
		w.pages[target], w.fails[target] = all[:pages], errFault
		w.resetCounts()
		_, err := w.run()
		wantError(t, err, "legacy:p/c: unavailable")
		if w.saves != 1 || w.publishes != 0 {
			t.Errorf("after %d good pages: %d saves, %d publishes; want only the failure counted", pages, w.saves, w.publishes)
		}
		w.pages[target] = all
		delete(w.fails, target)
		w.mustRun()
		w.wantTold("a.status.FINISHED", "a.delivery.READY")
		wantSettled(t, w)
	}
}

func TestSaveFails(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w := changing(t)
			w.saveFault = once(f, func(r restore.Record) bool { return len(r.Outbox) > 0 })
			report, err := w.run()
			wantFailures(t, report, "legacy:p/c state")
			wantError(t, err, "legacy:p/c: state: save job/a: injected fault")
			w.wantTold()
			w.mustRun()
			w.wantTold("a.status.FINISHED", "a.delivery.READY")
			wantSettled(t, w)
		})
	}
}

func TestBeginFails(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.saveFault = once(f, func(restore.Record) bool { return true })
			_, err := w.run()
			wantError(t, err, "legacy:p/c: state: begin ledger: injected fault")
			w.list(target, []restore.Job{job("a", 10*time.Minute, "FINISHED")})
			w.mustRun()
			w.wantTold("a.created", "a.status.FINISHED")
			wantSettled(t, w)
		})
	}
}

// Another run was faster. That is nothing to tell anybody about.
func TestSaveConflicts(t *testing.T) {
	w := changing(t)
	faster := w.watcher(target)
	if _, err := faster.Run(t.Context(), w.now.Add(30*time.Second)); err != nil {
		t.Fatal(err)
	}
	report := w.mustRun()
	wantFailures(t, report)
	w.wantTold("a.status.FINISHED", "a.delivery.READY")
	wantSettled(t, w)
}

// The other run saved and died: what it left is told by the run that lost to it, one run later.
func TestSaveConflictsWithARunThatDied(t *testing.T) {
	w := changing(t)
	dead := w.watcher(target)
	dead.Outputs[0].Publisher = unplugged{}
	if _, err := dead.Run(t.Context(), w.now.Add(30*time.Second)); err == nil {
		t.Fatal("a run that cannot publish succeeded")
	}
	w.mustRun()
	w.wantTold()
	w.mustRun()
	w.wantTold("a.status.FINISHED", "a.delivery.READY")
	wantSettled(t, w)
}

func TestPublishFails(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w := changing(t)
			w.pubFault = once(f, func(e restore.Event) bool { return e.Type == restore.JobStatusChanged })
			report, err := w.run()
			wantFailures(t, report, "legacy:p/c publish")
			wantError(t, err, "legacy:p/c: publish: publish 2 events to world: injected fault")
			if sum := report.Total(); sum.Pending != 2 || !sum.OldestPending.Equal(w.now) {
				t.Errorf("%d pending since %s, want 2 since now", sum.Pending, sum.OldestPending)
			}
			w.mustRun()
			want := []string{"a.status.FINISHED", "a.delivery.READY"}
			if f == appliedButFailed {
				want = []string{"a.status.FINISHED", "a.status.FINISHED", "a.delivery.READY"}
			}
			w.wantTold(want...)
			wantSettled(t, w)
		})
	}
}

// A job whose event is refused does not hold up another's.
func TestPublishFailsForOneJob(t *testing.T) {
	w := newWorld(t)
	w.list(target, []restore.Job{job("a", 10*time.Second, "FINISHED"), job("b", 5*time.Second, "FINISHED")})
	w.pubFault = once(notApplied, func(e restore.Event) bool { return e.ID == "a.created" })
	if _, err := w.run(); err == nil {
		t.Error("an event that could not be published is no error")
	}
	w.wantTold("b.created", "b.status.FINISHED")
	w.mustRun()
	w.wantTold("b.created", "b.status.FINISHED", "a.created", "a.status.FINISHED")
	wantSettled(t, w)
}

func TestTrimFails(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w := changing(t)
			w.saveFault = once(f, func(r restore.Record) bool { return len(r.Outbox) == 0 })
			report := w.mustRun() // reported, and no error: nothing is lost
			wantFailures(t, report, "legacy:p/c state")
			w.mustRun()
			want := []string{"a.status.FINISHED", "a.delivery.READY"}
			if f == notApplied {
				want = append(want, want...) // told once more, under the same ids
			}
			w.wantTold(want...)
			wantSettled(t, w)
		})
	}
}

// The record of a batch waits for those of its members: it must not tell the end of jobs that were not saved.
func TestBatchWaitsForItsJobs(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			member := func(id string, s restore.Status) restore.Job {
				j := job(id, time.Second, s)
				j.BatchID = "b"
				return j
			}
			w.list(target, []restore.Job{member("x", "IN_PROGRESS"), member("y", "IN_PROGRESS")})
			w.mustRun()
			w.told = nil
			w.list(target, []restore.Job{member("x", "FINISHED"), member("y", "FINISHED")})
			w.saveFault = once(f, func(r restore.Record) bool { return r.Key() == "job/y" && len(r.Outbox) > 0 })
			if _, err := w.run(); err == nil {
				t.Error("a job that could not be saved is no error")
			}
			w.wantTold("x.status.FINISHED")
			w.mustRun()
			w.wantTold("x.status.FINISHED", "y.status.FINISHED", "b.batch.FINISHED")
			wantSettled(t, w)
		})
	}
}

// Four runs at once, each with its own memory, tell everything; what is told twice has the same id.
func TestOverlappingRuns(t *testing.T) {
	w := changing(t)
	done := make(chan error)
	for range 4 {
		rival := w.watcher(target)
		go func() {
			_, err := rival.Run(t.Context(), w.now.Add(time.Minute))
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
	seen := make(map[string]bool)
	for _, e := range w.told {
		seen[e.ID] = true
	}
	if len(seen) != 2 || !seen["a.status.FINISHED"] || !seen["a.delivery.READY"] {
		t.Errorf("told %q", w.ids())
	}
	w.restart()
	wantSettled(t, w)
}

// With several outputs an event stays until all have taken it, and none is told twice because another failed.
func TestOutputsFailApart(t *testing.T) {
	for f, name := range faultNames {
		t.Run(name, func(t *testing.T) {
			w, second := changing(t), newWorld(t)
			w.Outputs = append(w.Outputs, watch.Output{Name: "second", Publisher: second})
			w.pubFault = once(f, func(e restore.Event) bool { return e.Type == restore.DeliveryStatusChanged })
			_, err := w.run()
			wantError(t, err, "publish 2 events to world: injected fault")
			second.wantTold("a.status.FINISHED", "a.delivery.READY")
			if w.outboxes() != 1 {
				t.Errorf("%d events left, want the one that one output has not taken", w.outboxes())
			}
			w.restart() // the progress is in the store, not in memory
			w.Outputs = append(w.Outputs, watch.Output{Name: "second", Publisher: second})
			w.mustRun()
			second.wantTold("a.status.FINISHED", "a.delivery.READY")
			want := []string{"a.status.FINISHED", "a.delivery.READY"}
			if f == appliedButFailed {
				want = append(want, "a.delivery.READY")
			}
			w.wantTold(want...)
			wantSettled(t, w)
			second.wantTold("a.status.FINISHED", "a.delivery.READY")
		})
	}
}

// An output that never answers delays nobody else, and the run ends in time to save.
func TestOutputHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := changing(t)
		w.Outputs = append(w.Outputs, watch.Output{Name: "deaf", Publisher: deaf{}})
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		_, err := w.Run(ctx, w.now.Add(time.Minute))
		wantError(t, err, "publish 2 events to deaf: context deadline exceeded")
		w.wantTold("a.status.FINISHED", "a.delivery.READY")
		// An output that is taken out of the configuration is not waited for.
		w.Outputs = w.Outputs[:1]
		w.now = w.now.Add(time.Minute)
		w.mustRun()
		wantSettled(t, w)
		w.wantTold("a.status.FINISHED", "a.delivery.READY")
	})
}
