package stacktest_test

import (
	"fmt"
	"maps"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/stacktest"
	"restorewatch/internal/testserver"
)

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v\nwant %+v", what, got, want)
	}
}

func ref(name string) any              { return map[string]any{"Ref": name} }
func attribute(name, field string) any { return map[string]any{"Fn::GetAtt": []any{name, field}} }

func TestLinterFindsNothing(t *testing.T) {
	output, err := exec.Command(testserver.Tool(t, "cfn-lint"), stacktest.Path).CombinedOutput()
	if err != nil || len(output) > 0 {
		t.Errorf("cfn-lint: %v\n%s", err, output)
	}
}

// Only what nobody else can know has no default.
func TestParametersAndOutputs(t *testing.T) {
	template := stacktest.Translate(t)
	var asked []string
	for name, p := range template.Parameters {
		if p.Default == nil {
			asked = append(asked, name)
		}
	}
	slices.Sort(asked)
	equal(t, "parameters without a default", asked, []string{"CredentialsSecretArn", "Watch"})
	always := []string{"AlarmsTopicArn", "EventsTopicArn", "StateTableName", "WatcherFunctionName"}
	equal(t, "the outputs with every option off", slices.Sorted(maps.Keys(given(t, "every option off").Outputs)), always)
	equal(t, "the outputs with every option on", slices.Sorted(maps.Keys(given(t, "every option on").Outputs)),
		[]string{"AlarmsTopicArn", "ChatTopicArn", "EventsTopicArn", "FinishedQueueArn", "FinishedQueueUrl", "SlackFunctionName",
			"StateTableName", "WatcherFunctionName"})
}

// Who wants no option pays for none, and has nothing of it to look after.
func TestEveryOptionOff(t *testing.T) {
	equal(t, "the resources", slices.Sorted(maps.Keys(given(t, "every option off").Resources)), []string{
		"AlarmsTopic", "AlarmsTopicPolicy", "Dashboard", "ErrorsAlarm", "EventsTopic", "EventsTopicPolicy", "MissedTicks",
		"MissedTicksAlarm", "MissedTicksPolicy", "PendingAlarm", "SilenceAlarm", "StateTable", "TargetFailuresAlarm",
		"ThrottlesAlarm", "TopicKey", "WatcherFunction", "WatcherFunctionEventInvokeConfig", "WatcherFunctionEveryMinute",
		"WatcherFunctionEveryMinuteRole", "WatcherLogs", "WatcherRole",
	})
}

