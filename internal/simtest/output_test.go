package simtest

import (
	"cmp"
	"context"
	"fmt"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// An outlet is one output as one run meets it.
type outlet struct {
	*run
	name string
}

func (w *world) outputsOf(r *run) []watch.Output {
	var outputs []watch.Output
	for i := range w.outputs {
		name := fmt.Sprintf("out%d", i+1)
		publisher := w.mutant.publisher(r, outlet{r, name})
		if i >= w.outputs-w.topics {
			publisher = w.topic(outlet{r, name})
		}
		outputs = append(outputs, watch.Output{Name: name, Publisher: publisher})
	}
	return outputs
}

// Publish implements watch.Publisher: each event has a fate of its own, and once one of a subject is refused, later ones
// of that subject are not tried.
func (o outlet) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted := make([]bool, len(events))
	refused := make(map[string]bool)
	var failure error
	for i, e := range events {
		if refused[e.Subject] {
			continue
		}
		deliver := func() { o.placeOf(e.Target).oracle.delivered(o.name, e) }
		c := &call{what: "publish", key: o.name, name: fmt.Sprintf("tells %s to %s", e.ID, o.name), apply: deliver}
		c.expired = func() { o.late = append(o.late, deliver) }
		if err := o.reach(ctx, o.placeOf(e.Target), c); err != nil {
			refused[e.Subject], failure = true, cmp.Or(failure, err)
			continue
		}
		accepted[i] = true
	}
	return accepted, failure
}
