package watch_test

import (
	"context"
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

var wild = restore.Target{Source: restore.Legacy, Project: "p", Cluster: "*"}

// A finder finds what a test puts there.
type finder struct {
	found map[restore.Target][]restore.Target
	err   error
	asked int
}

func (f *finder) Targets(_ context.Context, wild restore.Target) iter.Seq2[restore.Target, error] {
	return func(yield func(restore.Target, error) bool) {
		f.asked++
		for _, t := range f.found[wild] {
			if !yield(t, nil) {
				return
			}
		}
		if f.err != nil {
			yield(restore.Target{}, f.err)
		}
	}
}

func (f *finder) of(wild restore.Target, targets ...restore.Target) {
	if f.found == nil {
		f.found = make(map[restore.Target][]restore.Target)
	}
	f.found[wild] = targets
}

// wide returns a world that watches every cluster of a project.
func wide(t *testing.T) (*world, *finder) {
	w, f := newWorld(t, wild), new(finder)
	w.Finder, w.Since = f, time.Time{}
	return w, f
}

func listed(r watch.Report) string {
	var all []string
	for _, p := range r.Passes {
		all = append(all, p.Target.String())
	}
	return strings.Join(all, " ")
}

func TestWildTarget(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target, other)
	w.Targets = append(w.Targets, other) // named as well, and passed over once
	for range 10 {
		if got := listed(w.mustRun()); got != "legacy:p/c legacy:p/other" {
			t.Fatalf("passed over %s", got)
		}
	}
	if f.asked != 1 {
		t.Errorf("asked %d times in ten minutes, want once", f.asked)
	}
	if w.mustRun(); f.asked != 2 {
		t.Errorf("asked %d times in eleven minutes, want twice", f.asked)
	}
}

// A cluster that comes is watched from then on; what happened there since nobody knew it is news.
func TestNewClusterIsPickedUp(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target)
	w.mustRun()
	f.of(wild, target, other)
	finished := job("a", 5*time.Minute, "FINISHED")
	finished.Delivery.Status = restore.DeliveryExpired
	w.list(other, []restore.Job{finished})
	for range 10 {
		w.mustRun()
	}
	w.wantTold("a.created", "a.status.FINISHED", "a.delivery.EXPIRED")
}

// A cluster that goes is not found for one run; nobody is told, and it is listed no more.
func TestGoneClusterIsNoAlarm(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target, other)
	w.mustRun()
	f.of(wild, target)
	w.fails[other] = gone{}
	report := w.mustRun()
	wantFailures(t, report, "legacy:p/other not_found")
	for range 30 {
		if got := listed(w.mustRun()); got != "legacy:p/c" {
			t.Fatalf("passed over %s", got)
		}
	}
	w.wantTold()
}

// A cluster that is still found and has no listing is told once, and costs no search in every run.
func TestClusterWithoutListing(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target, other)
	w.mustRun()
	w.fails[other] = gone{}
	for range 10 {
		w.mustRun()
	}
	w.wantTold(fmt.Sprintf("p/other.unreachable.%d", t0.Add(2*time.Minute).Unix()))
	if f.asked > 3 {
		t.Errorf("asked %d times", f.asked)
	}
}

type gone struct{}

func (gone) Error() string                    { return "no cluster named so" }
func (gone) FailureKind() restore.FailureKind { return restore.FailedNotFound }

func TestFindingFails(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target)
	w.mustRun()
	f.err = errFault
	for range 12 {
		w.mustRun() // one target is seen all the time
	}
	since := t0.Add(11 * time.Minute).Unix()
	unreachable := fmt.Sprintf("p/*.unreachable.%d", since)
	recovered := fmt.Sprintf("p/*.recovered.%d", since)
	f.err = nil
	f.of(wild, target, other)
	if got := listed(w.mustRun()); got != "legacy:p/* legacy:p/c legacy:p/other" {
		t.Errorf("passed over %s", got)
	}
	w.wantTold(unreachable, recovered)

	cold, broken := wide(t)
	broken.err = errFault
	report, err := cold.run()
	wantFailures(t, report, "legacy:p/* unavailable")
	wantError(t, err, "1 of 1 target failed: legacy:p/*: unavailable: injected fault")
}