// Each row is a property that somebody relies on, and what happens without it.
func TestProperties(t *testing.T) {
	template := given(t, "every option on")
	for _, tt := range []struct {
		resource, fields string
		want             any
		without          string
	}{
		{"WatcherFunction", "Runtime", "provided.al2023", "the bootstrap does not run"},
		{"WatcherFunction", "Handler", "bootstrap", "the bootstrap does not run"},
		{"WatcherFunction", "Architectures", []any{"arm64"}, "the bootstrap does not run"},
		{"WatcherFunction", "MemorySize", 128.0, "it costs more"},
		{"WatcherFunction", "Timeout", 50.0, "runs meet, for the period is 60"},
		{"WatcherFunction", "ReservedConcurrentExecutions", 1.0, "runs meet"},
		{"WatcherFunction", "LoggingConfig", map[string]any{"LogFormat": "JSON", "LogGroup": ref("WatcherLogs")}, "logs are kept for ever"},
		{"WatcherFunction", "Role", attribute("WatcherRole", "Arn"), "SAM's own role may write to every log group"},
		{"WatcherLogs", "RetentionInDays", ref("LogRetentionDays"), "logs are kept for ever"},
		{"WatcherFunctionEventInvokeConfig", "MaximumRetryAttempts", 0.0, "a failed tick runs beside the next one"},
		{"WatcherFunctionEventInvokeConfig", "MaximumEventAgeInSeconds", 60.0, "stale ticks pile up"},
		{"WatcherFunctionEventInvokeConfig", "FunctionName", ref("WatcherFunction"), "it is about another function"},
		{"WatcherFunctionEveryMinute", "ScheduleExpression", "rate(1 minute)", "news is late"},
		{"WatcherFunctionEveryMinute", "Name", nil, "an account has room for one stack"},
		{"WatcherFunctionEveryMinute", "Target.Arn", attribute("WatcherFunction", "Arn"), "nothing runs"},
		{"WatcherFunctionEveryMinute", "Target.RetryPolicy.MaximumRetryAttempts", 0.0, "stale ticks pile up"},
		{"WatcherFunctionEveryMinute", "Target.DeadLetterConfig.Arn", attribute("MissedTicks", "Arn"), "missed ticks leave no trace"},
		{"StateTable", "BillingMode", "PAY_PER_REQUEST", "capacity has to be planned"},
		{"StateTable", "KeySchema", []any{
			map[string]any{"AttributeName": "target", "KeyType": "HASH"}, map[string]any{"AttributeName": "record", "KeyType": "RANGE"},
		}, "the store cannot find its records"},
		{"StateTable", "AttributeDefinitions", []any{
			map[string]any{"AttributeName": "target", "AttributeType": "S"}, map[string]any{"AttributeName": "record", "AttributeType": "S"},
		}, "the store cannot find its records"},
		{"StateTable", "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", true, "a mistake cannot be undone"},
		{"StateTable", "SSESpecification.SSEEnabled", true, "the table is not encrypted under KMS"},
		{"EventsTopic", "KmsMasterKeyId", ref("TopicKey"), "the topic is not encrypted"},
		{"AlarmsTopic", "KmsMasterKeyId", ref("TopicKey"), "the topic is not encrypted"},
		{"TopicKey", "EnableKeyRotation", true, "the key grows old"},
		{"MissedTicks", "SqsManagedSseEnabled", true, "the queue is not encrypted"},
		{"AlarmsByEmail", "TopicArn", ref("AlarmsTopic"), "nobody gets the alarms"},
		{"EventsTopic", "FifoTopic", nil, "it reaches queues only"},
		{"EventsByEmail", "TopicArn", ref("EventsTopic"), "nobody gets the events"},
		{"EventsByEmail", "Protocol", "email", "the mail is JSON"},
		{"SlackFunction", "Runtime", "provided.al2023", "the bootstrap does not run"},
		{"SlackFunction", "Handler", "bootstrap", "the bootstrap does not run"},
		{"SlackFunction", "Architectures", []any{"arm64"}, "the bootstrap does not run"},
		{"SlackFunction", "MemorySize", 128.0, "it costs more"},
		{"SlackFunction", "ReservedConcurrentExecutions", 1.0, "Slack gets more than one message a second"},
		{"SlackFunction", "LoggingConfig", map[string]any{"LogFormat": "JSON", "LogGroup": ref("SlackLogs")}, "logs are kept for ever"},
		{"SlackFunction", "Role", attribute("SlackRole", "Arn"), "SAM's own role may write to every log group"},
		{"SlackLogs", "RetentionInDays", ref("LogRetentionDays"), "logs are kept for ever"},
		{"SlackFunctionEvents", "Protocol", "lambda", "nothing is posted"},
		{"SlackFunctionEvents", "TopicArn", ref("EventsTopic"), "nothing is posted"},
		{"SlackFunctionEvents", "Endpoint", attribute("SlackFunction", "Arn"), "nothing is posted"},
		{"SlackFunctionEventsPermission", "SourceArn", ref("EventsTopic"), "SNS may not invoke it, or anybody's topic may"},
		{"SlackFunctionEventInvokeConfig", "MaximumRetryAttempts", 2.0, "a hiccup of Slack's is for people to mend"},
		{"SlackFunctionEventInvokeConfig", "MaximumEventAgeInSeconds", 21600.0, "what waits for its turn is dropped"},
		{"SlackFunctionEventInvokeConfig", "DestinationConfig.OnFailure.Destination", attribute("SlackDeadLetters", "Arn"),
			"Lambda drops what the function fails at: SNS knows nothing of it"},
		{"SlackFunctionEventInvokeConfig", "FunctionName", ref("SlackFunction"), "it is about another function"},
		{"ChatEventsTopic", "KmsMasterKeyId", ref("TopicKey"), "the topic is not encrypted"},
		{"ChatEventsTopic", "FifoTopic", nil, "chat applications cannot subscribe"},
		{"FinishedEvents", "FifoQueue", nil, "a standard topic gives its messages no group"},
		{"FinishedEvents", "VisibilityTimeout", 900.0, "a function that runs longer cannot read it"},
		{"FinishedEvents", "RedrivePolicy", map[string]any{"deadLetterTargetArn": attribute("FinishedDeadLetters", "Arn"), "maxReceiveCount": 5.0},
			"what nobody can read is tried for two weeks"},
		{"FinishedSubscription", "TopicArn", ref("EventsTopic"), "no pipeline begins"},
		{"FinishedSubscription", "Endpoint", attribute("FinishedEvents", "Arn"), "no pipeline begins"},
		{"FinishedSubscription", "RawMessageDelivery", true, "readers have to unwrap each event"},
		{"FinishedSubscription", "FilterPolicy", map[string]any{
			"type": []any{"restorewatch.job.status_changed"}, "status": []any{"FINISHED"},
		}, "pipelines begin too early"},
	} {
		got := template.Get(t, tt.resource, strings.Split(tt.fields, ".")...)
		equal(t, fmt.Sprintf("%s.%s (without it, %s)", tt.resource, tt.fields, tt.without), got, tt.want)
	}
}

