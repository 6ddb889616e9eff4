package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// bootstrap is built by the first test that needs it.
var (
	bootstrap string
	build     sync.Once
)

// watcherBootstrap returns the path of the very file that would be deployed, built for this machine.
func watcherBootstrap(t *testing.T) string {
	t.Helper()
	build.Do(func() { bootstrap = testserver.BuildFunction(t, "watcher") })
	return bootstrap
}

const (
	project = atlassim.PageProject
	cluster = atlassim.PageCluster
	watched = "legacy:" + project + "/" + cluster
)

var pageTarget = restore.Target{Source: restore.Legacy, Project: project, Cluster: cluster}

// A world is everything around the function: the API's simulator, DynamoDB Local with a table, and on a moto server a
// topic, a queue that is subscribed to it and the secret with the API key. Every AWS call is recorded on its way.
type world struct {
	t        *testing.T
	sim      *atlassim.Server
	simURL   string
	moto     aws.Config
	dynamo   aws.Config
	table    string
	topicARN string
	queueURL string
	secret   string
	calls    *recorder
	env      map[string]string
	function *testserver.Function
	said     string // by functions that have been stopped
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, sim: new(atlassim.Server), calls: new(recorder)}
	w.sim.SetJobs(project, cluster, nil)
	api := httptest.NewServer(w.sim)
	t.Cleanup(api.Close)
	w.simURL = api.URL
	w.moto = testserver.AWSConfig(t, testserver.Moto(t))
	w.dynamo = testserver.AWSConfig(t, testserver.DynamoDB(t))
	w.table = testserver.StateTable(t, w.dynamo)
	w.makeTopic()
	w.makeSecret(`{"publicKey":"` + atlassim.DefaultPublicKey + `","privateKey":"` + atlassim.DefaultPrivateKey + `"}`)
	w.env = map[string]string{
		"WATCH": watched, "ATLAS_BASE_URL": w.simURL, "ATLAS_CREDENTIALS_SECRET": w.secret,
		"STATE_TABLE": w.table, "EVENTS_TOPIC_ARN": w.topicARN,
		"AWS_ENDPOINT_URL":          w.proxy(*w.moto.BaseEndpoint),
		"AWS_ENDPOINT_URL_DYNAMODB": w.proxy(*w.dynamo.BaseEndpoint),
	}
	return w
}

func (w *world) proxy(endpoint string) string {
	to, err := url.Parse(endpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := httptest.NewServer(w.calls.record(httputil.NewSingleHostReverseProxy(to)))
	w.t.Cleanup(proxy.Close)
	return proxy.URL
}

func (w *world) name() string { return strings.TrimPrefix(w.table, "state-") }

func (w *world) makeTopic() {
	topics := sns.NewFromConfig(w.moto)
	topic, err := topics.CreateTopic(w.t.Context(), &sns.CreateTopicInput{Name: new("events-" + w.name())})
	w.must("create topic", err)
	w.topicARN = *topic.TopicArn
	w.queueURL = w.subscribe(w.topicARN)
}

// subscribe puts a queue of its own behind a topic.
func (w *world) subscribe(topic string) (queueURL string) {
	w.t.Helper()
	queueURL, arn := w.makeQueue()
	_, err := sns.NewFromConfig(w.moto).Subscribe(w.t.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: new("sqs"), Endpoint: &arn,
	})
	w.must("subscribe", err)
	return queueURL
}

// rule puts a queue of its own behind a bus, for all that restorewatch says.
func (w *world) rule(bus string) (queueURL string) {
	w.t.Helper()
	queueURL, arn := w.makeQueue()
	rules, name := eventbridge.NewFromConfig(w.moto), "rule-"+strings.ToLower(rand.Text())
	_, err := rules.PutRule(w.t.Context(), &eventbridge.PutRuleInput{
		Name: &name, EventBusName: &bus, EventPattern: new(`{"source": ["restorewatch"]}`),
	})
	w.must("put rule", err)
	_, err = rules.PutTargets(w.t.Context(), &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &bus, Targets: []bridgetypes.Target{{Id: new("queue"), Arn: &arn}},
	})
	w.must("put targets", err)
	return queueURL
}

func (w *world) makeQueue() (queueURL, arn string) {
	w.t.Helper()
	queues := sqs.NewFromConfig(w.moto)
	queue, err := queues.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: new("queue-" + strings.ToLower(rand.Text()))})
	w.must("create queue", err)
	read, err := queues.GetQueueAttributes(w.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn},
	})
	w.must("read queue", err)
	return *queue.QueueUrl, read.Attributes["QueueArn"]
}

func (w *world) makeSecret(value string) {
	made, err := secretsmanager.NewFromConfig(w.moto).CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{
		Name: new("atlas-" + w.name()), SecretString: &value,
	})
	w.must("create secret", err)
	w.secret = *made.ARN
}

