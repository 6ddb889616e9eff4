package watch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"restorewatch/internal/restore"
)

// partSize is how many records an output is told of before it is noted what it took. A run that is killed in between has
// told so many that the next one tells again. SNS and EventBridge take ten events in a call.
const partSize = 20

// An entry is one event of an outbox, and its place there.
type entry struct {
	key   restore.Key
	place int
	event restore.Event
}

// publish tells every output what the outboxes hold for it, whether this run or an earlier one put it there, and notes
// what was accepted. The outputs are told at once and each at its own pace, so that one that fails or hangs keeps nothing
// from the others. If we crash in between, the next run tells the latest part again under the same ids.
func (p *passage) publish() {
	keys := p.inOrder()
	s := settlement{passage: p, awaited: make(map[restore.Key]int), taken: make(map[restore.Key]map[string]int)}
	answers, telling := make(chan answer), 0
	for i, output := range p.Outputs {
		parts := p.parts(output.Name, keys)
		s.await(parts)
		if len(parts) > 0 {
			telling++
			go p.tell(i, parts, answers)
		}
	}
	s.settle(slices.DeleteFunc(keys, func(key restore.Key) bool { return s.awaited[key] > 0 }))
	errs := make([]error, len(p.Outputs))
	for telling > 0 {
		a := <-answers
		s.note(a)
		close(a.noted)
		if a.last {
			errs[a.output] = a.err
			telling--
		}
	}
	for _, err := range errs {
		if err != nil {
			p.fail(restore.FailedPublish, err)
			p.Unpublished = true
		}
	}
}

// inOrder returns the keys of all records with an outbox: jobs, then batches, whose end follows their jobs', and the
// target. A record that another run has changed is not among them.
func (p *passage) inOrder() []restore.Key {
	var ranked [3][]restore.Key
	for key, record := range p.ledger.Records {
		if len(record.Outbox) > 0 && !p.lost[key] {
			rank := rankOf(record)
			ranked[rank] = append(ranked[rank], key)
		}
	}
	for _, keys := range ranked {
		slices.Sort(keys)
	}
	return slices.Concat(ranked[:]...)
}

func rankOf(record restore.Record) int {
	switch record.Memory.(type) {
	case restore.JobMemory:
		return 0
	case restore.BatchMemory:
		return 1
	}
	return 2
}

// parts returns all that an output is to be told, record by record in the order of the keys. Within a part comes the
// first event of every job, then the second of each, and so on, so that one call to a publisher that takes one event of a
// job at a time takes many; then those of the batches and of the target.
func (p *passage) parts(output string, keys []restore.Key) (parts [][]entry) {
	untaken := func(key restore.Key) bool { return len(p.ledger.Records[key].Untaken(output)) > 0 }
	keys = slices.DeleteFunc(slices.Clone(keys), func(key restore.Key) bool { return !untaken(key) })
	for some := range slices.Chunk(keys, partSize) {
		var part []entry
		for _, key := range some {
			for place, event := range p.ledger.Records[key].Untaken(output) {
				part = append(part, entry{key, place, event})
			}
		}
		slices.SortStableFunc(part, func(a, b entry) int {
			return cmp.Or(
				cmp.Compare(rankOf(p.ledger.Records[a.key]), rankOf(p.ledger.Records[b.key])),
				cmp.Compare(a.place, b.place))
		})
		parts = append(parts, part)
	}
	return parts
}

// An answer is what an output made of a part.
type answer struct {
	output int
	part   []entry
	taken  map[restore.Key]int // up to which sequence it has accepted the events of each record
	noted  chan struct{}       // closed once that is noted
	last   bool                // no part is left
	err    error               // with the last part: why not everything was accepted
}

// tell tells an output part by part, and waits after each until it is noted what was taken. An output that takes nothing
// of a part is handed the rest at once: if it is down it says so once more and not a hundred times, and if it is those
// events that it cannot take, the others still reach it.
func (p *passage) tell(output int, parts [][]entry, answers chan<- answer) {
	var failed error
	all, left := 0, 0
	for len(parts) > 0 {
		a := answer{output: output, part: parts[0], noted: make(chan struct{})}
		all += len(a.part)
		var err error
		if p.times.tell.Err() == nil {
			a.taken, err = told(p.times.publish, p.Outputs[output].Publisher, a.part)
			failed = cmp.Or(failed, err)
		} else {
			left += len(a.part)
		}
		if parts = parts[1:]; err != nil && len(a.taken) == 0 && len(parts) > 0 {
			parts = [][]entry{slices.Concat(parts...)}
		}
		if a.last = len(parts) == 0; a.last {
			a.err = untold(p.Outputs[output].Name, all, left, failed)
		}
		answers <- a
		<-a.noted
	}
}

