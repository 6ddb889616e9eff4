package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// showJob shows one job's history.
func (a *app) showJob(v *view, id string, asJSON bool) error {
	e, err := v.find(id)
	if err != nil {
		return err
	}
	if asJSON {
		out := v.jobJSON(e)
		for _, w := range wordsOf(e) {
			out.History = append(out.History, wordJSON{w.Last, w.what, w.Word, w.Times})
		}
		return a.printJSON(out)
	}
	a.out.print(v.history(a.out, e))
	return nil
}

// find returns the one job whose id ends in id; "…" before it, as other output has it, is dropped.
func (v *view) find(id string) (entry, error) {
	end := strings.TrimPrefix(id, "…")
	var found []entry
	for _, e := range v.jobs {
		if string(e.Job.ID) == end {
			return e, nil
		}
		if end != "" && strings.HasSuffix(string(e.Job.ID), end) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 0:
		return entry{}, fmt.Errorf("no job %s is remembered; restorewatch show lists the jobs that are", publish.Line(id, 100))
	case 1:
		return found[0], nil
	}
	return entry{}, fmt.Errorf("%d jobs have an id that ends in %s; give more of it", len(found), publish.Line(id, 100))
}

// A reachedWord is a word that a job's status or its delivery's reached.
type reachedWord struct {
	restore.Reached
	what string
}

// wordsOf returns the words that a job reached, by the time at which each was reached last.
func wordsOf(e entry) []reachedWord {
	var words []reachedWord
	for _, r := range e.Statuses {
		words = append(words, reachedWord{r, "status"})
	}
	for _, r := range e.Deliveries {
		words = append(words, reachedWord{r, "delivery"})
	}
	slices.SortStableFunc(words, func(a, b reachedWord) int { return a.Last.Compare(b.Last) })
	return words
}

// A writer of sections: titles, and lines below them.
type sections struct {
	strings.Builder
	screen screen
}

func (b *sections) title(text string) { b.WriteString("\n" + b.screen.paint(bold, text) + "\n") }

func (b *sections) row(label, value string) {
	if value != "" {
		fmt.Fprintf(b, "  %-10s %s\n", label, publish.Line(value, 300))
	}
}

func (v *view) history(s screen, e entry) string {
	b := &sections{screen: s}
	v.facts(b, e)
	b.title("History")
	if e.Adopted != "" {
		b.WriteString("  It was under way when it was first seen, and was recorded silently.\n")
	}
	for _, w := range wordsOf(e) {
		again := ""
		if w.Times > 1 {
			again = fmt.Sprintf(" (reached %d times, the last time then)", w.Times)
		}
		fmt.Fprintf(b, "  %s  %-8s  %s%s\n", stamp(w.Last), w.what, publish.Line(w.Word, 60), again)
	}
	if e.Stuck {
		b.WriteString("  It was told to be stuck.\n")
	}
	hashRows(b, e)
	warningRows(b, e)
	outboxRows(b, e)
	return b.String()
}

func (v *view) facts(b *sections, e entry) {
	j := e.Job
	cluster := publish.Line(cmp.Or(j.ClusterName, e.record.Target.Cluster), 100)
	b.WriteString(b.screen.paint(bold, fmt.Sprintf("Restore job %s of %s", publish.Line(string(j.ID), 100), cluster)) + "\n")
	b.row("Target", e.record.Target.String())
	b.row("Status", string(j.Status))
	b.row("Delivery", delivery(j.Delivery))
	if left, live := v.linkLeft(j); live {
		b.row("Expires", stamp(j.Delivery.Expires)+" (in "+short(left)+")")
	}
	if age := v.age(j); age != "" {
		b.row("Created", stamp(j.Created)+" ("+age+" ago)")
	}
	b.row("Snapshot", j.SnapshotID)
	if p := v.batches[j.BatchID]; p != nil {
		b.row("Batch", fmt.Sprintf("%s, %d of %s finished, %d failed", j.BatchID, p.finished, count(p.total, "job"), p.failed))
	}
}

func delivery(d restore.Delivery) string {
	text := string(d.Status)
	if d.Method != "" {
		text += " by " + d.Method
	}
	if d.TargetCluster != "" {
		text += " into " + d.TargetCluster
	}
	return text
}

func hashRows(b *sections, e entry) {
	if len(e.Told) == 0 {
		return
	}
	b.title("Hashes that the API reported, the latest last")
	for _, t := range e.Told {
		fmt.Fprintf(b, "  %s %s  %s\n", publish.Line(t.Algorithm, 20), publish.Line(t.Sum, 130), publish.Line(t.File, 200))
	}
}

func warningRows(b *sections, e entry) {
	if len(e.Warned) == 0 {
		return
	}
	b.title("Warnings given, the tightest for each expiry")
	for _, w := range e.Warned {
		fmt.Fprintf(b, "  %s or less before %s\n", short(w.Threshold.Round(time.Second)), stamp(w.Expires))
	}
}

func outboxRows(b *sections, e entry) {
	b.WriteString("\n")
	fmt.Fprintf(b, "Events: %d, of which %d wait to be published.\n", e.record.Sequence, len(e.record.Outbox))
	for _, event := range e.record.Outbox {
		fmt.Fprintf(b, "  %s  %s\n", stamp(event.Time), publish.Summary(event))
	}
}
