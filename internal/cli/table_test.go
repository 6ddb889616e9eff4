package cli

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/testserver"
)

// The command line reads and writes the table of the function in Lambda: run there, look from here.
func TestStateInATable(t *testing.T) {
	endpoint := testserver.DynamoDB(t)
	table := testserver.StateTable(t, testserver.AWSConfig(t, endpoint))
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_DYNAMODB": endpoint, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	sim := new(atlassim.Server)
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	server := httptest.NewServer(sim)
	defer server.Close()
	environment := map[string]string{
		"ATLAS_BASE_URL": server.URL, "ATLAS_PUBLIC_KEY": atlassim.DefaultPublicKey,
		"ATLAS_PRIVATE_KEY": atlassim.DefaultPrivateKey, "STATE_TABLE": table,
	}
	perform := func(args ...string) string {
		t.Helper()
		var out, told strings.Builder
		now := func() time.Time { return time.Date(2018, 1, 23, 0, 0, 0, 0, time.UTC) }
		a := newApp(func(name string) string { return environment[name] }, now, &out, &told)
		if code := a.main(t.Context(), args); code != exitFine {
			t.Fatalf("restorewatch %s: exit code %d: %s", strings.Join(args, " "), code, told.String())
		}
		return out.String()
	}
	watch := "legacy:" + atlassim.PageProject + "/" + atlassim.PageCluster
	events := perform("run", "--since", "2018-01-22", "--watch", watch)
	if n := strings.Count(events, `"specversion"`); n != 13 {
		t.Errorf("%d events of the page's example, want 13:\n%s", n, events)
	}
	shown := perform("show") // without WATCH: every target in the table
	if !strings.Contains(shown, "3/3") || !strings.Contains(shown, "3 jobs remembered, 0 alive.") {
		t.Errorf("show does not tell what the run remembered:\n%s", shown)
	}
}