// told publishes a part and returns up to which sequence the events of each record were accepted.
func told(ctx context.Context, to Publisher, part []entry) (taken map[restore.Key]int, err error) {
	events := make([]restore.Event, len(part))
	for i, e := range part {
		events[i] = e.event
	}
	accepted, err := to.Publish(ctx, events)
	taken = make(map[restore.Key]int)
	blocked := make(map[restore.Key]bool)
	for i, e := range part {
		if i >= len(accepted) || !accepted[i] {
			blocked[e.key] = true
		}
		if !blocked[e.key] {
			taken[e.key] = e.event.Sequence
		}
	}
	return taken, err
}

// untold returns the error of an output that has not accepted all of so many events, or nil. What was left for want of
// time comes after what went wrong.
func untold(output string, all, left int, failed error) error {
	switch {
	case left > 0 && failed != nil:
		failed = fmt.Errorf("%w; %d %w", failed, left, errNoTime)
	case left > 0:
		failed = fmt.Errorf("%d %w", left, errNoTime)
	case failed == nil:
		return nil
	}
	return fmt.Errorf("publish %s to %s: %w", counted(all, "event"), output, failed)
}

// A settlement notes what the outputs have taken. A record is written once all outputs that it has something for have
// answered, so that it costs one write. But when a slow output keeps more records than a part waiting, what the others
// took of them is noted without it, which is a write more.
type settlement struct {
	*passage
	awaited map[restore.Key]int            // how many outputs have still to answer
	taken   map[restore.Key]map[string]int // by output; not noted yet
}

func (s *settlement) await(parts [][]entry) {
	for _, part := range parts {
		for _, key := range keysOf(part) {
			s.awaited[key]++
		}
	}
}

// note takes in an answer and writes what it settles.
func (s *settlement) note(a answer) {
	var settled []restore.Key
	for _, key := range keysOf(a.part) {
		if s.taken[key] == nil {
			s.taken[key] = make(map[string]int)
		}
		if upTo, ok := a.taken[key]; ok {
			s.taken[key][s.Outputs[a.output].Name] = upTo
		}
		if s.awaited[key]--; s.awaited[key] == 0 {
			settled = append(settled, key)
		}
	}
	s.settle(settled)
	if len(s.taken) > partSize {
		s.settle(slices.Sorted(maps.Keys(s.taken)))
	}
}

// settle saves how far each output has taken the outboxes of records, and lets go of what all have taken. If that is not
// saved, the events are told once more; that is a failure to report, but nothing is lost.
func (s *settlement) settle(keys []restore.Key) {
	for _, key := range keys {
		if s.settleOne(s.ledger.Records[key]) != nil && s.times.save.Err() != nil {
			return // as would each of the others
		}
	}
}

func (s *settlement) settleOne(record restore.Record) error {
	answered := s.taken[record.Key()]
	delete(s.taken, record.Key())
	if s.lost[record.Key()] {
		return nil // another run has it, and what it holds now is not known here
	}
	upTo := make(map[string]int)
	moved := false
	for _, output := range s.Outputs {
		before := record.TakenBy(output.Name)
		upTo[output.Name] = max(before, answered[output.Name])
		moved = moved || upTo[output.Name] > before
	}
	settled := record.Take(upTo)
	if !moved && len(settled.Outbox) == len(record.Outbox) {
		return nil
	}
	s.Published = append(s.Published, record.Outbox[:len(record.Outbox)-len(settled.Outbox)]...)
	_, err := s.write(settled)
	return err
}

// keysOf returns the keys of the records that a part is of, each once and sorted.
func keysOf(part []entry) []restore.Key {
	keys := make([]restore.Key, len(part))
	for i, e := range part {
		keys[i] = e.key
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
