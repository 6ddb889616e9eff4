package tick

import (
	"encoding/json"
	"io"
	"time"
)

// namespace is the CloudWatch namespace of all metrics.
const namespace = "restorewatch"

// metrics are the figures of one run.
type metrics struct {
	Report
	failed int           // targets with a failure
	oldest time.Duration // age of the oldest pending event
	took   time.Duration
	calls  int64
	cold   bool

	deprecations int // of what the API is used for
}

// A metric is one figure in CloudWatch embedded metric format.
type metric struct {
	Name  string  `json:"Name"`
	Unit  string  `json:"Unit"`
	value float64 // stands beside the definition, under the metric's name
}

func (m metrics) all() []metric {
	cold := 0.0
	if m.cold {
		cold = 1
	}
	return []metric{
		{"Targets", "Count", float64(m.Targets)},
		{"TargetFailures", "Count", float64(m.failed)},
		{"Listed", "Count", float64(m.Listed)},
		{"Changed", "Count", float64(m.Changed)},
		{"Published", "Count", float64(m.Published)},
		{"Pending", "Count", float64(m.Pending)},
		{"OldestPendingSeconds", "Seconds", m.oldest.Seconds()},
		{"RunMilliseconds", "Milliseconds", float64(m.took.Milliseconds())},
		{"AtlasRequests", "Count", float64(m.calls)},
		{"ColdStart", "Count", cold},
		{"Deprecations", "Count", float64(m.deprecations)},
	}
}

// write writes one line that CloudWatch Logs turns into metrics, without a call of ours (CloudWatch Logs user guide,
// "Embedded metric format specification": at most 100 metrics a line). The function's name is the one dimension, so
// that two stacks in an account are told apart.
func (m metrics) write(w io.Writer, function string, now time.Time) error {
	all := m.all()
	line := map[string]any{
		"FunctionName": function,
		"_aws": map[string]any{
			"Timestamp": now.UnixMilli(),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace":  namespace,
				"Dimensions": [][]string{{"FunctionName"}},
				"Metrics":    all,
			}},
		},
	}
	for _, metric := range all {
		line[metric.Name] = metric.value
	}
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
