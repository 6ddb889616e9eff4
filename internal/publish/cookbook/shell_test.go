package cookbook

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recorder stands in for the AWS command line: it notes its arguments, and answers with what the page's lines go on with.
const recorder = `#!/usr/bin/env bash
printf '%s\0' "$@" >>"$CALLS"
printf '\n\0' >>"$CALLS"
case "$2" in
describe-stacks) echo arn:aws:sns:eu-west-1:123456789012:restorewatch-EventsTopic-EXAMPLE ;;
put-rule) echo arn:aws:events:eu-west-1:123456789012:rule/restores/staging-refreshed ;;
create-connection) echo arn:aws:events:eu-west-1:123456789012:connection/incident-tool/EXAMPLE ;;
create-api-destination) echo arn:aws:events:eu-west-1:123456789012:api-destination/incident-tool/EXAMPLE ;;
esac
`

// The page's lines of shell, run one block after the other, ask AWS for what the page says.
func TestShellAsksForWhatThePageSays(t *testing.T) {
	page := blocks(t, "subscribe.md")
	policy := in(page, policies, "json")[0].text
	calls := runShell(t, page, policy)
	for _, want := range []struct {
		command string
		times   int
		with    []string
	}{
		{"sqs create-queue", 3, []string{"SqsManagedSseEnabled=true", "sqs:SendMessage", "aws:SourceArn"}},
		{"sns subscribe", 2, []string{"FilterPolicy='" + strings.TrimSpace(policy) + "'", `RedrivePolicy='{"deadLetterTargetArn":"arn:aws:sqs:`}},
		{"sns set-subscription-attributes", 1, []string{"FilterPolicy", "file://filter.json"}},
		{"events put-rule", 1, []string{"file://pattern.json"}},
		{"events put-targets", 2, nil},
		{"events create-connection", 1, []string{"ApiKeyValue=not-a-key"}},
		{"events create-api-destination", 1, []string{"arn:aws:events:eu-west-1:123456789012:connection/"}},
	} {
		found := slices.DeleteFunc(slices.Clone(calls), func(c []string) bool { return strings.Join(c[:2], " ") != want.command })
		if len(found) != want.times {
			t.Errorf("%s is called %d times, want %d", want.command, len(found), want.times)
		}
		for _, c := range found {
			for _, part := range want.with {
				if !strings.Contains(strings.Join(c, " "), part) {
					t.Errorf("%q lacks %q", c, part)
				}
			}
		}
	}
	checkTargets(t, calls)
	checkQueuePolicies(t, calls)
}

// checkTargets wants of each target of a rule that what it does not take is kept.
func checkTargets(t *testing.T, calls [][]string) {
	t.Helper()
	for _, c := range calls {
		i := slices.Index(c, "--targets")
		if i < 0 {
			continue
		}
		var targets []struct {
			Arn, RoleArn     string
			DeadLetterConfig struct{ Arn string }
			InputTransformer struct{ InputTemplate string }
		}
		if err := json.Unmarshal([]byte(c[i+1]), &targets); err != nil {
			t.Errorf("%v: %s", err, c[i+1])
		}
		for _, target := range targets {
			template := regexp.MustCompile(`<\w+>`).ReplaceAllString(target.InputTransformer.InputTemplate, "0")
			if !strings.HasPrefix(target.DeadLetterConfig.Arn, "arn:aws:sqs:") || target.RoleArn == "" || !json.Valid([]byte(template)) {
				t.Errorf("a target without a dead-letter queue, a role or a template: %+v", target)
			}
		}
	}
}

// checkQueuePolicies wants of each queue that it lets in one service on behalf of one resource, into itself.
func checkQueuePolicies(t *testing.T, calls [][]string) {
	t.Helper()
	quoted := regexp.MustCompile(`Policy='(\{.*\})'`)
	for _, c := range calls {
		found := quoted.FindStringSubmatch(strings.Join(c, " "))
		if c[1] != "create-queue" || found == nil {
			continue
		}
		policy := decode[struct {
			Statement []struct {
				Resource  string
				Principal struct{ Service string }
				Condition struct{ ArnEquals map[string]string }
			}
		}](t, found[1])
		s := policy.Statement[0]
		service, _, _ := strings.Cut(s.Principal.Service, ".")
		if !strings.HasSuffix(s.Resource, ":"+c[3]) || !strings.HasPrefix(s.Condition.ArnEquals["aws:SourceArn"], "arn:aws:"+service+":") {
			t.Errorf("queue %s: %+v", c[3], s)
		}
	}
}

// runShell runs the page's blocks of shell in one process and returns the arguments of each call of aws.
func runShell(t *testing.T, page []block, policy string) [][]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"aws": recorder, "filter.json": policy, "pattern.json": in(page, patterns, "json")[0].text}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	var script strings.Builder
	script.WriteString("set -euo pipefail\nsubscription=arn:aws:sns:eu-west-1:123456789012:EXAMPLE INCIDENT_TOOL_KEY=not-a-key\n")
	for _, b := range page {
		if b.lang == "sh" {
			script.WriteString(b.text + "\n")
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "CALLS="+filepath.Join(dir, "calls"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	noted, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	var calls [][]string
	for one := range bytes.SplitSeq(bytes.TrimSuffix(noted, []byte("\x00\n\x00")), []byte("\x00\n\x00")) {
		calls = append(calls, strings.Split(string(one), "\x00"))
	}
	return calls
}
