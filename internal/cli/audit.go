package cli

import (
	"fmt"
	"maps"
	"slices"

	"restorewatch/internal/restore"
)

// owed is how many events of each type demo.txt owes to a watcher that looks every half hour and warns 24, 6 and 1
// hours before a link expires. It was counted by hand, from the file.
var owed = map[restore.Type]int{
	restore.JobCreated:            6,  // three shards, and broken, again, cancelled
	restore.JobStatusChanged:      6,  // each of them ends
	restore.DeliveryStatusChanged: 13, // shards: IN_PROGRESS (2), READY (3), EXPIRED (3); the others: IN_PROGRESS (2), …
	restore.DeliveryExpiring:      10,
	restore.HashAdded:             2,
	restore.BatchFinished:         1,
}

// audit compares what was told with what is owed and returns what is wrong.
func audit(events []restore.Event) []string {
	var wrong []string
	told := make(map[restore.Type]int)
	ids := make(map[string]bool)
	last := make(map[string]int)
	for _, e := range events {
		told[e.Type]++
		if ids[e.ID] {
			wrong = append(wrong, fmt.Sprintf("%s was told twice", e.ID))
		}
		ids[e.ID] = true
		if e.Sequence != last[e.Subject]+1 {
			wrong = append(wrong, fmt.Sprintf("%s is number %d of its job and came after number %d", e.ID, e.Sequence, last[e.Subject]))
		}
		last[e.Subject] = e.Sequence
	}
	all := maps.Clone(told)
	maps.Copy(all, owed)
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		if told[kind] != owed[kind] {
			wrong = append(wrong, fmt.Sprintf("%d events of type %s were told, %d are owed", told[kind], kind, owed[kind]))
		}
	}
	return wrong
}
