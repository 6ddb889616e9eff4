package publish_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

var update = flag.Bool("update", false, "write the golden files in events/ and testdata/ anew")

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

const eventsDir = "../../events"

// golden compares got with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\ngo test ./internal/publish -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at the difference, then go test ./internal/publish -update\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func TestGoldenEvents(t *testing.T) {
	for _, e := range publishtest.Types() {
		t.Run(string(e.Type), func(t *testing.T) {
			golden(t, filepath.Join(eventsDir, string(e.Type)+".json"), indent(t, renderer.JSON(e)))
		})
	}
}

func indent(t *testing.T, doc []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, doc, "", "  "); err != nil {
		t.Fatal(err)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func TestGoldenTexts(t *testing.T) {
	for _, e := range publishtest.Events() {
		name := string(e.Type)
		if e.Change != nil {
			name += "." + e.Change.To
		}
		t.Run(name, func(t *testing.T) {
			text := fmt.Sprintf("Subject: %s\nSMS: %s\n\n%s", renderer.Subject(e), renderer.SMS(e), renderer.Email(e))
			golden(t, filepath.Join("testdata", name+".txt"), []byte(text))
		})
	}
}

// The sample of what a Lambda function subscribed to the topic receives holds our own rendering.
func TestGoldenSNSRecord(t *testing.T) {
	e := publishtest.Finished()
	golden(t, filepath.Join(eventsDir, "sns-record.json"), indent(t, snsRecord(t, e)))
}

func snsRecord(t *testing.T, e restore.Event) []byte {
	t.Helper()
	const topic = "arn:aws:sns:us-east-1:123456789012:restorewatch-events"
	attributes := make(map[string]any)
	for _, a := range publish.Attributes(e) {
		attributes[a.Name] = map[string]string{"Type": "String", "Value": a.Value}
	}
	record := events.SNSEvent{Records: []events.SNSEventRecord{{
		EventVersion:         "1.0",
		EventSubscriptionArn: topic + ":2bcfbf39-05c3-41de-beaa-fcfcc21c8f55",
		EventSource:          "aws:sns",
		SNS: events.SNSEntity{
			Signature:         "EXAMPLE",
			MessageID:         "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
			Type:              "Notification",
			TopicArn:          topic,
			MessageAttributes: attributes,
			SignatureVersion:  "1",
			Timestamp:         e.Time,
			SigningCertURL:    "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-example.pem",
			Message:           string(renderer.JSON(e)),
			UnsubscribeURL:    "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
			Subject:           renderer.Subject(e),
		},
	}}}
	doc, err := json.Marshal(record)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTickIsWhatSchedulerSends(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(eventsDir, "tick.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tick struct {
		Source string
		Detail string // EventBridge Scheduler sends the text "{}"
	}
	if err := json.Unmarshal(doc, &tick); err != nil {
		t.Fatal(err)
	}
	if tick.Source != "aws.scheduler" || tick.Detail != "{}" {
		t.Errorf("tick %+v", tick)
	}
}