func (w *world) must(what string, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// since begins the watch of the page's cluster at a time of the test's choosing.
func (w *world) since(at time.Time) { w.begin(pageTarget, at) }

func (w *world) begin(target restore.Target, at time.Time) {
	w.t.Helper()
	_, err := dynamo.New(dynamodb.NewFromConfig(w.dynamo), w.table).Save(w.t.Context(), restore.Begin(target, at))
	w.must("begin", err)
}

// tick makes one invocation, starting the function if it does not run yet.
func (w *world) tick() testserver.Outcome {
	w.t.Helper()
	return w.tickWithin(20 * time.Second)
}

func (w *world) tickWithin(timeout time.Duration) testserver.Outcome {
	w.t.Helper()
	if w.function == nil {
		w.coldStart()
	}
	payload, err := os.ReadFile("../../events/tick.json")
	w.must("read tick", err)
	return w.function.Invoke(string(payload), timeout)
}

func (w *world) coldStart() {
	w.t.Helper()
	if w.function != nil {
		w.function.Stop()
		w.said += w.function.Output()
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(w.env)) {
		env = append(env, name+"="+w.env[name])
	}
	w.function = testserver.StartFunction(w.t, watcherBootstrap(w.t), env...)
}

// output returns all logs and metrics so far.
func (w *world) output() string { return w.said + w.function.Output() }

// A report is the answer to a tick.
type report struct {
	Targets, Listed, Changed, Published, Pending int
	Failures                                     []struct{ Target, Kind, Message, Hint string }
}

// mustTick makes one invocation that has to succeed.
func (w *world) mustTick() report {
	w.t.Helper()
	return w.reportOf(w.tick())
}

// reportOf reads the answer of an invocation that has to succeed.
func (w *world) reportOf(outcome testserver.Outcome) (r report) {
	w.t.Helper()
	if outcome.Error != nil {
		w.t.Fatalf("tick: %s\n%s", outcome.Error.Message, w.function.Output())
	}
	w.must("read report", json.Unmarshal([]byte(outcome.Response), &r))
	return r
}

// A message is what a subscriber finds in its queue.
type message struct {
	Subject    string
	Message    string
	Attributes map[string]struct{ Type, Value string } `json:"MessageAttributes"`
	Event      event                                   `json:"-"`
}

// An event is the part of a published event that these tests look at.
type event struct {
	ID, Type, Subject, Sequence string
	Data                        struct {
		Severity string
		Change   *struct{ From, To string }
		Failure  *struct{ Kind, Message, Hint string }
	}
}

// receive empties the queue behind the topic.
func (w *world) receive() []message {
	w.t.Helper()
	var all []message
	for _, body := range w.drain(w.queueURL) {
		var read message
		w.must("read message", json.Unmarshal([]byte(body), &read))
		w.must("read event", json.Unmarshal([]byte(read.Message), &read.Event))
		all = append(all, read)
	}
	return all
}

// drain empties a queue and returns what was in it.
func (w *world) drain(queueURL string) (bodies []string) {
	w.t.Helper()
	queues := sqs.NewFromConfig(w.moto)
	for {
		got, err := queues.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10})
		w.must("receive", err)
		if len(got.Messages) == 0 {
			return bodies
		}
		for _, m := range got.Messages {
			bodies = append(bodies, *m.Body)
			_, err := queues.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queueURL, ReceiptHandle: m.ReceiptHandle})
			w.must("delete message", err)
		}
	}
}

// items returns every item of the table as text.
func (w *world) items() string {
	w.t.Helper()
	got, err := dynamodb.NewFromConfig(w.dynamo).Scan(w.t.Context(), &dynamodb.ScanInput{TableName: &w.table})
	w.must("scan", err)
	var text strings.Builder
	for _, item := range got.Items {
		for _, name := range slices.Sorted(maps.Keys(item)) {
			switch v := item[name].(type) {
			case *dynamotypes.AttributeValueMemberS:
				text.WriteString(name + "=" + v.Value + "\n")
			case *dynamotypes.AttributeValueMemberN:
				text.WriteString(name + "=" + v.Value + "\n")
			default:
				w.t.Errorf("attribute %s has an odd type: %T", name, v)
			}
		}
	}
	return text.String()
}

// A recorder notes the operation of every AWS call that passes through it.
type recorder struct {
	mu  sync.Mutex
	ops []string
}

func (c *recorder) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.mu.Lock()
		c.ops = append(c.ops, operation(r, body))
		c.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// operation names a call the way an IAM policy does: service:Operation.
func operation(r *http.Request, body []byte) string {
	service, _, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch {
	case strings.HasPrefix(service, "DynamoDB"):
		service = "dynamodb"
	case service == "AWSEvents":
		service = "events"
	case service == "secretsmanager":
	default:
		service = "sns"
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			return service + ":" + form.Get("Action")
		}
	}
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return service + ":" + name
}

// take returns the operations since the last take.
func (c *recorder) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ops := c.ops
	c.ops = nil
	return ops
}

// count returns how often each operation stands in ops.
func count(ops []string) map[string]int {
	n := make(map[string]int)
	for _, op := range ops {
		n[op]++
	}
	return n
}

func (w *world) makeNamedSecret(name, value string) {
	_, err := secretsmanager.NewFromConfig(w.moto).CreateSecret(w.t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: &value,
	})
	w.must("create secret", err)
}