// Every function reserves one execution, or none does; nothing else of the stack depends on it.
func TestReservation(t *testing.T) {
	for _, tt := range []struct {
		reserved, unreserved string
		functions            int
	}{
		{"every option off", "every option off, nothing reserved", 1},
		{"every option on", "every option on, nothing reserved", 2},
	} {
		with, without := given(t, tt.reserved), given(t, tt.unreserved)
		seen := 0
		for name, r := range with.Resources {
			if r.Type != "AWS::Lambda::Function" {
				continue
			}
			seen++
			equal(t, tt.reserved+": what "+name+" reserves", r.Properties["ReservedConcurrentExecutions"], any(1.0))
			if reserved, ok := without.Resources[name].Properties["ReservedConcurrentExecutions"]; ok {
				t.Errorf("%s: %s reserves %v", tt.unreserved, name, reserved)
			}
			delete(r.Properties, "ReservedConcurrentExecutions")
		}
		if seen != tt.functions {
			t.Errorf("%s: %d functions, want %d", tt.reserved, seen, tt.functions)
		}
		equal(t, tt.unreserved+": the rest", without, with)
	}
}

func TestStateOutlivesTheStack(t *testing.T) {
	table := stacktest.Translate(t).Resources["StateTable"]
	if table.DeletionPolicy != "Retain" || table.UpdateReplacePolicy != "Retain" {
		t.Errorf("policies %q and %q, want Retain: with the table goes what was told", table.DeletionPolicy, table.UpdateReplacePolicy)
	}
}

// Every topic and queue has a policy that refuses plain HTTP, and only the topic may send to a queue of its own accord.
func TestPoliciesOfTopicsAndQueues(t *testing.T) {
	template := given(t, "every option on")
	seen := 0
	for name, r := range template.Resources {
		policy, resource := name+"Policy", ref(name)
		switch r.Type {
		case "AWS::SNS::Topic":
			equal(t, "the topics of "+policy, template.Get(t, policy, "Topics"), []any{ref(name)})
		case "AWS::SQS::Queue":
			equal(t, "the queues of "+policy, template.Get(t, policy, "Queues"), []any{ref(name)})
			resource = attribute(name, "Arn")
		default:
			continue
		}
		seen++
		refused := false
		for _, s := range stacktest.Statements(t, template.Get(t, policy, "PolicyDocument")) {
			equal(t, policy+" "+s.Sid+" resource", s.Resource, resource)
			if s.Effect == "Deny" {
				refused = s.Principal == "*" && reflect.DeepEqual(s.Condition, map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}})
			} else if s.Condition == nil {
				t.Errorf("%s: %s is for anybody's resources", policy, s.Sid)
			}
		}
		if !refused {
			t.Errorf("%s does not refuse plain HTTP", policy)
		}
	}
	if seen != 8 {
		t.Errorf("saw %d topics and queues, want 8", seen)
	}
}

