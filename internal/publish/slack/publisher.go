package slack

import (
	"context"
	"errors"
	"fmt"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A Publisher posts events to a webhook. It implements watch.Publisher and keeps no state of its own.
type Publisher struct {
	webhook *Webhook
	render  publish.Renderer
}

// Publisher returns a publisher to w of events rendered by r.
func (w *Webhook) Publisher(r publish.Renderer) *Publisher { return &Publisher{webhook: w, render: r} }

// Publish implements watch.Publisher. An event that is not severe enough counts as accepted. A message that Slack finds
// wrong holds back the later events of its subject alone; any other failure would meet every message, and ends the
// attempt.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted := make([]bool, len(events))
	blocked := make(map[string]bool)
	var errs []error
	waiting := 0
	for i, e := range events {
		if blocked[e.Subject] {
			waiting++
			continue
		}
		err := p.webhook.Post(ctx, p.render, e)
		if err == nil {
			accepted[i] = true
			continue
		}
		errs = append(errs, err)
		blocked[e.Subject] = true
		if failure, ok := errors.AsType[*Error](err); !ok || failure.stop {
			waiting += len(events) - i - 1
			break
		}
	}
	if waiting > 0 {
		errs = append(errs, fmt.Errorf("%d later events wait", waiting))
	}
	return accepted, errors.Join(errs...)
}
