// Package bulk publishes events to AWS services that take several in one call and tell the fate of each in the answer,
// as SNS and EventBridge do. What those have in common stands here once: which events share a call, what an answer
// means for the events behind, and what an attempt that fell short reports.
package bulk

import (
	"context"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A Publisher publishes to one place by calls that carry entries of type E. It implements watch.Publisher, keeps no
// state, and may be used by several goroutines at once. All its fields are required.
type Publisher[E any] struct {
	// Place is what is published to, as errors name it: "topic arn:aws:sns:…".
	Place string
	// MaxEntries and MaxBytes bound one call. A single entry larger than MaxBytes has a call of its own.
	MaxEntries, MaxBytes int
	// Entry renders an event, Size is what an entry counts towards MaxBytes.
	Entry func(restore.Event) E
	Size  func(E) int
	// Call makes one call and returns the fate of each entry, in the order of the entries. Its error is that of the
	// call as a whole.
	Call func(context.Context, []E) ([]Fate, error)
	// Hint says what to do about an error code, "" when only waiting helps.
	Hint func(code string) string
}

// A Fate is what a service's answer says of one entry. The zero Fate is an entry taken.
type Fate struct{ Code, Message string }

// Taken is the fate of an entry that the service accepted.
var Taken = Fate{}

// NoAnswer is the fate of an entry that the answer does not mention. It may have been taken or not: to tell it twice is
// harmless, to lose it is not.
var NoAnswer = Fate{"NoAnswer", "the answer does not mention the event"}

// Error names the code and says what the service said.
func (f Fate) Error() string { return publish.Line(f.Code, 80) + ": " + publish.Line(f.Message, 300) }

// Publish implements watch.Publisher. Events are tried in the order given, in as few calls as that order allows. An
// entry that is refused is not accepted, and later events of its subject are not tried. A call that fails as a whole
// ends the attempt: it may have been applied all the same, in which case the same ids are told again.
func (p *Publisher[E]) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	run := attempt[E]{Publisher: p, events: events, accepted: make([]bool, len(events)), blocked: make(map[string]bool)}
	var next call[E]
	for i, e := range events {
		entry := p.Entry(e)
		if !p.fits(next, e.Subject, entry) {
			if err := run.send(ctx, next); err != nil {
				return run.accepted, run.failed(err)
			}
			next = call[E]{}
		}
		if run.blocked[e.Subject] {
			run.waiting++
			continue
		}
		next.add(i, e.Subject, entry, p.Size(entry))
	}
	if err := run.send(ctx, next); err != nil {
		return run.accepted, run.failed(err)
	}
	return run.accepted, run.refused()
}

// A call is the entries of one request. It never holds two events of one subject: the service may refuse the first of
// them and take the second, and then the later change would be told before the earlier one. With one event of each
// subject, the answer to a call decides about all that the next call depends on.
type call[E any] struct {
	index    []int // into the events, by entry
	entries  []E
	subjects map[string]bool
	bytes    int
}

func (p *Publisher[E]) fits(c call[E], subject string, entry E) bool {
	return len(c.entries) == 0 ||
		len(c.entries) < p.MaxEntries && c.bytes+p.Size(entry) <= p.MaxBytes && !c.subjects[subject]
}

func (c *call[E]) add(i int, subject string, entry E, size int) {
	if c.subjects == nil {
		c.subjects = make(map[string]bool)
	}
	c.index = append(c.index, i)
	c.entries = append(c.entries, entry)
	c.subjects[subject] = true
	c.bytes += size
}

// An attempt is one Publish and what came of it so far.
type attempt[E any] struct {
	*Publisher[E]
	events   []restore.Event
	accepted []bool
	blocked  map[string]bool // subjects of which an event was refused
	refusals []Fate
	waiting  int // events not tried, behind a refused one
}

// send makes one call, if it has entries, and notes the fate of each. Its error is that of the call as a whole.
func (a *attempt[E]) send(ctx context.Context, c call[E]) error {
	if len(c.entries) == 0 {
		return nil
	}
	fates, err := a.Call(ctx, c.entries)
	if err != nil {
		return err
	}
	for n, i := range c.index {
		fate := NoAnswer
		if n < len(fates) {
			fate = fates[n]
		}
		if fate == Taken {
			a.accepted[i] = true
			continue
		}
		a.blocked[a.events[i].Subject] = true
		a.refusals = append(a.refusals, fate)
	}
	return nil
}
