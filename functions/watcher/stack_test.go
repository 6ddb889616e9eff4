package main

import (
	"maps"
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
	for name, options := range map[string]map[string]string{
		"every option off": nil,
		"every output":     {"ChatTopic": "true", "EventBusName": "default"},
		"a FIFO topic":     {"FifoTopic": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			parameters := map[string]string{"Watch": watched, "CredentialsSecretArn": w.secret, "AtlasBaseUrl": w.simURL}
			maps.Copy(parameters, options)
			stack := stacktest.Create(t, *w.moto.BaseEndpoint, parameters)
			w.deploy(stack)
			queues := []string{w.subscribe(stack.Outputs["EventsTopicArn"])}
			if chat := stack.Outputs["ChatTopicArn"]; chat != "" {
				queues = append(queues, w.subscribe(chat))
			}
			if bus := options["EventBusName"]; bus != "" {
				queues = append(queues, w.rule(bus))
			}
			w.live()
			for _, queue := range queues {
				if got := w.drain(queue); len(got) != 13 {
					t.Errorf("%d events by way of %s, want 13", len(got), queue)
				}
			}
			allowed := stacktest.Translate(t).Given(t, parameters).CodeActions(t, "WatcherRole")
			if called := w.actions(); !slices.Equal(called, allowed) {
				t.Errorf("the function calls %q and its role allows %q", called, allowed)
			}
		})
	}
}

// deploy gives the function what the stack gives it, and the way to the test servers, and no more.
func (w *world) deploy(stack stacktest.Stack) {
	w.t.Helper()
	env := stack.Environment(w.t, "WatcherFunction")
	testserver.StateTableNamed(w.t, w.dynamo, env["STATE_TABLE"])
	for name, value := range w.env {
		if strings.HasPrefix(name, "AWS_") {
			env[name] = value
		}
	}
	w.env, w.table, w.topicARN = env, env["STATE_TABLE"], env["EVENTS_TOPIC_ARN"]
}

// live makes the function do everything that it ever does: read, list, save, publish and let go.
func (w *world) live() {
	w.t.Helper()
	longOver := w.longOver()
	w.since(beforeThePage)
	w.sim.SetJobs(project, cluster, atlassim.PageExample())
	w.mustTick()
	w.mustTick()
	if strings.Contains(w.items(), string(longOver)) {
		w.t.Errorf("%s was not let go", longOver)
	}
}

// actions returns the permissions that the calls so far have needed, sorted.
func (w *world) actions() []string {
	var called []string
	for op := range count(w.calls.take()) {
		if permitted, ok := asPermitted[op]; ok {
			op = permitted
		}
		called = append(called, op)
	}
	slices.Sort(called)
	return slices.Compact(called)
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
