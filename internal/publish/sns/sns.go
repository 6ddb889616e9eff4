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

// A Publisher publishes to one topic. It implements watch.Publisher and keeps no state.
type Publisher struct {
	api    API
	topic  string
	render publish.Renderer
}

// New returns a publisher to the topic with that ARN. Nothing is dialled until there is something to say. Make the
// client with the option Retry.
func New(api API, topicARN string, r publish.Renderer) *Publisher {
	return &Publisher{api: api, topic: topicARN, render: r}
}

// Publish implements watch.Publisher. Events are tried in the order given, in as few calls as that order allows. An
// entry that SNS refuses, or does not mention in its answer, is not accepted, and later events of its subject are not
// tried. A call that fails as a whole ends the attempt: it may have been applied all the same, in which case the same
// ids are told again.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	run := attempt{Publisher: p, events: events, accepted: make([]bool, len(events)), blocked: make(map[string]bool)}
	var next call
	for i, e := range events {
		entry := p.entry(e)
		if !next.takes(e.Subject, entry) {
			if err := run.send(ctx, next); err != nil {
				return run.accepted, run.failed(err)
			}
			next = call{}
		}
		if run.blocked[e.Subject] {
			run.waiting++
			continue
		}
		next.add(i, e.Subject, entry)
	}
	if err := run.send(ctx, next); err != nil {
		return run.accepted, run.failed(err)
	}
	return run.accepted, run.refused()
}

// A call is the entries of one PublishBatch. It never holds two events of one subject: SNS may refuse the first of them
// and take the second, and then the later change would be told before the earlier one. With one event of each subject,
// the answer to a call decides about all that the next call depends on.
type call struct {
	index    []int // into the events, by entry
	entries  []types.PublishBatchRequestEntry
	subjects map[string]bool
	bytes    int
}

func (c *call) takes(subject string, e types.PublishBatchRequestEntry) bool {
	return len(c.entries) == 0 ||
		len(c.entries) < maxEntries && c.bytes+size(e) <= maxBytes && !c.subjects[subject]
}

func (c *call) add(i int, subject string, e types.PublishBatchRequestEntry) {
	if c.subjects == nil {
		c.subjects = make(map[string]bool)
	}
	e.Id = new(strconv.Itoa(len(c.entries)))
	c.index = append(c.index, i)
	c.entries = append(c.entries, e)
	c.subjects[subject] = true
	c.bytes += size(e)
}

// An attempt is one Publish and what came of it so far.
type attempt struct {
	*Publisher
	events   []restore.Event
	accepted []bool
	blocked  map[string]bool // subjects of which an event was refused
	refusals []refusal
	waiting  int // events not tried, behind a refused one
}

// send makes one call, if it has entries, and notes the fate of each. Its error is that of the call as a whole.
func (a *attempt) send(ctx context.Context, c call) error {
	if len(c.entries) == 0 {
		return nil
	}
	out, err := a.api.PublishBatch(ctx, &sns.PublishBatchInput{
		TopicArn:                   new(a.topic),
		PublishBatchRequestEntries: c.entries,
	})
	if err != nil {
		return err
	}
	fates := fatesOf(out)
	for n, i := range c.index {
		why, told := fates[strconv.Itoa(n)]
		switch {
		case !told:
			a.refuse(i, refusal{code: "NoAnswer", message: "the answer does not mention the event"})
		case why != refusal{}:
			a.refuse(i, why)
		default:
			a.accepted[i] = true
		}
	}
	return nil
}

func (a *attempt) refuse(i int, why refusal) {
	a.blocked[a.events[i].Subject] = true
	a.refusals = append(a.refusals, why)
}

// fatesOf returns what the answer says of each entry by its id; the zero refusal is an entry taken. One that is named
// as taken and as failed has failed: to tell it twice is harmless, to lose it is not.
func fatesOf(out *sns.PublishBatchOutput) map[string]refusal {
	fates := make(map[string]refusal)
	for _, s := range out.Successful {
		fates[text(s.Id)] = refusal{}
	}
	for _, f := range out.Failed {
		fates[text(f.Id)] = refusal{code: textOr(f.Code, "Unknown"), message: text(f.Message)}
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
