package eventbridge_test

import (
	"strings"
	"testing"

	"restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

// FuzzEntry publishes events whose every text may be anything: EventBridge takes each entry and each call. The fake
// complains.
func FuzzEntry(f *testing.F) {
	for i, text := range []string{"Cluster0", "\x1b\u202e\xff\ufffe", strings.Repeat(`"\`, 9000), strings.Repeat("é", 30_000)} {
		f.Add(uint64(i), text, "READY")
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) {
		var events []restore.Event
		for i := range uint64(3) {
			events = append(events, publishtest.Fuzzed(choice+i, a, b))
		}
		bus := &fakeBus{t: t}
		if _, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), events); err != nil || len(bus.told) != len(events) {
			t.Errorf("%d of %d events told, %v", len(bus.told), len(events), err)
		}
		for id, entry := range bus.last {
			if decode(t, *entry.Detail).ID != id || entry.Time.IsZero() {
				t.Errorf("%s is told as %+v", id, entry)
			}
		}
	})
}
