package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

// For each thing that Slack may do: what the person sees, and whether the invocation fails, so that the dead-letter queue
// keeps the event. Whatever happened, the event arrives when it is handed in again.
func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answers  []answer
		within   time.Duration
		requests int
		want     []string // in the invocation's error; none if the person sees the message
	}{
		{"200", []answer{taken}, 10 * time.Second, 1, nil},
		{"400", []answer{{status: 400, body: "invalid_blocks"}}, 10 * time.Second, 1, []string{"400 invalid_blocks", "report"}},
		{"403", []answer{{status: 403, body: "invalid_token"}}, 10 * time.Second, 1, []string{"403 invalid_token", "new webhook"}},
		{"404", []answer{{status: 404, body: "no_service"}}, 10 * time.Second, 1, []string{"404 no_service", "new webhook"}},
		{"410", []answer{{status: 410, body: "channel_is_archived"}}, 10 * time.Second, 1, []string{"410 channel_is_archived", "unarchive"}},
		{"429, and time enough", []answer{{status: 429, body: "rate_limited", retry: "1"}, taken}, 10 * time.Second, 2, nil},
		{"429, and too little time", []answer{{status: 429, body: "rate_limited", retry: "30"}}, 10 * time.Second, 1,
			[]string{"429 rate_limited", "nothing is lost"}},
		{"500 once", []answer{{status: 500, body: "rollup_error"}, taken}, 10 * time.Second, 2, nil},
		{"500 for good", []answer{{status: 500, body: "rollup_error"}}, 10 * time.Second, 3, []string{"500 rollup_error", "slack-status.com"}},
		{"never answers", []answer{{never: true}}, 2 * time.Second, 1, []string{"no answer in time", "NAT"}},
		{"a redirect", []answer{{status: 302}}, 10 * time.Second, 1, []string{"302 Found", "redirects"}},
		{"a page", []answer{{status: 200, body: "<html>" + path}}, 10 * time.Second, 1, []string{"200 OK", "not Slack's"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSlack(t, tt.answers...)
			f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
			e := publishtest.Finished()
			outcome := f.Invoke(input(t, document(e)), tt.within)
			messages, requests := s.seen()
			if len(requests) != tt.requests {
				t.Errorf("%d requests, want %d", len(requests), tt.requests)
			}
			if tt.want == nil {
				if outcome.Error != nil || len(messages) != 1 || messages[0].headline() != "✅ Restore of Cluster0 finished" {
					t.Errorf("outcome %+v, the person sees %+v", outcome.Error, messages)
				}
				wantNoCanary(t, f, outcome)
				return
			}
			if outcome.Error == nil || len(messages) != 0 {
				t.Fatalf("outcome %+v, the person sees %d messages: the event is lost", outcome, len(messages))
			}
			for _, part := range append(tt.want, "publish: 1 of 1 records not delivered", e.ID) {
				if !strings.Contains(outcome.Error.Message, part) {
					t.Errorf("error %q, want %q in it", outcome.Error.Message, part)
				}
			}
			if tt.name != "429, and too little time" { // there Slack is left alone for as long as it asked
				s.from(taken)
				if again := f.Invoke(input(t, document(e)), 10*time.Second); again.Error != nil {
					t.Errorf("once Slack answers again: %s", again.Error.Message)
				}
				if messages, _ := s.seen(); len(messages) != 1 {
					t.Errorf("the person sees %d messages in the end, want 1", len(messages))
				}
			}
			wantNoCanary(t, f, outcome)
		})
	}
}

