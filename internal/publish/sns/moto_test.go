package sns_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// A rig is a topic on a moto server with queues subscribed to it.
type rig struct {
	t     *testing.T
	sns   *awssns.Client
	sqs   *sqs.Client
	topic string
	calls int
	fifo  map[string]string // attributes of topic and queues
	end   string            // of their names
}

func newRig(t *testing.T, fifo bool) *rig {
	t.Helper()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	r := &rig{t: t, sns: awssns.NewFromConfig(cfg, sns.Retry), sqs: sqs.NewFromConfig(cfg)}
	if fifo {
		r.end, r.fifo = ".fifo", map[string]string{"FifoTopic": "true"}
	}
	out, err := r.sns.CreateTopic(t.Context(), &awssns.CreateTopicInput{
		Name: new("events-" + rand.Text() + r.end), Attributes: r.fifo,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.topic = *out.TopicArn
	return r
}

// PublishBatch counts the calls.
func (r *rig) PublishBatch(ctx context.Context, in *awssns.PublishBatchInput, o ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	r.calls++
	return r.sns.PublishBatch(ctx, in, o...)
}

// queue subscribes a new queue; pairs are names and values of the subscription's attributes.
func (r *rig) queue(pairs ...string) (url string) {
	r.t.Helper()
	in := &sqs.CreateQueueInput{QueueName: new("q-" + rand.Text() + r.end)}
	if r.end != "" {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	created, err := r.sqs.CreateQueue(r.t.Context(), in)
	if err != nil {
		r.t.Fatal(err)
	}
	described, err := r.sqs.GetQueueAttributes(r.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	attributes := make(map[string]string)
	for pair := range slices.Chunk(pairs, 2) {
		attributes[pair[0]] = pair[1]
	}
	if _, err := r.sns.Subscribe(r.t.Context(), &awssns.SubscribeInput{
		TopicArn: &r.topic, Protocol: new("sqs"), Endpoint: new(described.Attributes["QueueArn"]), Attributes: attributes,
	}); err != nil {
		r.t.Fatal(err)
	}
	return *created.QueueUrl
}

// bodies takes every message out of a queue.
func (r *rig) bodies(queue string) []string {
	r.t.Helper()
	var all []string
	for {
		out, err := r.sqs.ReceiveMessage(r.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			all = append(all, *m.Body)
			if _, err := r.sqs.DeleteMessage(r.t.Context(), &sqs.DeleteMessageInput{
				QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle,
			}); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// received returns the ids of the events in a queue with raw delivery.
func (r *rig) received(queue string) []string {
	r.t.Helper()
	var out []string
	for _, body := range r.bodies(queue) {
		out = append(out, decode(r.t, body).ID)
	}
	return out
}

func (r *rig) publish(events ...restore.Event) {
	r.t.Helper()
	accepted, err := sns.New(r, r.topic, renderer).Publish(r.t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		r.t.Fatalf("accepted %v, %v", accepted, err)
	}
}

func TestQueueGetsTheEvent(t *testing.T) {
	r := newRig(t, false)
	raw, enveloped := r.queue("RawMessageDelivery", "true"), r.queue()
	e := publishtest.Finished()
	r.publish(e)

	if got := r.bodies(raw); len(got) != 1 || got[0] != string(renderer.JSON(e)) {
		t.Errorf("raw: %q", got)
	}
	var envelope struct {
		Type, Subject, Message string
		MessageAttributes      map[string]struct{ Type, Value string }
	}
	got := r.bodies(enveloped)
	if len(got) != 1 {
		t.Fatalf("enveloped: %q", got)
	}
	if err := json.Unmarshal([]byte(got[0]), &envelope); err != nil {
		t.Fatal(err)
	}
	if envelope.Message != string(renderer.JSON(e)) || envelope.Subject != "[restorewatch] Restore of Cluster0 finished" {
		t.Errorf("enveloped: %+v", envelope)
	}
	if a := envelope.MessageAttributes["status"]; a.Type != "String" || a.Value != "FINISHED" {
		t.Errorf("attribute status: %+v", a)
	}
}

func TestFIFOTopicDropsWhatItHasSeen(t *testing.T) {
	r := newRig(t, true)
	queue := r.queue("RawMessageDelivery", "true")
	events := publishtest.Rounds(2, 3)
	r.publish(events...)
	r.publish(events...) // as after a crash before the outbox was trimmed
	got := r.received(queue)
	if want := ids(events); len(got) != len(want) || len(without(want, got)) > 0 {
		t.Errorf("got %q, want each of %q once", got, want)
	}
	for i := range 2 {
		mine := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return !strings.HasPrefix(id, events[i].Subject) })
		if want := []string{events[i].ID, events[i+2].ID, events[i+4].ID}; !slices.Equal(mine, want) {
			t.Errorf("job %s in order %q, want %q", events[i].Subject, mine, want)
		}
	}
}

// The filter policies that the contract promises deliver exactly what they say, out of one event of every kind.
func TestFilterPolicies(t *testing.T) {
	r := newRig(t, false)
	filters := []struct {
		policy string
		wants  func(e restore.Event) bool
	}{
		{`{"type":["restorewatch.job.status_changed"],"status":["FINISHED"]}`, func(e restore.Event) bool {
			return e.Type == restore.JobStatusChanged && e.Job.Status == restore.Finished
		}},
		{`{"type":["restorewatch.batch.finished"]}`, func(e restore.Event) bool { return e.Type == restore.BatchFinished }},
		{`{"severity":["critical"]}`, func(e restore.Event) bool { return e.Severity == restore.Critical }},
	}
	queues := make([]string, len(filters))
	for i, f := range filters {
		queues[i] = r.queue("RawMessageDelivery", "true", "FilterPolicy", f.policy)
	}
	all := publishtest.Events()
	r.publish(all...)
	for i, f := range filters {
		want := ids(slices.DeleteFunc(slices.Clone(all), func(e restore.Event) bool { return !f.wants(e) }))
		got := r.received(queues[i])
		slices.Sort(got)
		slices.Sort(want)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s delivers %q, want %q", f.policy, got, want)
		}
	}
}

// Three jobs with four events each, and their batch: what a first look at the API page's example has to tell.
func TestThirteenEventsInFourCalls(t *testing.T) {
	r := newRig(t, false)
	queue := r.queue("RawMessageDelivery", "true")
	events := append(publishtest.Rounds(3, 4), publishtest.BatchFinished())
	r.publish(events...)
	if r.calls != 4 {
		t.Errorf("%d calls, want 4", r.calls)
	}
	if got := r.received(queue); len(got) != 13 || len(without(ids(events), got)) > 0 {
		t.Errorf("received %q", got)
	}
}

func TestTopicMissing(t *testing.T) {
	r := newRig(t, false)
	missing := r.topic + "-gone"
	accepted, err := sns.New(r, missing, renderer).Publish(t.Context(), publishtest.Rounds(2, 1))
	checkMissing(t, accepted, err, missing)
	if r.calls != 1 {
		t.Errorf("%d calls", r.calls)
	}
}

func checkMissing(t *testing.T, accepted []bool, err error, topic string) {
	t.Helper()
	failure, ok := errors.AsType[*sns.Error](err)
	if !ok || failure.Code != "NotFound" || !strings.Contains(failure.Hint(), "EVENTS_TOPIC_ARN") {
		t.Errorf("error %v", err)
	}
	if slices.Contains(accepted, true) || !strings.Contains(err.Error(), "topic "+topic+": 2 of 2 events not accepted") {
		t.Errorf("accepted %v, %v", accepted, err)
	}
}
