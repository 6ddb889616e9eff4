package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

var (
	bootstrap string
	build     sync.Once
	renderer  = publish.Renderer{BaseURL: publishtest.BaseURL}
)

// slackBootstrap returns the path of the very file that would be deployed, built for this machine by the first test that
// needs it.
func slackBootstrap(t *testing.T) string {
	t.Helper()
	build.Do(func() { bootstrap = testserver.BuildFunction(t, "slack") })
	return bootstrap
}

// path is that of the webhook: what must be told to nobody.
const path = "/services/T00CANARY/B00CANARY/CANARYtoken0123456789abcd"

// An answer is what the local Slack does with one request.
type answer struct {
	status int
	body   string
	retry  string // Retry-After, in seconds
	never  bool   // no answer at all
}

var taken = answer{status: 200, body: "ok"}

// A localSlack answers like Slack, one answer after the other, the last for good.
type localSlack struct {
	*httptest.Server

	mu       sync.Mutex
	answers  []answer
	requests []string // paths
	messages []message
	shut     chan struct{}
}

// A message is what a person sees of a message that was taken.
type message struct {
	Text   string
	Blocks []struct {
		Text struct{ Type, Text string }
	}
}

func (m message) headline() string { return m.Blocks[0].Text.Text }

func newSlack(t *testing.T, answers ...answer) *localSlack {
	t.Helper()
	s := &localSlack{answers: answers, shut: make(chan struct{})}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		close(s.shut)
		s.Close()
	})
	return s
}

func (s *localSlack) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var m message
	if err != nil || r.Method != http.MethodPost || json.Unmarshal(body, &m) != nil || len(m.Blocks) == 0 {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	a := s.next(r.URL.Path, m)
	if a.never {
		select {
		case <-r.Context().Done():
		case <-s.shut:
		}
		return
	}
	if a.retry != "" {
		w.Header().Set("Retry-After", a.retry)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

func (s *localSlack) next(path string, m message) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.answers[min(len(s.requests), len(s.answers)-1)]
	s.requests = append(s.requests, path)
	if a == taken {
		s.messages = append(s.messages, m)
	}
	return a
}

// from now on Slack answers differently.
func (s *localSlack) from(answers ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.requests = answers, nil
}

// seen returns the messages that Slack has taken since the last call, and the paths that it was asked for.
func (s *localSlack) seen() (messages []message, requests []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	messages, requests = s.messages, s.requests
	s.messages, s.requests = nil, nil
	return messages, requests
}

// input returns what Lambda hands a function that is subscribed to the topic.
func input(t *testing.T, published ...string) string {
	t.Helper()
	var in events.SNSEvent
	for _, doc := range published {
		in.Records = append(in.Records, events.SNSEventRecord{
			EventVersion: "1.0", EventSource: "aws:sns",
			SNS: events.SNSEntity{Type: "Notification", MessageID: "95df01b4-ee98-5cb9-9903-4c221d41eb5e", Message: doc, Timestamp: time.Unix(0, 0)},
		})
	}
	payload, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(payload)
}

func document(e restore.Event) string { return string(renderer.JSON(e)) }

// output ends the function and returns all that it has written: what it wrote last may still be on its way before.
func output(f *testserver.Function) string {
	f.Stop()
	return f.Output()
}

// wantNoCanary ends the function and checks that nothing that it wrote or reported tells the address.
func wantNoCanary(t *testing.T, f *testserver.Function, outcomes ...testserver.Outcome) {
	t.Helper()
	told := output(f)
	if told == "" {
		t.Error("the function has logged nothing")
	}
	for _, o := range outcomes {
		told += o.Response
		if o.Error != nil {
			told += o.Error.Message
		}
	}
	if at := strings.Index(told, "CANARY"); at >= 0 {
		t.Errorf("the address is told: …%.120s…", told[max(0, at-60):])
	}
}