// One record that fails does not keep the others from the person, and nothing is dropped silently.
func TestSeveralRecords(t *testing.T) {
	t.Parallel()
	s := newSlack(t, answer{status: 400, body: "invalid_blocks"}, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	first, second := publishtest.Finished(), publishtest.BatchFinished()
	outcome := f.Invoke(input(t, document(first), `{"AlarmName":"disk full"}`, document(second)), 10*time.Second)
	messages, _ := s.seen()
	if len(messages) != 1 || messages[0].headline() != "✅ Sharded restore of Cluster0 finished (all 3 jobs)" {
		t.Errorf("the person sees %+v", messages)
	}
	if outcome.Error == nil {
		t.Fatal("two records are lost")
	}
	for _, part := range []string{"2 of 3 records", first.ID + " to Slack: 400 invalid_blocks", "SNS message 95df01b4"} {
		if !strings.Contains(outcome.Error.Message, part) {
			t.Errorf("error %q, want %q in it", outcome.Error.Message, part)
		}
	}
	if strings.Contains(outcome.Error.Message, second.ID) {
		t.Errorf("the error names the event that was delivered: %s", outcome.Error.Message)
	}
}

func TestMinSeverity(t *testing.T) {
	t.Parallel()
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path, "SLACK_MIN_SEVERITY=critical")
	outcome := f.Invoke(input(t, document(publishtest.Finished()), document(publishtest.Unreachable())), 10*time.Second)
	if outcome.Error != nil {
		t.Fatal(outcome.Error.Message)
	}
	messages, _ := s.seen()
	if len(messages) != 1 || !strings.HasPrefix(messages[0].headline(), "🚨 Cluster0 cannot be watched") {
		t.Errorf("the person sees %+v", messages)
	}
	if log := output(f); !strings.Contains(log, `"posted":1,"skipped":1`) {
		t.Errorf("log %s", log)
	}
}

// The sample of what SNS hands a function is what this one takes.
func TestSampleRecord(t *testing.T) {
	t.Parallel()
	payload, err := os.ReadFile("../../events/sns-record.json")
	if err != nil {
		t.Fatal(err)
	}
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	outcome := f.Invoke(string(payload), 10*time.Second)
	if messages, _ := s.seen(); outcome.Error != nil || len(messages) != 1 {
		t.Errorf("outcome %+v, the person sees %d messages", outcome.Error, len(messages))
	}
}

// Texts of the API are shown as they are and mention nobody.
func TestInjection(t *testing.T) {
	t.Parallel()
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	for _, name := range []string{
		"*_~<>&|`", "<!channel>", "<@U012AB3CD> @here", "bell\a and \x1b[31mred", "\u202eright to left", strings.Repeat("long", 2500),
	} {
		e := publishtest.Finished()
		job := *e.Job
		job.ClusterName, e.Target.Cluster, e.Target.Project = name, name, name
		job.Hashes = []restore.Hash{{File: name, Algorithm: "SHA1", Sum: "a9"}}
		e.Job = &job
		if outcome := f.Invoke(input(t, document(e)), 20*time.Second); outcome.Error != nil {
			t.Fatalf("%.20q: %s", name, outcome.Error.Message)
		}
		messages, _ := s.seen()
		if len(messages) != 1 {
			t.Fatalf("%.20q: %d messages", name, len(messages))
		}
		m := messages[0]
		if m.Blocks[0].Text.Type != "plain_text" || !strings.HasSuffix(m.headline(), " finished") {
			t.Errorf("headline %+v", m.Blocks[0].Text)
		}
		if strings.ContainsAny(m.Text+m.headline(), "<>\a\x1b\u202e") || strings.ContainsAny(m.Text, "*~`") {
			t.Errorf("%.20q is told as %q, %q", name, m.Text, m.headline())
		}
	}
	if log := output(f); strings.ContainsAny(log, "\a\x1b\u202e") {
		t.Error("control characters in the log")
	}
}

// A function that is set up wrongly says so at every invocation, and the events are kept.
func TestBadConfiguration(t *testing.T) {
	t.Parallel()
	for _, env := range [][]string{nil, {"SLACK_WEBHOOK_URL=http://hooks.slack.com" + path, "SLACK_MIN_SEVERITY=loud"}} {
		f := testserver.StartFunction(t, slackBootstrap(t), env...)
		for range 2 {
			outcome := f.Invoke(input(t, document(publishtest.Finished())), 10*time.Second)
			if outcome.Error == nil || !strings.Contains(outcome.Error.Message, "config: ") ||
				!strings.Contains(outcome.Error.Message, "SLACK_WEBHOOK_") {
				t.Fatalf("outcome %+v", outcome)
			}
			if env != nil && !strings.Contains(outcome.Error.Message, "SLACK_MIN_SEVERITY") {
				t.Errorf("not all problems are told: %s", outcome.Error.Message)
			}
			if strings.Contains(outcome.Error.Message, "CANARY") {
				t.Errorf("the address is told: %s", outcome.Error.Message)
			}
		}
		wantNoCanary(t, f)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path, "LOG_LEVEL=debug")
	outcome := f.Invoke(input(t, document(publishtest.Finished())), 10*time.Second)
	if _, requests := s.seen(); !slices.Equal(requests, []string{path}) {
		t.Errorf("asked for %q", requests)
	}
	wantNoCanary(t, f, outcome)
}
