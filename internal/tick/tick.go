// Package tick answers the scheduler: one tick is one run over all targets, one report, one log line and one line of
// metrics.
package tick

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A Runner makes one run; now is its only reading of the clock.
type Runner interface {
	Run(ctx context.Context, now time.Time) (watch.Report, error)
}

// A Handler handles ticks, one at a time.
type Handler struct {
	Runner  Runner
	Log     *slog.Logger
	Metrics io.Writer    // takes CloudWatch embedded metric format, a line a run
	Calls   func() int64 // requests made to the API since the process began
	// Deprecations returns what the API has said since the last call of what will go; nil if nothing is to be asked.
	Deprecations func() []string

	warm bool
}

// A Report is the answer to a tick.
type Report struct {
	Targets   int       `json:"targets"`
	Listed    int       `json:"listed"`
	Changed   int       `json:"changed"`
	Published int       `json:"published"`
	Pending   int       `json:"pending"`
	Failures  []Failure `json:"failures"`
}

// A Failure is one thing that went wrong for one target.
type Failure struct {
	Target  string              `json:"target"`
	Kind    restore.FailureKind `json:"kind"`
	Message string              `json:"message"`
	Hint    string              `json:"hint,omitempty"`
}

// Handle makes one run. Whatever the input says, it is a tick. The error is the run's: it makes the invocation fail, so
// that alarms see it.
func (h *Handler) Handle(ctx context.Context, _ json.RawMessage) (Report, error) {
	now := time.Now()
	cold, before := !h.warm, h.Calls()
	h.warm = true
	run, err := h.Runner.Run(ctx, now)
	report := NewReport(run)
	h.log(ctx, report, cold, err)
	gone := h.deprecations(ctx)
	m := metrics{
		deprecations: gone,
		Report:       report, failed: run.Failed(), took: time.Since(now), cold: cold, calls: h.Calls() - before,
	}
	if oldest := run.Total().OldestPending; !oldest.IsZero() {
		m.oldest = now.Sub(oldest)
	}
	if werr := m.write(h.Metrics, lambdacontext.FunctionName, now); werr != nil {
		h.Log.WarnContext(ctx, "write metrics", "error", werr)
	}
	return report, err
}

// deprecations logs, once a run, what the API says will go, and returns how much that is.
func (h *Handler) deprecations(ctx context.Context) int {
	if h.Deprecations == nil {
		return 0
	}
	said := h.Deprecations()
	for _, what := range said {
		h.Log.WarnContext(ctx, "deprecated by the API", "what", what)
	}
	return len(said)
}

// NewReport puts a run's report into the form that the outside sees.
func NewReport(run watch.Report) Report {
	sum := run.Total()
	report := Report{
		Targets: len(run.Passes), Listed: sum.Listed, Changed: sum.Changed,
		Published: len(sum.Published), Pending: sum.Pending, Failures: []Failure{},
	}
	for _, p := range run.Passes {
		for _, f := range p.Failures {
			report.Failures = append(report.Failures, Failure{
				Target: p.Target.String(), Kind: f.Kind, Message: f.Err.Error(), Hint: f.Hint,
			})
		}
	}
	return report
}

func (h *Handler) log(ctx context.Context, r Report, cold bool, err error) {
	log := h.Log.With(
		"coldStart", cold, "targets", r.Targets, "listed", r.Listed, "changed", r.Changed,
		"published", r.Published, "pending", r.Pending)
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", lc.AwsRequestID)
	}
	if len(r.Failures) > 0 {
		logged, more := shorten(r.Failures)
		log = log.With("failures", logged)
		if len(more) > 0 {
			log = log.With("moreFailures", more)
		}
	}
	switch {
	case err != nil:
		log.ErrorContext(ctx, "run failed", "error", err)
	case len(r.Failures) > 0:
		log.WarnContext(ctx, "run made, some targets failed")
	default:
		log.InfoContext(ctx, "run made")
	}
}

// Refuse returns a handler for a function that could not be built: every tick fails and says why.
func Refuse(log *slog.Logger, why error) func(context.Context, json.RawMessage) (Report, error) {
	return func(ctx context.Context, _ json.RawMessage) (Report, error) {
		log.ErrorContext(ctx, "run refused", "error", why)
		return Report{}, fmt.Errorf("%s: %w", restore.FailedConfig, why)
	}
}
