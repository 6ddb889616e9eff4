package watch_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A pace is how long the calls of a slow world take.
type pace struct {
	*world
	list, save, tell time.Duration
	stalled          string // a project that does not answer
	listed           map[restore.Target]int
}

// restart forgets what the watcher has in memory.
func (s *pace) restart() {
	s.world.restart()
	s.Lister, s.Store, s.Outputs = s, s, []watch.Output{{Name: "world", Publisher: s}}
}

// wait lets d pass, or fails when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *pace) RestoreJobs(ctx context.Context, t restore.Target, n int) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		d := s.list
		if t.Project == s.stalled {
			d = time.Hour
		}
		if err := wait(ctx, d); err != nil {
			yield(nil, err)
			return
		}
		s.mu.Lock()
		s.listed[t]++
		s.mu.Unlock()
		s.world.RestoreJobs(ctx, t, n)(yield)
	}
}

func (s *pace) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	if err := wait(ctx, s.save); err != nil {
		return restore.Record{}, err
	}
	return s.world.Save(ctx, r)
}

// Publish takes a while for each ten events, as SNS does. Those of a call that is cut off arrive all the same.
func (s *pace) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted := make([]bool, len(events))
	done := 0
	for some := range slices.Chunk(events, 10) {
		took, err := s.world.Publish(ctx, some)
		if late := wait(ctx, s.tell); late != nil {
			return accepted, late
		}
		copy(accepted[done:], took)
		if done += len(some); err != nil {
			return accepted, err
		}
	}
	return accepted, nil
}

// finishing returns a world in which n jobs have just finished, and the ids of what is to be told.
func finishing(t *testing.T, n int) (*world, []string) {
	w := newWorld(t)
	var before, after []restore.Job
	var owed []string
	for i := range n {
		id := fmt.Sprintf("j%05d", i)
		before = append(before, job(id, -time.Second, restore.InProgress))
		after = append(after, job(id, -time.Second, restore.Finished))
		owed = append(owed, id+".status.FINISHED")
	}
	w.list(target, before)
	w.mustRun()
	w.list(target, after)
	w.resetCounts()
	return w, owed
}

// wantAllTold is wantTold for more ids than anybody reads.
func (w *world) wantAllTold(owed []string) {
	w.t.Helper()
	got := w.ids()
	for i, id := range owed {
		if i >= len(got) || got[i] != id {
			w.t.Errorf("told %d events, want %d; place %d is not %s", len(got), len(owed), i, id)
			return
		}
	}
	if len(got) > len(owed) {
		w.t.Errorf("told %d events more than the %d that are owed", len(got)-len(owed), len(owed))
	}
}

// However many changes there are, each costs two writes; and what was told is noted now and then, not at the end.
func TestManyChangesAreToldInParts(t *testing.T) {
	w, owed := finishing(t, 1050)
	w.mustRun()
	if w.saves != 2*1050 || w.publishes != 53 {
		t.Errorf("%d saves and %d publishes, want 2100 and 53 of at most twenty records", w.saves, w.publishes)
	}
	w.wantAllTold(owed)
}

// A run that dies while it publishes has told no more than a part that the next one tells again.
func TestDeathAmongManyEvents(t *testing.T) {
	const jobs, survived = 1000, 350 // events that were told and noted
	w, owed := finishing(t, jobs)
	dead := func() fault {
		if w.saves > jobs+survived {
			return notApplied
		}
		return none
	}
	w.saveFault = func(restore.Record) fault { return dead() }
	w.pubFault = func(restore.Event) fault { return dead() }
	_, _ = w.run()
	w.saveFault, w.pubFault = nil, nil
	w.restart()
	w.mustRun()
	if again := len(w.told) - jobs; again < 1 || again > 20 {
		t.Errorf("%d events were told again, want some and at most a part of 20", again)
	}
	ids := w.ids()
	slices.Sort(ids)
	if !slices.Equal(slices.Compact(ids), owed) {
		t.Errorf("%d different events were told, want %d", len(slices.Compact(ids)), jobs)
	}
}

