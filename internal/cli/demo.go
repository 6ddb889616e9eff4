package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/publish/console"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/watch"
)

var demoCommand = command{
	name:  "demo",
	brief: "a tour of one minute that needs nothing",
	long: `Shows, in about a minute, two days in the life of two clusters: a sharded restore from IN_PROGRESS to EXPIRED, and
restores that break, succeed and are called off. The API is simulated on a free port of loopback; the client, the
state in an SQLite file (in a temporary directory, removed afterwards), and the watcher are the real ones. Half-way
the watcher is thrown away and built anew from its file.

The demo checks itself: it exits with 1 if an event is missing, told twice, out of order or not owed.`,
	prepare: func(a *app, f *flags) action {
		speed := f.Float64("speed", 3400, "show it `N` times as fast as the clock")
		fast := f.Bool("fast", false, "do not wait at all between two runs")
		return func(ctx context.Context, _ []string) error {
			if !(*speed > 0) { // NaN is not
				return misuse("--speed: want a number over 0")
			}
			pause := time.Duration(float64(demoStep) / *speed)
			if *fast {
				pause = 0
			}
			return a.demo(ctx, pause)
		}
	},
}

const (
	// demoStep is how much time of the scenario goes by from one run to the next. Everything in demo.txt happens on a
	// multiple of it; and with two clusters the runs before and after the restart stay below the 100 requests a minute
	// that the client allows itself for a project, however fast the demo is.
	demoStep = 30 * time.Minute
	// demoLength is the scenario's, and one more run to see that nothing follows.
	demoLength = 46*time.Hour + demoStep
	// demoRestart is when the watcher is thrown away.
	demoRestart = 23*time.Hour + demoStep
)

// demoStart is the date of the demo's beginning, the same every time, so that two shows can be compared.
var demoStart = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

var errInterrupted = errors.New("interrupted")

// A demo is one show.
type demo struct {
	*app
	dir      string
	address  string
	targets  []restore.Target
	elapsed  atomic.Int64 // of the scenario's time, in nanoseconds; the simulator's clock follows it
	status   *statusLine
	out      screen
	seen     []restore.Event
	runs     int
	requests int64

	service *service.Service
	file    *sqlite.Store
}

