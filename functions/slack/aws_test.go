package main

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/testserver"
)

// The address comes from Secrets Manager, once, and again when Slack says that there is no such webhook: a webhook that
// was renewed needs no deployment.
func TestSecretIsRotated(t *testing.T) {
	t.Parallel()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	manager := secretsmanager.NewFromConfig(cfg)
	s := newSlack(t, taken)
	name := "slack-" + rand.Text()
	if _, err := manager.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: new(s.URL + path)}); err != nil {
		t.Fatal(err)
	}
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_SECRET="+name, "AWS_ENDPOINT_URL="+*cfg.BaseEndpoint)
	payload := input(t, document(publishtest.Finished()))
	first := f.Invoke(payload, 10*time.Second)
	if first.Error != nil {
		t.Fatal(first.Error.Message)
	}
	const renewed = "/services/T00CANARY/B01CANARY/CANARYrenewed"
	if _, err := manager.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &name, SecretString: new(`{"url":"` + s.URL + renewed + `"}`),
	}); err != nil {
		t.Fatal(err)
	}
	s.seen()
	s.from(answer{status: 404, body: "no_service"}, taken)
	second := f.Invoke(payload, 10*time.Second)
	if _, requests := s.seen(); second.Error != nil || !slices.Equal(requests, []string{path, renewed}) {
		t.Errorf("%+v, asked for %q", second.Error, requests)
	}
	wantNoCanary(t, f, first, second)
}

func TestMissingSecret(t *testing.T) {
	t.Parallel()
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_SECRET=missing", "AWS_ENDPOINT_URL="+testserver.Moto(t))
	outcome := f.Invoke(input(t, document(publishtest.Finished())), 10*time.Second)
	if outcome.Error == nil || !strings.Contains(outcome.Error.Message, `read secret "missing": there is no such secret`) ||
		!strings.Contains(outcome.Error.Message, publishtest.Finished().ID) {
		t.Errorf("outcome %+v", outcome.Error)
	}
}

// From the topic to the person: what the publisher tells SNS, a subscriber of the topic hands to the function as it came.
// A queue stands for the subscription of the function.
func TestFromTheTopic(t *testing.T) {
	t.Parallel()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	topics, queues := awssns.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	topic, err := topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: new("events-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("slack-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	described, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: new(described.Attributes["QueueArn"]),
	}); err != nil {
		t.Fatal(err)
	}
	all := publishtest.Types()
	if _, err := sns.New(topics, *topic.TopicArn, renderer).Publish(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	told := 0
	for {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			break
		}
		for _, m := range got.Messages {
			var record struct{ Message string }
			if err := json.Unmarshal([]byte(*m.Body), &record); err != nil {
				t.Fatal(err)
			}
			if outcome := f.Invoke(input(t, record.Message), 20*time.Second); outcome.Error != nil {
				t.Error(outcome.Error.Message)
			}
			told++
			if _, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queue.QueueUrl, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if messages, _ := s.seen(); told != len(all) || len(messages) != len(all) {
		t.Errorf("%d events came out of the topic and the person sees %d, want %d", told, len(messages), len(all))
	}
}
