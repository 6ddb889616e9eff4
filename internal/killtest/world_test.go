package killtest

import (
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/testserver"
)

// A world is all that the function works with: the simulated API, DynamoDB Local, and moto's topic and secret, each
// behind a proxy; and the queue of a subscriber, which nothing disturbs.
type world struct {
	t         *testing.T
	sim       *atlassim.Server
	journal   *journal
	proxies   map[string]*proxy
	queues    *sqs.Client
	queueURL  string
	env       []string
	bootstrap string
	tick      string
}

func newWorld(t *testing.T, clusters []string) *world {
	t.Helper()
	w := &world{t: t, sim: new(atlassim.Server), journal: newJournal(), bootstrap: testserver.BuildFunction(t, "watcher")}
	payload, err := os.ReadFile("../../events/tick.json")
	w.must("read tick", err)
	w.tick = string(payload)
	for _, cluster := range clusters {
		w.sim.SetJobs(atlassim.PageProject, cluster, nil)
	}
	api := httptest.NewServer(w.sim)
	t.Cleanup(api.Close)
	dynamo, moto := testserver.DynamoDB(t), testserver.Moto(t)
	table := testserver.StateTable(t, testserver.AWSConfig(t, dynamo))
	w.proxies = map[string]*proxy{
		theAPI:     newProxy(t, theAPI, api.URL, w.journal),
		theTable:   newProxy(t, theTable, dynamo, w.journal),
		theTopic:   newProxy(t, theTopic, moto, w.journal),
		theSecrets: newProxy(t, theSecrets, moto, w.journal),
	}
	topic, secret := w.makeTopic(moto), w.makeSecret(moto)
	var watched []string
	for _, cluster := range clusters {
		watched = append(watched, "legacy:"+atlassim.PageProject+"/"+cluster)
	}
	w.env = []string{
		"WATCH=" + strings.Join(watched, ","), "STATE_TABLE=" + table, "EVENTS_TOPIC_ARN=" + topic,
		"ATLAS_CREDENTIALS_SECRET=" + secret, "ATLAS_BASE_URL=" + w.proxies[theAPI].URL(),
		"AWS_ENDPOINT_URL_DYNAMODB=" + w.proxies[theTable].URL(), "AWS_ENDPOINT_URL_SNS=" + w.proxies[theTopic].URL(),
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=" + w.proxies[theSecrets].URL(),
		// How many passes in a row fail is chance: what it would make news is not to happen.
		"UNREACHABLE_AFTER=1000000",
		"AWS_NEW_RETRIES_2026=true", // pauses of milliseconds, not of seconds
	}
	return w
}

func (w *world) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// makeTopic makes a topic with a queue behind it.
func (w *world) makeTopic(moto string) (arn string) {
	cfg, name := testserver.AWSConfig(w.t, moto), strings.ToLower(rand.Text())
	topics := sns.NewFromConfig(cfg)
	topic, err := topics.CreateTopic(w.t.Context(), &sns.CreateTopicInput{Name: new("events-" + name)})
	w.must("create topic", err)
	w.queues = sqs.NewFromConfig(cfg)
	queue, err := w.queues.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: new("queue-" + name)})
	w.must("create queue", err)
	w.queueURL = *queue.QueueUrl
	read, err := w.queues.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	w.must("read queue", err)
	_, err = topics.Subscribe(w.t.Context(), &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: new(read.Attributes["QueueArn"]),
	})
	w.must("subscribe", err)
	return *topic.TopicArn
}

func (w *world) makeSecret(moto string) (arn string) {
	made, err := secretsmanager.NewFromConfig(testserver.AWSConfig(w.t, moto)).CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{
		Name:         new("atlas-" + strings.ToLower(rand.Text())),
		SecretString: new(`{"publicKey":"` + atlassim.DefaultPublicKey + `","privateKey":"` + atlassim.DefaultPrivateKey + `"}`),
	})
	w.must("create secret", err)
	return *made.ARN
}

// start starts the function in a new process.
func (w *world) start(attempts int) *testserver.Function {
	w.t.Helper()
	return testserver.StartFunction(w.t, w.bootstrap, append(w.env, "AWS_MAX_ATTEMPTS="+strconv.Itoa(attempts))...)
}

// stage sets what the next run meets.
func (w *world) stage(s script) {
	for name, p := range w.proxies {
		p.script(s.faults[name])
	}
}

// rest waits until no request of a process that has ended is on its way any more.
func (w *world) rest() {
	for _, p := range w.proxies {
		p.rest()
	}
}

// messages empties the queue and returns the events in it, in the order in which they came.
func (w *world) messages() (events []string) {
	w.t.Helper()
	for {
		got, err := w.queues.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &w.queueURL, MaxNumberOfMessages: 10})
		w.must("receive", err)
		if len(got.Messages) == 0 {
			return events
		}
		for _, m := range got.Messages {
			var notification struct{ Message string }
			w.must("read notification", json.Unmarshal([]byte(*m.Body), &notification))
			events = append(events, notification.Message)
			_, err := w.queues.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &w.queueURL, ReceiptHandle: m.ReceiptHandle})
			w.must("delete message", err)
		}
	}
}

// A report is the answer to a tick.
type report struct {
	Changed, Published, Pending int
	Failures                    []struct{ Target, Kind, Message string }
}

// clean returns the report of a run that did all it had to, or false.
func clean(outcome testserver.Outcome) (r report, ok bool) {
	if outcome.Error != nil {
		return r, false
	}
	err := json.Unmarshal([]byte(outcome.Response), &r)
	return r, err == nil && len(r.Failures) == 0 && r.Pending == 0
}
