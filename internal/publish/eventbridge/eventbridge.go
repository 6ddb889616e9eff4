// Package eventbridge publishes events to an Amazon EventBridge bus, up to ten in one call, where rules match them by
// source "restorewatch", detail-type (the event's type) and anything in detail (the event itself).
//
// A bus keeps no order and recognises no repeats: consumers order by detail.sequence and deduplicate by detail.id.
package eventbridge

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/bulk"
	"restorewatch/internal/restore"
)

// Source is the source of every event on the bus. Rules begin with it.
const Source = "restorewatch"

// The limits of one call. EventBridge takes ten entries (API reference of PutEvents) and less than 1 MB in all; until
// 2025, and in the documents of some partitions still, it was 256 KB (user guide, "Calculating PutEvents event entry
// size"). An event is at most 64 KiB, so calls under the older limit are nearly always as full, and right everywhere.
const (
	maxEntries = 10
	maxBytes   = 240_000
	timeBytes  = 14 // what the guide counts for a time
)

// An API is what of the EventBridge client is used.
type API interface {
	PutEvents(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
}

// Retry is an option for eventbridge.NewFromConfig: waits that leave time for saving.
func Retry(o *eventbridge.Options) { o.Retryer = bulk.Retryer() }

// A Publisher publishes to one bus. It implements watch.Publisher and keeps no state.
type Publisher struct {
	api    API
	bus    string
	render publish.Renderer
	bulk   bulk.Publisher[types.PutEventsRequestEntry]
}

// New returns a publisher to the bus with that name or ARN. Nothing is dialled until there is something to say. Make
// the client with the option Retry.
func New(api API, bus string, r publish.Renderer) *Publisher {
	p := &Publisher{api: api, bus: bus, render: r}
	p.bulk = bulk.Publisher[types.PutEventsRequestEntry]{
		Place:      "event bus " + bus,
		MaxEntries: maxEntries,
		MaxBytes:   maxBytes,
		Entry:      p.entry,
		Size:       size,
		Call:       p.call,
		Hint:       func(code string) string { return hints[code] },
	}
	return p
}

// Publish implements watch.Publisher: see bulk.Publisher, which decides which events share a call.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	return p.bulk.Publish(ctx, events)
}

func (p *Publisher) entry(e restore.Event) types.PutEventsRequestEntry {
	out := types.PutEventsRequestEntry{
		EventBusName: new(p.bus),
		Source:       new(Source),
		DetailType:   new(publish.TypePrefix + string(e.Type)),
		Detail:       new(string(p.render.JSON(e))),
	}
	if !e.Time.IsZero() {
		out.Time = new(e.Time) // else EventBridge sets the time of the call
	}
	return out
}

// size is what an entry counts towards the limit of a call, in bytes, and the name of the bus.
func size(e types.PutEventsRequestEntry) int {
	return timeBytes + len(*e.EventBusName) + len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
}

// call makes one PutEvents. The answer's entries stand in the order of the request's.
func (p *Publisher) call(ctx context.Context, entries []types.PutEventsRequestEntry) ([]bulk.Fate, error) {
	out, err := p.api.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		return nil, err
	}
	return fatesOf(out), nil
}

// fatesOf returns what the answer says of each entry. An answer that counts more failures than it names leaves open
// whose they are: then nobody is known to have been taken.
func fatesOf(out *eventbridge.PutEventsOutput) []bulk.Fate {
	fates := make([]bulk.Fate, len(out.Entries))
	failed := 0
	for i, e := range out.Entries {
		switch {
		case e.ErrorCode != nil || e.ErrorMessage != nil:
			fates[i] = bulk.Fate{Code: cmp.Or(aws.ToString(e.ErrorCode), "Unknown"), Message: aws.ToString(e.ErrorMessage)}
			failed++
		case aws.ToString(e.EventId) == "":
			fates[i] = bulk.NoAnswer
		}
	}
	if int(out.FailedEntryCount) <= failed {
		return fates
	}
	for i := range fates {
		if fates[i] == bulk.Taken {
			fates[i] = bulk.NoAnswer
		}
	}
	return fates
}
