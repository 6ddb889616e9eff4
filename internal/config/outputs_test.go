package config_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/config"
	"restorewatch/internal/restore"
)

// Each row is an environment with one thing wrong about its outputs.
func TestLoadOutputProblems(t *testing.T) {
	const topic = "arn:aws:sns:eu-west-1:123456789012:events"
	for _, tt := range []struct {
		env, want string // want is the name, and a part of the text
	}{
		{"SLACK_WEBHOOK_URL=" + canary, "SLACK_WEBHOOK_URL no URL of a host"},
		{"SLACK_WEBHOOK_URL=https:///services/" + canary, "SLACK_WEBHOOK_URL no URL of a host"},
		{"SLACK_WEBHOOK_URL=https://hooks.slack.com/" + canary + " x", "SLACK_WEBHOOK_URL no URL of a host"},
		{"SLACK_WEBHOOK_URL=https://h/%zz" + canary, "SLACK_WEBHOOK_URL no URL of a host"},
		{"SLACK_WEBHOOK_URL=https://h/" + canary + strings.Repeat("x", 3000), "SLACK_WEBHOOK_URL longer than"},
		{"SLACK_WEBHOOK_URL=http://hooks.slack.com/" + canary, "SLACK_WEBHOOK_URL want https, or http on loopback"},
		{"SLACK_WEBHOOK_URL=https://me:" + canary + "@h/", "SLACK_WEBHOOK_URL user name"},
		{"SLACK_WEBHOOK_URL=https://h/" + canary + "|SLACK_WEBHOOK_SECRET=slack", "SLACK_WEBHOOK_SECRET unset one"},
		{"SLACK_WEBHOOK_SECRET=https://hooks.slack.com/services/" + canary, "SLACK_WEBHOOK_SECRET no name or ARN"},
		{"SLACK_MIN_SEVERITY=error", "SLACK_MIN_SEVERITY want info, warning or critical"},
		{"CHAT_TOPIC_ARN=chat", "CHAT_TOPIC_ARN want arn:aws:sns:REGION:ACCOUNT:NAME"},
		{"CHAT_TOPIC_ARN=" + topic + ".fifo", "CHAT_TOPIC_ARN want a standard topic"},
		{"CHAT_TOPIC_ARN=" + topic + "|EVENTS_TOPIC_ARN=" + topic, "CHAT_TOPIC_ARN want a topic of its own"},
		{"EVENT_BUS_NAME=a bus", "EVENT_BUS_NAME no name or ARN of an event bus"},
		{"EVENT_BUS_NAME=" + topic, "EVENT_BUS_NAME no name or ARN of an event bus"},
		{"EVENT_BUS_NAME=" + strings.Repeat("x", 2000), "EVENT_BUS_NAME no name or ARN of an event bus"},
		{"WEBHOOK_URL=https://h/" + canary, "WEBHOOK_SECRET nothing goes out unsigned"},
		{"WEBHOOK_SECRET=" + canary, "WEBHOOK_URL set both, or neither"},
		{"WEBHOOK_URL=ftp://h/" + canary + "|WEBHOOK_SECRET=" + canary, "WEBHOOK_URL want https"},
		{"WEBHOOK_URL=http://10.0.0.1/" + canary + "|WEBHOOK_SECRET=" + canary, "WEBHOOK_URL want https"},
		{"WEBHOOK_URL=mailto:" + canary + "@h|WEBHOOK_SECRET=x", "WEBHOOK_URL no URL of a host"},
	} {
		t.Run(tt.env[:min(len(tt.env), 60)], func(t *testing.T) {
			_, err := config.Load(complete(environment(tt.env)), config.CommandLine)
			problems := problemsOf(t, err)
			name, text, _ := strings.Cut(tt.want, " ")
			if len(problems) != 1 || problems[0].Variable != name || !strings.Contains(problems[0].Text, text) {
				t.Errorf("got %q, want one problem of %s with %q", problems, name, text)
			}
			if strings.Contains(err.Error(), canary) || len(err.Error()) > 1000 {
				t.Errorf("the text repeats a secret or is too long: %.2000s", err)
			}
		})
	}
}