// What cannot be delivered is kept in a queue that SNS may send to, that is encrypted, and that somebody is told about.
func TestSubscriptionsHaveDeadLetterQueues(t *testing.T) {
	for name, want := range map[string]int{
		"every option off": 0, "every option on": 4, "every option on, batches": 4, "FIFO topic": 2, "FIFO topic alone": 0,
	} {
		template := given(t, name)
		seen := 0
		for subscription, r := range template.Resources {
			if r.Type == "AWS::SNS::Subscription" {
				seen++
				undelivered(t, template, subscription)
			}
		}
		if seen != want {
			t.Errorf("%s: %d subscriptions, want %d", name, seen, want)
		}
	}
}

func undelivered(t *testing.T, template stacktest.Template, subscription string) {
	t.Helper()
	target, _ := template.Get(t, subscription, "RedrivePolicy", "deadLetterTargetArn").(map[string]any)
	at, ok := target["Fn::GetAtt"].([]any)
	if !ok {
		t.Errorf("%s has no redrive policy to a queue of the stack", subscription)
		return
	}
	queue := at[0].(string)
	equal(t, queue+" is encrypted", template.Get(t, queue, "SqsManagedSseEnabled"), any(true))
	equal(t, queue+" keeps for two weeks", template.Get(t, queue, "MessageRetentionPeriod"), any(1209600.0))
	equal(t, queue+"Alarm watches", template.Get(t, queue+"Alarm", "Dimensions"),
		any([]any{map[string]any{"Name": "QueueName", "Value": attribute(queue, "QueueName")}}))
	topic := template.Get(t, subscription, "TopicArn")
	admitted := slices.ContainsFunc(stacktest.Statements(t, template.Get(t, queue+"Policy", "PolicyDocument")), func(s stacktest.Statement) bool {
		return s.Effect == "Allow" && slices.Equal(s.Action, []string{"sqs:SendMessage"}) &&
			reflect.DeepEqual(s.Principal, map[string]any{"Service": "sns.amazonaws.com"}) &&
			strings.Contains(fmt.Sprint(s.Condition), fmt.Sprint(topic))
	})
	if !admitted {
		t.Errorf("%s does not admit what %s cannot deliver from %v", queue, subscription, topic)
	}
}

// Behind a FIFO topic, the queues must be FIFO queues too (SNS developer guide, "Amazon SNS dead-letter queues").
func TestFifoTopic(t *testing.T) {
	template := given(t, "FIFO topic")
	equal(t, "the topic's names of repeats", template.Get(t, "EventsTopic", "ContentBasedDeduplication"), any(false))
	equal(t, "the topic is FIFO", template.Get(t, "EventsTopic", "FifoTopic"), any(true))
	for _, queue := range []string{"FinishedEvents", "FinishedDeadLetters"} {
		equal(t, queue+" is FIFO", template.Get(t, queue, "FifoQueue"), any(true))
	}
	for _, name := range []any{
		template.Get(t, "EventsTopic", "TopicName", "Fn::Sub"), template.Get(t, "FinishedEvents", "QueueName", "Fn::Sub"),
		template.Get(t, "FinishedDeadLetters", "QueueName", "Fn::Sub"),
	} {
		if text, _ := name.(string); !strings.HasPrefix(text, "${AWS::StackName}-") || !strings.HasSuffix(text, ".fifo") {
			t.Errorf("the name %v is no FIFO name, or not of one stack", name)
		}
	}
}

