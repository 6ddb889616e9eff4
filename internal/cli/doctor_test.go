package cli

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/testserver"
)

const examined = "legacy:" + atlassim.PageProject + "/" + atlassim.PageCluster

// examine serves sim, runs doctor --json and returns the exit code and the findings by part and name.
func examine(t *testing.T, sim *atlassim.Server, env map[string]string) (code int, findings map[string]finding) {
	t.Helper()
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	all := map[string]string{
		"WATCH": examined, "ATLAS_BASE_URL": server.URL, "STATE_FILE": filepath.Join(t.TempDir(), "state.db"),
		"ATLAS_PUBLIC_KEY": atlassim.DefaultPublicKey, "ATLAS_PRIVATE_KEY": atlassim.DefaultPrivateKey,
	}
	maps.Copy(all, env)
	var out, errs strings.Builder
	a := newApp(func(name string) string { return all[name] }, func() time.Time { return begins }, &out, &errs)
	code = a.main(t.Context(), []string{"doctor", "--json"})
	var chart struct {
		OK     bool
		Checks []finding
	}
	if err := json.Unmarshal([]byte(out.String()), &chart); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &errs)
	}
	if chart.OK != (code == exitFine) {
		t.Errorf("ok is %v, and the exit code %d", chart.OK, code)
	}
	if strings.Contains(out.String()+errs.String(), "CANARY") || strings.Contains(out.String(), atlassim.DefaultPrivateKey) {
		t.Errorf("a secret is told: %s", &out)
	}
	findings = make(map[string]finding)
	for _, f := range chart.Checks {
		findings[strings.TrimSpace(f.Part+" "+f.Name)] = f
	}
	return code, findings
}

// want checks one finding: its result, and what its message and hint hold.
func want(t *testing.T, findings map[string]finding, of string, r result, texts ...string) {
	t.Helper()
	f, ok := findings[of]
	if !ok {
		t.Errorf("no check %q, there are %q", of, slices.Sorted(maps.Keys(findings)))
		return
	}
	if f.Result != r {
		t.Errorf("%s is %q, want %q: %s", of, f.Result, r, f.Message)
	}
	for _, text := range texts {
		if !strings.Contains(f.Message+"\n"+f.Hint, text) {
			t.Errorf("%s says %q and %q, want %q", of, f.Message, f.Hint, text)
		}
	}
}

func TestDoctorAccessList(t *testing.T) {
	sim := &atlassim.Server{
		AccessList: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Caller: netip.MustParseAddr("192.0.2.7"),
	}
	code, findings := examine(t, sim, nil)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "credentials", wrong, "403", "Add 192.0.2.7 to the API access list")
	want(t, findings, "target "+examined, unchecked)
	want(t, findings, "state", fine)
}

// Whoever may not list Cloud Backup restores is told the role, and an empty legacy list stays in doubt.
func TestDoctorRole(t *testing.T) {
	sim := &atlassim.Server{ReadOnly: []string{atlassim.DefaultPublicKey}}
	sim.SetCluster(atlassim.PageProject, "New", atlassim.DedicatedCluster)
	place := ":" + atlassim.PageProject + "/New"
	code, findings := examine(t, sim, map[string]string{"WATCH": "legacy" + place + " cloud" + place})
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "target cloud"+place, wrong, "give it the role")
	want(t, findings, "target legacy"+place, doubtful, "empty list", "cannot be told", "give it the role")
}

func TestDoctorServiceAccount(t *testing.T) {
	env := map[string]string{
		"ATLAS_PUBLIC_KEY": "", "ATLAS_PRIVATE_KEY": "",
		"ATLAS_CLIENT_ID": atlassim.DefaultClientID, "ATLAS_CLIENT_SECRET": atlassim.DefaultClientSecret,
	}
	code, findings := examine(t, &atlassim.Server{}, env)
	if code != exitFine {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "credentials", fine, "service account accepted")
	want(t, findings, "target "+examined, fine, "200 OK, 3 restore jobs")
	env["ATLAS_CLIENT_SECRET"] = "mdb_sa_sk_CANARY-expired"
	_, findings = examine(t, &atlassim.Server{}, env)
	want(t, findings, "credentials", wrong, "expired")
}

func TestDoctorTellsDeprecations(t *testing.T) {
	sim := &atlassim.Server{Deprecated: map[atlassim.API]atlassim.Deprecation{
		atlassim.LegacyAPI: {Since: begins, Sunset: begins.Add(24 * time.Hour)},
	}}
	code, findings := examine(t, sim, nil)
	if code != exitFine {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "deprecation legacy", doubtful, "served until 2026-01-06")
}

