package main

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"restorewatch/internal/atlassim"
)

// finishing returns a world in which a restore that is watched has just finished.
func finishing(t *testing.T) (*world, string) {
	w := newWorld(t)
	w.since(beforeThePage)
	jobs := atlassim.PageExample()[:1]
	jobs[0].BatchID, jobs[0].Hashes = "", nil
	jobs[0].StatusName, jobs[0].Delivery.StatusName = "IN_PROGRESS", "NOT_STARTED"
	w.sim.SetJobs(project, cluster, jobs)
	w.mustTick()
	w.receive()
	jobs[0].StatusName = "FINISHED"
	w.sim.SetJobs(project, cluster, jobs)
	return w, jobs[0].ID + ".status.FINISHED"
}

// wantLater checks that the news is told once whatever stood in its way is gone.
func wantLater(t *testing.T, w *world, id string) {
	t.Helper()
	var ids []string
	w.mustTick()
	for _, m := range w.receive() {
		ids = append(ids, m.Event.ID)
	}
	if strings.Join(ids, " ") != id {
		t.Errorf("told %q once the way was clear, want %q", ids, id)
	}
}

// What the API may answer: each answer fails the only target's pass with an error that names the thing, and the change
// that it hid is told as soon as the API answers again.
func TestBadAnswers(t *testing.T) {
	for _, tt := range []struct {
		name string
		bad  func(*world)
		good func(*world)
		want []string // in the invocation's error
	}{
		{"key without access", func(w *world) {
			w.sim.Configure(func(s *atlassim.Server) { s.Access = map[string][]string{atlassim.DefaultPublicKey: {}} })
		}, func(w *world) {
			w.sim.Configure(func(s *atlassim.Server) { s.Access = nil })
		}, []string{"forbidden", "NOT_IN_GROUP"}},
		{"address not on the access list", func(w *world) {
			w.sim.Configure(func(s *atlassim.Server) {
				s.AccessList = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
				s.Caller = netip.MustParseAddr("203.0.113.9")
			})
		}, func(w *world) {
			w.sim.Configure(func(s *atlassim.Server) { s.AccessList = nil })
		}, []string{"access_list", "203.0.113.9"}},
		{"unknown cluster", func(w *world) {
			w.sim.DeleteCluster(project, cluster)
		}, func(w *world) {
			jobs := atlassim.PageExample()[:1]
			jobs[0].BatchID, jobs[0].Hashes, jobs[0].Delivery.StatusName = "", nil, "NOT_STARTED"
			w.sim.SetJobs(project, cluster, jobs)
		}, []string{"not_found", "CLUSTER_NOT_FOUND", cluster}},
		{"429 past the deadline", func(w *world) {
			w.sim.FailNext(1, atlassim.RateLimited(atlassim.RetryIn(time.Hour)))
		}, (*world).coldStart, // this process obeys, and asks no more for a while
			[]string{"rate_limited"}},
		{"500", func(w *world) { w.sim.FailNext(1, atlassim.Status(500)) }, nil, []string{"unavailable", "500"}},
		{"HTML", func(w *world) { w.sim.FailNext(1, atlassim.HTML(200)) }, nil, []string{"invalid_response", "html"}},
		{"truncated JSON", func(w *world) { w.sim.FailNext(4, atlassim.Truncated()) }, nil, []string{"legacy:"}},
		{"malformed JSON", func(w *world) { w.sim.FailNext(1, atlassim.Malformed()) }, nil, []string{"invalid_response"}},
		{"a body that never ends", func(w *world) { w.sim.FailNext(1, atlassim.Endless()) }, nil, []string{"invalid_response"}},
		{"a job without id", func(w *world) { w.sim.FailNext(1, atlassim.WithoutID()) }, nil, []string{"invalid_response", "no id"}},
		{"two jobs with one id", func(w *world) {
			w.sim.FailNext(1, atlassim.Edited(func(body map[string]any) {
				first := body["results"].([]any)[0].(map[string]any)
				twin := map[string]any{"id": first["id"], "statusName": "KILLED"}
				body["results"] = []any{first, twin}
			}))
		}, nil, []string{"invalid_response", "5a66783b80eef5354c77ee16"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, id := finishing(t)
			tt.bad(w)
			outcome := w.tick()
			if outcome.Error == nil {
				t.Fatalf("the only target failed and the invocation did not: %s", outcome.Response)
			}
			for _, part := range append(tt.want, watched) {
				if !strings.Contains(outcome.Error.Message, part) {
					t.Errorf("error %q does not name %q", outcome.Error.Message, part)
				}
			}
			if got := w.receive(); len(got) != 0 {
				t.Errorf("%d events from an answer that said nothing", len(got))
			}
			if tt.good != nil {
				tt.good(w)
			}
			wantLater(t, w, id)
		})
	}
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	w, id := finishing(t)
	w.sim.Configure(func(s *atlassim.Server) { s.Keys = map[string]string{atlassim.DefaultPublicKey: "another"} })
	outcome := w.tick()
	if outcome.Error == nil || !strings.Contains(outcome.Error.Message, watched+": credentials") {
		t.Errorf("got %+v, want the target with kind credentials", outcome)
	}
	if n := count(w.calls.take())["secretsmanager:GetSecretValue"]; n != 2 {
		t.Errorf("the secret was fetched %d times, want once at first and once after the 401", n)
	}
	w.sim.Configure(func(s *atlassim.Server) { s.Keys = nil })
	wantLater(t, w, id)
}

