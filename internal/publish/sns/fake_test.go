package sns_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/watch"
)

const topic = "arn:aws:sns:eu-west-1:123456789012:restorewatch"

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

var _ watch.Publisher = (*sns.Publisher)(nil)

// A fakeTopic takes what SNS takes, complains of what it would refuse, and fails as told.
type fakeTopic struct {
	t         *testing.T
	calls     int
	told      []string                                  // ids of the events taken, in order
	refuse    func(id string) string                    // the error code for an event, "" to take it
	forget    func(id string) bool                      // whether the answer leaves an event out
	call      func(n int) (apply bool, err error)       // the fate of the n-th call, from 1
	lastBytes int                                       // size of the last call
	entries   map[string]types.PublishBatchRequestEntry // by event id
}

func (f *fakeTopic) PublishBatch(_ context.Context, in *awssns.PublishBatchInput, _ ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	f.calls++
	f.check(in)
	apply, err := true, error(nil)
	if f.call != nil {
		apply, err = f.call(f.calls)
	}
	out := new(awssns.PublishBatchOutput)
	for _, e := range in.PublishBatchRequestEntries {
		if apply {
			f.take(out, e)
		}
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *fakeTopic) take(out *awssns.PublishBatchOutput, e types.PublishBatchRequestEntry) {
	id := eventOf(f.t, e).ID
	if f.refuse != nil && f.refuse(id) != "" {
		out.Failed = append(out.Failed, types.BatchResultErrorEntry{
			Id: e.Id, Code: new(f.refuse(id)), Message: new("no\nluck"), SenderFault: true,
		})
		return
	}
	f.told = append(f.told, id)
	if f.entries == nil {
		f.entries = make(map[string]types.PublishBatchRequestEntry)
	}
	f.entries[id] = e
	if f.forget == nil || !f.forget(id) {
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id, MessageId: new("m")})
	}
}

var (
	entryID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	subject = regexp.MustCompile(`^\[restorewatch\] [ -~]+$`)
	groupID = regexp.MustCompile(`^[!-~]{1,128}$`)
)

// check complains of what SNS refuses; moto would take most of it.
func (f *fakeTopic) check(in *awssns.PublishBatchInput) {
	f.t.Helper()
	entries := in.PublishBatchRequestEntries
	if *in.TopicArn == "" || len(entries) == 0 || len(entries) > 10 {
		f.t.Errorf("%d entries for topic %q", len(entries), *in.TopicArn)
	}
	ids, subjects := map[string]bool{}, map[string]bool{}
	f.lastBytes = 0
	for _, e := range entries {
		event := eventOf(f.t, e)
		if ids[*e.Id] || !entryID.MatchString(*e.Id) {
			f.t.Errorf("entry id %q is bad or repeated", *e.Id)
		}
		if subjects[event.Subject] {
			f.t.Errorf("two events of %s in one call", event.Subject)
		}
		ids[*e.Id], subjects[event.Subject] = true, true
		f.checkEntry(e, strings.HasSuffix(*in.TopicArn, ".fifo"))
	}
	if f.lastBytes > 262_144 {
		f.t.Errorf("a call of %d bytes", f.lastBytes)
	}
}

func (f *fakeTopic) checkEntry(e types.PublishBatchRequestEntry, fifo bool) {
	f.t.Helper()
	if len(*e.Subject) >= 100 || !subject.MatchString(*e.Subject) {
		f.t.Errorf("subject %q", *e.Subject)
	}
	if *e.MessageStructure != "json" || len(e.MessageAttributes) > 10 {
		f.t.Errorf("structure %q, %d attributes", *e.MessageStructure, len(e.MessageAttributes))
	}
	f.lastBytes += len(*e.Message) + len(*e.Subject)
	for name, a := range e.MessageAttributes {
		if *a.DataType != "String" || *a.StringValue == "" {
			f.t.Errorf("attribute %s of type %s is %q", name, *a.DataType, *a.StringValue)
		}
		f.lastBytes += len(name) + len(*a.DataType) + len(*a.StringValue)
	}
	if has := e.MessageGroupId != nil && e.MessageDeduplicationId != nil; has != fifo {
		f.t.Errorf("group and deduplication id present: %v, FIFO topic: %v", has, fifo)
	}
	if fifo && (!groupID.MatchString(*e.MessageGroupId) || !groupID.MatchString(*e.MessageDeduplicationId)) {
		f.t.Errorf("group %q, deduplication id %q", *e.MessageGroupId, *e.MessageDeduplicationId)
	}
}

// A told is what tests read of a published event.
type told struct {
	ID, Subject, Type, Sequence string
}

func eventOf(t *testing.T, e types.PublishBatchRequestEntry) told {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal([]byte(*e.Message), &m); err != nil {
		t.Fatalf("message: %v", err)
	}
	if m["email"] == "" || m["sms"] == "" || len(m) != 3 {
		t.Errorf("message has %d parts: %.200v", len(m), m)
	}
	return decode(t, m["default"])
}

func decode(t *testing.T, doc string) told {
	t.Helper()
	var out told
	if err := json.Unmarshal([]byte(doc), &out); err != nil {
		t.Fatalf("event: %v in %.200s", err, doc)
	}
	return out
}
