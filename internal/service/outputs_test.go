package service_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/testserver"
	"restorewatch/internal/watch"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// load returns the configuration of a command line with that environment beside what it needs in any case.
func load(t *testing.T, env map[string]string) config.Config {
	t.Helper()
	cfg, err := config.Load(func(name string) string {
		switch name {
		case config.EnvWatch:
			return "legacy:p1/A"
		case config.EnvPublicKey, config.EnvPrivateKey:
			return "key"
		}
		return env[name]
	}, config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func outputs(t *testing.T, env map[string]string) []watch.Output {
	t.Helper()
	all, err := service.Outputs(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestOutputsAreThoseConfigured(t *testing.T) {
	const arn = "arn:aws:sns:eu-west-1:123456789012:"
	for _, tt := range []struct {
		env  map[string]string
		want []string
	}{
		{nil, nil},
		{map[string]string{"EVENTS_TOPIC_ARN": arn + "events"}, []string{"sns"}},
		{map[string]string{"SLACK_MIN_SEVERITY": "critical", "CHAT_TOPIC_ARN": arn + "chat"}, []string{"chat"}},
		{map[string]string{"EVENT_BUS_NAME": "default", "SLACK_WEBHOOK_SECRET": "slack"}, []string{"eventbridge", "slack"}},
		{map[string]string{
			"WEBHOOK_URL": "https://h/x", "WEBHOOK_SECRET": "x", "SLACK_WEBHOOK_URL": "https://h/x", "EVENT_BUS_NAME": "default",
			"CHAT_TOPIC_ARN": arn + "chat", "EVENTS_TOPIC_ARN": arn + "events",
		}, []string{"sns", "chat", "eventbridge", "slack", "webhook"}},
	} {
		var names []string
		for _, o := range outputs(t, tt.env) {
			names = append(names, o.Name)
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%v: outputs %q, want %q", tt.env, names, tt.want)
		}
	}
}

// Who uses nothing in AWS needs no account there, and a broken profile is no concern of theirs.
func TestOutputsOutsideAWSNeedNoAWS(t *testing.T) {
	t.Setenv("AWS_PROFILE", "there-is-no-such-profile")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	env := map[string]string{"WEBHOOK_URL": "https://h/x", "WEBHOOK_SECRET": "x", "SLACK_WEBHOOK_URL": "https://h/x"}
	if got := outputs(t, env); len(got) != 2 {
		t.Errorf("%d outputs, want 2", len(got))
	}
	for _, name := range []string{"EVENT_BUS_NAME", "SLACK_WEBHOOK_SECRET"} {
		_, err := service.Outputs(t.Context(), load(t, map[string]string{name: "x"}))
		if err == nil || !strings.Contains(err.Error(), "there-is-no-such-profile") {
			t.Errorf("%s: got %v, want an error that names the profile", name, err)
		}
	}
}

func TestNewWantsAnOutput(t *testing.T) {
	_, err := service.New(t.Context(), load(t, nil), service.Parts{Store: noStore{}})
	if err == nil || !strings.Contains(err.Error(), "EVENTS_TOPIC_ARN") {
		t.Errorf("got %v, want what to set", err)
	}
	made, err := service.New(t.Context(), load(t, map[string]string{"SLACK_WEBHOOK_URL": "https://h/x"}), service.Parts{Store: noStore{}})
	if err != nil || len(made.Watcher.Outputs) != 1 || made.Watcher.Outputs[0].Name != service.OutputSlack {
		t.Errorf("got %+v, %v", made, err)
	}
	own := []watch.Output{{Name: "console"}}
	made, err = service.New(t.Context(), load(t, map[string]string{"SLACK_WEBHOOK_URL": "https://h/x"}), service.Parts{Store: noStore{}, Outputs: own})
	if err != nil || len(made.Watcher.Outputs) != 1 || made.Watcher.Outputs[0].Name != "console" {
		t.Errorf("the caller's outputs are not taken: %+v, %v", made, err)
	}
}

type noStore struct{ watch.Store }

// Each output is wired to the place that its variable names, with the form of message that belongs there.
func TestOutputsReachTheirPlaces(t *testing.T) {
	r := newReceivers(t)
	events := []restore.Event{publishtest.HashAdded(), publishtest.Unreachable()} // info and critical
	all := outputs(t, r.env)
	if len(all) != 5 {
		t.Fatalf("%d outputs, want 5", len(all))
	}
	for _, output := range all {
		accepted, err := output.Publisher.Publish(t.Context(), events)
		if err != nil || slices.Contains(accepted, false) {
			t.Errorf("%s: accepted %v, %v", output.Name, accepted, err)
		}
	}
	for place, want := range map[string]struct {
		count int
		text  string
	}{
		"events":   {2, `specversion`},
		"chat":     {2, `client-markdown`},
		"bus":      {2, `"source": "restorewatch"`},
		"/slack":   {1, `"blocks":`}, // the least severity is critical
		"/webhook": {2, `"specversion":"1.0"`},
	} {
		got := r.got(place)
		if len(got) != want.count || len(got) > 0 && !strings.Contains(got[0], want.text) {
			t.Errorf("%s got %d messages, want %d with %s: %.300q", place, len(got), want.count, want.text, got)
		}
	}
}

// receivers are a queue behind each place in AWS, on a moto server, and a server for the webhooks.
type receivers struct {
	t      *testing.T
	aws    aws.Config
	env    map[string]string
	queues map[string]string

	mu    sync.Mutex
	posts map[string][]string
}

func newReceivers(t *testing.T) *receivers {
	t.Helper()
	endpoint := testserver.Moto(t)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDTEST",
		"AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	r := &receivers{t: t, aws: testserver.AWSConfig(t, endpoint), queues: map[string]string{}, posts: map[string][]string{}}
	web := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(web.Close)
	r.env = map[string]string{
		"EVENTS_TOPIC_ARN": r.topic("events"), "CHAT_TOPIC_ARN": r.topic("chat"), "EVENT_BUS_NAME": r.bus(`{"source": ["restorewatch"]}`),
		"SLACK_WEBHOOK_SECRET": r.secret(web.URL + "/slack"), "SLACK_MIN_SEVERITY": "critical",
		"WEBHOOK_URL": web.URL + "/webhook", "WEBHOOK_SECRET": "signs",
	}
	return r
}

func (r *receivers) serve(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	r.posts[request.URL.Path] = append(r.posts[request.URL.Path], string(body))
	r.mu.Unlock()
	fmt.Fprint(w, "ok")
}

func (r *receivers) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func unique(name string) string { return name + "-" + strings.ToLower(rand.Text()) }

func (r *receivers) queue(place string) (arn string) {
	name := unique(place)
	made, err := sqs.NewFromConfig(r.aws).CreateQueue(r.t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	r.must(err)
	r.queues[place] = *made.QueueUrl
	return "arn:aws:sqs:eu-west-1:123456789012:" + name
}

func (r *receivers) topic(place string) (arn string) {
	topics := sns.NewFromConfig(r.aws)
	made, err := topics.CreateTopic(r.t.Context(), &sns.CreateTopicInput{Name: new(unique(place))})
	r.must(err)
	_, err = topics.Subscribe(r.t.Context(), &sns.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: new("sqs"), Endpoint: new(r.queue(place)),
	})
	r.must(err)
	return *made.TopicArn
}

func (r *receivers) bus(pattern string) (name string) {
	rules, name := eventbridge.NewFromConfig(r.aws), unique("bus")
	_, err := rules.CreateEventBus(r.t.Context(), &eventbridge.CreateEventBusInput{Name: &name})
	r.must(err)
	_, err = rules.PutRule(r.t.Context(), &eventbridge.PutRuleInput{
		Name: &name, EventBusName: &name, EventPattern: &pattern,
	})
	r.must(err)
	_, err = rules.PutTargets(r.t.Context(), &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &name, Targets: []bridgetypes.Target{{Id: new("queue"), Arn: new(r.queue("bus"))}},
	})
	r.must(err)
	return name
}

func (r *receivers) secret(value string) (arn string) {
	made, err := secretsmanager.NewFromConfig(r.aws).CreateSecret(r.t.Context(), &secretsmanager.CreateSecretInput{
		Name: new(unique("slack")), SecretString: &value,
	})
	r.must(err)
	return *made.ARN
}

// got returns what came to a place, which is a path of the server or the name of a queue.
func (r *receivers) got(place string) []string {
	r.t.Helper()
	queue, ok := r.queues[place]
	if !ok {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.posts[place]
	}
	messages, err := sqs.NewFromConfig(r.aws).ReceiveMessage(r.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
	r.must(err)
	var bodies []string
	for _, m := range messages.Messages {
		bodies = append(bodies, *m.Body)
	}
	return bodies
}