func (a *app) demo(ctx context.Context, pause time.Duration) (err error) {
	// A reader that has had enough (SIGPIPE) ends the show too, but not before it has tidied up.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	defer stop()
	d := &demo{app: a, status: &statusLine{screen: a.out}}
	d.out = d.status.above(a.out)
	if d.dir, err = os.MkdirTemp("", "restorewatch-demo-"); err != nil {
		return fmt.Errorf("make a directory for the state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()
	if err := d.simulate(ctx); err != nil {
		return err
	}
	d.out.print(d.header())
	if err := d.watch(ctx, pause); err != nil {
		return err
	}
	return d.conclude()
}

// simulate starts the API on a free port. Its clock is the scenario's, so nonces must outlive two days.
func (d *demo) simulate(ctx context.Context) error {
	scenario, err := atlassim.Bundled("demo")
	if err != nil {
		return err
	}
	sim := &atlassim.Server{Now: d.now, NonceLife: 1000 * time.Hour}
	sim.Play(scenario, demoStart, 1)
	for _, c := range scenario.At(demoStart, 0) {
		d.targets = append(d.targets, restore.Target{Source: restore.Legacy, Project: c.Project, Cluster: c.Name})
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	d.address = listener.Addr().String()
	go func() { _ = serve(ctx, listener, sim) }() // if it fails, the runs do, and say so
	return nil
}

// now is the time in the scenario.
func (d *demo) now() time.Time { return demoStart.Add(time.Duration(d.elapsed.Load())) }

func (d *demo) header() string {
	return d.out.paint(bold, "Two days in the life of two clusters, in about a minute.") + fmt.Sprintf(`
A simulated API plays them on %s. What watches it is the real thing:
the API client, the watcher, the state in an SQLite file. Each line below is an
event as it is published: time (UTC), severity, cluster, what happened, and the
end of the restore job's id.

`, d.address)
}

// watch makes one run after another until the scenario is over.
func (d *demo) watch(ctx context.Context, pause time.Duration) error {
	if err := d.open(ctx); err != nil {
		return err
	}
	defer func() { d.status.end(); _ = d.file.Close() }()
	for at := time.Duration(0); at <= demoLength; at += demoStep {
		d.elapsed.Store(int64(at))
		if at == demoRestart {
			if err := d.restart(ctx); err != nil {
				return err
			}
		}
		if err := d.run(ctx); err != nil {
			return err
		}
		if err := d.sleep(ctx, at, pause); err != nil {
			return err
		}
	}
	d.requests += d.service.Calls()
	return nil
}

// environment is what a person would set to watch the demo's API.
func (d *demo) environment() map[string]string {
	var watched []string
	for _, t := range d.targets {
		watched = append(watched, t.String())
	}
	return map[string]string{
		config.EnvBaseURL:        "http://" + d.address,
		config.EnvPublicKey:      atlassim.DefaultPublicKey,
		config.EnvPrivateKey:     atlassim.DefaultPrivateKey,
		config.EnvWatch:          strings.Join(watched, ","),
		config.EnvExpiryWarnings: "24h,6h,1h", // tighter ones fall between two runs
		config.EnvStateFile:      filepath.Join(d.dir, config.DefaultStateFile),
	}
}

// open builds the watcher as run does, from a configuration and a state file.
func (d *demo) open(ctx context.Context) error {
	environment := d.environment()
	cfg, err := config.Load(func(name string) string { return environment[name] }, config.CommandLine)
	if err != nil {
		return err
	}
	if d.file, err = sqlite.Open(ctx, cfg.StateFile); err != nil {
		return err
	}
	lines := console.Text(d.out.folded(eventIndent), console.Style{Color: d.out.color, Zone: time.UTC})
	d.service, err = service.New(ctx, cfg, service.Parts{
		Store: d.file, Outputs: []watch.Output{{Name: outputConsole, Publisher: audience{d, lines}}},
	})
	if err != nil {
		return errors.Join(err, d.file.Close())
	}
	// Targets in their order, not at once: the lines of two shows are the same.
	d.service.Watcher.Concurrency = 1
	return nil
}

// An audience notes what is published and shows it.
type audience struct {
	demo *demo
	next watch.Publisher
}

// Publish implements watch.Publisher.
func (p audience) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted, err := p.next.Publish(ctx, events)
	for i, ok := range accepted {
		if ok {
			p.demo.seen = append(p.demo.seen, events[i])
		}
	}
	return accepted, err
}

// restart throws away everything but the file. What a crash would leave is no more than that.
func (d *demo) restart(ctx context.Context) error {
	d.requests += d.service.Calls()
	if err := d.file.Close(); err != nil {
		return err
	}
	if err := d.open(ctx); err != nil {
		return err
	}
	d.out.print(d.out.paint(cyan, "--- the watcher is thrown away and started anew; all it has is its file ---") + "\n")
	return nil
}

func (d *demo) run(ctx context.Context) error {
	report, err := d.service.Watcher.Run(ctx, d.now())
	d.runs++
	d.out.print(d.firstSight(report))
	if ctx.Err() != nil {
		return errInterrupted
	}
	if err != nil || report.Failed() > 0 {
		d.err.tellFailures(report)
		return fmt.Errorf("the run at %s failed", stamp(d.now()))
	}
	return nil
}

func (d *demo) firstSight(report watch.Report) string {
	var b strings.Builder
	for _, p := range report.Passes {
		if p.Begun {
			fmt.Fprintf(&b, "%s  watching %s from now on: %s\n", d.now().Format(time.DateTime), p.Target.Cluster, firstSight(p))
		}
	}
	return b.String()
}

func (d *demo) sleep(ctx context.Context, at, pause time.Duration) error {
	d.status.show(fmt.Sprintf("%s  hour %d of %d, %s so far", d.now().Format(time.DateTime),
		int(at.Hours()), int(demoLength.Hours()), count(len(d.seen), "event")))
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errInterrupted
	case <-timer.C:
		return nil
	}
}

// conclude says what was seen, and fails if that is not what the scenario owes.
func (d *demo) conclude() error {
	jobs := make(map[string]bool)
	for _, e := range d.seen {
		if e.Job != nil {
			jobs[e.Subject] = true
		}
	}
	d.out.printf("\n%s of %s in %d hours; %s, %s to the API.\n", count(len(d.seen), "event"),
		count(len(jobs), "restore job"), int(demoLength.Hours()), count(d.runs, "run"), count(int(d.requests), "request"))
	if wrong := audit(d.seen); len(wrong) > 0 {
		for _, w := range wrong {
			d.err.printf("%s %s\n", d.err.paint(red, "WRONG"), publish.Line(w, maxMessage))
		}
		return fmt.Errorf("%s in what was told", count(len(wrong), "mistake"))
	}
	d.out.print("That is what the scenario owes: nothing missed, nothing told twice, all in order\n" +
		"per job, across the restart.\n\n" +
		"Where to go next:\n" +
		"  restorewatch sim --speed 600  the same API to play with, and how to watch it\n" +
		"  restorewatch loop             watch your own clusters; -h says what to set\n" +
		"  README.md                     run it on AWS, subscribe people and pipelines\n")
	return nil
}
