package cli

import (
	"context"
	"fmt"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var loopCommand = command{
	name:  "loop",
	brief: "make runs until it is told to stop",
	long: `Makes a run over all targets every minute, or as --every says, until SIGINT (Ctrl-C) or SIGTERM comes. Then it
finishes the pass in hand and exits with 0; a second signal ends it at once, which loses nothing: the next run finds
what this one left.

Events are written as by "run". On a terminal a line at the foot shows that it is alive. A run that fails does not end
the loop: its failures are told on stderr, once for as long as they stay the same. A run is given at most the time
until the next one, so that runs never overlap. With LOG_LEVEL=debug stderr has a line for each run.`,
	prepare: func(a *app, f *flags) action {
		f.configure()
		o := outputFlags(f)
		every := f.Duration("every", time.Minute, "`TIME` from the beginning of one run to that of the next, at least 1s")
		return func(ctx context.Context, _ []string) error { return a.loop(ctx, f, o, *every) }
	},
}

func (a *app) loop(ctx context.Context, f *flags, o *output, every time.Duration) error {
	if every < time.Second {
		return misuse("--every: want at least 1s; the API takes 100 requests a minute for a project")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// From the first signal on, the second one does what it does to any program.
	context.AfterFunc(ctx, stop)
	status := &statusLine{screen: a.err}
	out := status.above(a.out)
	st, err := a.build(context.WithoutCancel(ctx), f, o, out)
	if err != nil {
		return err
	}
	l := &looper{
		app: a, runner: st.Watcher, alive: st.alive, every: every, status: status, notes: status.above(a.err),
		people: !st.json, debug: st.debug,
	}
	l.loop(ctx)
	a.written.forgive() // events that stdout did not take were told of as failures, and come again
	return st.state.close()
}

// A runner makes one run; now is its only reading of the clock.
type runner interface {
	Run(ctx context.Context, now time.Time) (watch.Report, error)
}

// A looper makes one run after another.
type looper struct {
	*app
	runner runner
	alive  func(ctx context.Context, of []restore.Target, now time.Time) (int, error) // counts the jobs of which more is to come
	every  time.Duration
	status *statusLine
	notes  screen // where failures are told
	people bool   // whether to speak in sentences
	debug  bool

	runs, failed int
	jobs         int
	told         []string // the failures told last
}

// loop runs until ctx is done. The run in hand does not see that, and is finished.
func (l *looper) loop(ctx context.Context) {
	defer l.status.end()
	for ctx.Err() == nil {
		began := l.now()
		next := began.Add(l.every)
		l.status.show("running …")
		forget := context.AfterFunc(ctx, func() { l.status.show("finishing the run in hand; once more to stop at once") })
		report := l.once(context.WithoutCancel(ctx), began)
		forget()
		l.wait(ctx, began, next, report)
	}
}

func (l *looper) once(ctx context.Context, now time.Time) watch.Report {
	ctx, cancel := context.WithTimeout(ctx, l.every)
	defer cancel()
	report, _ := l.runner.Run(ctx, now) // what the error says is in the report
	l.tell(report)
	if l.status.screen.terminal && (report.Total().Changed > 0 || l.runs == 0) { // for the line at the foot alone
		var passed []restore.Target // those that a "*" stands for among them
		for _, p := range report.Passes {
			passed = append(passed, p.Target)
		}
		if n, err := l.alive(ctx, passed, now); err == nil {
			l.jobs = n
		}
	}
	l.runs++
	if report.Failed() > 0 {
		l.failed++
	}
	return report
}

// tell says on stderr what is to be said of a run beside its events.
func (l *looper) tell(report watch.Report) {
	if l.people {
		l.notes.folded(2).print(begun(report))
	}
	if l.debug {
		l.notes.print(sentence(report) + "\n")
	}
	lines := failures(l.notes, report)
	for _, line := range lines {
		if !slices.Contains(l.told, line) {
			l.notes.folded(failureIndent).print(line)
		}
	}
	if len(lines) == 0 && len(l.told) > 0 {
		l.notes.print("all targets answer again\n")
	}
	l.told = lines
}

// wait sleeps until next, or until ctx is done, and keeps the status line up to date meanwhile.
func (l *looper) wait(ctx context.Context, began, next time.Time, report watch.Report) {
	for {
		left := next.Sub(l.now())
		if left <= 0 || ctx.Err() != nil {
			return
		}
		pause := left
		if l.status.screen.terminal {
			l.status.show(l.line(began, left, report))
			pause = min(left, time.Second)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// line is the status line between two runs.
func (l *looper) line(began time.Time, left time.Duration, report watch.Report) string {
	result := "ok"
	if n := report.Failed(); n > 0 {
		result = count(n, "target") + " FAILED"
	}
	return fmt.Sprintf("%s: %s, next in %s | %d alive, %d pending | %s, %d failed",
		began.Local().Format(time.TimeOnly), result, short(left.Round(time.Second)),
		l.jobs, report.Total().Pending, count(l.runs, "run"), l.failed)
}

// alive counts the jobs of targets of which more is to come.
func (st *station) alive(ctx context.Context, of []restore.Target, now time.Time) (int, error) {
	n := 0
	for _, t := range of {
		ledger, err := st.state.store.Load(ctx, t)
		if err != nil {
			return 0, err
		}
		for _, r := range ledger.Records {
			if m, ok := r.Memory.(restore.JobMemory); ok && !m.Job.Over(m.Changed, now) {
				n++
			}
		}
	}
	return n, nil
}
