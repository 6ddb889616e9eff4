package neighbourtest

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"restorewatch/internal/testserver"
)

// c7n-mailer logs a 429 of Slack, and acknowledges the message that it could not deliver. The function that relays to
// Slack fails its invocation instead, so that whoever invoked it, for which a queue stands here, keeps the event and
// brings it again.
func TestSlackRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fate{"429": {false, tooMany}, "taken and dropped": {true, dropped}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newLambda, "")
			w.list(oldJob("IN_PROGRESS", "NOT_STARTED"))
			w.mustRun()
			w.list(oldJob("FINISHED", "NOT_STARTED"))
			w.mustRun()

			slack := &inbox{read: ofSlack}
			way := &way{next: slack, met: anyRequest}
			way.is(f, 0)
			address := way.serve(t)
			if failed := relay(t, address, w.queue); failed != 1 || way.strikes() == 0 {
				t.Errorf("%d invocations failed after %d strikes, want 1: the event is lost", failed, way.strikes())
			}
			way.is(fate{}, 0)
			if failed := relay(t, address, w.queue); failed != 0 {
				t.Errorf("%d invocations failed after all is well", failed)
			}
			wantSlackTold(t, slack.take(), f.applied)
			if left := drain(t, w.queue); len(left) != 0 {
				t.Errorf("%d messages left behind what was delivered", len(left))
			}
		})
	}
}

func wantSlackTold(t *testing.T, got []told, again bool) {
	t.Helper()
	for _, m := range got {
		if m.id != old+".status.FINISHED" || m != got[0] {
			t.Errorf("told %+v, want the one event in one form", m)
		}
	}
	if len(got) == 0 || len(got) > 1 != again {
		t.Errorf("told %d times, want more than once: %v", len(got), again)
	}
}

// relay hands each message of a queue to a new process of the function, as SNS does, and returns how many invocations
// failed. What a failed one was given stays.
func relay(t *testing.T, slack, queueURL string) (failed int) {
	t.Helper()
	f := testserver.StartFunction(t, bootstrap(t, "slack"), "SLACK_WEBHOOK_URL="+slack)
	defer f.Stop()
	queues := sqs.NewFromConfig(testserver.AWSConfig(t, testserver.Moto(t)))
	got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queueURL, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range got.Messages {
		var envelope events.SNSEntity
		if err := json.Unmarshal([]byte(*m.Body), &envelope); err != nil {
			t.Fatal(err)
		}
		in, err := json.Marshal(events.SNSEvent{Records: []events.SNSEventRecord{{EventSource: "aws:sns", SNS: envelope}}})
		if err != nil {
			t.Fatal(err)
		}
		if f.Invoke(string(in), patience).Error == nil {
			_, err = queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queueURL, ReceiptHandle: m.ReceiptHandle})
		} else {
			failed++
			_, err = queues.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
				QueueUrl: &queueURL, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
			})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return failed
}
