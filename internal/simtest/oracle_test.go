package simtest

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// An oracle follows what is saved and what is told. What is owed is every difference between one saved observation of a
// subject and the next: a listing that was read, but whose save never took effect, owes nothing by itself, because the
// next listing is compared with what was saved before it.
type oracle struct {
	*place
	owed   map[string][]*debt // by event id
	order  []*debt            // as they came to be owed
	lives  map[string]int     // by subject: how often its record was dropped
	once   map[string]string  // what may be told once, and the id under which it was
	latest time.Time          // the latest time of a run that saved something
	told   map[string]int     // by output, subject and life: the sequence that was told last for the first time
}

// A debt is an event that was saved and is to be told.
type debt struct {
	event  restore.Event
	life   int
	toldTo map[string]int // by output, how often

	content string // of the message to a topic that tells it
}

func newOracle(p *place) *oracle {
	return &oracle{
		place: p, owed: map[string][]*debt{}, lives: map[string]int{}, once: map[string]string{}, told: map[string]int{},
	}
}

// saved takes in that a write took effect over the row before it, nil if there was none.
func (o *oracle) saved(r *visit, kind purpose, before, after *row) {
	if before == nil {
		before = new(row)
	}
	o.latest = maxTime(o.latest, r.now)
	switch kind {
	case beginning:
		o.begun(r, before, after)
	case settling:
		o.settled(before, after)
	case observing:
		o.observed(r, before, after)
	}
}

func (o *oracle) begun(r *visit, before, after *row) {
	m, ok := after.record.Memory.(restore.TargetMemory)
	if !ok || before.record.Memory != nil || !m.Since.Equal(r.now) {
		o.violate("watching begins once, with the time of the run", "run %d at %s saved %+v over %+v", r.id, r.now, m, before.record.Memory)
	}
	after.facts = &targetFacts{since: m.Since}
}

// settled checks that a record was only shortened by what every output has been told.
func (o *oracle) settled(before, after *row) {
	after.facts = before.facts
	key := after.record.Key()
	if !reflect.DeepEqual(before.record.Memory, after.record.Memory) || before.record.Sequence != after.record.Sequence {
		o.violate("settling changes no state", "%s: %+v became %+v", key, before.record, after.record)
	}
	let := len(before.record.Outbox) - len(after.record.Outbox)
	if let < 0 || !reflect.DeepEqual(before.record.Outbox[let:], cmpNil(after.record.Outbox)) {
		o.violate("an outbox is shortened from its front", "%s: %v became %v", key, ids(before.record.Outbox), ids(after.record.Outbox))
		return
	}
	for _, e := range before.record.Outbox[:let] {
		for _, output := range o.names() {
			if d := o.find(e); d != nil && d.toldTo[output] == 0 {
				o.violate("an event is let go only when every output has it", "%s was not told to %s", e.ID, output)
			}
		}
	}
	for _, p := range after.record.Progress {
		for _, e := range after.record.Outbox {
			if d := o.find(e); e.Sequence <= p.Sequence && d != nil && d.toldTo[p.Output] == 0 {
				o.violate("progress is what an output has", "%s was not told to %s", e.ID, p.Output)
			}
		}
	}
}

// cmpNil makes the end of a slice comparable with one that is nil when empty.
func cmpNil(events []restore.Event) []restore.Event {
	if events == nil {
		return []restore.Event{}
	}
	return events
}

func (o *oracle) names() []string { return []string{"out1", "out2"}[:o.outputs] }

// observed checks a saved observation against what the run had to make of its listing, and notes the news as owed.
func (o *oracle) observed(r *visit, before, after *row) {
	key := after.record.Key()
	expected, ok := r.sight.expected.changes[key]
	if !ok {
		after.facts = before.facts
		if !o.notesReading(r, before, after) {
			o.violate("nothing is saved without a reason", "run %d saved %s, for which its listing has no reason", r.id, key)
		}
		return
	}
	after.facts = expected.facts
	if d := o.differs(before, after, expected.facts, r); d != "" {
		o.violate("what is saved is what was listed", "run %d saved %s with %s wrong", r.id, key, d)
	}
	old := before.record.Outbox
	if len(after.record.Outbox) < len(old) || !reflect.DeepEqual(old, after.record.Outbox[:len(old):len(old)]) && len(old) > 0 {
		o.violate("saving keeps what is still to be told", "run %d saved %s with %v, before it was %v", r.id, key, ids(after.record.Outbox), ids(old))
		return
	}
	o.owe(r, key, before.record.Sequence, after.record.Outbox[len(old):], expected.news)
}

