package relay_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/config"
	"restorewatch/internal/relay"
	"restorewatch/internal/restore"
)

const address = "https://hooks.slack.com/services/T00/B00/CANARY0123456789"

func env(pairs ...string) func(string) string {
	set := make(map[string]string)
	for pair := range slices.Chunk(pairs, 2) {
		set[pair[0]] = pair[1]
	}
	return func(name string) string { return set[name] }
}

func TestLoad(t *testing.T) {
	c, err := relay.Load(env(relay.EnvWebhookURL, " "+address+"\n"))
	if err != nil || c.WebhookURL.Reveal() != address || c.MinSeverity != restore.Info || c.LogLevel != slog.LevelInfo {
		t.Errorf("%+v, %v", c, err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(shown, "CANARY") {
		t.Errorf("the configuration shows the address: %s", shown)
	}
	c, err = relay.Load(env(relay.EnvWebhookSecret, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-AbCdEf",
		relay.EnvMinSeverity, "Warning", relay.EnvLogLevel, "debug"))
	if err != nil || c.WebhookSecret == "" || c.MinSeverity != restore.Warning || c.LogLevel != slog.LevelDebug {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLoadTellsAllProblems(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		want []string // variables with a problem, in order
	}{
		{"nothing set", nil, []string{relay.EnvWebhookSecret}},
		{"both set", []string{relay.EnvWebhookURL, address, relay.EnvWebhookSecret, "slack"}, []string{relay.EnvWebhookURL}},
		{"in the clear", []string{relay.EnvWebhookURL, "http://hooks.slack.com/CANARY"}, []string{relay.EnvWebhookURL}},
		{"no address", []string{relay.EnvWebhookURL, "CANARY"}, []string{relay.EnvWebhookURL}},
		{"the address for the secret's name", []string{relay.EnvWebhookSecret, address}, []string{relay.EnvWebhookSecret}},
		{"everything wrong", []string{relay.EnvMinSeverity, "loud", relay.EnvLogLevel, strings.Repeat("x", 1000)},
			[]string{relay.EnvWebhookSecret, relay.EnvMinSeverity, relay.EnvLogLevel}},
	} {
		_, err := relay.Load(env(tt.env...))
		all, ok := errors.AsType[*config.Error](err)
		if !ok {
			t.Errorf("%s: error %v", tt.name, err)
			continue
		}
		var names []string
		for _, p := range all.Problems {
			names = append(names, p.Variable)
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: problems with %q, want %q", tt.name, names, tt.want)
		}
		if strings.Contains(err.Error(), "CANARY") || len(err.Error()) > 600 {
			t.Errorf("%s: the error repeats a secret, or is long: %v", tt.name, err)
		}
	}
}
