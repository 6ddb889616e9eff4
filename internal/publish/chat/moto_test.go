package chat_test

import (
	"crypto/rand"
	"os"
	"slices"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/publish/chat"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// What a subscriber of the topic gets is the notification itself, for every event.
func TestSubscriberGetsTheNotification(t *testing.T) {
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	topics, queues := awssns.NewFromConfig(cfg, sns.Retry), sqs.NewFromConfig(cfg)
	created, err := topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: new("chat-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	queue := newQueue(t, queues, topics, *created.TopicArn)
	publisher, err := chat.New(topics, *created.TopicArn, renderer)
	if err != nil {
		t.Fatal(err)
	}
	events := publishtest.Types()
	accepted, err := publisher.Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	got := bodies(t, queues, queue)
	if len(got) != len(events) {
		t.Errorf("%d notifications for %d events", len(got), len(events))
	}
	for _, e := range events {
		if !slices.Contains(got, chat.Notification(renderer, e)) {
			t.Errorf("%s did not arrive", e.ID)
		}
	}
}

func newQueue(t *testing.T, queues *sqs.Client, topics *awssns.Client, topicARN string) (url string) {
	t.Helper()
	created, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: new("q-" + rand.Text())})
	if err != nil {
		t.Fatal(err)
	}
	described, err := queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: &topicARN, Protocol: new("sqs"), Endpoint: new(described.Attributes["QueueArn"]),
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	}); err != nil {
		t.Fatal(err)
	}
	return *created.QueueUrl
}

// bodies takes every message out of a queue.
func bodies(t *testing.T, queues *sqs.Client, url string) []string {
	t.Helper()
	var all []string
	for {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			all = append(all, *m.Body)
			if _, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
