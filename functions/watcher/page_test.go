package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"restorewatch/internal/atlassim"
)

var beforeThePage = time.Date(2018, 1, 22, 23, 0, 0, 0, time.UTC)

// The three jobs of the page's example response were over long before anybody watched: history.
func TestPageExampleIsHistory(t *testing.T) {
	w := newWorld(t)
	w.sim.SetJobs(project, cluster, atlassim.PageExample())
	for range 2 {
		if r := w.mustTick(); r.Targets != 1 || r.Listed != 3 || r.Changed != 0 || r.Published != 0 || len(r.Failures) != 0 {
			t.Errorf("report: %+v", r)
		}
	}
	if got := w.receive(); len(got) != 0 {
		t.Errorf("%d events of history", len(got))
	}
}

// Watched from an hour before, the same response is thirteen events; listed again, it is none.
func TestPageExampleIsNews(t *testing.T) {
	w := newWorld(t)
	w.since(beforeThePage)
	w.sim.SetJobs(project, cluster, atlassim.PageExample())
	if r := w.mustTick(); r.Listed != 3 || r.Changed != 3 || r.Published != 13 || r.Pending != 0 {
		t.Errorf("report: %+v", r)
	}
	got := w.receive()
	wantTypes(t, got, map[string]int{
		"restorewatch.job.created": 3, "restorewatch.job.status_changed": 3,
		"restorewatch.delivery.status_changed": 3, "restorewatch.hash.added": 3, "restorewatch.batch.finished": 1,
	})
	wantSchema(t, got)
	wantOrder(t, got)
	w.mustTick()
	w.coldStart()
	w.mustTick()
	if again := w.receive(); len(again) != 0 {
		t.Errorf("%d events for a listing that did not change", len(again))
	}
}

// What the example may become: each change is told once, to a queue, in order.
func TestPageExampleLater(t *testing.T) {
	w := newWorld(t)
	w.since(beforeThePage)
	jobs := atlassim.PageExample()
	for i := range jobs {
		jobs[i].StatusName, jobs[i].Delivery.StatusName, jobs[i].Hashes = "IN_PROGRESS", "NOT_STARTED", nil
	}
	w.sim.SetJobs(project, cluster, jobs)
	w.mustTick()
	w.receive()
	id := jobs[0].ID
	for _, step := range []struct {
		change func(*atlassim.Job)
		want   []string
	}{
		{func(j *atlassim.Job) { j.StatusName = "FINISHED" }, []string{id + ".status.FINISHED"}},
		{func(j *atlassim.Job) { j.Delivery.StatusName = "IN_PROGRESS" }, []string{id + ".delivery.IN_PROGRESS"}},
		{func(j *atlassim.Job) {
			j.Delivery.StatusName, j.Delivery.Expires = "READY", time.Now().Add(50*time.Minute)
		}, []string{id + ".delivery.READY", id + ".expiring.1h0m0s"}},
		{func(j *atlassim.Job) { j.Hashes = atlassim.PageExample()[0].Hashes }, []string{id + ".hash"}},
		{func(j *atlassim.Job) { j.Hashes[0].Hash = strings.Repeat("0", 40) }, []string{id + ".hashchanged"}},
		{func(j *atlassim.Job) { j.Delivery.StatusName = "THAWING" }, []string{id + ".delivery.THAWING"}},
		{func(j *atlassim.Job) { j.Delivery.StatusName = "MAX_DOWNLOADS_EXCEEDED" }, []string{id + ".delivery.MAX_DOWNLOADS_EXCEEDED"}},
		{func(j *atlassim.Job) { j.StatusName = "BROKEN" }, []string{id + ".status.BROKEN", "5a66783b80eef5354c77ee13.batch.FAILED"}},
		{func(j *atlassim.Job) { j.StatusName = "FINISHED" }, []string{id + ".status.FINISHED.2"}},
	} {
		step.change(&jobs[0])
		w.sim.SetJobs(project, cluster, jobs)
		w.mustTick()
		got := w.receive()
		wantSchema(t, got)
		var ids []string
		for i, m := range got {
			if i < len(step.want) && strings.HasPrefix(m.Event.ID, step.want[i]) {
				ids = append(ids, step.want[i])
				continue
			}
			ids = append(ids, m.Event.ID)
		}
		if !slices.Equal(ids, step.want) {
			t.Errorf("told %q, want %q", ids, step.want)
		}
	}
}

