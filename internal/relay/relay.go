package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// margin is what is left of an invocation's time to report what became of its records. Lambda kills a function that
// takes longer, and then nothing says why.
const margin = 500 * time.Millisecond

// A Webhook posts one message for each event.
type Webhook interface {
	Wants(e restore.Event) bool
	Post(ctx context.Context, r publish.Renderer, e restore.Event) error
}

// A Handler handles SNS records, one invocation at a time.
type Handler struct {
	Webhook Webhook
	Log     *slog.Logger

	warm bool
}

// A failure is one record that was not delivered.
type failure struct {
	Event   string `json:"event,omitempty"` // "" for a record that is none of ours
	Record  string `json:"record"`          // the SNS message id
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// A run is what became of an invocation's records.
type run struct {
	records, posted, skipped int
	failures                 []failure
	errs                     []error
}

// Handle posts the event of each record, in order. A record that fails does not keep the others from being tried. The
// error names every event, or the SNS message, that was not delivered.
func (h *Handler) Handle(ctx context.Context, in events.SNSEvent) error {
	if deadline, ok := ctx.Deadline(); ok {
		shortened, cancel := context.WithDeadline(ctx, deadline.Add(-margin))
		defer cancel()
		ctx = shortened
	}
	r := run{records: len(in.Records)}
	for _, record := range in.Records {
		h.record(ctx, &r, record.SNS)
	}
	if r.records == 0 {
		r.fail("", "", errNoRecords)
	}
	err := r.err()
	h.log(ctx, r, err)
	return err
}

func (h *Handler) record(ctx context.Context, r *run, record events.SNSEntity) {
	e, renderer, err := publish.Parse([]byte(record.Message))
	if err != nil {
		r.fail("", record.MessageID, fmt.Errorf("read SNS message %s: %w", publish.Line(record.MessageID, 60), err))
		return
	}
	if !h.Webhook.Wants(e) {
		r.skipped++
		return
	}
	if err := h.Webhook.Post(ctx, renderer, e); err != nil {
		r.fail(e.ID, record.MessageID, err)
		return
	}
	r.posted++
}

var errNoRecords = errors.New("the input holds no SNS record: subscribe the function to the topic of events")

func (r *run) fail(event, record string, err error) {
	f := failure{Event: publish.Line(event, 128), Record: publish.Line(record, 60), Message: err.Error()}
	if hinted, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		f.Hint = hinted.Hint()
	}
	r.failures = append(r.failures, f)
	r.errs = append(r.errs, err)
}

// An Error is the records of one invocation that were not delivered.
type Error struct {
	text string
	errs []error
}

// Error names each record, and what to do where that is known.
func (e *Error) Error() string { return e.text }

// Unwrap returns one error for each record.
func (e *Error) Unwrap() []error { return e.errs }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// err joins the failures into the error of the invocation, on one line.
func (r *run) err() error {
	if len(r.failures) == 0 {
		return nil
	}
	if r.records == 0 {
		return &Error{errs: r.errs, text: fmt.Sprintf("%s: %v", restore.FailedPublish, errNoRecords)}
	}
	var texts []string
	for _, f := range r.failures {
		text := f.Message
		if f.Hint != "" {
			text += " (" + f.Hint + ")"
		}
		texts = append(texts, text)
	}
	return &Error{errs: r.errs, text: fmt.Sprintf("%s: %d of %d records not delivered: %s",
		restore.FailedPublish, len(r.failures), r.records, strings.Join(texts, "; "))}
}

func (h *Handler) log(ctx context.Context, r run, err error) {
	cold := !h.warm
	h.warm = true
	log := h.Log.With("coldStart", cold, "records", r.records, "posted", r.posted, "skipped", r.skipped)
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		log = log.With("requestId", lc.AwsRequestID)
	}
	if err != nil {
		log.ErrorContext(ctx, "records not delivered", "failures", r.failures)
		return
	}
	log.InfoContext(ctx, "records delivered")
}

// Refuse returns a handler for a function that could not be built: every invocation fails and says why, and the records
// go where failed ones are kept.
func Refuse(log *slog.Logger, why error) func(context.Context, events.SNSEvent) error {
	return func(ctx context.Context, _ events.SNSEvent) error {
		log.ErrorContext(ctx, "records refused", "error", why)
		return fmt.Errorf("%s: %w", restore.FailedConfig, why)
	}
}
