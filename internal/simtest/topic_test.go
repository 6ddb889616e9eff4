package simtest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A topic is an SNS topic as one run meets it. Before it stands the real publisher with the real rendering, so what the
// oracle reads is what subscribers get.
type topic struct{ outlet }

// A topicLog is what a topic remembers.
type topicLog struct {
	seen map[string]time.Time // by deduplication id, when a message with it was taken last
}

var renderer = publish.Renderer{BaseURL: "https://cloud.mongodb.com"}

// topic returns the publisher to the topic that an output is.
func (w *world) topic(o outlet) watch.Publisher {
	if w.topicLogs[o.name] == nil {
		w.topicLogs[o.name] = &topicLog{make(map[string]time.Time)}
	}
	arn := "arn:aws:sns:eu-west-1:123456789012:" + o.name
	if w.fifo {
		arn += ".fifo"
	}
	if w.mutant.batch != nil {
		return sns.New(mistaken{topic{o}}, arn, renderer)
	}
	return sns.New(topic{o}, arn, renderer)
}

// What becomes of one entry of a call that is answered in part.
const (
	entryTaken = iota
	entryRefused
	entryUnheardOf        // neither taken nor mentioned
	entryTakenWithoutWord // taken and not mentioned
)

// PublishBatch implements sns.API.
func (t topic) PublishBatch(ctx context.Context, in *awssns.PublishBatchInput, _ ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	parcels := t.unpack(in)
	var out *awssns.PublishBatchOutput
	c := &call{what: "publish", key: t.name, name: fmt.Sprintf("tells %v to the topic %s", parcels, t.name), divisible: true}
	c.apply = func() { out = t.take(parcels, c.mask) }
	c.expired = func() { t.late = append(t.late, func() { t.take(parcels, 0) }) }
	if err := t.reach(ctx, parcels[0].place, c); err != nil {
		return nil, err
	}
	return out, nil
}

// take does what SNS does with a call, and answers: in its own order, and for each entry by its id alone.
func (t topic) take(parcels []parcel, mask int) *awssns.PublishBatchOutput {
	out := new(awssns.PublishBatchOutput)
	t.parts = len(parcels)
	for i, p := range slices.Backward(parcels) {
		meets := mask >> (2 * i) & 3
		if meets == entryTaken || meets == entryTakenWithoutWord {
			t.receive(p)
		}
		switch meets {
		case entryTaken:
			out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: p.entry.Id, MessageId: new("m")})
		case entryRefused:
			t.seen.kinds["event refused by a topic"]++
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: p.entry.Id, Code: new("InternalError"), Message: new("no luck")})
		default:
			t.seen.kinds["event that a topic's answer does not mention"]++
		}
	}
	return out
}

// A parcel is an entry of a call, and what subscribers read in it.
type parcel struct {
	entry types.PublishBatchRequestEntry
	place *place
	told  told
	doc   string
}

// A told is what a subscriber reads of an event.
type told struct {
	ID, Type, Subject, Sequence string
	Time                        time.Time
	Data                        struct {
		Severity string
		Target   struct{ Source, ProjectID, ClusterName string }
		Change   *struct {
			From, To string
			Repeat   bool
		}
	}
}

func (p parcel) String() string { return p.told.ID }

// unpack reads a call as SNS and a subscriber do, and complains of what either would refuse.
func (t topic) unpack(in *awssns.PublishBatchInput) []parcel {
	entryIDs, subjects := map[string]bool{}, map[string]bool{}
	var parcels []parcel
	for _, entry := range in.PublishBatchRequestEntries {
		var message struct{ Default, Email, SMS string }
		p := parcel{entry: entry}
		err := json.Unmarshal([]byte(*entry.Message), &message)
		if err == nil {
			p.doc = message.Default
			err = json.Unmarshal([]byte(p.doc), &p.told)
		}
		if err != nil || message.Email == "" || message.SMS == "" || *entry.MessageStructure != "json" {
			t.violate("what is published can be read", "%s: %v", *entry.Message, err)
		}
		about := p.told.Data.Target
		p.place = t.placeOf(restore.Target{Source: restore.Source(about.Source), Project: about.ProjectID, Cluster: about.ClusterName})
		entryIDs[*entry.Id], subjects[p.told.Subject] = true, true
		parcels = append(parcels, p)
	}
	if n := len(parcels); n > 10 || len(entryIDs) != n || len(subjects) != n {
		t.violate("a call to SNS has up to ten events, each of another subject", "%v under %d ids", parcels, len(entryIDs))
	}
	return parcels
}

// receive is a message that a topic takes.
func (t topic) receive(p parcel) {
	if t.fifo {
		id := *p.entry.MessageDeduplicationId
		log := t.topicLogs[t.name]
		if at, again := log.seen[id]; again && t.now.Sub(at) < 5*time.Minute {
			t.seen.kinds["event dropped by a topic as a repetition"]++
			return
		}
		log.seen[id] = t.now
	}
	p.place.oracle.received(t.name, p)
}

// content is all of a message that subscribers see.
func (p parcel) content() string {
	var b strings.Builder
	fmt.Fprintln(&b, *p.entry.Subject, *p.entry.Message)
	for _, name := range slices.Sorted(maps.Keys(p.entry.MessageAttributes)) {
		fmt.Fprintln(&b, name, *p.entry.MessageAttributes[name].StringValue)
	}
	return b.String()
}

// received takes in that a topic took a message: one that tells an event as it was saved, and in the same bytes each time.
func (o *oracle) received(output string, p parcel) {
	content := p.content()
	for _, d := range o.owed[p.told.ID] {
		if d.content == "" && string(renderer.JSON(d.event)) == p.doc {
			d.content = content
			o.understood(p, d.event)
		}
		if d.content == content {
			o.paid(output, d)
			return
		}
	}
	if owed := o.owed[p.told.ID]; len(owed) > 0 {
		o.violate("one id, one content", "%s was told\n%s\nand saved\n%s", output, content, show(owed[0].event))
		return
	}
	o.violate("only what was saved is told", "%s was told %s", output, p.told.ID)
}

// understood checks that a subscriber reads of an event what was saved, whatever the renderer thinks.
func (o *oracle) understood(p parcel, e restore.Event) {
	is := p.told
	wrong := is.Type != "restorewatch."+string(e.Type) || is.Subject != e.Subject || is.Sequence != fmt.Sprintf("%010d", e.Sequence) ||
		!is.Time.Equal(e.Time) || is.Data.Severity != string(e.Severity) || p.place != o.place
	if e.Change != nil {
		wrong = wrong || is.Data.Change == nil || is.Data.Change.From != e.Change.From || is.Data.Change.To != e.Change.To || is.Data.Change.Repeat != e.Change.Repeat
	}
	if group := p.entry.MessageGroupId; o.fifo && *group != e.Subject {
		wrong = true
	}
	if wrong {
		o.violate("what is published is what was saved", "%s tells\n%s", p.doc, show(e))
	}
}
