package relay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-lambda-go/lambda"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/relay"
)

// FuzzInvocation gives the function any payload, as Lambda does. Each record is posted, left out or failed; one that is
// no event of ours fails, so that a dead-letter queue keeps it; the others are tried all the same; and the log is one
// line of JSON.
func FuzzInvocation(f *testing.F) {
	record, err := os.ReadFile("../../events/sns-record.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	for _, e := range publishtest.Hostile()[:14] {
		in, err := json.Marshal(records(string(renderer.JSON(e)), "{}", finished))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(in)
	}
	for _, text := range []string{`{}`, `null`, ``, `[]`, `{"Records":[{}]}`, `{"Records":[{"Sns":{"Message":"\u001b[2J","MessageId":"\u202e"}}]}`,
		`{"Records":[{"EventSource":"aws:sqs","body":"x"}]}`, `{"records":[{"SNS":{"message":null}}]}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var log bytes.Buffer
		hook := &fakeWebhook{refuse: map[string]error{publishtest.Finished().ID: errors.New("no")}}
		h := relay.Handler{Webhook: hook, Log: slog.New(slog.NewJSONHandler(&log, nil))}
		_, err := lambda.NewHandler(h.Handle).Invoke(t.Context(), payload)
		if log.Len() == 0 { // not taken for records at all, which Lambda tells
			if err == nil {
				t.Error("nothing was said")
			}
			return
		}
		var line struct {
			Records, Posted, Skipped int
			Failures                 []any
		}
		if json.Unmarshal(log.Bytes(), &line) != nil || strings.Count(log.String(), "\n") != 1 {
			t.Fatalf("log %s", &log)
		}
		failed := len(line.Failures)
		if line.Records == 0 && failed != 1 || line.Records > 0 && line.Posted+line.Skipped+failed != line.Records || line.Posted != len(hook.posted) {
			t.Errorf("%d posted: %s", len(hook.posted), &log)
		}
		if (err == nil) != (failed == 0) {
			t.Errorf("error %v for %s", err, &log)
		}
		if err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("error %q", err)
		}
	})
}