func TestDoctorClock(t *testing.T) {
	for _, tt := range []struct {
		ahead time.Duration
		want  result
		text  string
	}{
		{2 * time.Second, fine, "agrees"},
		{-20 * time.Second, fine, "20s behind the API's"},
		{31 * time.Second, doubtful, "31s ahead of the API's"},
		{-6 * time.Minute, wrong, "6m0s behind the API's"},
	} {
		if f := clockOff(tt.ahead); f.Result != tt.want || !strings.Contains(f.Message, tt.text) {
			t.Errorf("%v: got %+v", tt.ahead, f)
		}
	}
}

// After Ctrl-C nothing is waited for.
func TestDoctorInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs strings.Builder
	env := map[string]string{"WATCH": examined, "ATLAS_PUBLIC_KEY": "a", "ATLAS_PRIVATE_KEY": "b", "ATLAS_BASE_URL": "http://127.0.0.1:1"}
	code := newApp(func(name string) string { return env[name] }, wallClock, &out, &errs).main(ctx, []string{"doctor"})
	if code != exitFailed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d: %s%s", code, &out, &errs)
	}
}

// The parts in AWS, with servers that stand for them.
func TestDoctorInAWS(t *testing.T) {
	moto := testserver.Moto(t)
	dynamo := testserver.AWSConfig(t, testserver.DynamoDB(t))
	aws := testserver.AWSConfig(t, moto)
	table := testserver.StateTable(t, dynamo)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": moto, "AWS_ENDPOINT_URL_DYNAMODB": *dynamo.BaseEndpoint, "AWS_REGION": aws.Region,
		"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	topic, err := sns.NewFromConfig(aws).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: new("doctor")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = eventbridge.NewFromConfig(aws).CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: new("doctor")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = secretsmanager.NewFromConfig(aws).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: new("doctor"),
		SecretString: new(`{"publicKey":"` + atlassim.DefaultPublicKey + `","privateKey":"` + atlassim.DefaultPrivateKey + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"ATLAS_PUBLIC_KEY": "", "ATLAS_PRIVATE_KEY": "", "ATLAS_CREDENTIALS_SECRET": "doctor",
		"STATE_FILE": "", "STATE_TABLE": table, "EVENTS_TOPIC_ARN": *topic.TopicArn, "EVENT_BUS_NAME": "doctor",
	}
	code, findings := examine(t, &atlassim.Server{}, env)
	if code != exitFine {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "credentials", fine, "of secret doctor accepted")
	want(t, findings, "state", fine, "table "+table+" readable and writable, 0 records")
	want(t, findings, "output sns", fine, "is there; subscriptions: 0 confirmed")
	want(t, findings, "output eventbridge", fine, "event bus doctor is there")

	maps.Copy(env, map[string]string{
		"STATE_TABLE": "doctor-none", "EVENTS_TOPIC_ARN": *topic.TopicArn + "-none", "EVENT_BUS_NAME": "none",
		"ATLAS_CREDENTIALS_SECRET": "none", "SLACK_WEBHOOK_SECRET": "none",
	})
	_, findings = examine(t, &atlassim.Server{}, env)
	want(t, findings, "credentials", wrong, `secret "none"`, "no such secret")
	want(t, findings, "state", wrong, "doctor-none", "STATE_TABLE")
	want(t, findings, "output sns", wrong, "does not exist", "EVENTS_TOPIC_ARN")
	want(t, findings, "output eventbridge", wrong, "does not exist", "EVENT_BUS_NAME")
	want(t, findings, "output slack", wrong, "no such secret")
}

// Atlas may answer for a Flex cluster with an empty legacy list, as it does for one with Cloud Backup.
func TestDoctorEmptyListOfAFlexCluster(t *testing.T) {
	sim := &atlassim.Server{}
	sim.SetCluster(atlassim.PageProject, "Small", atlassim.FlexCluster)
	sim.FailMatching(1, atlassim.OfAPI(atlassim.LegacyAPI), func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"links":[],"results":[],"totalCount":0}`)
	})
	place := ":" + atlassim.PageProject + "/Small"
	_, findings := examine(t, sim, map[string]string{"WATCH": "legacy" + place})
	want(t, findings, "target legacy"+place, wrong, "empty list, but it is a Flex cluster", "Use flex"+place+" in WATCH")
}

func TestDoctorReadsTheAPIsClock(t *testing.T) {
	sim := &atlassim.Server{}
	sim.FailNext(100, func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		w.Header().Set("Date", "Mon, 05 Jan 2015 08:00:00 GMT")
		serve(w, r)
	})
	code, findings := examine(t, sim, nil)
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	want(t, findings, "clock", wrong, "ahead of the API's", "NTP")
}
