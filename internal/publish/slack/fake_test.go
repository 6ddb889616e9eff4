package slack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
)

const (
	token   = "CANARYtoken0123456789abcd"
	address = "https://hooks.slack.com/services/T00CANARY/B00CANARY/" + token
)

// An answer is what a fake Slack does with one request.
type answer struct {
	status int
	body   string
	retry  string        // Retry-After
	takes  time.Duration // before it answers
	err    error         // instead of an answer
}

var taken = answer{status: 200, body: "ok"}

// A fakeSlack answers in process, so that waiting costs no time: one answer after the other, the last for good.
type fakeSlack struct {
	answers []answer
	asked   []request
	start   time.Time
}

type request struct {
	at   time.Duration // since the first request could have come
	url  string
	body string
}

func newSlack(answers ...answer) *fakeSlack { return &fakeSlack{answers: answers, start: time.Now()} }

// RoundTrip implements http.RoundTripper.
func (f *fakeSlack) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return nil, fmt.Errorf("%s of %s: %v", r.Method, r.Header.Get("Content-Type"), err)
	}
	a := f.answers[min(len(f.asked), len(f.answers)-1)]
	f.asked = append(f.asked, request{time.Since(f.start), r.URL.String(), string(body)})
	select {
	case <-time.After(a.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Content-Type": {"text/html"}}
	if a.retry != "" {
		header.Set("Retry-After", a.retry)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (f *fakeSlack) webhook() *slack.Webhook {
	return slack.New(slack.Fixed{URL: config.NewSecret(address)}, restore.Info, f)
}

// times returns when the requests came, in whole milliseconds.
func (f *fakeSlack) times() []time.Duration {
	var at []time.Duration
	for _, r := range f.asked {
		at = append(at, r.at)
	}
	return at
}

// wantError checks what an error tells, and that it does not tell the address.
func wantError(t *testing.T, err error, parts ...string) *slack.Error {
	t.Helper()
	failure, ok := errors.AsType[*slack.Error](err)
	if !ok {
		t.Fatalf("error %v, want a *slack.Error", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error()+" hint: "+failure.Hint(), part) {
			t.Errorf("error %q with hint %q, want %q in it", err, failure.Hint(), part)
		}
	}
	if failure.FailureKind() != restore.FailedPublish || failure.Hint() == "" {
		t.Errorf("kind %s, hint %q", failure.FailureKind(), failure.Hint())
	}
	told := []string{fmt.Sprintf("%v %+v %#v", err, err, failure.Unwrap()), failure.Hint()}
	for e := error(failure); e != nil; e = errors.Unwrap(e) {
		told = append(told, e.Error())
	}
	if all := strings.Join(told, " "); strings.Contains(all, "CANARY") {
		t.Errorf("the error tells the address: %s", all)
	}
	return failure
}

func post(t *testing.T, w *slack.Webhook, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return w.Post(ctx, renderer, publishtest.Finished())
}
