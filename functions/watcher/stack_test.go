package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
	"restorewatch/internal/stacktest"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/testserver"
)

// asPermitted are the calls whose action has another name in a policy.
var asPermitted = map[string]string{"sns:PublishBatch": "sns:Publish"}

// The bootstrap works with exactly what the stack gives it: its environment is complete, and its role allows each call
// that the function makes on its way through a life with every kind of call, and none that it does not make.
func TestStackFitsTheFunction(t *testing.T) {
	w := newWorld(t)
	stack := stacktest.Create(t, *w.moto.BaseEndpoint, map[string]string{
		"Watch": watched, "CredentialsSecretArn": w.secret, "AtlasBaseUrl": w.simURL,
	})
	env := stack.Environment(t)
	testserver.StateTableNamed(t, w.dynamo, env["STATE_TABLE"])
	for name, value := range w.env {
		if strings.HasPrefix(name, "AWS_") {
			env[name] = value // the way to the test servers, and no more
		}
	}
	w.env, w.table, w.topicARN = env, env["STATE_TABLE"], env["EVENTS_TOPIC_ARN"]
	w.subscribe()

	longOver := w.longOver()
	w.since(beforeThePage)
	w.sim.SetJobs(project, cluster, atlassim.PageExample())
	w.mustTick()
	w.mustTick()
	if got := w.receive(); len(got) != 13 {
		t.Errorf("%d events through the stack's topic, want 13", len(got))
	}
	if strings.Contains(w.items(), string(longOver)) {
		t.Errorf("%s was not let go", longOver)
	}

	var called []string
	for op := range count(w.calls.take()) {
		if permitted, ok := asPermitted[op]; ok {
			op = permitted
		}
		called = append(called, op)
	}
	slices.Sort(called)
	if allowed := stacktest.Translate(t).FunctionActions(t); !slices.Equal(called, allowed) {
		t.Errorf("the function calls %q and its role allows %q", called, allowed)
	}
}

// longOver saves the record of a job that has been over for years, and returns its key.
func (w *world) longOver() restore.Key {
	then := beforeThePage.Add(-time.Hour)
	record, _ := restore.Record{Target: pageTarget}.Observe(restore.Job{
		ID: "000000000000000000000001", Created: then, Status: restore.InProgress,
	}, restore.Rules{Since: beforeThePage}, then)
	record, _ = record.Observe(restore.Job{
		ID: "000000000000000000000001", Created: then, Status: restore.Finished,
	}, restore.Rules{Since: beforeThePage}, then)
	record = record.Take(map[string]int{"sns": record.Sequence})
	_, err := dynamo.New(dynamodb.NewFromConfig(w.dynamo), w.table).Save(w.t.Context(), record)
	w.must("save a record", err)
	return record.Key()
}
