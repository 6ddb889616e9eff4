package sns_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
)

// FuzzEntry publishes events whose every text may be anything, three at a time and alone: SNS takes each entry and each
// call, on a standard topic and on a FIFO one, because one bad entry fails the whole call. The fake complains.
func FuzzEntry(f *testing.F) {
	for i, text := range []string{"Cluster0", "\x1b\u202e\xff\ufffe", strings.Repeat(`"\`, 9000), "a\r\nBcc: x", strings.Repeat("é", 30_000), "\x00"} {
		f.Add(uint64(i), text, "READY")
		f.Add(uint64(i), "", text)
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) {
		var events []restore.Event
		for i := range uint64(3) {
			events = append(events, publishtest.Fuzzed(choice+i, a, b))
		}
		for _, arn := range []string{topic, topic + ".fifo"} {
			topicOf := &fakeTopic{t: t}
			if _, err := sns.New(topicOf, arn, renderer).Publish(t.Context(), events); err != nil {
				t.Error(err)
			}
			if len(topicOf.told) != len(events) {
				t.Errorf("%d of %d events told", len(topicOf.told), len(events))
			}
			_, _ = sns.New(topicOf, arn, renderer).Publish(t.Context(), events[:1])
			if topicOf.lastBytes > 262_144 {
				t.Errorf("an entry of %d bytes", topicOf.lastBytes)
			}
		}
	})
}

// FuzzCallAnswer answers a call with any names and codes: an event is taken to be accepted if the answer says so and
// does not say that it failed, and no other; why not is told in a bounded text.
func FuzzCallAnswer(f *testing.F) {
	f.Add("0 1 2", "", "", "")
	f.Add("0 0 9 -1", "1 2", "Internal\x1bError", "no\nluck\x1b[2J")
	f.Add("0 1 2 3", "0", "", strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, successful, failed, code, message string) {
		events := publishtest.Rounds(3, 1)
		accepted, err := sns.New(answering(func() *awssns.PublishBatchOutput {
			out := new(awssns.PublishBatchOutput)
			for id := range strings.FieldsSeq(successful) {
				out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: &id})
			}
			for id := range strings.FieldsSeq(failed) {
				out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: &id, Code: &code, Message: &message})
			}
			return out
		}), topic, renderer).Publish(t.Context(), events)
		all := true
		for i := range events {
			id := strconv.Itoa(i)
			want := slices.Contains(strings.Fields(successful), id) && !slices.Contains(strings.Fields(failed), id)
			if accepted[i] != want {
				t.Errorf("event %d accepted: %v, want %v", i, accepted[i], want)
			}
			all = all && want
		}
		if (err == nil) != all || err != nil && (len(err.Error()) > 3000 || strings.Contains(err.Error(), "\x1b")) {
			t.Errorf("accepted %v, error %q", accepted, err)
		}
	})
}

// answering answers every call alike.
type answering func() *awssns.PublishBatchOutput

func (a answering) PublishBatch(context.Context, *awssns.PublishBatchInput, ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	return a(), nil
}
