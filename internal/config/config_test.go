package config_test

import (
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/restore"
)

// canary is planted in every secret; no problem may repeat it.
const canary = "5ec4e7-canary"

// complete is an environment in which nothing is wrong for the function, without the table and topic that the command
// line can do without.
func complete(changes map[string]string) func(string) string {
	env := map[string]string{
		"WATCH":            "legacy:6b77777887d9d61443b41645/Cluster0",
		"ATLAS_PUBLIC_KEY": "abcdefgh", "ATLAS_PRIVATE_KEY": canary,
	}
	maps.Copy(env, changes)
	return func(name string) string { return env[name] }
}

func TestLoadDefaults(t *testing.T) {
	got, err := config.Load(complete(nil), config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	if got.PrivateKey.Reveal() != canary {
		t.Errorf("private key is %q", got.PrivateKey.Reveal())
	}
	got.PrivateKey = config.Secret{}
	want := config.Config{
		Targets: []restore.Target{{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}},
		BaseURL: "https://cloud.mongodb.com", PublicKey: "abcdefgh", LegacyAPI: "v1", StateFile: "restorewatch.db",
		ExpiryWarnings: []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute},
		StuckAfter:     24 * time.Hour, UnreachableAfter: 3, LogLevel: slog.LevelInfo,
		Slack: config.Slack{MinSeverity: restore.Info},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestLoadEverySetting(t *testing.T) {
	got, err := config.Load(complete(map[string]string{
		"WATCH":            " legacy:p1/A,cloud:p1/*\n\tflex:*/* ,",
		"ATLAS_BASE_URL":   "http://127.0.0.1:8080/",
		"ATLAS_PUBLIC_KEY": " ", "ATLAS_PRIVATE_KEY": "",
		"ATLAS_CREDENTIALS_SECRET": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atlas/key-AbCdEf",
		"STATE_TABLE":              "jobs", "EVENTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:events.fifo",
		"EXPIRY_WARNINGS": "1h, 90m,60m 2h", "STUCK_AFTER": "0", "UNREACHABLE_AFTER": "1", "LOG_LEVEL": "DEBUG",
		"LEGACY_API": "v2", "ATLAS_CA_FILE": "/etc/ssl/own.pem",
		"SLACK_WEBHOOK_SECRET": "slack/webhook", "SLACK_MIN_SEVERITY": "Warning",
		"CHAT_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:chat",
		"EVENT_BUS_NAME": "arn:aws:events:eu-west-1:123456789012:event-bus/restores",
		"WEBHOOK_URL":    " https://ops.example.com/hooks/" + canary + "?x=1 ", "WEBHOOK_SECRET": canary,
	}), config.Function)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Targets: []restore.Target{
			{Source: restore.Legacy, Project: "p1", Cluster: "A"},
			{Source: restore.Cloud, Project: "p1", Cluster: "*"},
			{Source: restore.Flex, Project: "*", Cluster: "*"},
		},
		BaseURL:           "http://127.0.0.1:8080",
		CredentialsSecret: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:atlas/key-AbCdEf",
		LegacyAPI:         "v2", CAFile: "/etc/ssl/own.pem",
		StateTable: "jobs", TopicARN: "arn:aws:sns:eu-west-1:123456789012:events.fifo",
		ExpiryWarnings:   []time.Duration{2 * time.Hour, 90 * time.Minute, time.Hour},
		UnreachableAfter: 1, LogLevel: slog.LevelDebug,
		Slack:        config.Slack{WebhookID: "slack/webhook", MinSeverity: restore.Warning},
		ChatTopicARN: "arn:aws:sns:eu-west-1:123456789012:chat",
		EventBus:     "arn:aws:events:eu-west-1:123456789012:event-bus/restores",
		Webhook:      config.Webhook{URL: config.NewSecret("https://ops.example.com/hooks/" + canary + "?x=1"), Secret: config.NewSecret(canary)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A problem names its variable and says what to write instead.
func TestLoadProblems(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, tt := range []struct {
		name, value string
		want        string // in the problem of that variable
	}{
		{"WATCH", "", "want one or more of SOURCE:PROJECT_ID/CLUSTER"},
		{"WATCH", " , ", "want one or more of SOURCE:PROJECT_ID/CLUSTER"},
		{"WATCH", "p1/A", "it has no colon"},
		{"WATCH", "legacy:p1", "it has no slash"},
		{"WATCH", "legacy:/A", "the project id is empty"},
		{"WATCH", "oplog:p1/A", "unknown source"},
		{"WATCH", "legacy:p1/A/../B", "a character that none can have"},
		{"WATCH", "legacy:p1/A legacy:p1/A", "twice"},
		{"WATCH", "cloudy:p1/A", "unknown source"},
		{"WATCH", "cloud:*/A", "a cluster belongs to one project"},
		{"WATCH", "legacy:" + long + "/A", "too long"},
		{"ATLAS_BASE_URL", "cloud.mongodb.com", "want a scheme and a host"},
		{"ATLAS_BASE_URL", "https://", "want a scheme and a host"},
		{"ATLAS_BASE_URL", "https://:443", "want a scheme and a host"},
		{"ATLAS_BASE_URL", "https://user:" + canary + "@host", "user name"},
		{"ATLAS_BASE_URL", "https://host/api/atlas", `want a scheme and a host, such as "https://host"`},
		{"ATLAS_BASE_URL", "https://\u009b2J%9b/x", `such as "https://\u009b2J\x9b"`},
		{"ATLAS_BASE_URL", "https://host?x=1", "want a scheme and a host"},
		{"ATLAS_BASE_URL", "http://cloud.mongodb.com", "want https, or http on loopback"},
		{"ATLAS_BASE_URL", "ftp://localhost", "want https"},
		{"ATLAS_PUBLIC_KEY", "", "set both"},
		{"ATLAS_PRIVATE_KEY", "", "set both"},
		{"ATLAS_PRIVATE_KEY", canary + " x", "copy it once more"},
		{"ATLAS_CREDENTIALS_SECRET", "atlas/key", "unset one way"},
		{"STATE_TABLE", "a b", "3 to 255"},
		{"STATE_TABLE", "ab", "3 to 255"},
		{"STATE_FILE", "a\x00b", "NUL"},
		{"EVENTS_TOPIC_ARN", "events", "want arn:aws:sns:REGION:ACCOUNT:NAME"},
		{"EVENTS_TOPIC_ARN", "arn:aws:sqs:eu-west-1:123456789012:q", "no ARN of an SNS topic"},
		{"EXPIRY_WARNINGS", "1d", "days as hours"},
		{"EXPIRY_WARNINGS", "1h,0s", `"0s" is no time left`},
		{"EXPIRY_WARNINGS", ",", "no time left is in it"},
		{"STUCK_AFTER", "-1h", "want a Go duration"},
		{"STUCK_AFTER", "24", "want a Go duration"},
		{"UNREACHABLE_AFTER", "0", "want a whole number from 1"},
		{"UNREACHABLE_AFTER", "three", "want a whole number from 1"},
		{"LOG_LEVEL", "verbose", "want debug, info, warn or error"},
		{"ATLAS_CLIENT_ID", "x", "a key or a service account, not both"},
		{"LEGACY_API", "v3", "want v1 or v2"},
	} {
		t.Run(tt.name+"="+tt.value[:min(len(tt.value), 30)], func(t *testing.T) {
			got, err := config.Load(complete(map[string]string{tt.name: tt.value}), config.CommandLine)
			problems := problemsOf(t, err)
			if len(problems) != 1 || problems[0].Variable != tt.name || !strings.Contains(problems[0].Text, tt.want) {
				t.Errorf("got %q, want one problem of %s with %q", problems, tt.name, tt.want)
			}
			if strings.Contains(err.Error(), canary) || len(err.Error()) > 1000 {
				t.Errorf("the text repeats a secret or is too long: %.2000s", err)
			}
			if got.Targets != nil || !got.PrivateKey.Empty() {
				t.Errorf("a configuration came with the error: %+v", got)
			}
		})
	}
}

func problemsOf(t *testing.T, err error) []config.Problem {
	t.Helper()
	e, ok := errors.AsType[*config.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *config.Error", err)
	}
	if e.FailureKind() != restore.FailedConfig || e.Hint() == "" {
		t.Errorf("kind %q, hint %q", e.FailureKind(), e.Hint())
	}
	return e.Problems
}

// Every problem is told at once, in the order of Variables, whatever the order in which they were found.
func TestLoadTellsEveryProblemAtOnce(t *testing.T) {
	_, err := config.Load(complete(map[string]string{
		"WATCH": "legacy:p1 cloudy:p1/A", "ATLAS_PRIVATE_KEY": "", "STATE_FILE": "x.db", "STATE_TABLE": "jobs",
		"EVENTS_TOPIC_ARN": "x", "LOG_LEVEL": "x", "EVENT_BUS_NAME": "x:y", "SLACK_WEBHOOK_URL": "x", "WEBHOOK_SECRET": "x", "CHAT_TOPIC_ARN": "x",
		"LEGACY_API": "x",
	}), config.CommandLine)
	var names []string
	for _, p := range problemsOf(t, err) {
		names = append(names, p.Variable)
	}
	want := []string{"WATCH", "WATCH", "ATLAS_PRIVATE_KEY", "LEGACY_API", "STATE_TABLE", "EVENTS_TOPIC_ARN", "SLACK_WEBHOOK_URL",
		"CHAT_TOPIC_ARN", "EVENT_BUS_NAME", "WEBHOOK_URL", "LOG_LEVEL"}
	if !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	if !strings.HasPrefix(err.Error(), "configuration has 11 problems: WATCH: ") {
		t.Errorf("got %q", err)
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	_, err := config.Load(complete(map[string]string{"WATCH": strings.Repeat("x ", 500)}), config.CommandLine)
	if got := err.Error(); !strings.HasSuffix(got, "; and 480 more") || len(got) > 5000 {
		t.Errorf("got %d bytes: %.200s", len(got), got)
	}
}

// What a program needs differs; what is set must be right for each.
func TestLoadByProgram(t *testing.T) {
	for _, tt := range []struct {
		program config.Program
		env     map[string]string
		want    []string // names with a problem
	}{
		{config.Function, nil, []string{"WATCH", "ATLAS_CREDENTIALS_SECRET", "STATE_TABLE", "EVENTS_TOPIC_ARN"}},
		{config.CommandLine, nil, []string{"WATCH", "ATLAS_CREDENTIALS_SECRET"}},
		{config.Reader, nil, nil},
		{config.Reader, map[string]string{"WATCH": "p1"}, []string{"WATCH"}},
		{config.Reader, map[string]string{"ATLAS_PUBLIC_KEY": "x"}, nil},
		{config.Function, map[string]string{
			"WATCH": "legacy:p/A", "ATLAS_CREDENTIALS_SECRET": `{"privateKey":"` + canary + `"}`, "STATE_FILE": "x.db",
			"EVENTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:events",
		}, []string{"ATLAS_CREDENTIALS_SECRET", "STATE_FILE"}},
	} {
		_, err := config.Load(func(name string) string { return tt.env[name] }, tt.program)
		var names []string
		if err != nil {
			for _, p := range problemsOf(t, err) {
				names = append(names, p.Variable)
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the text repeats a secret: %s", err)
			}
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("program %d with %q: got problems of %q, want %q", tt.program, tt.env, names, tt.want)
		}
	}
}

// Load asks for no name that Variables does not explain.
func TestVariablesAreWhatLoadReads(t *testing.T) {
	var want []string
	for _, v := range config.Variables() {
		want = append(want, v.Name)
		if v.Meaning == "" {
			t.Errorf("%s has no meaning", v.Name)
		}
	}
	asked := map[string]bool{}
	env := complete(nil)
	if _, err := config.Load(func(name string) string { asked[name] = true; return env(name) }, config.CommandLine); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(asked)); !slices.Equal(got, want) {
		t.Errorf("Load reads %q\nVariables and later versions have %q", got, want)
	}
}

func TestLoadServiceAccount(t *testing.T) {
	account := map[string]string{"ATLAS_PUBLIC_KEY": "", "ATLAS_PRIVATE_KEY": "", "ATLAS_CLIENT_ID": "mdb_sa_id_1", "ATLAS_CLIENT_SECRET": canary}
	got, err := config.Load(complete(account), config.CommandLine)
	if err != nil || got.ClientID != "mdb_sa_id_1" || got.ClientSecret.Reveal() != canary {
		t.Errorf("got %+v, %v", got, err)
	}
	account["ATLAS_CLIENT_ID"] = ""
	if _, err := config.Load(complete(account), config.CommandLine); err == nil || !strings.Contains(err.Error(), "ATLAS_CLIENT_ID: the other half is set") {
		t.Errorf("got %v", err)
	}
	account["ATLAS_CREDENTIALS_SECRET"] = "name"
	if _, err := config.Load(complete(account), config.CommandLine); err == nil || !strings.Contains(err.Error(), "unset one way") {
		t.Errorf("got %v", err)
	}
}
