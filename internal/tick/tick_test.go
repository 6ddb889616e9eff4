package tick_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"restorewatch/internal/restore"
	"restorewatch/internal/tick"
	"restorewatch/internal/watch"
)

// runner answers with a prepared report after a while.
type runner struct {
	report watch.Report
	err    error
	took   time.Duration
	calls  int64
}

func (r *runner) Run(context.Context, time.Time) (watch.Report, error) {
	time.Sleep(r.took)
	r.calls += 3
	return r.report, r.err
}

func TestHandle(t *testing.T) {
	good := watch.Pass{
		Target: restore.Target{Source: restore.Legacy, Project: "p", Cluster: "a"}, Listed: 5, Changed: 2, Pending: 1,
		Published: make([]restore.Event, 3),
	}
	bad := watch.Pass{
		Target:   restore.Target{Source: restore.Legacy, Project: "p", Cluster: "b"},
		Failures: []watch.Failure{{Kind: restore.FailedNotFound, Hint: "check the name", Err: errors.New("no such cluster")}},
	}
	for _, tt := range []struct {
		name   string
		passes []watch.Pass
		err    error
		want   string
		level  string
	}{
		{"good", []watch.Pass{good}, nil,
			`{"targets":1,"listed":5,"changed":2,"published":3,"pending":1,"failures":[]}`, "INFO"},
		{"one bad", []watch.Pass{good, bad}, nil,
			`{"targets":2,"listed":5,"changed":2,"published":3,"pending":1,"failures":[{"target":"legacy:p/b","kind":"not_found","message":"no such cluster","hint":"check the name"}]}`, "WARN"},
		{"all bad", []watch.Pass{bad}, errors.New("1 target of 1 target failed"),
			`{"targets":1,"listed":0,"changed":0,"published":0,"pending":0,"failures":[{"target":"legacy:p/b","kind":"not_found","message":"no such cluster","hint":"check the name"}]}`, "ERROR"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log, metrics bytes.Buffer
			r := &runner{report: watch.Report{Passes: tt.passes}, err: tt.err}
			h := tick.Handler{Runner: r, Log: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: &metrics,
				Calls: func() int64 { return r.calls }}
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
			report, err := h.Handle(ctx, json.RawMessage(`{"any":"thing"}`))
			if !errors.Is(err, tt.err) {
				t.Errorf("error: got %v, want %v", err, tt.err)
			}
			if got, _ := json.Marshal(report); string(got) != tt.want {
				t.Errorf("report:\n got %s\nwant %s", got, tt.want)
			}
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("log is not one line of JSON: %v\n%s", err, &log)
			}
			if line["level"] != tt.level || line["requestId"] != "request-1" || line["coldStart"] != true {
				t.Errorf("log line: %s", &log)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var metrics bytes.Buffer
		r := &runner{took: 250 * time.Millisecond, report: watch.Report{Passes: []watch.Pass{
			{Listed: 7, Pending: 2, OldestPending: time.Now().Add(-90 * time.Second)},
			{Failures: []watch.Failure{{Kind: restore.FailedState, Err: errors.New("x")}}},
		}}}
		h := tick.Handler{Runner: r, Log: slog.New(slog.DiscardHandler), Metrics: &metrics, Calls: func() int64 { return r.calls },
			Deprecations: func() []string { return []string{"list restore jobs", "list clusters"} }}
		for range 2 {
			if _, err := h.Handle(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		lines := strings.Split(strings.TrimSpace(metrics.String()), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines for two runs", len(lines))
		}
		want := map[string]float64{"Targets": 2, "TargetFailures": 1, "Listed": 7, "Changed": 0, "Published": 0,
			"Pending": 2, "OldestPendingSeconds": 90, "RunMilliseconds": 250, "AtlasRequests": 3, "ColdStart": 1, "Deprecations": 2}
		checkEMF(t, lines[0], want)
		want["ColdStart"], want["OldestPendingSeconds"] = 0, 90.25
		checkEMF(t, lines[1], want)
	})
}

func checkEMF(t *testing.T, line string, want map[string]float64) {
	t.Helper()
	var head struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	var values map[string]any
	if err := errors.Join(json.Unmarshal([]byte(line), &head), json.Unmarshal([]byte(line), &values)); err != nil {
		t.Fatal(err)
	}
	set := head.AWS.CloudWatchMetrics[0]
	if set.Namespace != "restorewatch" || head.AWS.Timestamp != time.Now().UnixMilli()-250 && head.AWS.Timestamp != time.Now().UnixMilli()-500 {
		t.Errorf("namespace %q at %d", set.Namespace, head.AWS.Timestamp)
	}
	for _, dimension := range set.Dimensions[0] {
		if _, ok := values[dimension].(string); !ok {
			t.Errorf("dimension %s has no value", dimension)
		}
	}
	got := make(map[string]float64)
	for _, m := range set.Metrics {
		got[m.Name], _ = values[m.Name].(float64)
	}
	if !maps.Equal(got, want) {
		t.Errorf("metrics:\n got %v\nwant %v", got, want)
	}
	if !slices.Contains([]string{"Count", "Seconds", "Milliseconds"}, set.Metrics[0].Unit) {
		t.Errorf("unit %q", set.Metrics[0].Unit)
	}
}

// However many targets fail, the line fits what CloudWatch Logs takes, and names every kind of failure.
func TestLogLineIsBounded(t *testing.T) {
	const largest = 256 << 10 // bytes of a log event (CloudWatch Logs quotas)
	long := strings.Repeat("täglich ", 300)
	var passes []watch.Pass
	for i := range 5000 {
		kind := restore.FailedUnavailable
		if i == 4000 {
			kind = restore.FailedCredentials
		}
		passes = append(passes, watch.Pass{
			Target: restore.Target{Source: restore.Cloud, Project: "5a0000000000000000000001", Cluster: fmt.Sprintf("Cluster%04d", i)},
			Blind:  true, Failures: []watch.Failure{{Kind: kind, Err: errors.New(long), Hint: long}},
		})
	}
	run := watch.Report{Passes: passes}
	var log, metrics bytes.Buffer
	h := tick.Handler{Runner: &runner{report: run, err: run.Err()}, Log: slog.New(slog.NewJSONHandler(&log, nil)), Metrics: &metrics,
		Calls: func() int64 { return 0 }}
	report, err := h.Handle(t.Context(), nil)
	if err == nil || len(report.Failures) != len(passes) {
		t.Fatalf("%d failures reported, error %v", len(report.Failures), err)
	}
	var line struct {
		Failures     []tick.Failure
		MoreFailures map[restore.FailureKind]int
		Error        string
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil || log.Len() > largest {
		t.Fatalf("a line of %d bytes: %v", log.Len(), err)
	}
	if n := len(line.Failures) + line.MoreFailures[restore.FailedUnavailable]; n != len(passes) || len(line.MoreFailures) != 1 {
		t.Errorf("%d failures logged and %v more, want %d in all", len(line.Failures), line.MoreFailures, len(passes))
	}
	if !slices.ContainsFunc(line.Failures, func(f tick.Failure) bool { return f.Kind == restore.FailedCredentials }) {
		t.Error("the one failure that somebody can mend is hidden by the others")
	}
	if !strings.Contains(metrics.String(), `"TargetFailures":5000`) {
		t.Errorf("metrics: %s", &metrics)
	}
}