// notesReading reports whether a save of the target's record notes no more than that the listing was read to its end.
func (o *oracle) notesReading(r *visit, before, after *row) bool {
	was, ok := before.record.Memory.(restore.TargetMemory)
	is, still := after.record.Memory.(restore.TargetMemory)
	was.FullRead = is.FullRead
	return ok && still && r.sight.complete && r.sight.failed == nil && is.FullRead.Equal(r.now) &&
		reflect.DeepEqual(was, is) && before.record.Sequence == after.record.Sequence
}

// differs says how a record is not what the facts are, or "".
func (o *oracle) differs(before, after *row, f facts, r *visit) string {
	switch m := after.record.Memory.(type) {
	case restore.JobMemory:
		return f.(*jobFacts).differs(m, o.latest)
	case restore.BatchMemory:
		if !slices.Equal(m.Told, f.(*batchFacts).told) {
			return fmt.Sprintf("the outcomes %v", m.Told)
		}
	case restore.TargetMemory:
		f := f.(*targetFacts)
		if !m.Since.Equal(f.since) || !reflect.DeepEqual(m.Failing, f.failing) || m.Unreachable != f.unreachable || !m.Last.Equal(f.last) {
			return fmt.Sprintf("the target (%+v, want %+v)", m, f)
		}
		if was, _ := before.record.Memory.(restore.TargetMemory); !m.FullRead.Equal(was.FullRead) && !r.sight.complete {
			return "a reading to the end that was none"
		}
	}
	return ""
}

// owe notes the events that a save put into an outbox, after comparing them with those that are expected.
func (o *oracle) owe(r *visit, key restore.Key, sequence int, events, expected []restore.Event) {
	left := slices.Clone(expected)
	for i, e := range events {
		if e.Sequence != sequence+i+1 {
			o.violate("the sequence counts a subject's events", "%s has %d after %d", e.ID, e.Sequence, sequence+i)
		}
		n := slices.IndexFunc(left, func(want restore.Event) bool { return o.alike(want, e, r) })
		if n < 0 {
			o.violate("nothing is invented", "run %d saved %s of %s, expected %v:\n%s", r.id, e.ID, key, ids(expected), show(e))
			continue
		}
		left = slices.Delete(left, n, n+1)
		o.register(e)
	}
	for _, e := range left {
		o.violate("every change is news", "run %d saved %s with %v, without %s", r.id, key, ids(events), e.ID)
	}
}

var hexDigits = regexp.MustCompile(`\.(hash|hashchanged)\.[0-9a-f]{12}`)

// alike reports whether an event is the one expected. Of the id of a hash the form is known, of the sequence and time
// where they have to come from.
func (o *oracle) alike(want, e restore.Event, r *visit) bool {
	if hexDigits.ReplaceAllString(e.ID, ".$1."+unnamed) != want.ID || e.Target != o.target || !e.Time.Equal(r.now) {
		return false
	}
	want.ID, want.Target, want.Sequence, want.Time = e.ID, e.Target, e.Sequence, e.Time
	return show(want) == show(e)
}

// show writes an event with all that its pointers lead to.
func show(e restore.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s %d %s", e.ID, e.Type, e.Subject, e.Severity, e.Sequence, e.Time)
	for _, part := range []any{e.Job, e.Change, e.Hash, e.PreviousHash, e.Expiry, e.Batch, e.Tally, e.Failure} {
		if v := reflect.ValueOf(part); !v.IsNil() {
			fmt.Fprintf(&b, " %T%+v", part, v.Elem().Interface())
		}
	}
	fmt.Fprintf(&b, " %v", e.Hashes)
	return b.String()
}

// register notes an event as owed, once it is sure that it is the first of its kind.
func (o *oracle) register(e restore.Event) {
	life := o.lives[e.Subject]
	for _, other := range o.owed[e.ID] {
		// A record that was let go begins anew if its job comes back to life, and so do its counts.
		if other.life == life {
			o.violate("one id, one fact", "%s is\n%s\nand was\n%s", e.ID, show(e), show(other.event))
		}
	}
	fact := ""
	switch {
	case e.Expiry != nil:
		fact = fmt.Sprint(e.Subject, life, e.Expiry.Threshold, e.Expiry.Expires.Unix())
	case e.Batch != nil:
		fact = fmt.Sprint(e.Subject, e.Batch.Outcome)
	case e.Type == "job.stuck", e.Type == "job.created":
		fact = fmt.Sprint(e.Subject, life, e.Type)
	}
	if fact != "" {
		if id, again := o.once[fact]; again {
			o.violate("what is told once is told once", "%s tells what %s told", e.ID, id)
		}
		o.once[fact] = e.ID
	}
	o.seen.events[e.Type]++
	d := &debt{event: e, life: life, toldTo: map[string]int{}}
	o.owed[e.ID] = append(o.owed[e.ID], d)
	o.order = append(o.order, d)
}

