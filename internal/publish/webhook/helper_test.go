package webhook_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/webhook"
	"restorewatch/internal/restore"
)

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

const secret = "It's a Secret to Everybody"

// A receiver takes events over HTTP and answers as told.
type receiver struct {
	mu       sync.Mutex
	requests []request
	answer   func(w http.ResponseWriter, r *http.Request, id string) // nil: 200
}

type request struct {
	id     string // of the event, from the body
	header http.Header
	body   string
}

func (s *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var event struct{ ID string }
	_ = json.Unmarshal(body, &event)
	s.mu.Lock()
	s.requests = append(s.requests, request{event.ID, r.Header.Clone(), string(body)})
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r, event.ID)
	}
}

// all returns the requests so far.
func (s *receiver) all() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// ids returns the ids of the requests' events in order.
func (s *receiver) ids() []string {
	var out []string
	for _, r := range s.all() {
		out = append(out, r.id)
	}
	return out
}

func (s *receiver) start(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

func newPublisher(t *testing.T, url string, transport http.RoundTripper) *webhook.Publisher {
	t.Helper()
	p, err := webhook.New(webhook.Options{
		URL: func() string { return url }, Secret: func() string { return secret }, Renderer: renderer, Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ids(events []restore.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

// A roundTrip answers requests in process, so that waiting costs no time.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answering answers the n-th request, from 1, with a status and pairs of names and values of its header.
func answering(status func(n int) int, header ...string) (transport http.RoundTripper, requests *int) {
	requests = new(int)
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		*requests++
		h := make(http.Header)
		for pair := range slices.Chunk(header, 2) {
			h.Set(pair[0], pair[1])
		}
		return &http.Response{
			StatusCode: status(*requests), Header: h, Body: io.NopCloser(strings.NewReader("an answer")), Request: r,
		}, nil
	}), requests
}

// firstError returns the first part of err that is an Error.
func firstError(t *testing.T, err error) *webhook.Error {
	t.Helper()
	failure, ok := errors.AsType[*webhook.Error](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if failure.FailureKind() != restore.FailedPublish || failure.Hint() == "" {
		t.Errorf("kind %q, hint %q", failure.FailureKind(), failure.Hint())
	}
	return failure
}
