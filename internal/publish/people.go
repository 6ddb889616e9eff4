package publish

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"restorewatch/internal/restore"
)

// The limits of what people read, in characters. SNS takes subjects under 100; a short message is one of 140.
const (
	maxSubject = 99
	maxSMS     = 140
	// maxRows bounds the hashes and the batch's jobs that a mail lists; the JSON has them all.
	maxRows = 30
)

// alarms stand before what happened where only one line is seen.
var alarms = map[restore.Severity]string{restore.Warning: "Warning: ", restore.Critical: "CRITICAL: "}

// Subject returns the subject of a mail about e: printable ASCII, fewer than 100 characters, beginning with
// "[restorewatch]". A long cluster name is shortened so that what happened to it stays readable.
func (r Renderer) Subject(e restore.Event) string {
	return ascii("[restorewatch] "+r.Mark()+alarms[e.Severity]+sentence(e, ascii(ClusterName(e), 40)), maxSubject)
}

// SMS returns e in at most 140 characters of printable ASCII: others would halve what fits into a short message.
func (r Renderer) SMS(e restore.Event) string {
	text := "restorewatch: " + r.Mark() + alarms[e.Severity] + sentence(e, ascii(ClusterName(e), 40))
	d := valueOf(e.Job).Delivery
	switch {
	case e.Change != nil && live(d):
		text += ". Link lives until " + instant(d.Expires)
	case e.Job != nil:
		text += ". Job " + string(e.Job.ID)
	case e.Type == restore.TargetUnreachable:
		text += ". " + valueOf(e.Failure).Hint
	}
	return ascii(text, maxSMS)
}

// live reports whether there is a link to fetch, with a known end.
func live(d restore.Delivery) bool {
	return d.Status == restore.DeliveryReady && d.Download() && !d.Expires.IsZero()
}

// A row is one line of a mail's table of facts; one without a value is left out.
type row struct{ label, value string }

// Email returns e as plain text for a person: what happened, what to do, and the facts. Lines end in "\n".
func (r Renderer) Email(e restore.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s%s.\n\nWhat to do\n", r.Mark(), alarms[e.Severity], Summary(e))
	for _, s := range r.Steps(e) {
		wrap(&b, s)
	}
	if e.Failure == nil {
		fmt.Fprintf(&b, "\n%s:\n  %s\n", page(e.Target.Source), r.ConsoleURL(e))
	}
	section(&b, "The facts", facts(e))
	section(&b, "Hashes", hashRows(e))
	section(&b, "Jobs of the batch", memberRows(e))
	fmt.Fprintf(&b, "\n-- \nrestorewatch, event %s\nnumber %d about %s\n", Line(e.ID, 200), e.Sequence, Line(e.Subject, 220))
	return clean(b.String())
}

// page names the page that ConsoleURL leads to.
func page(s restore.Source) string {
	switch s {
	case restore.Manager:
		return "Backup page (Continuous Backup, in this project)"
	case restore.Flex:
		return "Backup page (choose the cluster, then its backups)"
	}
	return "Backup page"
}

