package service_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
)

// send publishes one test event through every output and returns the names of those that took it.
func send(t *testing.T, env map[string]string, e restore.Event) (took []string) {
	t.Helper()
	all, err := service.TestOutputs(t.Context(), load(t, env))
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range all {
		accepted, err := output.Publisher.Publish(t.Context(), []restore.Event{e})
		if err != nil || !accepted[0] {
			t.Errorf("%s: %v, %v", output.Name, accepted, err)
			continue
		}
		took = append(took, output.Name)
	}
	return took
}

// Whatever a test reaches, it is marked there, each in the way of its place. Slack gets it although it is not severe
// enough: else nobody would have been asked.
func TestTestsAreMarkedEverywhere(t *testing.T) {
	r := newReceivers(t)
	if took := send(t, r.env, publishtest.Finished()); len(took) != 5 {
		t.Errorf("taken by %q", took)
	}
	for place, mark := range map[string]string{
		"events":   `"Subject": "[restorewatch] TEST: Restore of Cluster0 finished"`,
		"chat":     `TEST: Restore of Cluster0 finished`,
		"bus":      `"test": true`,
		"/slack":   `"text":"TEST: Restore of Cluster0 finished`,
		"/webhook": `"test":true`,
	} {
		if got := r.got(place); len(got) != 1 || !strings.Contains(got[0], mark) {
			t.Errorf("%s got %.900q, want one message with %s", place, got, mark)
		}
	}
}

// A test passes the filters that a real event passes, unless they look at the mark. A FIFO topic drops none as a repeat.
func TestTestsAndFilters(t *testing.T) {
	for _, suffix := range []string{"", ".fifo"} {
		r := newReceivers(t)
		topic := r.topicWith("filtered", suffix, map[string]string{
			"pipeline": `{"type":["restorewatch.job.status_changed"],"status":["FINISHED"]}`,
			"careful":  `{"type":["restorewatch.job.status_changed"],"status":["FINISHED"],"test":[{"exists":false}]}`,
			"tests":    `{"test":["true"]}`,
		})
		env := map[string]string{"EVENTS_TOPIC_ARN": topic}
		created, finished := publishtest.Events()[0], publishtest.Finished()
		for i, e := range []restore.Event{created, finished} {
			e.ID, e.Subject = "test."+string(rune('1'+i)), "test-"+string(rune('1'+i))
			send(t, env, e)
		}
		for place, want := range map[string]int{"pipeline": 1, "careful": 0, "tests": 2} {
			if got := r.got(place); len(got) != want {
				t.Errorf("topic %q: %s got %d messages, want %d: %.300q", suffix, place, len(got), want, got)
			}
		}
	}
}

// A rule on the bus can keep tests out, too.
func TestTestsAndPatterns(t *testing.T) {
	r := newReceivers(t)
	env := map[string]string{"EVENT_BUS_NAME": r.bus(`{"source":["restorewatch"],"detail":{"data":{"test":[{"exists":false}]}}}`)}
	send(t, env, publishtest.Finished())
	if got := r.got("bus"); len(got) != 0 {
		t.Errorf("a test came through: %.300q", got)
	}
	if accepted, err := outputs(t, env)[0].Publisher.Publish(t.Context(), []restore.Event{publishtest.Finished()}); err != nil || !accepted[0] {
		t.Errorf("accepted %v, %v", accepted, err)
	}
	if got := r.got("bus"); len(got) != 1 {
		t.Errorf("%d real events came through, want 1", len(got))
	}
}

// topicWith returns the ARN of a topic whose name ends in suffix, with a queue behind each filter.
func (r *receivers) topicWith(name, suffix string, filters map[string]string) (arn string) {
	topics, queues := sns.NewFromConfig(r.aws), sqs.NewFromConfig(r.aws)
	fifo := func(name string) map[string]string {
		if suffix == "" {
			return nil
		}
		return map[string]string{name: "true"}
	}
	topic, err := topics.CreateTopic(r.t.Context(), &sns.CreateTopicInput{Name: new(unique(name) + suffix), Attributes: fifo("FifoTopic")})
	r.must(err)
	for _, place := range slices.Sorted(maps.Keys(filters)) {
		queue := unique(place) + suffix
		made, err := queues.CreateQueue(r.t.Context(), &sqs.CreateQueueInput{QueueName: &queue, Attributes: fifo("FifoQueue")})
		r.must(err)
		r.queues[place] = *made.QueueUrl
		_, err = topics.Subscribe(r.t.Context(), &sns.SubscribeInput{
			TopicArn: topic.TopicArn, Protocol: new("sqs"), Endpoint: new("arn:aws:sqs:eu-west-1:123456789012:" + queue),
			Attributes: map[string]string{"FilterPolicy": filters[place]},
		})
		r.must(err)
	}
	return *topic.TopicArn
}