// What does not fit the time of one run is told by the next ones, once each, and each run gets on.
func TestMoreThanOneRunHasTimeFor(t *testing.T) {
	const jobs = 5000
	for _, tt := range []struct {
		name       string
		save, tell time.Duration
		runs       int // 10,000 writes and 500 calls, in 50 s each, of which ten are not for everything
	}{
		{"all fits", time.Millisecond, 10 * time.Millisecond, 1},
		{"a slow table", 15 * time.Millisecond, 10 * time.Millisecond, 4},
		{"a slow topic", time.Millisecond, 300 * time.Millisecond, 4},
		{"both", 40 * time.Millisecond, 300 * time.Millisecond, 14},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, owed := finishing(t, jobs)
			synctest.Test(t, func(t *testing.T) {
				s := &pace{world: w, save: tt.save, tell: tt.tell, listed: make(map[restore.Target]int)}
				s.restart()
				runs := 0
				for ; w.outboxes() > 0 || len(w.told) < jobs; runs++ {
					if runs > tt.runs {
						t.Fatalf("%d of %d events told in %d runs, %d are left", len(w.told), jobs, runs, w.outboxes())
					}
					report, err := s.within(t, 50*time.Second)
					if whole := report.Total().Pending == 0 && !report.Passes[0].Unsaved; (err == nil) != whole {
						t.Errorf("run %d: %+v, error %v", runs+1, report.Total().Pending, err)
					}
					if err != nil {
						wantError(t, err, "left for the next run: this one had no time left")
					}
				}
				if runs > tt.runs {
					t.Errorf("%d runs, want at most %d", runs, tt.runs)
				}
				w.wantAllTold(owed)
			})
		})
	}
}

// within makes a run with a deadline, which it must not come near: who is at work then is killed.
func (s *pace) within(t *testing.T, timeout time.Duration) (watch.Report, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	s.now = s.now.Add(time.Minute)
	began := time.Now()
	report, err := s.Run(ctx, s.now)
	if took := time.Since(began); took > timeout-timeout/50 {
		t.Errorf("the run took %s of its %s", took, timeout)
	}
	return report, err
}

// No target starves when a run has time for a part of them only.
func TestMoreTargetsThanOneRunHasTimeFor(t *testing.T) {
	const projects, clusters = 20, 50
	var targets []restore.Target
	for i := range projects {
		for c := range clusters {
			targets = append(targets, restore.Target{Source: restore.Cloud, Project: fmt.Sprintf("p%02d", i), Cluster: fmt.Sprintf("c%02d", c)})
		}
	}
	for _, tt := range []struct {
		name    string
		stalled string
		cold    bool // every run is of a new process, which remembers nothing
		runs    int
	}{
		// Each listing takes 3.1 s, and 8 are made at a time: in 40 s those of 96 targets, and 8 are cut off.
		{"warm", "", false, 11},
		{"warm, one project does not answer", "p07", false, 12},
		{"cold", "", true, 25},
		{"cold, one project does not answer", "p07", true, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &pace{world: newWorld(t, targets...), list: 3100 * time.Millisecond, stalled: tt.stalled, listed: make(map[restore.Target]int)}
				s.restart()
				for range tt.runs {
					if tt.cold {
						s.restart()
					}
					_, _ = s.within(t, 50*time.Second)
				}
				starved := 0
				for _, target := range targets {
					if target.Project != tt.stalled && s.listed[target] == 0 {
						starved++
					}
				}
				if starved > 0 {
					t.Errorf("%d of %d targets had no turn in %d runs", starved, len(targets), tt.runs)
				}
			})
		})
	}
}

// A target that hangs is found unreachable; those that a run had no time for are not.
func TestLeftForTheNextRunIsNotUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		targets := []restore.Target{{Source: restore.Cloud, Project: "hangs", Cluster: "c"}}
		for i := range 30 {
			targets = append(targets, restore.Target{Source: restore.Cloud, Project: "p", Cluster: fmt.Sprintf("c%02d", i)})
		}
		s := &pace{world: newWorld(t, targets...), list: 9 * time.Second, stalled: "hangs", listed: make(map[restore.Target]int)}
		s.restart()
		s.Concurrency = 3
		for range 20 {
			_, _ = s.within(t, 50*time.Second)
		}
		for _, id := range s.ids() {
			if !strings.HasPrefix(id, "hangs/c.unreachable.") {
				t.Errorf("told %s", id)
			}
		}
		if len(s.told) != 1 {
			t.Errorf("told %d events, want one", len(s.told))
		}
	})
}

