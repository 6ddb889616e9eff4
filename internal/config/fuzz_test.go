package config_test

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"restorewatch/internal/config"
	"restorewatch/internal/restore"
)

// FuzzLoad gives one variable, and then another, any value, in an environment that is complete for the program. Problems
// are told by name in texts that people can read, without any secret; a configuration that is taken keeps every promise
// that its fields make.
func FuzzLoad(f *testing.F) {
	all := config.Variables()
	for i := range all {
		for _, value := range []string{"", "x", "\x00", "\xff\u202e", "https://h/%9b", "1h 1h", "99999999999999999999"} {
			f.Add(uint8(i%4), uint8(i), value, uint8(i+1), "legacy:p/*,x")
		}
	}
	for _, s := range []string{"legacy:p/A", "legacy:p/*,cloud:*/*", "cloud:*/A", "legacy:p/..", "flex:p/A\u00e9", "legacy:p/A,\nlegacy:p/A"} {
		f.Add(uint8(0), uint8(0), s, uint8(1), "https://[::1]:1/")
		f.Add(uint8(1), uint8(0), s, uint8(12), "24h,-1s,0.1ns")
	}
	for _, s := range []string{"http://[::1]:1/", "https://%zz", "https://u:CANARY@h", "https://\u009b2J/x", "http://localhost.evil.test", "https://h#", "https:h"} {
		f.Add(uint8(0), uint8(1), s, uint8(20), s)
		f.Add(uint8(3), uint8(16), s, uint8(17), s)
	}
	f.Fuzz(func(t *testing.T, program, first uint8, value string, second uint8, other string) {
		p := config.Program(program % 4)
		env := environmentOf(p)
		env[all[int(second)%len(all)].Name] = other
		env[all[int(first)%len(all)].Name] = value
		c, err := config.Load(func(name string) string { return env[name] }, p)
		if text := fmt.Sprintf("%v %+v %#v", err, c, c); strings.Contains(text, canary) {
			t.Errorf("a secret is in %s", text)
		}
		for _, v := range all {
			if secret := env[v.Name]; err != nil && v.Secret && len(secret) > 20 && strings.Count(strings.Join([]string{value, other}, "\n"), secret) == 1 &&
				strings.Contains(err.Error(), secret) {
				t.Errorf("the value of %s is in %v", v.Name, err)
			}
		}
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkSlack(t, c)
		if p != config.SlackFunction {
			checkWatcher(t, c, p)
		}
	})
}

// environmentOf is complete for a program.
func environmentOf(p config.Program) map[string]string {
	env := map[string]string{"WATCH": "legacy:p/A", "ATLAS_PUBLIC_KEY": "abcdefgh", "ATLAS_PRIVATE_KEY": canary}
	switch p {
	case config.Function:
		env["STATE_TABLE"], env["EVENTS_TOPIC_ARN"] = "jobs", "arn:aws:sns:eu-west-1:123456789012:events"
	case config.SlackFunction:
		env["SLACK_WEBHOOK_URL"] = "https://hooks.slack.com/services/" + canary
	}
	return env
}

func checkProblems(t *testing.T, err error) {
	t.Helper()
	for _, p := range problemsOf(t, err) {
		known := slices.ContainsFunc(config.Variables(), func(v config.Variable) bool { return v.Name == p.Variable })
		unseen := strings.IndexFunc(p.Text, func(r rune) bool { return !unicode.IsPrint(r) })
		if !known || p.Text == "" || utf8.RuneCountInString(p.Text) > 3000 || unseen >= 0 {
			t.Errorf("problem of %s: %q", p.Variable, p.Text)
		}
	}
	if n := len(err.Error()); n > 50_000 {
		t.Errorf("the error is %d bytes long", n)
	}
}

func checkSlack(t *testing.T, c config.Config) {
	t.Helper()
	if !c.Slack.URL.Empty() && (c.Slack.WebhookID != "" || !safe(c.Slack.URL.Reveal())) {
		t.Errorf("accepted the webhook %q beside %q", c.Slack.URL.Reveal(), c.Slack.WebhookID)
	}
	if !slices.Contains([]restore.Severity{restore.Info, restore.Warning, restore.Critical}, c.Slack.MinSeverity) {
		t.Errorf("accepted the severity %q", c.Slack.MinSeverity)
	}
}

func checkWatcher(t *testing.T, c config.Config, p config.Program) {
	t.Helper()
	for i, target := range c.Targets {
		if again, err := restore.ParseTarget(target.String()); err != nil || again != target || slices.Index(c.Targets, target) != i {
			t.Errorf("accepted the targets %v", c.Targets)
		}
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || !safe(c.BaseURL) || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		t.Errorf("accepted the base %q, %v", c.BaseURL, err)
	}
	longestFirst := func(a, b time.Duration) int { return int(min(max(b-a, -1), 1)) }
	if w := c.ExpiryWarnings; len(w) == 0 || w[len(w)-1] <= 0 || !slices.IsSortedFunc(w, longestFirst) || len(slices.Compact(slices.Clone(w))) != len(w) {
		t.Errorf("accepted the warnings %v", w)
	}
	if c.StuckAfter < 0 || c.UnreachableAfter < 1 || c.LegacyAPI != "v1" && c.LegacyAPI != "v2" || (c.StateTable == "") == (c.StateFile == "") {
		t.Errorf("accepted %+v", c)
	}
	if c.Webhook.Configured() && (c.Webhook.Secret.Empty() || !safe(c.Webhook.URL.Reveal())) {
		t.Errorf("accepted the webhook %q", c.Webhook.URL.Reveal())
	}
	ways := 0
	for _, given := range []bool{c.PublicKey != "" && !c.PrivateKey.Empty(), c.ClientID != "" && !c.ClientSecret.Empty(), c.CredentialsSecret != ""} {
		if given {
			ways++
		}
	}
	if p != config.Reader && (ways != 1 || len(c.Targets) == 0) {
		t.Errorf("accepted %d sorts of credentials for %v", ways, c.Targets)
	}
}

// safe reports whether nobody on the way reads what is sent there.
func safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return false
	}
	loopback := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && loopback
}
