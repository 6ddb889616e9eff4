package neighbourtest

import (
	"slices"
	"testing"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/testserver"
)

// A FIFO topic drops for five minutes what has an id that it knows. Alertmanager gives it the hash of the group of alerts
// for one, which stays the same: the second, different notification about a group is accepted and never delivered. Here the
// id is that of the event, so what differs arrives and what is told again does not.
func TestConstantDeduplicationID(t *testing.T) {
	t.Parallel()
	arn, queue := newTopic(t, ".fifo")
	topics := awssns.NewFromConfig(testserver.AWSConfig(t, testserver.Moto(t)))
	for _, message := range []string{`{"id":"firing"}`, `{"id":"resolved"}`} {
		if _, err := topics.Publish(t.Context(), &awssns.PublishInput{
			TopicArn: &arn, Message: &message, MessageGroupId: new("group"), MessageDeduplicationId: new("hash of the group"),
		}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	for _, m := range drain(t, queue) {
		ids = append(ids, m.id)
	}
	if !slices.Equal(ids, []string{"firing"}) {
		t.Errorf("the neighbour's topic delivered %q, want the first alone", ids)
	}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p.make, ".fifo")
			w.list(oldJob("IN_PROGRESS", "NOT_STARTED"))
			w.mustRun()
			wantFIFO(t, w)
		})
	}
}

// wantFIFO lets a job change in every look, and the run that tells the first two changes die after the topic has taken them.
func wantFIFO(t *testing.T, w *world) {
	created := time.Now()
	fresh := newJob(created, "IN_PROGRESS")
	w.list(fresh, oldJob("FINISHED", "NOT_STARTED"))
	w.topic.is(fate{true, killed}, 0)
	if o := w.run(); !o.killed || w.topic.strikes() != 1 {
		t.Fatalf("%d calls met their fate, killed %v: %s", w.topic.strikes(), o.killed, o.said)
	}
	if n := w.outboxes(); n != 2 {
		t.Errorf("%d events wait to be told again, want 2", n)
	}
	w.topic.is(fate{}, 0)
	w.program.restart()
	for _, delivery := range []string{"IN_PROGRESS", "READY", "EXPIRED"} {
		w.list(newJob(created, "BROKEN"), oldJob("FINISHED", delivery))
		w.mustRun()
	}
	w.wantTold(old+".status.FINISHED", old+".delivery.IN_PROGRESS", old+".delivery.READY", old+".delivery.EXPIRED",
		fresh.ID+".created", fresh.ID+".status.BROKEN")
	w.wantEmptyOutboxes()
	if n := len(w.got[toTopic]); n != 6 {
		t.Errorf("%d messages came from the topic, want 6: what was told again is delivered once", n)
	}
}