// An output that is down says so twice, not once for each part, and keeps nothing from the other.
func TestOutputDownAmongManyEvents(t *testing.T) {
	w, owed := finishing(t, 1000)
	down := &counting{}
	w.Outputs = append(w.Outputs, watch.Output{Name: "down", Publisher: down})
	_, err := w.run()
	wantError(t, err, "publish 1000 events to down: injected fault")
	if down.calls != 2 {
		t.Errorf("the output that is down was asked %d times, want 2", down.calls)
	}
	w.wantAllTold(owed)
	w.restart()
	w.mustRun()
	w.wantAllTold(owed)
	if w.outboxes() != 0 {
		t.Errorf("%d events left for an output that is gone", w.outboxes())
	}
}

// counting is an output that is down.
type counting struct{ calls int }

func (c *counting) Publish(_ context.Context, events []restore.Event) ([]bool, error) {
	c.calls++
	return make([]bool, len(events)), errFault
}

// What is wrong with a hundred records is not taken for what is wrong with all of them.
func TestRefusedPart(t *testing.T) {
	w, owed := finishing(t, 1000)
	w.pubFault = func(e restore.Event) fault {
		if e.Subject < "j00100" {
			return notApplied
		}
		return none
	}
	_, err := w.run()
	wantError(t, err, "publish 1000 events to world: injected fault")
	w.wantAllTold(owed[100:])
}

// A slow output does not keep the run from noting what the fast one took.
func TestSlowOutputAmongManyEvents(t *testing.T) {
	w, _ := finishing(t, 1000)
	synctest.Test(t, func(t *testing.T) {
		w.Outputs = append(w.Outputs, watch.Output{Name: "deaf", Publisher: deaf{}})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		_, err := w.Run(ctx, w.now.Add(time.Minute))
		wantError(t, err, "publish 1000 events to deaf: context deadline exceeded; 980 left for the next run")
		noted := 0
		for _, r := range w.records[target] {
			if len(r.Outbox) > 0 && r.TakenBy("world") == r.Sequence {
				noted++
			}
		}
		if noted != 1000 {
			t.Errorf("of 1000 events that the fast output took %d are noted", noted)
		}
	})
}

// Many live jobs are read in pages of five hundred: in pages of a hundred, ten thousand would take all the requests that
// the API allows a project in a minute.
func TestManyLiveJobsTakeFewPages(t *testing.T) {
	w := newWorld(t)
	var jobs []restore.Job
	for i := range 10_000 {
		jobs = append(jobs, job(fmt.Sprintf("j%05d", i), -time.Duration(i+1)*time.Second, restore.InProgress))
	}
	w.list(target, jobs)
	w.mustRun()
	w.resetCounts()
	w.mustRun()
	if w.pagesRead != 20 || w.saves != 0 {
		t.Errorf("a warm run read %d pages and saved %d records, want 20 and 0", w.pagesRead, w.saves)
	}
}

// An error names every target and its kind, and does not grow for ever.
func TestErrorIsBounded(t *testing.T) {
	var report watch.Report
	for i := range 10_000 {
		target := restore.Target{Source: restore.Cloud, Project: "p", Cluster: fmt.Sprintf("c%05d", i)}
		report.Passes = append(report.Passes, watch.Pass{Target: target, Blind: true, Failures: []watch.Failure{
			{Kind: restore.FailedUnavailable, Err: errors.New(strings.Repeat("é", 5000))},
		}})
		if i == 499 {
			wantError(t, report.Err(), "500 of 500 targets failed: cloud:p/c00000: unavailable: éé", "; cloud:p/c00499: unavailable")
		}
	}
	err := report.Err()
	wantError(t, err, "10000 of 10000 targets failed", "failures more")
	if n := len(err.Error()); n > 128<<10 {
		t.Errorf("an error of %d bytes", n)
	}
}
