package cookbook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	bus "restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

const (
	policies = "SNS filter policies"
	patterns = "EventBridge patterns"
)

// Every block of JSON on the page is a filter under a heading of its own, with what it delivers.
func TestPageNamesWhatItDelivers(t *testing.T) {
	known := make(map[string]bool)
	for _, r := range cast() {
		known[r.name] = true
	}
	count := make(map[string]int)
	headings := make(map[string]bool)
	for _, b := range blocks(t, "subscribe.md") {
		if b.lang != "json" {
			continue
		}
		count[b.section]++
		if b.heading == "" || headings[b.section+b.heading] {
			t.Errorf("line %d: a filter without a heading of its own", b.line)
		}
		headings[b.section+b.heading] = true
		if len(b.delivers) == 0 {
			t.Errorf("line %d: %s: nothing says what it delivers", b.line, b.heading)
		}
		for _, name := range b.delivers {
			if !known[name] {
				t.Errorf("line %d: %s: delivers %q, which is no event", b.line, b.heading, name)
			}
		}
	}
	if count[policies] < 10 || count[patterns] < 5 || len(count) != 2 {
		t.Errorf("the page has %v blocks of JSON, want ten policies, five patterns and no others", count)
	}
}

// The limits of SNS developer guide, "Filter policy constraints". moto knows the second only.
func TestPoliciesKeepTheLimits(t *testing.T) {
	for _, b := range in(blocks(t, "subscribe.md"), policies, "json") {
		var policy map[string][]any
		if err := json.Unmarshal([]byte(b.text), &policy); err != nil {
			t.Errorf("line %d: %s: no list under each name: %v", b.line, b.heading, err)
			continue
		}
		combinations := 1
		for name, values := range policy {
			combinations *= len(values)
			if !attributes[name] {
				t.Errorf("line %d: %s: %q is no attribute", b.line, b.heading, name)
			}
		}
		if len(policy) > 5 || combinations > 150 || combinations == 0 {
			t.Errorf("line %d: %s: %d names, %d combinations", b.line, b.heading, len(policy), combinations)
		}
		if len(policy) == 1 && (policy["status"] != nil || policy["deliveryStatus"] != nil) {
			t.Errorf("line %d: %s: a status without a type", b.line, b.heading)
		}
	}
}

var attributes = map[string]bool{
	"type": true, "severity": true, "status": true, "deliveryStatus": true, "source": true,
	"projectId": true, "clusterName": true, "batchId": true, "repeat": true,
}

// moto judges these wrong, so that a filter with one of them would be tested by nobody.
func TestFiltersUseWhatMotoKnows(t *testing.T) {
	for _, b := range blocks(t, "subscribe.md") {
		for _, word := range []string{"wildcard", "cidr", "equals-ignore-case", "null"} {
			if b.lang == "json" && strings.Contains(b.text, word) {
				t.Errorf("line %d: %s: %s is not tested", b.line, b.heading, word)
			}
		}
		if b.section == policies && strings.Contains(b.text, "$or") {
			t.Errorf("line %d: %s: $or is not tested", b.line, b.heading)
		}
	}
}

// Someone is told of each type of event.
func TestEveryTypeIsDelivered(t *testing.T) {
	all := cast()
	missing := make(map[restore.Type]bool)
	for _, e := range publishtest.Types() {
		missing[e.Type] = true
	}
	for _, b := range in(blocks(t, "subscribe.md"), policies, "json") {
		if len(b.delivers) > len(all)/2 {
			continue // whoever takes nearly everything has not asked for this
		}
		for _, r := range all {
			if slices.Contains(b.delivers, r.name) {
				delete(missing, r.event.Type)
			}
		}
	}
	if len(missing) > 0 {
		t.Errorf("no policy is about %v", slices.Collect(maps.Keys(missing)))
	}
}

