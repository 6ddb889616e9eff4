package tick_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"restorewatch/internal/restore"
	"restorewatch/internal/tick"
	"restorewatch/internal/watch"
)

// FuzzTick gives the function any payload, and a run with any words in its report. What is JSON is a tick: one run, one
// line of log, one line of metrics, each JSON, and an answer that can be read.
func FuzzTick(f *testing.F) {
	for _, payload := range []string{`{}`, `null`, `"x"`, `7`, `[]`, ``, `{`, ` {"version":"0","time":"2026-11-23T09:00:00Z"} `, "\xff"} {
		f.Add([]byte(payload), "no such cluster\n\x1b[2J\u2028\xff", "READY", 5)
	}
	f.Fuzz(func(t *testing.T, payload []byte, message, word string, n int) {
		pass := watch.Pass{Target: restore.Target{Source: restore.Legacy, Project: word, Cluster: message}, Listed: n, Pending: n,
			OldestPending: time.Unix(int64(n), 0),
			Failures:      []watch.Failure{{Kind: restore.FailureKind(word), Hint: message, Err: errors.New(message)}}}
		var log, metrics bytes.Buffer
		r := &runner{report: watch.Report{Passes: []watch.Pass{pass, {}}}}
		h := tick.Handler{Runner: r, Log: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: &metrics,
			Calls: func() int64 { return r.calls }, Deprecations: func() []string { return []string{message} }}
		answer, err := lambda.NewHandler(h.Handle).Invoke(t.Context(), payload)
		if err != nil && !json.Valid(payload) && r.calls == 0 {
			return // AWS's library takes what begins with JSON, too
		}
		var report tick.Report
		if err != nil || json.Unmarshal(answer, &report) != nil || report.Targets != 2 || len(report.Failures) != 1 || r.calls != 3 {
			t.Errorf("answer %s, %v after %d calls", answer, err, r.calls)
		}
		for name, lines := range map[string]string{"log": log.String(), "metrics": metrics.String()} {
			for line := range strings.Lines(lines) {
				if !json.Valid([]byte(line)) {
					t.Errorf("%s: %s", name, line)
				}
			}
		}
		if strings.Count(log.String(), "\n") != 2 || strings.Count(metrics.String(), "\n") != 1 {
			t.Errorf("log\n%s\nmetrics\n%s", &log, &metrics)
		}
	})
}
