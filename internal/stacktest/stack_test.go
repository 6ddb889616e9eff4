package stacktest_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
	"restorewatch/internal/stacktest"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

// off is a stack with every option off.
var off = map[string]string{
	"Watch":                "legacy:p1/A legacy:p2/B",
	"CredentialsSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atlas/key-AbCdEf",
}

// with returns the parameters of off and others.
func with(parameters ...map[string]string) map[string]string {
	all := maps.Clone(off)
	for _, p := range parameters {
		maps.Copy(all, p)
	}
	return all
}

// Options that need a standard topic, and those that any topic has.
var (
	onlyStandard = map[string]string{
		"NotifyEmail":           "team@example.com",
		"SlackWebhookSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack/webhook-AbCdEf",
		"SlackWebhookKeyArn":    "arn:aws:kms:eu-west-1:123456789012:key/5a66783b-80ee-f535-4c77-ee16aaaaaaaa",
		"SlackMinSeverity":      "warning",
	}
	onAny = map[string]string{
		"AlarmEmail": "ops@example.com", "EventBusName": "restores", "ChatTopic": "true", "FinishedQueue": "jobs",
		"CredentialsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/5a66783b-80ee-f535-4c77-ee16bbbbbbbb",
	}
	batches = map[string]string{"FinishedQueue": "batches"}
	fifo    = map[string]string{"FifoTopic": "true"}
	// An account with a quota of ten executions has none to reserve.
	unreserved = map[string]string{"ReserveConcurrency": "false"}
)

// stacks are the stacks that tests make: between them every option is on, and every option is off.
var stacks = map[string]map[string]string{
	"every option off":         off,
	"every option on":          with(onlyStandard, onAny),
	"every option on, batches": with(onlyStandard, onAny, batches),
	"FIFO topic":               with(onAny, fifo),
	"FIFO topic, batches":      with(onAny, fifo, batches),
	"FIFO topic alone":         with(fifo),

	"every option on, nothing reserved":  with(onlyStandard, onAny, unreserved),
	"every option off, nothing reserved": with(unreserved),
}

// given returns the template given the parameters of one of stacks.
func given(t *testing.T, stack string) stacktest.Template {
	t.Helper()
	return stacktest.Translate(t).Given(t, stacks[stack])
}

// A stack is made, and what it gives its functions is a configuration in which nothing is wrong; all defaults are those of
// the program.
func TestStackConfiguresTheFunctions(t *testing.T) {
	for name, parameters := range stacks {
		t.Run(name, func(t *testing.T) {
			stack := stacktest.Create(t, testserver.Moto(t), parameters)
			if stack.Status != "CREATE_COMPLETE" {
				t.Errorf("the stack is %s", stack.Status)
			}
			for output := range given(t, name).Outputs {
				if stack.Outputs[output] == "" {
					t.Errorf("no output %s", output)
				}
			}
			equal(t, "the watcher's configuration",
				load(t, stack.Environment(t, "WatcherFunction"), config.Function),
				load(t, map[string]string{
					"WATCH": parameters["Watch"], "ATLAS_CREDENTIALS_SECRET": parameters["CredentialsSecretArn"],
					"STATE_TABLE": stack.Outputs["StateTableName"], "EVENTS_TOPIC_ARN": stack.Outputs["EventsTopicArn"],
					"CHAT_TOPIC_ARN": stack.Outputs["ChatTopicArn"], "EVENT_BUS_NAME": parameters["EventBusName"],
				}, config.Function))
			if secret := parameters["SlackWebhookSecretArn"]; secret != "" {
				equal(t, "the Slack function's configuration",
					load(t, stack.Environment(t, "SlackFunction"), config.SlackFunction),
					load(t, map[string]string{"SLACK_WEBHOOK_SECRET": secret, "SLACK_MIN_SEVERITY": "warning"}, config.SlackFunction))
			}
			if isFifo := strings.HasSuffix(stack.Outputs["EventsTopicArn"], ".fifo"); isFifo != (parameters["FifoTopic"] == "true") {
				t.Errorf("the topic is %s", stack.Outputs["EventsTopicArn"])
			}
		})
	}
}

func load(t *testing.T, env map[string]string, program config.Program) config.Config {
	t.Helper()
	cfg, err := config.Load(func(name string) string { return env[name] }, program)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// The names in the template are the names in the program, both ways.
func TestStackNamesEveryVariable(t *testing.T) {
	watcher := []string{"GOMEMLIMIT"} // read by Go's runtime
	for _, v := range config.Variables() {
		if !v.Local {
			watcher = append(watcher, v.Name)
		}
	}
	slack := []string{"GOMEMLIMIT"}
	_, _ = config.Load(func(name string) string { // it is asked for what it reads
		if name != config.EnvSlackURL { // which would stand in the console for all to see
			slack = append(slack, name)
		}
		return ""
	}, config.SlackFunction)
	template := given(t, "every option on")
	for function, want := range map[string][]string{"WatcherFunction": watcher, "SlackFunction": slack} {
		slices.Sort(want)
		variables := template.Get(t, function, "Environment", "Variables").(map[string]any)
		equal(t, "the names of "+function, slices.Sorted(maps.Keys(variables)), slices.Compact(want))
	}
}

// What is published to the stack's topic comes to its queue if it is about a finished job, or about a finished batch, and
// as the event alone.
func TestFinishedQueueGetsWhatItSays(t *testing.T) {
	events := publishtest.Events()
	jobs := []string{publishtest.Finished().ID}
	whole := []string{publishtest.BatchFinished().ID}
	for name, want := range map[string][]string{
		"every option on": jobs, "every option on, batches": whole, "FIFO topic": jobs, "FIFO topic, batches": whole,
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := testserver.Moto(t)
			stack := stacktest.Create(t, endpoint, stacks[name])
			if n := stack.Subscribe(t, given(t, name)); n != 1 {
				t.Fatalf("%d queues are subscribed, want 1", n)
			}
			publishAll(t, endpoint, stack.Outputs["EventsTopicArn"], events)
			equal(t, "the events in the queue", receive(t, endpoint, stack.Outputs["FinishedQueueUrl"]), want)
		})
	}
}

func publishAll(t *testing.T, endpoint, topic string, events []restore.Event) {
	t.Helper()
	client := awssns.NewFromConfig(testserver.AWSConfig(t, endpoint))
	accepted, err := sns.New(client, topic, publish.Renderer{BaseURL: publishtest.BaseURL}).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		t.Fatalf("accepted %v: %v", accepted, err)
	}
}

// receive empties a queue and returns the ids of the events in it.
func receive(t *testing.T, endpoint, queue string) []string {
	t.Helper()
	client := sqs.NewFromConfig(testserver.AWSConfig(t, endpoint))
	var ids []string
	for {
		got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Messages) == 0 {
			return ids
		}
		for _, m := range got.Messages {
			var event struct{ SpecVersion, ID string }
			if err := json.Unmarshal([]byte(*m.Body), &event); err != nil || event.SpecVersion != "1.0" {
				t.Errorf("no event: %s", *m.Body)
			}
			ids = append(ids, event.ID)
			if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}
