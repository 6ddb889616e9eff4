package watch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A prober is a store that learns which target a run takes first.
type prober struct {
	watch.Store
	first restore.Target
}

func (p *prober) Load(_ context.Context, t restore.Target) (restore.Ledger, error) {
	if p.first == (restore.Target{}) {
		p.first = t
	}
	return restore.Ledger{}, errors.New("no ledger")
}

// A process that remembers nothing begins with each target before long, however far its ticks are apart: also when their
// number of minutes and the number of targets have a divisor in common.
func TestEveryTargetIsFirstInItsTurn(t *testing.T) {
	for _, minutes := range []int{1, 2, 3, 5, 10, 15, 30, 60} {
		for _, n := range []int{2, 3, 5, 15, 60} {
			var targets []restore.Target
			for i := range n {
				targets = append(targets, restore.Target{Source: restore.Legacy, Project: "p", Cluster: fmt.Sprint("c", i)})
			}
			first := make(map[restore.Target]bool)
			now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
			for range 8 * n {
				var p prober
				w := watch.Watcher{Targets: targets, Store: &p, Concurrency: 1}
				_, _ = w.Run(t.Context(), now)
				first[p.first] = true
				now = now.Add(time.Duration(minutes) * time.Minute)
			}
			if len(first) < n {
				t.Errorf("%d runs %d minutes apart began with %d of %d targets", 8*n, minutes, len(first), n)
			}
		}
	}
}
