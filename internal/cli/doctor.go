package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"restorewatch/internal/atlas"
	"restorewatch/internal/config"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
)

var doctorCommand = command{
	name:  "doctor",
	brief: "check each part with the real servers and say how to mend it",
	long: `Checks the configuration, the credentials, the clock, every target, the state and every output with the real servers,
with a line for what each one answered, and below it what to do:

  ✓  fine
  !  may be fine, and is worth a look
  ✗  fails
  –  could not be checked, and why

Nothing is published and nothing is changed: one page of each target's restore jobs is listed, and that the state can be
written is shown by a write that its condition prevents. An empty list of the source legacy says nothing by itself, so
Cloud Backup and Flex are asked too. Of a target with a * it is told what it stands for, and the first of these is listed.
Slack and webhooks can be asked only by a message: restorewatch test-event sends one.

Exit code: 0 if nothing fails, 1 if something does, 2 if the configuration is wrong.`,
	prepare: func(a *app, f *flags) action {
		f.configure()
		asJSON := f.Bool("json", false, "one JSON document on stdout, when all is done")
		timeout := f.Duration("timeout", 30*time.Second, "`TIME` that each check may take")
		return func(ctx context.Context, _ []string) error { return a.doctor(ctx, f, *asJSON, *timeout) }
	},
}

// A result says how a check ended.
type result string

// The results, as the JSON has them.
const (
	fine      result = "ok"
	doubtful  result = "warning"
	wrong     result = "failed"
	unchecked result = "unchecked"
)

// The parts that are checked, as the JSON has them.
const (
	partConfiguration = "configuration"
	partCredentials   = "credentials"
	partClock         = "clock"
	partTarget        = "target"
	partState         = "state"
	partOutput        = "output"
	partDeprecation   = "deprecation"
)

// A finding is what one check found.
type finding struct {
	Part    string              `json:"part"`
	Name    string              `json:"name,omitempty"` // which one, where there may be several
	Result  result              `json:"result"`
	Message string              `json:"message"`
	Kind    restore.FailureKind `json:"kind,omitempty"`
	Hint    string              `json:"hint,omitempty"` // what to do
}

// A check asks one part.
type check struct {
	part, name string
	after      <-chan struct{} // nil, or closed when it may begin
	ask        func(ctx context.Context) finding
}

// A doctor examines what a configuration names.
type doctor struct {
	cfg    config.Config
	now    time.Time
	client *atlas.Client
	keys   atlas.Keyring
	looks  []service.Look

	entered chan struct{}  // closed when the API has let us in, or has not
	refusal result         // of the credentials; fine: targets may be asked. Not to be read before entered is closed
	places  chan struct{}  // as many as may ask at once
	running sync.WaitGroup // the checks begun
}

// atOnce is how many checks ask at the same time.
const atOnce = 8

func (a *app) doctor(ctx context.Context, f *flags, asJSON bool, timeout time.Duration) error {
	if timeout <= 0 {
		return misuse("--timeout: want a time over 0")
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal does what it does to any program
	c := a.newChart(asJSON)
	d, err := a.admit(ctx, f)
	if err != nil {
		c.refuse(err)
		return err
	}
	c.add(d.configuration())
	if err := d.examine(ctx, timeout, c); err != nil {
		c.status.end()
		return err
	}
	for _, notice := range d.client.Deprecations() {
		c.add(finding{Part: partDeprecation, Name: string(notice.Target.Source), Result: doubtful, Message: notice.String(),
			Hint: "Ask by another path or source before that date: see the releases of restorewatch, and " + config.EnvLegacyAPI + "."})
	}
	return c.close()
}

// admit reads the configuration and prepares what it names. Its errors are those of the configuration.
func (a *app) admit(ctx context.Context, f *flags) (*doctor, error) {
	cfg, err := f.load(config.CommandLine)
	if err != nil {
		return nil, err
	}
	d := &doctor{cfg: cfg, now: a.now(), entered: make(chan struct{}), places: make(chan struct{}, atOnce)}
	if d.client, d.keys, err = service.Connect(ctx, cfg); err != nil {
		return nil, misuse(err.Error())
	}
	if d.looks, err = service.Looks(ctx, cfg); err != nil {
		return nil, misuse(err.Error())
	}
	return d, nil
}

// configuration says what was read.
func (d *doctor) configuration() finding {
	state := "state file " + d.cfg.StateFile
	if d.cfg.StateTable != "" {
		state = "state table " + d.cfg.StateTable
	}
	return finding{Part: partConfiguration, Result: fine, Message: fmt.Sprintf("%s, %s, %s, API %s",
		count(len(d.cfg.Targets), "target"), count(len(d.looks), "output"), state, d.cfg.BaseURL)}
}

// checks are all there are, in the order in which they are told.
func (d *doctor) checks() []check {
	all := []check{
		{part: partCredentials, ask: d.credentials},
		{part: partClock, after: d.entered, ask: d.clock},
	}
	for _, t := range d.cfg.Targets {
		all = append(all, check{partTarget, t.String(), d.entered, func(ctx context.Context) finding { return d.target(ctx, t) }})
	}
	all = append(all, check{part: partState, ask: d.state})
	for _, l := range d.looks {
		all = append(all, check{part: partOutput, name: l.Name, ask: func(ctx context.Context) finding { return lookAt(ctx, l) }})
	}
	if len(d.looks) == 0 {
		all = append(all, check{part: partOutput, ask: func(context.Context) finding {
			return finding{Result: unchecked, Message: "none is configured: run and loop write to the terminal alone"}
		}})
	}
	return all
}

// examine makes all checks, several at once, and tells them in order. Its error says that ctx ended first.
func (d *doctor) examine(ctx context.Context, timeout time.Duration, c *chart) error {
	defer d.running.Wait()
	checks := d.checks()
	found := make([]chan finding, len(checks))
	for i, check := range checks {
		found[i] = make(chan finding, 1)
		d.running.Go(func() { found[i] <- d.make(ctx, check, timeout) })
	}
	for i, check := range checks {
		c.waiting(check)
		f := <-found[i]
		if ctx.Err() != nil {
			return errors.New("interrupted: what is not above has not been checked")
		}
		c.add(f)
	}
	return nil
}

// make makes one check. Its time begins when it may ask.
func (d *doctor) make(ctx context.Context, c check, timeout time.Duration) finding {
	if c.after != nil {
		<-c.after // closed in any case: the credentials' check ends with ctx
	}
	d.places <- struct{}{}
	defer func() { <-d.places }()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	f := c.ask(ctx)
	f.Part, f.Name = c.part, c.name
	if f.Result == wrong && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		f.Message += fmt.Sprintf(" (stopped after %s: --timeout)", timeout)
	}
	return f
}

// failedCheck is the finding of an error, with what it says about what to do.
func failedCheck(err error) finding {
	f := finding{Result: wrong, Message: err.Error()}
	if e, ok := errors.AsType[classified](err); ok {
		f.Kind, f.Hint = e.FailureKind(), e.Hint()
	}
	if f.Kind == restore.FailedRateLimited { // it is the same request that fails, not the part
		f.Result = doubtful
	}
	return f
}

// classified is an error that knows what kind of failure it is.
type classified interface {
	hinted
	FailureKind() restore.FailureKind
}