func TestEveryProject(t *testing.T) {
	all := restore.Target{Source: restore.Legacy, Project: "*", Cluster: "*"}
	far := restore.Target{Source: restore.Legacy, Project: "q", Cluster: "far"}
	w, f := wide(t)
	w.Targets = []restore.Target{all}
	f.of(all, wild, restore.Target{Source: restore.Legacy, Project: "q", Cluster: "*"})
	f.of(wild, target, other)
	f.of(restore.Target{Source: restore.Legacy, Project: "q", Cluster: "*"}, far)
	if got := listed(w.mustRun()); got != "legacy:p/c legacy:p/other legacy:q/far" {
		t.Errorf("passed over %s", got)
	}
	if f.asked != 3 {
		t.Errorf("asked %d times, want once for the projects and once for each", f.asked)
	}
}

// A project that hangs does not delay the others: they are through before its first answer is given up.
func TestHangingProjectDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var targets []restore.Target
		for p := range 20 {
			for c := range 50 {
				targets = append(targets, restore.Target{
					Source: restore.Legacy, Project: fmt.Sprintf("p%02d", p), Cluster: fmt.Sprintf("c%02d", c),
				})
			}
		}
		w := newWorld(t, targets...)
		pace := &pacing{Lister: w, started: time.Now(), last: make(map[string]time.Duration)}
		w.Lister = pace
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		report, err := w.Run(ctx, w.now)
		if err != nil {
			t.Error(err)
		}
		failed := slices.DeleteFunc(report.Passes, func(p watch.Pass) bool { return len(p.Failures) == 0 })
		for _, p := range failed {
			if p.Target.Project != "p07" {
				t.Errorf("%s failed: %v", p.Target, p.Failures)
			}
		}
		for project, after := range pace.last {
			if after > 15*time.Second {
				t.Errorf("%s was through after %s", project, after)
			}
		}
		if len(failed) != 50 || len(pace.last) != 19 {
			t.Errorf("%d targets failed, %d projects got through; want 50 and 19", len(failed), len(pace.last))
		}
	})
}

// pacing is a lister that takes a tenth of a second for each answer, and for ever for those of one project.
type pacing struct {
	watch.Lister
	started time.Time
	last    map[string]time.Duration // when a project was last answered for
}

func (p *pacing) RestoreJobs(ctx context.Context, t restore.Target, n int) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		if t.Project == "p07" {
			<-ctx.Done()
			yield(nil, ctx.Err())
			return
		}
		time.Sleep(100 * time.Millisecond)
		w := p.Lister.(*world)
		w.mu.Lock()
		p.last[t.Project] = time.Since(p.started)
		w.mu.Unlock()
		w.RestoreJobs(ctx, t, n)(yield)
	}
}

// What is told of a "*" itself is told again in the next run, and not only when clusters are looked for again.
func TestNewsOfAWildTargetDoesNotWait(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target)
	f.err = errFault
	for range 3 {
		_, _ = w.run() // nothing is seen, which is told in the third
	}
	f.err = nil
	w.pubFault = func(restore.Event) fault { return notApplied }
	report, err := w.run()
	if total := report.Total(); err == nil || total.Pending != 1 {
		t.Fatalf("while nothing can be published: %d events pending, error %v", total.Pending, err)
	}
	report, err = w.run()
	if total := report.Total(); err == nil || total.Pending != 1 {
		t.Errorf("a minute later: %d events pending, error %v", total.Pending, err)
	}
	w.pubFault = nil
	asked := f.asked
	w.mustRun()
	since := t0.Add(time.Minute).Unix()
	w.wantTold(fmt.Sprintf("p/*.unreachable.%d", since), fmt.Sprintf("p/*.recovered.%d", since))
	if f.asked != asked {
		t.Errorf("clusters were looked for again for the sake of an event")
	}
}

// A cluster that is deleted before its last events could be published is passed over until they are.
func TestGoneClusterIsToldToItsEnd(t *testing.T) {
	w, f := wide(t)
	f.of(wild, target, other)
	w.mustRun()
	finished := job("a", 61*time.Second, restore.Finished)
	w.list(other, []restore.Job{finished})
	w.pubFault = func(restore.Event) fault { return notApplied }
	_, _ = w.run()
	f.of(wild, target)
	w.fails[other] = gone{}
	for range 12 { // the clusters are looked for again in the meantime
		if report, err := w.run(); err == nil || report.Total().Pending == 0 {
			t.Fatalf("%d events pending, error %v", report.Total().Pending, err)
		}
	}
	w.pubFault = nil
	_, _ = w.run()
	if got := w.ids(); len(got) < 2 || got[0] != "a.created" || got[1] != "a.status.FINISHED" {
		t.Errorf("told %q", got)
	}
	for range 11 {
		_, _ = w.run()
	}
	if got := listed(w.mustRun()); got != "legacy:p/c" || w.outboxes() != 0 {
		t.Errorf("passed over %s with %d events to be told", got, w.outboxes())
	}
}