// find returns the debt of exactly this event.
func (o *oracle) find(e restore.Event) *debt {
	for _, d := range o.owed[e.ID] {
		if reflect.DeepEqual(d.event, e) {
			return d
		}
	}
	return nil
}

// delivered takes in that an output was told an event.
func (o *oracle) delivered(output string, e restore.Event) {
	d := o.find(e)
	switch {
	case d == nil && len(o.owed[e.ID]) > 0:
		o.violate("one id, one content", "%s was told\n%s\nand saved\n%s", output, show(e), show(o.owed[e.ID][0].event))
	case d == nil:
		o.violate("only what was saved is told", "%s was told %s", output, e.ID)
	default:
		o.paid(output, d)
	}
}

// paid takes in that an output was told what is owed.
func (o *oracle) paid(output string, d *debt) {
	e := d.event
	d.toldTo[output]++
	o.seen.told++
	if d.toldTo[output] > 1 {
		o.seen.again++
		return
	}
	stream := fmt.Sprintf("%s %s %d", output, e.Subject, d.life)
	if last := o.told[stream]; e.Sequence != last+1 {
		o.violate("each output learns of a subject in order", "%s was told %s, which is number %d, after number %d", output, e.ID, e.Sequence, last)
	}
	o.told[stream] = e.Sequence
}

// dropped takes in that a record was let go.
func (o *oracle) dropped(r *visit, key restore.Key) {
	if !r.sight.expected.drops[key] {
		o.violate("only what is long over is let go", "run %d dropped %s", r.id, key)
	}
	if outbox := o.rows[key].record.Outbox; len(outbox) > 0 {
		o.violate("only what is long over is let go", "run %d dropped %s with %v still to be told", r.id, key, ids(outbox))
	}
	o.seen.kinds["record let go"]++
	_, subject, _ := strings.Cut(string(key), "/")
	o.lives[subject]++
}

// ended checks what a run did that came to its own end.
func (o *oracle) ended(r *visit) {
	if r.cancelled || r.known == nil || r.shortOfTime() {
		return
	}
	expected := r.sight.over()
	if expected == nil {
		return
	}
	if missing := expected.missing(&r.sight); len(missing) > 0 {
		o.violate("every difference is saved", "run %d ended without trying to save %v", r.id, missing)
	}
}

func ids(events []restore.Event) []string {
	all := make([]string, len(events))
	for i, e := range events {
		all[i] = e.ID
	}
	return all
}

// settledDown checks what must hold once the world was left alone.
func (o *oracle) settledDown() {
	for _, d := range o.order {
		for _, output := range o.names() {
			if d.toldTo[output] == 0 {
				o.violate("everything owed is told", "%s never learned of %s", output, d.event.ID)
			}
		}
	}
	members := map[restore.Key]bool{}
	for key, stored := range o.rows {
		if outbox := stored.record.Outbox; len(outbox) > 0 {
			o.violate("no outbox is left", "%s still has %v", key, ids(outbox))
		}
		if f, ok := stored.facts.(*jobFacts); ok {
			members[restore.BatchKey(f.job.BatchID)] = true
		}
	}
	for key, stored := range o.rows {
		if _, isBatch := stored.facts.(*batchFacts); isBatch && !members[key] {
			o.violate("a batch goes with its jobs", "%s is left", key)
		}
	}
	for _, j := range o.jobs() {
		o.upToDate(j)
	}
}

// upToDate checks that a job is recorded as the API lists it now, unless it is history.
func (o *oracle) upToDate(j restore.Job) {
	stored, recorded := o.rows[restore.JobKey(j.ID)]
	about := o.rows[restore.TargetKey].facts.(*targetFacts)
	if !recorded {
		if bornSince(j, about.since) || !isOver(j, j.Created, o.now) {
			o.violate("the state is that of an undisturbed run", "%s is listed and not recorded", j.ID)
		}
		return
	}
	known := stored.facts.(*jobFacts)
	if a := seeAgain(known, &j, o.rules, o.now.Add(o.skew)); a.moved && a.changed != known.changed {
		o.violate("the state is that of an undisturbed run", "%s is recorded as %+v and listed as %+v", j.ID, known.job, j)
	}
}