// A page that fails makes the listing incomplete, and nothing of it counts.
func TestSecondPageFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.since(beforeThePage.Add(time.Hour))
	var jobs []atlassim.Job
	for i := range 600 { // history, but for a restore under way at the very end
		j := atlassim.PageExample()[0]
		j.Created, j.BatchID = beforeThePage.Add(-time.Duration(i)*time.Hour), ""
		j.ID = fmt.Sprintf("%08x%016x", j.Created.Unix(), i)
		if i == 599 {
			j.StatusName, j.Hashes = "IN_PROGRESS", nil
		}
		jobs = append(jobs, j)
	}
	w.sim.SetJobs(project, cluster, jobs)
	w.sim.FailPage(2, 4, atlassim.Status(500))
	outcome := w.tick()
	if outcome.Error == nil || !strings.Contains(outcome.Error.Message, "unavailable") {
		t.Errorf("got %+v, want the failure of page 2", outcome)
	}
	if items := w.items(); strings.Contains(items, "job/") || len(w.receive()) != 0 {
		t.Errorf("an incomplete listing was saved or told:\n%.500s", items)
	}
	w.sim.ClearFaults()
	if r := w.mustTick(); r.Listed != 600 || r.Changed != 1 {
		t.Errorf("report: %+v", r)
	}
}

// One bad target among good ones is in the report, and no error.
func TestUnknownAmongGood(t *testing.T) {
	t.Parallel()
	w, id := finishing(t)
	w.env["WATCH"] = "legacy:" + project + "/Nowhere " + watched + ",legacy:000000000000000000000000/Cluster0"
	w.coldStart()
	r := w.mustTick()
	if len(r.Failures) != 2 || r.Published != 1 {
		t.Fatalf("report: %+v", r)
	}
	for _, f := range r.Failures {
		if f.Kind != "not_found" || f.Target == watched || f.Hint == "" {
			t.Errorf("failure: %+v", f)
		}
	}
	if got := w.receive(); len(got) != 1 || got[0].Event.ID != id {
		t.Errorf("told %+v", got)
	}
}

// What may be wrong with the function's surroundings.
func TestBadSurroundings(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"WATCH malformed", map[string]string{"WATCH": "legacy:p"}, []string{"config", "WATCH", `"legacy:p"`}},
		{"all wrong at once", map[string]string{"WATCH": "", "STATE_TABLE": "", "EVENTS_TOPIC_ARN": "topic", "STUCK_AFTER": "soon"},
			[]string{"WATCH", "STATE_TABLE", "EVENTS_TOPIC_ARN", "STUCK_AFTER"}},
		{"table missing", map[string]string{"STATE_TABLE": "no-such-table"}, []string{watched, "state", "no-such-table"}},
		{"topic missing", map[string]string{"EVENTS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:no-such-topic"},
			[]string{watched, "publish", "no-such-topic"}},
		{"secret missing", map[string]string{"ATLAS_CREDENTIALS_SECRET": "no-such-secret"}, []string{watched, "credentials", "no-such-secret"}},
		{"secret not JSON", map[string]string{"ATLAS_CREDENTIALS_SECRET": "plain"}, []string{watched, "credentials", "JSON"}},
		{"secret without the keys", map[string]string{"ATLAS_CREDENTIALS_SECRET": "other"}, []string{watched, "credentials", "publicKey"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, id := finishing(t)
			before := make(map[string]string)
			for name, value := range tt.env {
				switch value {
				case "plain":
					w.makeNamedSecret("plain-"+w.name(), "swordfish-canary")
					value = "plain-" + w.name()
				case "other":
					w.makeNamedSecret("other-"+w.name(), `{"user":"swordfish-canary"}`)
					value = "other-" + w.name()
				}
				before[name], w.env[name] = w.env[name], value
			}
			w.coldStart()
			outcome := w.tick()
			if outcome.Error == nil {
				t.Fatalf("no error: %s", outcome.Response)
			}
			for _, part := range tt.want {
				if !strings.Contains(outcome.Error.Message, part) {
					t.Errorf("error %q does not name %q", outcome.Error.Message, part)
				}
			}
			if text := outcome.Error.Message + w.function.Output(); strings.Contains(text, "swordfish-canary") {
				t.Errorf("the secret's content is told: %s", text)
			}
			maps.Copy(w.env, before)
			w.coldStart()
			wantLater(t, w, id)
		})
	}
}

// State that a newer version wrote is neither read wrongly nor overwritten.
func TestStateOfANewerFormat(t *testing.T) {
	t.Parallel()
	w, _ := finishing(t)
	client := dynamodb.NewFromConfig(w.dynamo)
	key := map[string]dynamotypes.AttributeValue{
		"target": &dynamotypes.AttributeValueMemberS{Value: watched},
		"record": &dynamotypes.AttributeValueMemberS{Value: "job/5a66783b80eef5354c77ee16"},
	}
	_, err := client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: &w.table, Key: key, UpdateExpression: new("SET body = :b"),
		ExpressionAttributeValues: map[string]dynamotypes.AttributeValue{
			":b": &dynamotypes.AttributeValueMemberS{Value: `{"format":99,"news":"from the future"}`},
		},
	})
	w.must("write newer format", err)
	w.coldStart()
	outcome := w.tick()
	if outcome.Error == nil || !strings.Contains(outcome.Error.Message, watched+": state") || !strings.Contains(outcome.Error.Message, "99") {
		t.Errorf("got %+v, want a state failure that names the format", outcome)
	}
	if !strings.Contains(w.items(), "from the future") {
		t.Error("the newer state was overwritten")
	}
}