// SNS would refuse these subscriptions in the middle of a deployment.
func TestFifoTopicRefusesPeople(t *testing.T) {
	template := stacktest.Translate(t)
	for _, tt := range []struct {
		parameters map[string]string
		want       []string // in the refusals, which are sorted
	}{
		{with(onlyStandard, onAny), nil},
		{with(onAny, fifo), nil},
		{with(fifo, map[string]string{"NotifyEmail": "a@b"}), []string{"NotifyEmail"}},
		{with(fifo, onlyStandard), []string{"SlackWebhookSecretArn", "NotifyEmail"}},
	} {
		got := template.Refusals(t, tt.parameters)
		ok := len(got) == len(tt.want)
		for i := range min(len(got), len(tt.want)) {
			ok = ok && strings.Contains(got[i], tt.want[i]) && strings.Contains(got[i], "FifoTopic")
		}
		if !ok {
			t.Errorf("%v is refused with %q, want %q", tt.parameters, got, tt.want)
		}
	}
}

// An alarm that may not publish, or not use the topic's key, vanishes without a word.
func TestAlarmsMayPublish(t *testing.T) {
	template := stacktest.Translate(t)
	may := func(document any, actions ...string) bool {
		return slices.ContainsFunc(stacktest.Statements(t, document), func(s stacktest.Statement) bool {
			return s.Effect == "Allow" && reflect.DeepEqual(s.Principal, map[string]any{"Service": "cloudwatch.amazonaws.com"}) &&
				slices.Equal(s.Action, actions)
		})
	}
	if !may(template.Get(t, "AlarmsTopicPolicy", "PolicyDocument"), "sns:Publish") {
		t.Error("the topic's policy does not let CloudWatch publish")
	}
	if !may(template.Get(t, "TopicKey", "KeyPolicy"), "kms:Decrypt", "kms:GenerateDataKey*") {
		t.Error("the key's policy does not let CloudWatch use it")
	}
}

func TestAlarms(t *testing.T) {
	template := given(t, "every option on")
	function := []any{map[string]any{"Name": "FunctionName", "Value": ref("WatcherFunction")}}
	messages := func(queue string) []any {
		return []any{map[string]any{"Name": "QueueName", "Value": attribute(queue, "QueueName")}}
	}
	const visible = "ApproximateNumberOfMessagesVisible"
	for name, want := range map[string]struct {
		namespace, metric string
		dimensions        []any
		missing           string
	}{
		"ErrorsAlarm":         {"AWS/Lambda", "Errors", function, "notBreaching"},
		"TargetFailuresAlarm": {"restorewatch", "TargetFailures", function, "notBreaching"},
		"PendingAlarm":        {"restorewatch", "OldestPendingSeconds", function, "notBreaching"},
		"ThrottlesAlarm":      {"AWS/Lambda", "Throttles", function, "notBreaching"},
		"SilenceAlarm":        {"AWS/Lambda", "Invocations", function, "breaching"},
		"MissedTicksAlarm":    {"AWS/SQS", visible, messages("MissedTicks"), "notBreaching"},

		"MailDeadLettersAlarm":     {"AWS/SQS", visible, messages("MailDeadLetters"), "notBreaching"},
		"SlackDeadLettersAlarm":    {"AWS/SQS", visible, messages("SlackDeadLetters"), "notBreaching"},
		"FinishedDeadLettersAlarm": {"AWS/SQS", visible, messages("FinishedDeadLetters"), "notBreaching"},
	} {
		get := func(field string) any { return template.Get(t, name, field) }
		equal(t, name+" namespace", get("Namespace"), any(want.namespace))
		equal(t, name+" metric", get("MetricName"), any(want.metric))
		equal(t, name+" dimensions", get("Dimensions"), any(want.dimensions))
		equal(t, name+" without data", get("TreatMissingData"), any(want.missing))
		equal(t, name+" actions", get("AlarmActions"), any([]any{ref("AlarmsTopic")}))
	}
	silence := func(field string) any { return template.Get(t, "SilenceAlarm", field) }
	equal(t, "ten minutes without a run", []any{silence("Period"), silence("EvaluationPeriods"), silence("Threshold"), silence("ComparisonOperator")},
		[]any{600.0, 1.0, 1.0, "LessThanThreshold"})
}

