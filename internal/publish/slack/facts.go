package slack

import (
	"fmt"
	"strconv"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A fact is one line of the table beside the coloured bar.
type fact struct {
	label string
	value text
}

// A table gathers facts and leaves out those without a value.
type table []fact

func (t *table) add(label, value string) {
	if value != "" {
		*t = append(*t, fact{label, plain(publish.Line(value, maxValue), maxValue)})
	}
}

// addTime adds a moment, and after it a note of our own.
func (t *table) addTime(label string, at time.Time, note string) {
	if !at.IsZero() {
		*t = append(*t, fact{label, markup(date(at) + note)})
	}
}

// facts are the table, the most urgent first: status, delivery, time to expiry, batch, snapshot.
func facts(e restore.Event) []fact {
	var t table
	switch {
	case e.Job != nil:
		t.job(e)
	case e.Batch != nil:
		t.batch(e)
	}
	t.hash(e)
	t.failure(e)
	if name := publish.ClusterName(e); publish.Line(name, maxName) != name {
		t.add("Cluster", name) // which the headline had to shorten
	}
	return t
}

func (t *table) job(e restore.Event) {
	j := *e.Job
	status, delivery := word(string(j.Status)), word(string(j.Delivery.Status))
	if e.Change != nil {
		switch e.Type {
		case restore.JobStatusChanged:
			status = transition(*e.Change)
		case restore.DeliveryStatusChanged:
			delivery = transition(*e.Change)
		}
	}
	t.add("Status", status)
	t.add("Delivery", delivery)
	t.expiry(e)
	t.add("Into cluster", j.Delivery.TargetCluster)
	t.add("Batch", publish.Progress(e))
	t.add("Part of batch", string(j.BatchID))
	t.add("Job", string(j.ID))
	t.add("Snapshot", j.SnapshotID)
	t.addTime("Data as of", j.Timestamp.Date, "")
	t.addTime("Requested", j.Created, "")
}

// transition tells the two words of a change.
func transition(c restore.Change) string {
	text := word(c.From) + " → " + word(c.To)
	if c.From == "" {
		text = word(c.To) + " (when first seen)"
	}
	if c.Repeat {
		text += " (again)"
	}
	return text
}

// expiry tells of the link only when there is one, or was.
func (t *table) expiry(e restore.Event) {
	d := e.Job.Delivery
	at := d.Expires
	if e.Expiry != nil {
		at = e.Expiry.Expires
	}
	if !d.Download() || at.IsZero() {
		return
	}
	switch d.Status {
	case restore.DeliveryReady, restore.DeliveryExpired, restore.DeliveryMaxDownloadsExceeded:
	default:
		return // a link that is not there yet has no end worth telling
	}
	left := at.Sub(e.Time)
	switch {
	case e.Time.IsZero():
		t.addTime("Link expires", at, "")
	case left > 0:
		t.addTime("Link expires", at, " ("+publish.Span(left)+" left)")
	default:
		t.addTime("Link expired", at, "")
	}
}

func (t *table) batch(e restore.Event) {
	b := *e.Batch
	t.add("Batch", publish.Progress(e))
	t.add("Batch id", string(b.ID))
	told := 0
	for _, m := range b.Members {
		if m.Status.Failed() && m.ID != "" && told < 3 { // enough to begin with; the console has them all
			t.add("Failed job", word(string(m.ID))+" "+word(string(m.Status)))
			told++
		}
	}
}

// hash tells the two sums of a file whose hash changed: that is what the message is about.
func (t *table) hash(e restore.Event) {
	if e.Hash == nil {
		return
	}
	t.add("File", e.Hash.File)
	t.add("Hash now", sum(*e.Hash))
	if e.PreviousHash != nil {
		t.add("Hash before", sum(*e.PreviousHash))
	}
}

func (t *table) failure(e restore.Event) {
	f := e.Failure
	if f == nil {
		return
	}
	t.add("Reason", string(f.Kind))
	t.add("Message", f.Message)
	t.addTime("Failing since", f.Since, "")
	if e.Type == restore.TargetRecovered && !f.Since.IsZero() {
		t.add("Lasted", publish.Span(e.Time.Sub(f.Since)))
	}
	if f.Failures > 0 {
		t.add("Failed passes", strconv.Itoa(f.Failures))
	}
}

func sum(h restore.Hash) string { return publish.Line(h.Algorithm+" "+h.Sum, 100) }

// hashes are one line for each hash that the event is about, else for those of its job; the last line counts the rest.
func hashes(e restore.Event) []string {
	if e.Hash != nil {
		return nil // told among the facts
	}
	all := e.Hashes
	if len(all) == 0 && e.Job != nil {
		all = e.Job.Hashes
	}
	var lines []string
	length := 0
	for _, h := range all[:min(len(all), hashRows)] {
		if h == (restore.Hash{}) {
			break // left out of the event, which was too large
		}
		line := sum(h) + " " + publish.Line(h.File, 150)
		if length += len(escape(line, maxHashes)) + 1; length > maxHashes-40 { // room for the count
			break
		}
		lines = append(lines, line)
	}
	if n := len(all) - len(lines); n > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", n))
	}
	return lines
}
