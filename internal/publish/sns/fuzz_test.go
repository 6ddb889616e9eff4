package sns_test

import (
	"strings"
	"testing"

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