// Each permission names its resource.
func TestRolesNameTheirResources(t *testing.T) {
	bus := map[string]any{"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"}
	always := map[string]any{
		"State": attribute("StateTable", "Arn"), "Events": ref("EventsTopic"), "EventsKey": attribute("TopicKey", "Arn"),
		"Credentials": ref("CredentialsSecretArn"), "Logs": attribute("WatcherLogs", "Arn"),
	}
	every := maps.Clone(always)
	maps.Copy(every, map[string]any{"CredentialsKey": ref("CredentialsKeyArn"), "Chat": ref("ChatEventsTopic"), "EventBus": bus})
	for _, tt := range []struct {
		stack, role string
		want        map[string]any // the resource by the statement
		code        []string
	}{
		{"every option off", "WatcherRole", always, []string{
			"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "secretsmanager:GetSecretValue", "sns:Publish",
		}},
		{"every option on", "WatcherRole", every, []string{
			"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "events:PutEvents", "secretsmanager:GetSecretValue", "sns:Publish",
		}},
		{"every option on", "SlackRole", map[string]any{
			"Webhook": ref("SlackWebhookSecretArn"), "WebhookKey": ref("SlackWebhookKeyArn"),
			"DeadLetters": attribute("SlackDeadLetters", "Arn"), "Logs": attribute("SlackLogs", "Arn"),
		}, []string{"secretsmanager:GetSecretValue"}},
	} {
		template := given(t, tt.stack)
		got := map[string]any{}
		for _, s := range template.RoleStatements(t, tt.role) {
			got[s.Sid] = s.Resource
		}
		equal(t, tt.stack+": the resources of "+tt.role, got, tt.want)
		equal(t, tt.stack+": what the code may call as "+tt.role, template.CodeActions(t, tt.role), tt.code)
	}
}

func TestRolesHaveNoWildcard(t *testing.T) {
	template := stacktest.Translate(t)
	for name, r := range template.Resources {
		if r.Type != "AWS::IAM::Role" {
			continue
		}
		if r.Properties["ManagedPolicyArns"] != nil {
			t.Errorf("%s takes a managed policy, whose resource is *", name)
		}
		for _, s := range template.RoleStatements(t, name) {
			if strings.Contains(fmt.Sprint(s.Action, s.Resource), "*") {
				t.Errorf("%s has a wildcard: %v on %v", name, s.Action, s.Resource)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\$\{([A-Za-z0-9:]+)(\.[A-Za-z.]+)?\}`)

// moto lets a reference pass in what it does not make, so they are looked up here.
func TestReferencesResolve(t *testing.T) {
	template := stacktest.Translate(t)
	known := func(name any) {
		s := fmt.Sprint(name)
		_, resource := template.Resources[s]
		_, parameter := template.Parameters[s]
		if !resource && !parameter && !strings.HasPrefix(s, "AWS::") {
			t.Errorf("nothing is called %q", s)
		}
	}
	seen := 0
	for _, r := range template.Resources {
		walk(r.Properties, func(key string, value any) {
			switch key {
			case "Ref":
				known(value)
			case "Fn::GetAtt":
				known(value.([]any)[0])
			case "Fn::Sub":
				for _, match := range placeholder.FindAllStringSubmatch(value.(string), -1) {
					known(match[1])
				}
			default:
				return
			}
			seen++
		})
	}
	if seen < 50 {
		t.Errorf("saw %d references: that cannot be all", seen)
	}
}

// walk calls visit for each field of each object in a JSON value.
func walk(value any, visit func(key string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			visit(key, field)
			walk(field, visit)
		}
	case []any:
		for _, element := range v {
			walk(element, visit)
		}
	}
}
