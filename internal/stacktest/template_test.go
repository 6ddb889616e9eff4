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
	for _, name := range []string{"StateTableName", "EventsTopicArn", "WatcherFunctionName"} {
		if template.Outputs[name].Value == nil {
			t.Errorf("no output %s", name)
		}
	}
}

// Each row is a property that somebody relies on, and what happens without it.
func TestProperties(t *testing.T) {
	template := stacktest.Translate(t)
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
	} {
		got := template.Get(t, tt.resource, strings.Split(tt.fields, ".")...)
		equal(t, fmt.Sprintf("%s.%s (without it, %s)", tt.resource, tt.fields, tt.without), got, tt.want)
	}
}

func TestStateOutlivesTheStack(t *testing.T) {
	table := stacktest.Translate(t).Resources["StateTable"]
	if table.DeletionPolicy != "Retain" || table.UpdateReplacePolicy != "Retain" {
		t.Errorf("policies %q and %q, want Retain: with the table goes what was told", table.DeletionPolicy, table.UpdateReplacePolicy)
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	template := stacktest.Translate(t)
	for policy, resource := range map[string]any{
		"EventsTopicPolicy": ref("EventsTopic"), "AlarmsTopicPolicy": ref("AlarmsTopic"),
		"MissedTicksPolicy": attribute("MissedTicks", "Arn"),
	} {
		refused := slices.ContainsFunc(stacktest.Statements(t, template.Get(t, policy, "PolicyDocument")), func(s stacktest.Statement) bool {
			return s.Effect == "Deny" && s.Principal == "*" && reflect.DeepEqual(s.Resource, resource) &&
				reflect.DeepEqual(s.Condition, map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}})
		})
		if !refused {
			t.Errorf("%s does not refuse plain HTTP", policy)
		}
	}
	equal(t, "the topic of EventsTopicPolicy", template.Get(t, "EventsTopicPolicy", "Topics"), []any{ref("EventsTopic")})
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
	template := stacktest.Translate(t)
	function := []any{map[string]any{"Name": "FunctionName", "Value": ref("WatcherFunction")}}
	queue := []any{map[string]any{"Name": "QueueName", "Value": attribute("MissedTicks", "QueueName")}}
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
		"MissedTicksAlarm":    {"AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "notBreaching"},
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
	template := stacktest.Translate(t)
	want := map[string]any{
		"State": attribute("StateTable", "Arn"), "Events": ref("EventsTopic"), "EventsKey": attribute("TopicKey", "Arn"),
		"Credentials": ref("CredentialsSecretArn"), "CredentialsKey": ref("CredentialsKeyArn"),
		"Logs": attribute("WatcherLogs", "Arn"),
	}
	for _, s := range template.RoleStatements(t, "WatcherRole") {
		equal(t, "the resource of "+s.Sid, s.Resource, want[s.Sid])
		delete(want, s.Sid)
	}
	if len(want) > 0 {
		t.Errorf("no statement %q", slices.Sorted(maps.Keys(want)))
	}
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
	equal(t, "what the code may call", template.FunctionActions(t), []string{
		"dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Query", "secretsmanager:GetSecretValue", "sns:Publish",
	})
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
