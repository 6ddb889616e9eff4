package eventbridge_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	awsbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/publish/bulk"
	"restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// A rig is a bus on a moto server with queues behind rules.
type rig struct {
	t      *testing.T
	bridge *awsbridge.Client
	sqs    *sqs.Client
	bus    string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	r := &rig{t: t, bridge: awsbridge.NewFromConfig(cfg, eventbridge.Retry), sqs: sqs.NewFromConfig(cfg), bus: "bus-" + rand.Text()}
	if _, err := r.bridge.CreateEventBus(t.Context(), &awsbridge.CreateEventBusInput{Name: &r.bus}); err != nil {
		t.Fatal(err)
	}
	return r
}

// queue puts a new queue behind a rule with that pattern.
func (r *rig) queue(pattern string) (url string) {
	r.t.Helper()
	name := "q-" + rand.Text()
	created, err := r.sqs.CreateQueue(r.t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		r.t.Fatal(err)
	}
	described, err := r.sqs.GetQueueAttributes(r.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.bridge.PutRule(r.t.Context(), &awsbridge.PutRuleInput{
		Name: &name, EventBusName: &r.bus, EventPattern: &pattern,
	}); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.bridge.PutTargets(r.t.Context(), &awsbridge.PutTargetsInput{
		Rule: &name, EventBusName: &r.bus,
		Targets: []types.Target{{Id: new("queue"), Arn: new(described.Attributes["QueueArn"])}},
	}); err != nil {
		r.t.Fatal(err)
	}
	return *created.QueueUrl
}

// A received is what EventBridge delivers.
type received struct {
	DetailType string `json:"detail-type"`
	Source     string
	Time       time.Time
	Detail     json.RawMessage
}

func (r *rig) received(queue string) []received {
	r.t.Helper()
	var all []received
	for {
		out, err := r.sqs.ReceiveMessage(r.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			var event received
			if err := json.Unmarshal([]byte(*m.Body), &event); err != nil {
				r.t.Fatal(err)
			}
			all = append(all, event)
			if _, err := r.sqs.DeleteMessage(r.t.Context(), &sqs.DeleteMessageInput{
				QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle,
			}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// Rules deliver exactly what they say, out of one event of every kind.
func TestRules(t *testing.T) {
	r := newRig(t)
	rules := []struct {
		pattern string
		wants   func(restore.Event) bool
	}{
		{`{"source":["restorewatch"]}`, func(restore.Event) bool { return true }},
		{`{"source":["restorewatch"],"detail-type":["restorewatch.job.status_changed"],"detail":{"data":{"change":{"to":["FINISHED"]}}}}`,
			func(e restore.Event) bool { return e.Type == restore.JobStatusChanged && e.Change.To == "FINISHED" }},
		{`{"source":["restorewatch"],"detail":{"data":{"severity":["critical"]}}}`,
			func(e restore.Event) bool { return e.Severity == restore.Critical }},
		{`{"source":["aws.backup"]}`, func(restore.Event) bool { return false }},
	}
	queues := make([]string, len(rules))
	for i, rule := range rules {
		queues[i] = r.queue(rule.pattern)
	}
	events := publishtest.Events()
	accepted, err := eventbridge.New(r.bridge, r.bus, renderer).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	for i, rule := range rules {
		var got, want []string
		for _, m := range r.received(queues[i]) {
			event := decode(t, string(m.Detail))
			got = append(got, event.ID)
			if m.Source != eventbridge.Source || m.DetailType != event.Type || !m.Time.Equal(event.Time) {
				t.Errorf("%s: source %q, detail-type %q, time %v", event.ID, m.Source, m.DetailType, m.Time)
			}
		}
		for _, e := range events {
			if rule.wants(e) {
				want = append(want, e.ID)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s delivers %q, want %q", rule.pattern, got, want)
		}
	}
}

func TestBusMissing(t *testing.T) {
	r := newRig(t)
	accepted, err := eventbridge.New(r.bridge, r.bus+"-gone", renderer).Publish(t.Context(), publishtest.Rounds(2, 1))
	failure, ok := errors.AsType[*bulk.Error](err)
	if !ok || failure.Code != "ResourceNotFoundException" || !strings.Contains(failure.Hint(), "EVENT_BUS_NAME") {
		t.Errorf("error %v", err)
	}
	if slices.Contains(accepted, true) || !strings.HasPrefix(err.Error(), "event bus "+r.bus+"-gone: 2 of 2 events not accepted: ") {
		t.Errorf("accepted %v, %v", accepted, err)
	}
}
