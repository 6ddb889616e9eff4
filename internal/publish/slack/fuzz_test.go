package slack_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
)

// FuzzMessage renders events whose every text may be anything, before and after publishing: Slack takes the message,
// nothing in it is markup, a link or a mention but what is ours, and the same event gives the same bytes.
func FuzzMessage(f *testing.F) {
	for i, text := range []string{"Cluster0", "<!channel>", "<https://example.com|click>", "*_~`", "\x1b\u202e\xff", "&", "@here #general :fire:",
		strings.Repeat("<", 3000), "<!date^1^{date}|x>", "&lt;!here&gt;"} {
		f.Add(uint64(i), text, "READY")
		f.Add(uint64(i), "FINISHED", text)
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) {
		e := publishtest.Fuzzed(choice, a, b)
		doc := slack.Message(renderer, e)
		validate(t, doc)
		if !bytes.Equal(doc, slack.Message(renderer, e)) {
			t.Error("the same event gave two messages")
		}
		parsed, r, err := publish.Parse(renderer.JSON(e))
		if err != nil {
			t.Fatal(err)
		}
		validate(t, slack.Message(r, parsed))
	})
}

// FuzzDocument renders whatever passes for a published event, as the function that reads a topic does.
func FuzzDocument(f *testing.F) {
	for _, e := range publishtest.Events() {
		f.Add(renderer.JSON(e))
	}
	for _, e := range publishtest.Hostile()[:20] {
		f.Add(renderer.JSON(e))
	}
	f.Add([]byte(`{"specversion":"1.0","type":"restorewatch.<!here>","id":"<!here>","subject":"*s*","data":{"severity":"<!here>","target":{"projectId":"<@U1>"},
"failure":{"kind":"<!here>","failures":-1},"batch":{"total":100000,"failed":3,"outcome":"*"}}}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, r, err := publish.Parse(doc)
		if err != nil {
			return
		}
		if r.BaseURL != "" {
			r.BaseURL = publishtest.BaseURL // the only one that the validator knows; the parser's fuzzer looks at bases
		}
		validate(t, slack.Message(r, e))
	})
}

// FuzzAnswer posts to whatever answers: it ends in time, takes nothing for an acceptance that is none, and tells nothing
// of the address, which the answer may repeat.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "ok", "")
	f.Add(200, "<html>{url}", "")
	f.Add(429, "rate_limited", "30")
	f.Add(404, "no_service", "-1")
	f.Add(500, `{"error":"{token}"}`, "Mon, 23 Nov 2026 09:00:00 GMT")
	f.Add(302, "{token}", "1e9")
	f.Add(400, "invalid_blocks", "9999999999999999999")
	sent := strings.NewReplacer("{url}", address, "{token}", token)
	f.Fuzz(func(t *testing.T, status int, body, after string) {
		if status < 200 || status > 599 || strings.Contains(body+after, "CANARY") {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := newSlack(answer{status: status, body: sent.Replace(body), retry: sent.Replace(after)})
			err := s.webhook().Post(t.Context(), renderer, publishtest.Finished())
			if took := time.Since(s.start); took > 70*time.Second || len(s.asked) > 70 {
				t.Errorf("%d requests in %v", len(s.asked), took)
			}
			if err == nil && (status > 299 || strings.Contains(body, "<")) {
				t.Errorf("%d %q was taken for an acceptance", status, body)
			}
			if err != nil {
				failure := wantError(t, err)
				if text := err.Error(); strings.ContainsAny(text, "\n\x1b") || len(text)+len(failure.Hint()) > 1500 || !utf8.ValidString(text) {
					t.Errorf("error %q", text)
				}
			}
		})
	})
}
