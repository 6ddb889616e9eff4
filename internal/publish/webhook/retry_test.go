package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/publish/publishtest"
)

const receiverURL = "https://hooks.example.com/restores"

// Each status, as an answer that does not change: how often it is asked, how long it takes, and what to do.
func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		status   int
		header   []string
		requests int
		waited   time.Duration
		hint     string
	}{
		{301, []string{"Location", "https://elsewhere.example.com/CANARY"}, 1, 0, "redirects are not followed"},
		{302, []string{"Location", "://CANARY"}, 2, 500 * time.Millisecond, ""}, // to the client no answer at all
		{308, []string{"Location", receiverURL}, 1, 0, "redirects are not followed"},
		{400, nil, 1, 0, "CloudEvents"},
		{401, nil, 1, 0, "WEBHOOK_SECRET"},
		{403, nil, 1, 0, "WEBHOOK_SECRET"},
		{404, nil, 1, 0, "WEBHOOK_URL"},
		{405, nil, 1, 0, "WEBHOOK_URL"},
		{410, nil, 1, 0, "gone for good"},
		{413, nil, 1, 0, "65,536"},
		{415, nil, 1, 0, "application/cloudevents+json"},
		{418, nil, 1, 0, "log"},
		{429, nil, 2, 500 * time.Millisecond, "later run"},
		{429, []string{"Retry-After", "2"}, 2, 2 * time.Second, "later run"},
		{429, []string{"Retry-After", "0"}, 2, 0, "later run"},
		{429, []string{"Retry-After", "3"}, 1, 0, "later run"},
		{429, []string{"Retry-After", "-1"}, 1, 0, "later run"},
		{429, []string{"Retry-After", "9999999999999999999"}, 1, 0, "later run"},
		{503, []string{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"}, 1, 0, "later run"},
		{500, nil, 2, 500 * time.Millisecond, "log"},
		{502, nil, 2, 500 * time.Millisecond, "log"},
		{503, nil, 2, 500 * time.Millisecond, "later run"},
	} {
		t.Run(fmt.Sprint(tt.status, tt.header), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, requests := answering(func(int) int { return tt.status }, tt.header...)
				start := time.Now()
				accepted, err := newPublisher(t, receiverURL, transport).Publish(t.Context(), publishtest.Rounds(1, 1))
				if accepted[0] || *requests != tt.requests || time.Since(start) != tt.waited {
					t.Errorf("accepted %v after %d requests in %v", accepted, *requests, time.Since(start))
				}
				failure := firstError(t, err)
				if !strings.Contains(failure.Hint(), tt.hint) || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("error %v, hint %q", err, failure.Hint())
				}
				if tt.hint != "" && failure.Status != tt.status {
					t.Errorf("status %d", failure.Status)
				}
			})
		})
	}
}

func TestRetryHelps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, requests := answering(func(n int) int { return []int{429, 201, 500, 204, 200}[n-1] })
		accepted, err := newPublisher(t, receiverURL, transport).Publish(t.Context(), publishtest.Rounds(3, 1))
		if err != nil || slices.Contains(accepted, false) || *requests != 5 {
			t.Errorf("accepted %v after %d requests, %v", accepted, *requests, err)
		}
	})
}

// A receiver that is down ends the attempt; one that fails at some events does not.
func TestReceiverDown(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, tt := range []struct {
		name     string
		answer   func(n int) (status int, err error)
		requests int
		events   int // tried
	}{
		{"refuses connections", func(int) (int, error) { return 0, refused }, 3, 2},
		{"throttles", func(int) (int, error) { return 429, nil }, 3, 2},
		{"is gone", func(int) (int, error) { return 410, nil }, 3, 3},
		{"fails at every event", func(int) (int, error) { return 500, nil }, 12, 6},
		{"refuses every event", func(int) (int, error) { return 400, nil }, 6, 6},
		{"is down now and then", func(n int) (int, error) {
			if n%3 == 0 {
				return 200, nil
			}
			return 0, refused
		}, 9, 6}, // two fail, then one and its retry is taken, …
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests, tried := 0, map[string]bool{}
				transport, _ := answering(func(int) int { status, _ := tt.answer(requests); return status })
				publisher := newPublisher(t, receiverURL, roundTrip(func(r *http.Request) (*http.Response, error) {
					requests++
					tried[r.Header.Get("Restorewatch-Event-Id")] = true
					if _, err := tt.answer(requests); err != nil {
						return nil, err
					}
					return transport.RoundTrip(r)
				}))
				accepted, err := publisher.Publish(t.Context(), publishtest.Rounds(6, 1))
				if requests != tt.requests || len(tried) != tt.events {
					t.Errorf("%d requests with %d events: accepted %v, %v", requests, len(tried), accepted, err)
				}
				checkCount(t, accepted, err)
			})
		})
	}
}

// checkCount checks that each event that is not accepted is counted in one part of the error.
func checkCount(t *testing.T, accepted []bool, err error) {
	t.Helper()
	counted, missing := 0, 0
	for part := range strings.SplitSeq(err.Error(), "\n") {
		var n int
		if _, scan := fmt.Sscanf(strings.TrimPrefix(part, "webhook https://hooks.example.com: "), "%d", &n); scan != nil {
			t.Errorf("no count in %q", part)
		}
		counted += n
	}
	for _, ok := range accepted {
		if !ok {
			missing++
		}
	}
	if missing == 0 || counted != missing {
		t.Errorf("%d events not accepted, the error counts %d: %v", missing, counted, err)
	}
}

// never answers no request.
var never = roundTrip(func(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
})

// A receiver that never answers costs three timeouts, however many events there are.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		accepted, err := newPublisher(t, receiverURL, never).Publish(t.Context(), publishtest.Rounds(100, 1))
		if waited := time.Since(start); slices.Contains(accepted, true) || waited != 30*time.Second {
			t.Errorf("gave up after %v", waited)
		}
		if failure := firstError(t, err); failure.Events != 3 {
			t.Errorf("error %+v", failure)
		}
		if !strings.Contains(err.Error(), "no answer within 10s") || !strings.Contains(err.Error(), "97 of 100 events not accepted: not tried") {
			t.Errorf("error %v", err)
		}
		checkCount(t, accepted, err)
	})
}

// The deadline of the run is kept, in a request and in a wait.
func TestDeadline(t *testing.T) {
	throttling, _ := answering(func(int) int { return 429 })
	for _, tt := range []struct {
		name      string
		transport http.RoundTripper
		deadline  time.Duration
	}{
		{"in a request", never, 4 * time.Second},
		{"in a wait", throttling, 200 * time.Millisecond},
		{"before the first request", never, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				accepted, err := newPublisher(t, receiverURL, tt.transport).Publish(ctx, publishtest.Rounds(5, 2))
				if slices.Contains(accepted, true) || time.Since(start) != tt.deadline {
					t.Errorf("accepted %v after %v", accepted, time.Since(start))
				}
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				firstError(t, err)
				checkCount(t, accepted, err)
			})
		})
	}
}
