package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/relay"
	"restorewatch/internal/restore"
	"restorewatch/internal/secrets"
)

var (
	renderer = publish.Renderer{BaseURL: publishtest.BaseURL}
	discard  = slog.New(slog.DiscardHandler)
	finished = string(renderer.JSON(publishtest.Finished()))
)

// A fakeWebhook takes what it is not told to refuse.
type fakeWebhook struct {
	refuse    map[string]error
	posted    []string
	renderers []publish.Renderer
	deadline  time.Time
}

func (f *fakeWebhook) Wants(e restore.Event) bool { return e.Severity != "debug" }

func (f *fakeWebhook) Post(ctx context.Context, r publish.Renderer, e restore.Event) error {
	f.deadline, _ = ctx.Deadline()
	if err := f.refuse[e.ID]; err != nil {
		return err
	}
	f.posted = append(f.posted, e.ID)
	f.renderers = append(f.renderers, r)
	return nil
}

type refusal struct{ text string }

func (r refusal) Error() string { return r.text }
func (refusal) Hint() string    { return "mend it" }

func records(messages ...string) events.SNSEvent {
	var in events.SNSEvent
	for i, m := range messages {
		in.Records = append(in.Records, events.SNSEventRecord{SNS: events.SNSEntity{Message: m, MessageID: "message-" + string(rune('0'+i))}})
	}
	return in
}

func TestHandle(t *testing.T) {
	first, second, quiet := publishtest.Finished(), publishtest.BatchFinished(), publishtest.HashAdded()
	quiet.Severity = "debug"
	doc := func(e restore.Event) string { return string(renderer.JSON(e)) }
	for _, tt := range []struct {
		name   string
		in     events.SNSEvent
		refuse map[string]error
		posted []string
		want   []string // in the error, none for none
		log    string
	}{
		{"one", records(doc(first)), nil, []string{first.ID}, nil, `"records":1,"posted":1,"skipped":0`},
		{"several", records(doc(first), doc(second)), nil, []string{first.ID, second.ID}, nil, `"posted":2`},
		{"below the least severity", records(doc(quiet)), nil, nil, nil, `"posted":0,"skipped":1`},
		{"one refused, the other tried", records(doc(first), doc(second)), map[string]error{first.ID: refusal{"post " + first.ID + ": 404"}},
			[]string{second.ID}, []string{"publish: 1 of 2 records not delivered", first.ID + ": 404 (mend it)"}, `"hint":"mend it"`},
		{"none of ours", records("hello\x1b[31m", doc(second)), nil, []string{second.ID},
			[]string{"1 of 2 records", "SNS message message-0", "invalid character"}, `"record":"message-0"`},
		{"all wrong", records("{}", doc(first)), map[string]error{first.ID: errors.New("x " + first.ID)}, nil,
			[]string{"2 of 2 records", "message-0", first.ID}, `"failures":[`},
		{"no record", events.SNSEvent{}, nil, nil, []string{"no SNS record"}, `"records":0`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log bytes.Buffer
			f := &fakeWebhook{refuse: tt.refuse}
			h := relay.Handler{Webhook: f, Log: slog.New(slog.NewJSONHandler(&log, nil))}
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
			err := h.Handle(ctx, tt.in)
			if !slices.Equal(f.posted, tt.posted) {
				t.Errorf("posted %q, want %q", f.posted, tt.posted)
			}
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, part := range tt.want {
				if !strings.Contains(err.Error(), part) || strings.ContainsAny(err.Error(), "\n\x1b") {
					t.Errorf("error %q, want %q in it", err, part)
				}
			}
			for _, part := range []string{tt.log, `"requestId":"request-1"`, `"coldStart":true`} {
				if !strings.Contains(log.String(), part) || strings.Count(log.String(), "\n") != 1 {
					t.Errorf("log %s, want %s in it, on one line", &log, part)
				}
			}
		})
	}
}

// The failures of single records can be found in the error of the invocation.
func TestErrorUnwraps(t *testing.T) {
	why := refusal{"no"}
	h := relay.Handler{Webhook: &fakeWebhook{refuse: map[string]error{publishtest.Finished().ID: why}}, Log: discard}
	err := h.Handle(t.Context(), records(finished))
	kind, ok := errors.AsType[interface {
		error
		FailureKind() restore.FailureKind
	}](err)
	if !errors.Is(err, why) || !ok || kind.FailureKind() != restore.FailedPublish {
		t.Errorf("error %v", err)
	}
}

func TestGoldenRecord(t *testing.T) {
	doc, err := os.ReadFile("../../events/sns-record.json")
	if err != nil {
		t.Fatal(err)
	}
	var in events.SNSEvent
	if err := json.Unmarshal(doc, &in); err != nil {
		t.Fatal(err)
	}
	f := new(fakeWebhook)
	h := relay.Handler{Webhook: f, Log: discard}
	if err := h.Handle(t.Context(), in); err != nil || !slices.Equal(f.posted, []string{publishtest.Finished().ID}) {
		t.Errorf("%v, posted %q", err, f.posted)
	}
	if f.renderers[0] != renderer {
		t.Errorf("base %q, want that of the event's source", f.renderers[0].BaseURL)
	}
}

// Time is kept to report: Lambda kills a function at its deadline without a word.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		f := new(fakeWebhook)
		h := relay.Handler{Webhook: f, Log: discard}
		if err := h.Handle(ctx, records(finished)); err != nil {
			t.Fatal(err)
		}
		if left := time.Until(f.deadline); left != 9500*time.Millisecond {
			t.Errorf("%v for posting of 10s, want half a second kept", left)
		}
	})
}

func TestRefuse(t *testing.T) {
	var log bytes.Buffer
	err := relay.Refuse(slog.New(slog.NewJSONHandler(&log, nil)), errors.New("no webhook"))(t.Context(), records("x"))
	if err == nil || err.Error() != "config: no webhook" || !strings.Contains(log.String(), "no webhook") {
		t.Errorf("error %v, log %s", err, &log)
	}
}

// denied is a Secrets Manager whose answer is always no.
type denied struct{}

func (denied) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (
	*secretsmanager.GetSecretValueOutput, error,
) {
	return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
}

// A post whose secret cannot be read says what to do about the secret.
func TestHintOfTheSecretReachesThePost(t *testing.T) {
	w := slack.New(secrets.NewWebhook(denied{}, "slack", slack.CheckURL), restore.Info, nil)
	h := relay.Handler{Webhook: w, Log: discard}
	err := h.Handle(t.Context(), records(finished))
	if err == nil || !strings.Contains(err.Error(), `secret "slack": access is denied`) ||
		!strings.Contains(err.Error(), "secretsmanager:GetSecretValue") {
		t.Errorf("error %v", err)
	}
}
