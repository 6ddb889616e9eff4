package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/publish/console"
	"restorewatch/internal/service"
	"restorewatch/internal/tick"
	"restorewatch/internal/watch"
)

var runCommand = command{
	name:  "run",
	brief: "make one run over all targets and print the report",
	long: `Makes one run over all targets: lists their restore jobs, compares them with what is remembered, publishes
what is new and prints the report.

The events go to every output that is configured (SNS, chat, EventBridge, Slack, webhook) and to stdout. One that
fails keeps nothing from the others, and gets what it missed in a later run. On a terminal stdout has a line for
people for each event, and stderr the report in sentences. Elsewhere, or with --json, stdout has JSON lines: one CloudEvent for each
event (it has "specversion"), and last the report (it has "targets"):

  restorewatch run | jq -c 'select(.specversion)'  # the events
  restorewatch run | tail -n 1 | jq .failures      # from the report

Failures, each with what to do, are on stderr in either case. Exit code: 0 if no target failed, 1 otherwise.

A target that is watched for the first time begins its news with this run: what was over before is history and is
left alone, what is under way is recorded silently. --since moves that beginning into the past.`,
	prepare: func(a *app, f *flags) action {
		f.configure()
		o := outputFlags(f)
		timeout := f.Duration("timeout", 5*time.Minute, "`TIME` after which the run stops; what was found by then is saved and published")
		return func(ctx context.Context, _ []string) error { return a.run(ctx, f, o, *timeout) }
	},
}

// An output is what the flags say about the form of events and where the news begins.
type output struct {
	json  triState
	since string
}

func outputFlags(f *flags) *output {
	o := new(output)
	f.Var(&o.json, "json", "JSON lines on stdout even on a terminal; --json=false: lines for people even elsewhere")
	f.StringVar(&o.since, "since", "", "where the news begins for targets watched for the first time: `WHEN` is a date "+
		"(2018-01-22), a time (2018-01-22T23:48:11Z) or how long ago (48h)")
	return o
}

// A triState is a flag that is given as true, given as false, or not given.
type triState struct{ given, value bool }

func (t *triState) String() string   { return "" }
func (t *triState) IsBoolFlag() bool { return true }

// Set implements flag.Value.
func (t *triState) Set(s string) error {
	value, err := strconv.ParseBool(s)
	*t = triState{true, value}
	return err
}

func (t triState) or(otherwise bool) bool {
	if t.given {
		return t.value
	}
	return otherwise
}

// when reads WHEN of --since, seen from now.
func (o *output) when(now time.Time) (time.Time, error) {
	if o.since == "" {
		return time.Time{}, nil
	}
	since, err := parseWhen(o.since, now)
	if err != nil {
		return time.Time{}, err
	}
	if since.After(now) {
		return time.Time{}, misuse("--since: " + since.Format(time.RFC3339) + " is in the future")
	}
	return since, nil
}

func parseWhen(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, misuse(fmt.Sprintf(
		"--since %q: want a date (2018-01-22), a time (2018-01-22T23:48:11Z) or how long ago (48h)", publish.Line(s, 60)))
}

// A station is a service with its state opened and its events going where they are to go.
type station struct {
	*service.Service
	state state
	json  bool
	debug bool
}

// build wires a station. Events are written to out.
func (a *app) build(ctx context.Context, f *flags, o *output, out screen) (*station, error) {
	cfg, err := f.load(config.CommandLine)
	if err != nil {
		return nil, err
	}
	since, err := o.when(a.now())
	if err != nil {
		return nil, err
	}
	st := &station{json: o.json.or(!out.terminal), debug: cfg.LogLevel <= slog.LevelDebug}
	outputs, err := service.Outputs(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if st.json {
		a.written.resume()
	}
	parts := service.Parts{Since: since, Outputs: append(outputs, eventLines(out, st.json, cfg.BaseURL))}
	if st.state, err = openState(ctx, cfg); err != nil {
		return nil, err
	}
	parts.Store = st.state.store
	if st.Service, err = service.New(ctx, cfg, parts); err != nil {
		return nil, errors.Join(err, st.state.close())
	}
	return st, nil
}

// outputConsole is stored with what stdout has not taken yet, so it never changes.
const outputConsole = "console"

// eventIndent is where what happened begins on the line of an event.
const eventIndent = 35

// eventLines is the output that writes a line for each event.
func eventLines(out screen, asJSON bool, baseURL string) watch.Output {
	publisher := console.Text(out.folded(eventIndent), console.Style{Color: out.color})
	if asJSON {
		publisher = console.JSON(out, publish.Renderer{BaseURL: baseURL})
	}
	return watch.Output{Name: outputConsole, Publisher: publisher}
}

func (a *app) run(ctx context.Context, f *flags, o *output, timeout time.Duration) error {
	if timeout <= 0 {
		return misuse("--timeout: want a time over 0")
	}
	st, err := a.build(ctx, f, o, a.out)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	report, err := st.Watcher.Run(ctx, a.now())
	a.tell(st, report)
	if err := st.state.close(); err != nil {
		return err
	}
	if err != nil || report.Failed() > 0 {
		return errTold
	}
	return nil
}

// tell prints the report: as one line of JSON behind the events, or in sentences beside them.
func (a *app) tell(st *station, report watch.Report) {
	if st.json {
		if line, err := json.Marshal(tick.NewReport(report)); err == nil { // strings and numbers always have a JSON form
			a.out.print(string(line) + "\n")
		}
	} else {
		a.err.folded(2).print(begun(report) + sentence(report) + "\n")
	}
	a.err.tellFailures(report)
}
