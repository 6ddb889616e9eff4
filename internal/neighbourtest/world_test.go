package neighbourtest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/publish/webhook"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

const (
	project = atlassim.PageProject
	cluster = atlassim.PageCluster
	tick    = `{"version":"0","detail-type":"Scheduled Event","time":"2026-11-23T03:00:00Z"}` // every tick looks the same
)

var target = restore.Target{Source: restore.Legacy, Project: project, Cluster: cluster}

// A told is one message that came to a place: the id of its event, and every byte that a receiver can see.
type told struct{ id, content string }

// A world is everything around restorewatch.
type world struct {
	t       *testing.T
	program program
	sim     *atlassim.Server
	topic   *way
	table   *way // to the table of the function
	posts   map[string]*way
	inboxes map[string]*inbox
	queue   string // URL of the one behind the topic
	environ []string
	got     map[string][]told // by place, since the beginning
}

// Places that posts go to; the topic is the third.
const (
	toWebhook = "webhook"
	toSlack   = "slack"
	toTopic   = "topic"
)

func newWorld(t *testing.T, start func(*testing.T, *world) program, suffix string) *world {
	t.Helper()
	w := &world{t: t, sim: new(atlassim.Server), posts: map[string]*way{}, inboxes: map[string]*inbox{}, got: map[string][]told{}}
	api := httptest.NewServer(w.sim)
	t.Cleanup(api.Close)
	w.list()
	w.table = w.proxy(testserver.DynamoDB(t), func(r *http.Request, body []byte) bool {
		return strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutItem") && strings.Contains(string(body), `"job/`)
	})
	w.topic = w.proxy(testserver.Moto(t), func(_ *http.Request, body []byte) bool {
		return strings.Contains(string(body), "Action=PublishBatch")
	})
	arn, queue := newTopic(t, suffix)
	w.queue = queue
	w.program = start(t, w)
	w.environ = append(w.program.env(),
		"WATCH="+target.String(), "ATLAS_BASE_URL="+api.URL, "STUCK_AFTER=0",
		"ATLAS_PUBLIC_KEY="+atlassim.DefaultPublicKey, "ATLAS_PRIVATE_KEY="+atlassim.DefaultPrivateKey,
		"EVENTS_TOPIC_ARN="+arn, "AWS_ENDPOINT_URL="+w.topic.serve(t), "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=not-a-secret", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"WEBHOOK_URL="+w.post(toWebhook, ofWebhook), "WEBHOOK_SECRET=signs")
	return w
}

// withSlack lets Slack be told too. It has a pace and a patience of its own, which cost seconds.
func (w *world) withSlack() {
	w.environ = append(w.environ, "SLACK_WEBHOOK_URL="+w.post(toSlack, ofSlack))
}

func (w *world) proxy(endpoint string, met func(*http.Request, []byte) bool) *way {
	to, err := url.Parse(endpoint)
	w.must(err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // whoever asked has been killed
	return &way{next: proxy, met: met, kill: func() { w.program.kill() }}
}

func (w *world) post(place string, read func(*http.Request, string) told) (address string) {
	w.inboxes[place] = &inbox{read: read}
	w.posts[place] = &way{next: w.inboxes[place], met: anyRequest, kill: func() { w.program.kill() }}
	return w.posts[place].serve(w.t) + "/" + place
}

func ofWebhook(r *http.Request, body string) told {
	return told{r.Header.Get(webhook.EventIDHeader), r.Header.Get(webhook.SignatureHeader) + body}
}

var eventInSlack = regexp.MustCompile(`· event ([^ "]+)"`)

func ofSlack(_ *http.Request, body string) told {
	if found := eventInSlack.FindStringSubmatch(body); found != nil {
		return told{found[1], body}
	}
	return told{"none", body}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// newTopic makes a topic with a queue behind it; both are FIFO with the suffix ".fifo".
func newTopic(t *testing.T, suffix string) (arn, queueURL string) {
	t.Helper()
	cfg := testserver.AWSConfig(t, testserver.Moto(t))
	topics, name := awssns.NewFromConfig(cfg), "neighbours-"+strings.ToLower(rand.Text())+suffix
	var ofTopic, ofQueue map[string]string
	if suffix != "" {
		ofTopic, ofQueue = map[string]string{"FifoTopic": "true"}, map[string]string{"FifoQueue": "true"}
	}
	topic, err := topics.CreateTopic(t.Context(), &awssns.CreateTopicInput{Name: &name, Attributes: ofTopic})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: ofQueue})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &awssns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: new("arn:aws:sqs:eu-west-1:123456789012:" + name),
	}); err != nil {
		t.Fatal(err)
	}
	return *topic.TopicArn, *queue.QueueUrl
}

// drain empties a queue.
func drain(t *testing.T, queueURL string) (all []told) {
	t.Helper()
	queues := sqs.NewFromConfig(testserver.AWSConfig(t, testserver.Moto(t)))
	for {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return all
		}
		for _, m := range got.Messages {
			all = append(all, ofQueue(t, m))
			if _, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queueURL, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// ofQueue reads a message of SNS without what SNS itself puts there, such as its own id and time.
func ofQueue(t *testing.T, m types.Message) told {
	t.Helper()
	var envelope struct {
		Message, Subject  string
		MessageAttributes map[string]any
	}
	var event struct{ ID string }
	if err := json.Unmarshal([]byte(*m.Body), &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(envelope.Message), &event); err != nil {
		t.Fatalf("%v: %s", err, envelope.Message)
	}
	seen, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return told{event.ID, string(seen)}
}

// list is what the API lists from now on.
func (w *world) list(jobs ...atlassim.Job) { w.sim.SetJobs(project, cluster, jobs) }

// every is each way that an event can take.
func (w *world) every() []*way {
	all := []*way{w.topic}
	for _, p := range w.posts {
		all = append(all, p)
	}
	return all
}

func (w *world) run() outcome { return w.program.run(w.environ) }

func (w *world) mustRun() {
	w.t.Helper()
	if o := w.run(); o.killed || o.code != 0 {
		w.t.Fatalf("run: killed %v, code %d: %s", o.killed, o.code, o.said)
	}
}

// receive takes what has come to every place.
func (w *world) receive() map[string][]told {
	w.t.Helper()
	w.got[toTopic] = append(w.got[toTopic], drain(w.t, w.queue)...)
	for place, in := range w.inboxes {
		w.got[place] = append(w.got[place], in.take()...)
	}
	return w.got
}

// wantTold checks that every place was told these events, those of each job in this order, with one content each
// however often, and nothing else.
func (w *world) wantTold(ids ...string) {
	w.t.Helper()
	for place := range w.receive() {
		contents := make(map[string]string)
		var order []string
		for _, m := range w.got[place] {
			first, again := contents[m.id]
			if again && m.content != first {
				w.t.Errorf("%s: %s has two contents:\n%s\n%s", place, m.id, first, m.content)
			}
			if !again {
				contents[m.id] = m.content
				order = append(order, m.id)
			}
		}
		if got, want := byJob(order), byJob(ids); !slices.Equal(got, want) {
			w.t.Errorf("%s was told\n%q, want\n%q", place, got, want)
		}
	}
}

// byJob sorts ids by job and keeps the order of each.
func byJob(ids []string) []string {
	return slices.SortedStableFunc(slices.Values(ids), func(a, b string) int { return strings.Compare(a[:24], b[:24]) })
}

// repeats returns how many messages came to a place a second time or more often.
func (w *world) repeats() (n int) {
	for _, all := range w.got {
		ids := make(map[string]bool)
		for _, m := range all {
			ids[m.id] = true
		}
		n += len(all) - len(ids)
	}
	return n
}

// wantEmptyOutboxes checks that nothing saved waits to be told.
func (w *world) wantEmptyOutboxes() {
	w.t.Helper()
	if n := w.outboxes(); n != 0 {
		w.t.Errorf("%d events wait to be told", n)
	}
}

// outboxes returns how many events are saved and wait to be told.
func (w *world) outboxes() int {
	w.t.Helper()
	ledger, err := w.program.ledger()
	w.must(err)
	if len(ledger.Records) == 0 {
		w.t.Error("nothing is remembered")
	}
	return waiting(ledger)
}

func waiting(ledger restore.Ledger) (n int) {
	for _, r := range ledger.Records {
		n += len(r.Outbox)
	}
	return n
}

// The two jobs that these tests look at: one is watched from before, the other comes.
const old = "5a66783b80eef5354c77ee16"

func oldJob(status, delivery string) atlassim.Job {
	j := atlassim.PageExample()[0]
	j.BatchID, j.Hashes, j.StatusName, j.Delivery.StatusName = "", nil, status, delivery
	j.Delivery.Expires = time.Date(2199, 1, 1, 0, 0, 0, 0, time.UTC)
	return j
}

func newJob(created time.Time, status string) atlassim.Job {
	j := oldJob(status, "NOT_STARTED")
	j.ID, j.Created = atlassim.ObjectID(created, "new"), created
	return j
}
