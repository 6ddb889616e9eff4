package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/atlassim"
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

// A pipe is a topic with a queue behind it, which stands for the subscription of the function.
type pipe struct {
	t      *testing.T
	topics *awssns.Client
	queues *sqs.Client
	topic  string // ARN
	queue  string // URL
}

func newPipe(t *testing.T) *pipe {
	t.Helper()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	p := &pipe{t: t, topics: awssns.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg)}
	topic, err := p.topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: new("events-" + rand.Text())})
	p.must(err)
	queue, err := p.queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: new("slack-" + rand.Text()), Attributes: map[string]string{"VisibilityTimeout": "0"},
	})
	p.must(err)
	p.topic, p.queue = *topic.TopicArn, *queue.QueueUrl
	described, err := p.queues.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &p.queue, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	p.must(err)
	_, err = p.topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: &p.topic, Protocol: new("sqs"), Endpoint: new(described.Attributes["QueueArn"]),
	})
	p.must(err)
	return p
}

func (p *pipe) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// deliver hands the messages that are in the queue to a function, one an invocation as SNS does. Those that it takes are
// gone, and the others stay, as Lambda and the dead-letter queue keep them.
func (p *pipe) deliver(f *testserver.Function) (outcomes []testserver.Outcome) {
	p.t.Helper()
	seen := make(map[string]bool)
	for {
		got, err := p.queues.ReceiveMessage(p.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &p.queue, MaxNumberOfMessages: 10})
		p.must(err)
		if !slices.ContainsFunc(got.Messages, func(m types.Message) bool { return !seen[*m.MessageId] }) {
			return outcomes
		}
		for _, m := range got.Messages {
			if seen[*m.MessageId] {
				continue
			}
			seen[*m.MessageId] = true
			var record struct{ Message string }
			p.must(json.Unmarshal([]byte(*m.Body), &record))
			outcome := f.Invoke(input(p.t, record.Message), 20*time.Second)
			outcomes = append(outcomes, outcome)
			if outcome.Error == nil {
				_, err := p.queues.DeleteMessage(p.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &p.queue, ReceiptHandle: m.ReceiptHandle})
				p.must(err)
			}
		}
	}
}

// What the publisher tells SNS, a subscriber of the topic hands to the function as it came: every type of event.
func TestFromTheTopic(t *testing.T) {
	t.Parallel()
	p := newPipe(t)
	all := publishtest.Types()
	_, err := sns.New(p.topics, p.topic, renderer).Publish(t.Context(), all)
	p.must(err)
	s := newSlack(t, taken)
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	for _, outcome := range p.deliver(f) {
		if outcome.Error != nil {
			t.Error(outcome.Error.Message)
		}
	}
	if messages, _ := s.seen(); len(messages) != len(all) {
		t.Errorf("the person sees %d messages, want %d", len(messages), len(all))
	}
}

// From the API to the person, with both functions as they would be deployed: while Slack refuses, the event is kept, and
// it is told once Slack takes it.
func TestFromTheAPI(t *testing.T) {
	t.Parallel()
	p := newPipe(t)
	sim := new(atlassim.Server)
	jobs := atlassim.PageExample()[:1]
	jobs[0].BatchID, jobs[0].Hashes, jobs[0].StatusName, jobs[0].Delivery.StatusName = "", nil, "IN_PROGRESS", "NOT_STARTED"
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, jobs)
	api := httptest.NewServer(sim)
	defer api.Close()
	dynamo := testserver.AWSConfig(t, testserver.DynamoDB(t))
	watcher := testserver.StartFunction(t, testserver.BuildFunction(t, "watcher"),
		"WATCH=legacy:"+atlassim.PageProject+"/"+atlassim.PageCluster, "ATLAS_BASE_URL="+api.URL,
		"ATLAS_PUBLIC_KEY="+atlassim.DefaultPublicKey, "ATLAS_PRIVATE_KEY="+atlassim.DefaultPrivateKey,
		"STATE_TABLE="+testserver.StateTable(t, dynamo), "EVENTS_TOPIC_ARN="+p.topic, "STUCK_AFTER=0",
		"AWS_ENDPOINT_URL="+testserver.Moto(t), "AWS_ENDPOINT_URL_DYNAMODB="+*dynamo.BaseEndpoint)
	tick := func() {
		t.Helper()
		if outcome := watcher.Invoke(`{}`, 20*time.Second); outcome.Error != nil {
			t.Fatalf("tick: %s", outcome.Error.Message)
		}
	}
	tick()
	jobs[0].StatusName = "FINISHED"
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, jobs)
	tick()

	s := newSlack(t, answer{status: 404, body: "no_service"})
	f := testserver.StartFunction(t, slackBootstrap(t), "SLACK_WEBHOOK_URL="+s.URL+path)
	refused := p.deliver(f)
	if len(refused) != 1 || refused[0].Error == nil || !strings.Contains(refused[0].Error.Message, jobs[0].ID+".status.FINISHED") {
		t.Fatalf("outcomes %+v, want one that names the event", refused)
	}
	s.from(taken)
	told := p.deliver(f)
	messages, _ := s.seen()
	if len(told) != 1 || told[0].Error != nil || len(messages) != 1 || messages[0].headline() != "✅ Restore of Cluster0 finished" {
		t.Errorf("outcomes %+v, the person sees %+v", told, messages)
	}
	wantNoCanary(t, f, slices.Concat(refused, told)...)
}
