package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/webhook"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var _ watch.Publisher = (*webhook.Publisher)(nil)

// The vector of GitHub's documentation ("Validating webhook deliveries").
func TestSign(t *testing.T) {
	const want = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if got := webhook.Sign([]byte("Hello, World!"), secret); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// verified is what a receiver does with a signature.
func verified(r request) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(r.body))
	got, err := hex.DecodeString(strings.TrimPrefix(r.header.Get("X-Hub-Signature-256"), "sha256="))
	return err == nil && hmac.Equal(got, mac.Sum(nil))
}

func TestReceiverVerifiesEveryEvent(t *testing.T) {
	s := new(receiver)
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	events := publishtest.Events()
	accepted, err := newPublisher(t, server.URL+"/hook?key=1", server.Client().Transport).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) || len(accepted) != len(events) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	deliveries, requests := map[string]bool{}, s.all()
	for i, r := range requests {
		e := events[i]
		if r.body != string(renderer.JSON(e)) || !verified(r) {
			t.Errorf("%s: body %.80q with signature %q", e.ID, r.body, r.header.Get(webhook.SignatureHeader))
		}
		for name, want := range map[string]string{
			"Content-Type":            "application/cloudevents+json; charset=UTF-8",
			"Restorewatch-Event-Id":   e.ID,
			"Restorewatch-Event-Type": "restorewatch." + string(e.Type),
			"User-Agent":              "restorewatch",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		deliveries[r.header.Get(webhook.DeliveryHeader)] = true
	}
	if len(requests) != len(events) || len(deliveries) != len(events) || deliveries[""] {
		t.Errorf("%d requests with %d names for %d events", len(requests), len(deliveries), len(events))
	}
	requests[0].body += " "
	if verified(requests[0]) {
		t.Error("a body that was changed is verified")
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		url, secret string
		want        string // in the error, "" for none
	}{
		{"https://hooks.example.com/CANARY?key=CANARY", "CANARY", ""},
		{"https://user:CANARY@hooks.example.com:8443/", "CANARY", ""},
		{"http://127.0.0.1:8080/CANARY", "CANARY", ""},
		{"http://[::1]:8080/CANARY", "CANARY", ""},
		{"http://localhost/CANARY", "CANARY", ""},
		{"http://hooks.example.com/CANARY", "CANARY", "want https"},
		{"http://127.0.0.1.example.com/CANARY", "CANARY", "want https"},
		{"ftp://hooks.example.com/CANARY", "CANARY", "ftp"},
		{"hooks.example.com/CANARY", "CANARY", "WEBHOOK_URL"},
		{"https:///CANARY", "CANARY", "WEBHOOK_URL"},
		{"https://hooks.example.com:CANARY/", "CANARY", "WEBHOOK_URL"},
		{"https://%zz/CANARY", "CANARY", "WEBHOOK_URL"},
		{"", "CANARY", "WEBHOOK_URL"},
		{"https://hooks.example.com/CANARY", "", "WEBHOOK_SECRET"},
	} {
		p, err := webhook.New(webhook.Options{
			URL: func() string { return tt.url }, Secret: func() string { return tt.secret }, Renderer: renderer,
		})
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.url, err, tt.want)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, p, p); strings.Contains(text, "CANARY") {
			t.Errorf("%q is told: %s", tt.url, text)
		}
	}
}

// The events of one subject arrive in order; one that is refused stops those behind it and no others.
func TestRefusedSubjectWaits(t *testing.T) {
	events := publishtest.Rounds(4, 3)
	s := &receiver{answer: func(w http.ResponseWriter, _ *http.Request, id string) {
		if id == events[1].ID || id == events[6].ID {
			http.Error(w, "no", http.StatusUnprocessableEntity)
		}
	}}
	accepted, err := newPublisher(t, s.start(t), nil).Publish(t.Context(), events)
	want := []bool{true, false, true, true, true, false, false, true, true, false, false, true}
	if !slices.Equal(accepted, want) {
		t.Errorf("accepted %v, want %v", accepted, want)
	}
	tried := slices.Concat(ids(events[:5]), ids(events[6:9]), ids(events[11:]))
	if got := s.ids(); !slices.Equal(got, tried) {
		t.Errorf("tried %q, want %q", got, tried)
	}
	if failure := firstError(t, err); failure.Status != 422 || failure.Events != 2 || failure.Total != 12 || failure.Event != events[1].ID {
		t.Errorf("error %+v", failure)
	}
	if !strings.Contains(err.Error(), "2 of 12 events not accepted: answered 422 Unprocessable Entity (event "+events[1].ID+", delivery ") ||
		!strings.HasSuffix(err.Error(), "\n3 later events of the same subjects wait") {
		t.Errorf("error %v", err)
	}
}

