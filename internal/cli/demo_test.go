package cli

import (
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

// The demo is a check: whatever is missing, told twice, out of order or not owed is found.
func TestAuditFindsEveryMistake(t *testing.T) {
	var right []restore.Event
	for kind, n := range owed {
		for i := range n {
			right = append(right, restore.Event{
				Type: kind, Subject: string(kind), ID: string(kind) + strings.Repeat("i", i), Sequence: i + 1,
			})
		}
	}
	if wrong := audit(right); len(wrong) > 0 {
		t.Fatalf("what is owed is found wrong: %q", wrong)
	}
	last := len(right) - 1
	spoil := map[string]func() []restore.Event{
		"owed":              func() []restore.Event { return right[:last] },
		"told twice":        func() []restore.Event { return append(slices.Clone(right), right[0]) },
		"came after number": func() []restore.Event { s := slices.Clone(right); slices.Reverse(s); return s },
		"0 are owed": func() []restore.Event {
			return append(slices.Clone(right), restore.Event{Type: restore.JobStuck, ID: "x", Sequence: 1})
		},
	}
	for want, events := range spoil {
		if wrong := audit(events()); !strings.Contains(strings.Join(wrong, "\n"), want) {
			t.Errorf("found %q, want something about %q", wrong, want)
		}
	}
}