// What a run costs, counted on the wire (docs/design.md, "Cost and speed").
func TestCost(t *testing.T) {
	w := newWorld(t)
	w.since(time.Now().Add(-time.Hour))
	live := atlassim.PageExample()
	for i := range live {
		live[i].ID = fmt.Sprintf("%x%016x", time.Now().Unix(), i)
		live[i].Created, live[i].StatusName, live[i].Delivery.StatusName, live[i].Hashes = time.Now(), "IN_PROGRESS", "NOT_STARTED", nil
		live[i].BatchID = ""
	}
	jobs := live
	for i := range 2000 {
		old := atlassim.PageExample()[0]
		old.Created = old.Created.Add(-time.Duration(i) * time.Hour)
		old.ID = fmt.Sprintf("%x%016x", old.Created.Unix(), i)
		jobs = append(jobs, old)
	}
	w.sim.SetJobs(project, cluster, jobs)
	w.mustTick()
	w.sim.ResetRequests()
	w.calls.take()

	for range 3 {
		w.mustTick()
	}
	if n := len(w.sim.Requests()); n != 3 || w.sim.Count(401) != 0 {
		t.Errorf("three warm runs: %d API requests, %d answered 401; want 3 and 0", n, w.sim.Count(401))
	}
	if ops := w.calls.take(); len(ops) != 0 {
		t.Errorf("three warm runs in which nothing changed called AWS: %q", ops)
	}

	w.sim.ResetRequests()
	w.coldStart()
	w.mustTick()
	if n := len(w.sim.Requests()); n != 2 || w.sim.Count(401) != 1 {
		t.Errorf("cold run: %d API requests, %d answered 401; want 2 and 1", n, w.sim.Count(401))
	}
	if got, want := count(w.calls.take()), map[string]int{"dynamodb:Query": 1, "secretsmanager:GetSecretValue": 1}; !maps.Equal(got, want) {
		t.Errorf("cold run: calls %v, want %v", got, want)
	}

	jobs[0].StatusName = "FINISHED"
	w.sim.SetJobs(project, cluster, jobs)
	w.mustTick()
	if got, want := count(w.calls.take()), map[string]int{"dynamodb:PutItem": 2, "sns:PublishBatch": 1}; !maps.Equal(got, want) {
		t.Errorf("one changed job: calls %v, want %v", got, want)
	}
}

func wantTypes(t *testing.T, got []message, want map[string]int) {
	t.Helper()
	types := make(map[string]int)
	for _, m := range got {
		types[m.Event.Type]++
		if a := m.Attributes["type"]; a.Value != m.Event.Type || a.Type != "String" {
			t.Errorf("%s: attribute type is %+v", m.Event.ID, a)
		}
		if !strings.HasPrefix(m.Subject, "[restorewatch]") {
			t.Errorf("%s: subject %q", m.Event.ID, m.Subject)
		}
	}
	if !maps.Equal(types, want) {
		t.Errorf("events:\n got %v\nwant %v", types, want)
	}
}

func wantSchema(t *testing.T, got []message) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got {
		var document any
		if err := json.Unmarshal([]byte(m.Message), &document); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s: %v", m.Event.ID, err)
		}
	}
}

// wantOrder checks that the events of each subject arrived in their sequence.
func wantOrder(t *testing.T, got []message) {
	t.Helper()
	last := make(map[string]string)
	for _, m := range got {
		if m.Event.Sequence <= last[m.Event.Subject] {
			t.Errorf("%s: sequence %s after %s", m.Event.ID, m.Event.Sequence, last[m.Event.Subject])
		}
		last[m.Event.Subject] = m.Event.Sequence
	}
}