// The receiver's log and our error name a request alike.
func TestErrorNamesTheDelivery(t *testing.T) {
	s := &receiver{answer: func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusBadRequest) }}
	_, err := newPublisher(t, s.start(t), nil).Publish(t.Context(), publishtest.Rounds(1, 1))
	if failure := firstError(t, err); failure.Delivery == "" || failure.Delivery != s.all()[0].header.Get(webhook.DeliveryHeader) {
		t.Errorf("error %+v", failure)
	}
}

// Whether the receiver has the event or not when no answer comes, it is told again under its id.
func TestLostAnswers(t *testing.T) {
	for _, tt := range []struct {
		name    string
		applied bool
	}{{"not applied", false}, {"applied but reported failed", true}} {
		t.Run(tt.name, func(t *testing.T) {
			events := publishtest.Rounds(3, 1)
			var (
				mu     sync.Mutex // each connection is served by a goroutine of its own
				taken  []string
				mended bool
			)
			s := &receiver{answer: func(_ http.ResponseWriter, _ *http.Request, id string) {
				mu.Lock()
				defer mu.Unlock()
				lost := !mended && id == events[1].ID
				if !lost || tt.applied {
					taken = append(taken, id)
				}
				if lost {
					panic(http.ErrAbortHandler) // closes the connection
				}
			}}
			publisher := newPublisher(t, s.start(t), nil)
			accepted, err := publisher.Publish(t.Context(), events)
			if want := []bool{true, false, true}; !slices.Equal(accepted, want) {
				t.Errorf("accepted %v, want %v", accepted, want)
			}
			if failure := firstError(t, err); failure.Status != 0 || failure.Events != 1 {
				t.Errorf("error %+v", failure)
			}
			mu.Lock()
			mended = true
			mu.Unlock()
			if again, err := publisher.Publish(t.Context(), events[1:2]); err != nil || !again[0] {
				t.Errorf("again: accepted %v, %v", again, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				if !slices.Contains(taken, e.ID) {
					t.Errorf("lost %s", e.ID)
				}
			}
		})
	}
}

// An answer is its status; its body is not waited for beyond a bound.
func TestEndlessAnswer(t *testing.T) {
	s := &receiver{answer: func(w http.ResponseWriter, r *http.Request, _ string) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 4096)); err != nil {
				return
			}
		}
	}}
	accepted, err := newPublisher(t, s.start(t), nil).Publish(t.Context(), publishtest.Rounds(2, 1))
	if err != nil || slices.Contains(accepted, false) {
		t.Errorf("accepted %v, %v", accepted, err)
	}
}

// Every event has headers that HTTP takes and a body within the limit, whatever the API said.
func TestHostileEventIsPublished(t *testing.T) {
	s := new(receiver)
	events := publishtest.Hostile()
	odd := publishtest.Finished()
	odd.ID = "new\r\nline: \x00 \u202e"
	publisher := newPublisher(t, s.start(t), nil)
	for _, e := range append(events, odd) {
		if accepted, err := publisher.Publish(t.Context(), []restore.Event{e}); err != nil || !accepted[0] {
			t.Errorf("%s: accepted %v, %v", e.Type, accepted, err)
		}
	}
	for _, r := range s.all() {
		if len(r.body) > 64<<10 || !verified(r) || !regexp.MustCompile(`^[ -~]+$`).MatchString(r.header.Get(webhook.EventIDHeader)) {
			t.Errorf("%s: %d bytes, header %q", r.id, len(r.body), r.header)
		}
	}
}
