package cli

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A scriptedRunner makes runs that take as long, and report what, a test says.
type scriptedRunner struct {
	takes   time.Duration
	reports []watch.Report // one a run; the last is repeated
	began   []time.Time
	cut     int // runs that were ended by their deadline
}

func (r *scriptedRunner) Run(ctx context.Context, now time.Time) (watch.Report, error) {
	report := r.reports[min(len(r.began), len(r.reports)-1)]
	r.began = append(r.began, now)
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		r.cut++
	}
	return report, report.Err()
}

func newLooper(r runner, notes, status screen) *looper {
	line := &statusLine{screen: status}
	return &looper{
		app: &app{now: wallClock}, runner: r, every: time.Minute, status: line, notes: line.above(notes),
		alive: func(context.Context, []restore.Target, time.Time) (int, error) { return 3, nil },
	}
}

func failing(texts ...string) watch.Report {
	pass := watch.Pass{Target: restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}}
	for _, text := range texts {
		pass.Failures = append(pass.Failures, watch.Failure{Kind: restore.FailedUnavailable, Err: errors.New(text), Hint: "wait"})
	}
	return watch.Report{Passes: []watch.Pass{pass}}
}

func TestLoopRunsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute+time.Second)
		defer cancel()
		start := time.Now()
		r := &scriptedRunner{takes: 20 * time.Second, reports: []watch.Report{failing()}}
		newLooper(r, plainScreen(new(strings.Builder)), plainScreen(new(strings.Builder))).loop(ctx)
		if len(r.began) != 6 {
			t.Fatalf("%d runs in five minutes, want one at each full minute: 6", len(r.began))
		}
		for i, began := range r.began {
			if got, want := began.Sub(start), time.Duration(i)*time.Minute; got != want {
				t.Errorf("run %d began after %s, want %s", i, got, want)
			}
		}
	})
}

func TestLoopFinishesTheRunInHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()
		r := &scriptedRunner{takes: 20 * time.Second, reports: []watch.Report{failing()}}
		status := new(strings.Builder)
		newLooper(r, plainScreen(new(strings.Builder)), terminalScreen(status, 80)).loop(ctx)
		if !strings.Contains(status.String(), "finishing the run in hand") {
			t.Errorf("nothing says that the loop is about to end: %q", status)
		}
		if got := time.Since(start); got != 20*time.Second || len(r.began) != 1 || r.cut != 0 {
			t.Errorf("ended after %s, %d runs, %d of them cut short; want the one run of 20s finished", got, len(r.began), r.cut)
		}
	})
}

func TestLoopEndsARunThatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		r := &scriptedRunner{takes: time.Hour, reports: []watch.Report{failing()}}
		newLooper(r, plainScreen(new(strings.Builder)), plainScreen(new(strings.Builder))).loop(ctx)
		if len(r.began) != 3 || r.cut != 3 {
			t.Errorf("%d runs, %d of them cut short; want 3 that each ended when the next was due", len(r.began), r.cut)
		}
	})
}

func TestLoopTellsAFailureOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute-time.Second)
		defer cancel()
		notes := new(strings.Builder)
		r := &scriptedRunner{reports: []watch.Report{
			failing("no answer"), failing("no answer"), failing("no answer", "no disk"), failing(), failing("no answer"), failing(),
		}}
		newLooper(r, plainScreen(notes), plainScreen(new(strings.Builder))).loop(ctx)
		const told = "FAILED legacy:p/c: unavailable: "
		want := told + "no answer => wait\n" + told + "no disk => wait\n" + "all targets answer again\n" +
			told + "no answer => wait\n" + "all targets answer again\n"
		if got := notes.String(); got != want {
			t.Errorf("told:\n%s\nwant:\n%s", got, want)
		}
	})
}

func TestLoopShowsThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		status := new(strings.Builder)
		r := &scriptedRunner{reports: []watch.Report{failing()}}
		newLooper(r, plainScreen(new(strings.Builder)), terminalScreen(status, 80)).loop(ctx)
		drawn := strings.Split(status.String(), "\r\x1b[K")
		for _, want := range []string{"running …", "next in 1m", "next in 59s", "next in 58s"} {
			if !strings.Contains(status.String(), want) {
				t.Errorf("the status line never said %q: %q", want, drawn)
			}
		}
		if !strings.Contains(status.String(), "3 alive, 0 pending | 1 run, 0 failed") {
			t.Errorf("the status line does not count: %q", drawn)
		}
		if last := drawn[len(drawn)-1]; strings.Trim(last, "\x1b[20m") != "" {
			t.Errorf("the status line is left behind: %q", last)
		}
		if strings.Contains(status.String(), "\n") {
			t.Errorf("the status line scrolls: %q", drawn)
		}
	})
}