// environment reads "NAME=value|NAME=value".
func environment(text string) map[string]string {
	env := map[string]string{}
	for pair := range strings.SplitSeq(text, "|") {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}

func TestLoadOutputs(t *testing.T) {
	for _, tt := range []struct {
		env            string
		slack, webhook bool
	}{
		{"", false, false},
		{"SLACK_MIN_SEVERITY=critical", false, false},
		{"SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T0/B0/x", true, false},
		{"SLACK_WEBHOOK_URL=http://127.0.0.1:1/", true, false},
		{"SLACK_WEBHOOK_SECRET=arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-AbCdEf", true, false},
		{"WEBHOOK_URL=http://[::1]:8080/x|WEBHOOK_SECRET=short and with blanks", false, true},
		{"WEBHOOK_URL=https://me:" + canary + "@h|WEBHOOK_SECRET=x", false, true},
		{"WEBHOOK_URL=https://h|WEBHOOK_SECRET=x|EVENT_BUS_NAME=default", false, true},
	} {
		got, err := config.Load(complete(environment(tt.env)), config.CommandLine)
		if err != nil || got.Slack.Configured() != tt.slack || got.Webhook.Configured() != tt.webhook {
			t.Errorf("%s: %+v, %v", tt.env, got, err)
		}
	}
}

// What holds a token is not shown when somebody prints the configuration.
func TestConfigurationCanBePrinted(t *testing.T) {
	got, err := config.Load(complete(map[string]string{
		"SLACK_WEBHOOK_URL": "https://h/" + canary, "WEBHOOK_URL": "https://h/" + canary, "WEBHOOK_SECRET": canary,
	}), config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", got, got, got); strings.Contains(text, canary) {
		t.Errorf("a secret is in %s", text)
	}
}

// The Slack function has a webhook and no targets, credentials or state; what else stands in its environment is none of
// its business.
func TestLoadSlackFunction(t *testing.T) {
	for _, tt := range []struct {
		env  string
		want []string // names with a problem
	}{
		{"SLACK_WEBHOOK_URL=https://h/x", nil},
		{"SLACK_WEBHOOK_SECRET=slack|SLACK_MIN_SEVERITY=critical|LOG_LEVEL=debug|WATCH=nonsense", nil},
		{"", []string{"SLACK_WEBHOOK_SECRET"}},
		{"SLACK_WEBHOOK_URL=https://h/" + canary + "|SLACK_WEBHOOK_SECRET=slack", []string{"SLACK_WEBHOOK_SECRET"}},
		{"SLACK_WEBHOOK_SECRET=https://h/" + canary, []string{"SLACK_WEBHOOK_SECRET"}},
		{"SLACK_WEBHOOK_URL=http://hooks.slack.com/" + canary + "|SLACK_MIN_SEVERITY=" + strings.Repeat("x", 1000),
			[]string{"SLACK_WEBHOOK_URL", "SLACK_MIN_SEVERITY"}},
		{"SLACK_WEBHOOK_URL=x|SLACK_MIN_SEVERITY=x|LOG_LEVEL=x", []string{"SLACK_WEBHOOK_URL", "SLACK_MIN_SEVERITY", "LOG_LEVEL"}},
	} {
		env := environment(tt.env)
		asked := map[string]bool{}
		got, err := config.Load(func(name string) string { asked[name] = true; return env[name] }, config.SlackFunction)
		var names []string
		if err != nil {
			for _, p := range problemsOf(t, err) {
				names = append(names, p.Variable)
			}
			if strings.Contains(err.Error(), canary) || len(err.Error()) > 1000 {
				t.Errorf("the text repeats a secret or is too long: %.2000s", err)
			}
		} else if !got.Slack.Configured() || !slices.Contains([]restore.Severity{restore.Info, restore.Critical}, got.Slack.MinSeverity) {
			t.Errorf("%s: got %+v", tt.env, got.Slack)
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: problems of %q, want %q", tt.env, names, tt.want)
		}
		reads := []string{"LOG_LEVEL", "SLACK_MIN_SEVERITY", "SLACK_WEBHOOK_SECRET", "SLACK_WEBHOOK_URL"}
		if all := slices.Sorted(maps.Keys(asked)); !slices.Equal(all, reads) {
			t.Errorf("it reads %q, want %q", all, reads)
		}
	}
}