func TestPoliciesDeliverWhatTheySay(t *testing.T) {
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	client := awssns.NewFromConfig(cfg, sns.Retry)
	topic, err := client.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: new("events-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	q := queues{sqs.NewFromConfig(cfg)}
	recipes := in(blocks(t, "subscribe.md"), policies, "json")
	urls := make([]string, len(recipes))
	for i, b := range recipes {
		var arn string
		urls[i], arn = q.make(t)
		_, err := client.Subscribe(t.Context(), &awssns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: &arn,
			Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": b.text},
		})
		if err != nil {
			t.Fatalf("line %d: %s: %v", b.line, b.heading, err)
		}
	}
	publishAll(t, sns.New(client, *topic.TopicArn, renderer).Publish)
	for i, b := range recipes {
		var ids []string
		for _, body := range q.bodies(t, urls[i]) {
			ids = append(ids, decode[struct{ ID string }](t, body).ID)
		}
		b.check(t, names(t, ids))
	}
}

func TestPatternsDeliverWhatTheySay(t *testing.T) {
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	client, q := eventbridge.NewFromConfig(cfg, bus.Retry), queues{sqs.NewFromConfig(cfg)}
	name := "restores-" + rand.Text()
	if _, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	recipes := in(blocks(t, "subscribe.md"), patterns, "json")
	urls := make([]string, len(recipes))
	for i, b := range recipes {
		var arn string
		urls[i], arn = q.make(t)
		route(t, client, name, b, arn)
	}
	publishAll(t, bus.New(client, name, renderer).Publish)
	for i, b := range recipes {
		var ids []string
		for _, body := range q.bodies(t, urls[i]) {
			ids = append(ids, decode[struct{ Detail struct{ ID string } }](t, body).Detail.ID)
		}
		b.check(t, names(t, ids))
	}
}

func route(t *testing.T, client *eventbridge.Client, bus string, b block, queue string) {
	t.Helper()
	rule := fmt.Sprintf("line-%d", b.line)
	if _, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: &rule, EventBusName: &bus, EventPattern: &b.text,
	}); err != nil {
		t.Fatalf("line %d: %s: %v", b.line, b.heading, err)
	}
	out, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &rule, EventBusName: &bus, Targets: []ebtypes.Target{{Id: new("queue"), Arn: &queue}},
	})
	if err != nil || out.FailedEntryCount > 0 {
		t.Fatalf("line %d: %s: %v, %+v", b.line, b.heading, err, out)
	}
}

// check compares what arrived with what the page says, neither more nor less and nothing twice.
func (b block) check(t *testing.T, got []string) {
	t.Helper()
	if want := slices.Sorted(slices.Values(b.delivers)); !slices.Equal(got, want) {
		t.Errorf("line %d: %s\ndelivers %q\nthe page says %q", b.line, b.heading, got, want)
	}
}

// publishAll publishes the whole cast.
func publishAll(t *testing.T, publish func(context.Context, []restore.Event) ([]bool, error)) {
	t.Helper()
	accepted, err := publish(t.Context(), events(cast()))
	if err != nil || slices.Contains(accepted, false) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
}

// queues makes and empties queues.
type queues struct{ api *sqs.Client }

func (q queues) make(t *testing.T) (url, arn string) {
	t.Helper()
	created, err := q.api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	described, err := q.api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *created.QueueUrl, described.Attributes["QueueArn"]
}

// bodies takes every message out of a queue.
func (q queues) bodies(t *testing.T, url string) []string {
	t.Helper()
	var all []string
	for {
		out, err := q.api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		var handled []types.DeleteMessageBatchRequestEntry
		for _, m := range out.Messages {
			all = append(all, aws.ToString(m.Body))
			handled = append(handled, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
		}
		if _, err := q.api.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &url, Entries: handled}); err != nil {
			t.Fatal(err)
		}
	}
}

func decode[T any](t *testing.T, text string) T {
	t.Helper()
	var out T
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	return out
}