// wrap writes s as an item of a list in lines of at most 76 characters, broken between words.
func wrap(b *strings.Builder, s string) {
	line := "  *"
	for word := range strings.FieldsSeq(s) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > 76 {
			b.WriteString(line + "\n")
			line = "   "
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

func section(b *strings.Builder, title string, rows []row) {
	if len(rows) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n")
	for _, f := range rows {
		if f.value != "" {
			fmt.Fprintf(b, "  %-14s %s\n", f.label, Line(f.value, 400))
		}
	}
}

func facts(e restore.Event) []row {
	rows := []row{
		{"Observed", instant(e.Time)},
		{"Cluster", ClusterName(e)},
		{"Project", e.Target.Project},
		{"Source", sourceNames[e.Target.Source]},
	}
	switch {
	case e.Job != nil:
		rows = append(rows, jobRows(e)...)
	case e.Batch != nil:
		rows = append(rows, batchRows(*e.Batch)...)
	}
	return append(rows, failureRows(e)...)
}

func jobRows(e restore.Event) []row {
	j, c := *e.Job, valueOf(e.Change)
	status, delivery := string(j.Status), string(j.Delivery.Status)
	switch e.Type {
	case restore.JobStatusChanged:
		status = transition(c)
	case restore.DeliveryStatusChanged:
		delivery = transition(c)
	}
	return append([]row{
		{"Job", string(j.ID)},
		{"Batch", string(j.BatchID)},
		{"Its jobs", Progress(e)},
		{"Requested", instant(j.Created)},
		{"Snapshot", j.SnapshotID},
		{"Data as of", instant(j.Timestamp.Date)},
		{"Status", status},
		{"Delivery", delivery},
	}, deliveryRows(e)...)
}

// deliveryRows tell of the link only when there is one, or was.
func deliveryRows(e restore.Event) []row {
	d := e.Job.Delivery
	rows := []row{{"Method", d.Method}, {"To project", d.TargetProject}, {"To cluster", d.TargetCluster}}
	ready := d.Status == restore.DeliveryReady
	was := d.Status == restore.DeliveryExpired || d.Status == restore.DeliveryMaxDownloadsExceeded
	if d.Download() && !d.Expires.IsZero() && (ready || was) {
		rows = append(rows, row{"Link expires", instant(d.Expires) + " (" + left(d.Expires, e.Time) + ")"})
	}
	if d.Download() && ready {
		rows = append(rows, row{"Link works", allowance(d.MaxDownloads)})
	}
	return rows
}

func transition(c restore.Change) string {
	if c.From == "" {
		return c.To + " (when first seen)" + again(c)
	}
	return c.From + " -> " + c.To + again(c)
}

// Progress returns how far the batch that e is about, or that its job belongs to, has come: "4 of 5 finished, 1 failed".
// It is "" if there is none.
func Progress(e restore.Event) string {
	t := valueOf(e.Tally)
	if e.Batch != nil {
		t.Total = len(e.Batch.Members)
		t.Finished, t.Failed = e.Batch.Count()
	}
	if t.Total == 0 {
		return ""
	}
	text := fmt.Sprintf("%d of %d finished", t.Finished, t.Total)
	if t.Failed > 0 {
		text += fmt.Sprintf(", %d failed", t.Failed)
	}
	return text
}

func batchRows(b restore.Batch) []row {
	finished, failed := b.Count()
	return []row{
		{"Batch", string(b.ID)},
		{"Outcome", string(b.Outcome)},
		{"Finished", fmt.Sprintf("%d of %d", finished, len(b.Members))},
		{"Failed", fmt.Sprintf("%d of %d", failed, len(b.Members))},
	}
}

func failureRows(e restore.Event) []row {
	f := valueOf(e.Failure)
	if f == (restore.Failure{}) {
		return nil
	}
	rows := []row{
		{"Reason", string(f.Kind)},
		{"Message", f.Message},
		{"Since", instant(f.Since)},
		{"Failed passes", strconv.Itoa(f.Failures)},
	}
	if e.Type == restore.TargetRecovered {
		rows = append(rows, row{"Lasted", Span(e.Time.Sub(f.Since))})
	}
	return rows
}

// hashRows lists the hashes that the event is about, else those of the job.
func hashRows(e restore.Event) []row {
	if e.Hash != nil || e.PreviousHash != nil {
		now, before := valueOf(e.Hash), valueOf(e.PreviousHash)
		return []row{{"File", now.File}, {"Hash now", sum(now)}, {"Hash before", sum(before)}}
	}
	all := e.Hashes
	if len(all) == 0 {
		all = valueOf(e.Job).Hashes
	}
	var rows []row
	for _, h := range all[:min(len(all), maxRows)] {
		rows = append(rows, row{sum(h), h.File})
	}
	return more(rows, len(all))
}

func sum(h restore.Hash) string { return Line(h.Algorithm+" "+h.Sum, 150) }

func memberRows(e restore.Event) []row {
	all := valueOf(e.Batch).Members
	var rows []row
	for _, m := range all[:min(len(all), maxRows)] {
		text := wordOf(string(m.Status))
		if m.Delivery != "" {
			text += ", delivery " + Line(string(m.Delivery), 40)
		}
		rows = append(rows, row{Line(string(m.ID), 40), text})
	}
	return more(rows, len(all))
}

func more(rows []row, total int) []row {
	if n := total - len(rows); n > 0 {
		return append(rows, row{"…", fmt.Sprintf("and %d more", n)})
	}
	return rows
}
