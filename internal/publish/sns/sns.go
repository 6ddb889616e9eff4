// Package sns publishes events to an Amazon SNS topic, up to ten in one call.
//
// A topic whose ARN ends in .fifo keeps the order of each job and drops what it has seen within five minutes; a
// standard topic does neither, so subscribers order by sequence and recognise repeats by id.
package sns

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/bulk"
	"restorewatch/internal/restore"
)

// The limits of one call. SNS takes ten entries and 262,144 bytes: messages, subjects, and the names, types and values
// of the attributes (API reference of PublishBatch; developer guide, "Large message payloads"). The margin is for what
// the documents may count and we do not.
const (
	maxEntries = 10
	maxBytes   = 240_000
)

// An API is what of the SNS client is used.
type API interface {
	PublishBatch(context.Context, *sns.PublishBatchInput, ...func(*sns.Options)) (*sns.PublishBatchOutput, error)
}

// A Topic is where to publish, and in which form.
type Topic struct {
	ARN      string
	Variable string // the environment variable that names the topic, for what to do about an error
	Form     func(restore.Event) Message
}

// A Message is what a topic is told of an event.
type Message struct {
	Subject string // printable ASCII, under 100 characters
	Body    string
	JSON    bool // whether Body has a text for each protocol (MessageStructure "json")

	Attributes []publish.Attribute
}

// A Publisher publishes to one topic. It implements watch.Publisher and keeps no state.
type Publisher struct {
	api   API
	topic Topic
	bulk  bulk.Publisher[types.PublishBatchRequestEntry]
}

// New returns a publisher of events to the topic with that ARN, in the form of contract section 4. Nothing is dialled
// until there is something to say. Make the client with the option Retry.
func New(api API, topicARN string, r publish.Renderer) *Publisher {
	return To(api, Topic{ARN: topicARN, Variable: "EVENTS_TOPIC_ARN", Form: func(e restore.Event) Message { return form(r, e) }})
}

// To returns a publisher to a topic that gets a form of its own. All of the topic's fields are required.
func To(api API, t Topic) *Publisher {
	p := &Publisher{api: api, topic: t}
	p.bulk = bulk.Publisher[types.PublishBatchRequestEntry]{
		Place:      "topic " + t.ARN,
		MaxEntries: maxEntries,
		MaxBytes:   maxBytes,
		Entry:      p.entry,
		Size:       size,
		Call:       p.call,
		Hint:       func(code string) string { return hint(code, t.Variable) },
	}
	return p
}

// Publish implements watch.Publisher: see bulk.Publisher, which decides which events share a call.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	return p.bulk.Publish(ctx, events)
}

// call makes one PublishBatch. An entry's id is its place, which is all that the answer says of it.
func (p *Publisher) call(ctx context.Context, entries []types.PublishBatchRequestEntry) ([]bulk.Fate, error) {
	for i := range entries {
		entries[i].Id = new(strconv.Itoa(i))
	}
	out, err := p.api.PublishBatch(ctx, &sns.PublishBatchInput{
		TopicArn:                   new(p.topic.ARN),
		PublishBatchRequestEntries: entries,
	})
	if err != nil {
		return nil, err
	}
	told := fatesOf(out)
	fates := make([]bulk.Fate, len(entries))
	for i := range fates {
		fate, ok := told[strconv.Itoa(i)]
		if !ok {
			fate = bulk.NoAnswer
		}
		fates[i] = fate
	}
	return fates, nil
}

// fatesOf returns what the answer says of each entry by its id. One that is named as taken and as failed has failed: to
// tell it twice is harmless, to lose it is not.
func fatesOf(out *sns.PublishBatchOutput) map[string]bulk.Fate {
	fates := make(map[string]bulk.Fate)
	for _, s := range out.Successful {
		fates[text(s.Id)] = bulk.Taken
	}
	for _, f := range out.Failed {
		fates[text(f.Id)] = bulk.Fate{Code: textOr(f.Code, "Unknown"), Message: text(f.Message)}
	}
	return fates
}

func text(s *string) string { return textOr(s, "") }

func textOr(s *string, missing string) string {
	if s == nil || *s == "" {
		return missing
	}
	return *s
}
