package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// The bounds of what is shown, in characters, and of its lists. The guide names none; a section of Slack's Block Kit
// holds 3,000 characters, so a description stays under that.
const (
	maxTitle   = 80
	maxName    = 30 // of the cluster in a title, so that what happened to it stays readable
	maxSummary = 300
	maxFact    = 120
	maxAddress = 500
	maxStep    = 500
	maxSteps   = 6
	maxHashes  = 3
	maxKeyword = 40
)

// The published form.
type (
	notification struct {
		Version  string   `json:"version"`
		Source   string   `json:"source"`
		ID       string   `json:"id"`
		Content  content  `json:"content"`
		Metadata metadata `json:"metadata"`
	}
	content struct {
		TextType    string   `json:"textType"`
		Title       string   `json:"title"`
		Description string   `json:"description"`
		NextSteps   []string `json:"nextSteps"`
		Keywords    []string `json:"keywords"`
	}
	metadata struct {
		ThreadID          string            `json:"threadId"`
		Summary           string            `json:"summary"`
		EventType         string            `json:"eventType"`
		RelatedResources  []string          `json:"relatedResources"`
		AdditionalContext map[string]string `json:"additionalContext"`
	}
)

// Notification returns e as a custom notification, one line of JSON. Whatever the API said is shown as text: it formats
// nothing and mentions nobody.
func Notification(r publish.Renderer, e restore.Event) string {
	return encode(notification{
		Version: "1.0",
		Source:  "custom",
		ID:      publish.Line(e.ID, 200),
		Content: content{
			TextType:    "client-markdown",
			Title:       title(r, e),
			Description: description(r, e),
			NextSteps:   steps(r, e),
			Keywords:    keywords(e),
		},
		Metadata: metadata{
			ThreadID:          publish.Line(thread(e), 200),
			Summary:           escape(r.Summary(e), maxSummary),
			EventType:         publish.TypePrefix + string(e.Type),
			RelatedResources:  resources(e),
			AdditionalContext: variables(r, e),
		},
	})
}

// encode leaves < > & as they are: escaped they cost six bytes each.
func encode(n notification) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(n); err != nil {
		panic("chat: strings always encode: " + err.Error()) // unreachable
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func title(r publish.Renderer, e restore.Event) string {
	return escape(mark(e)+" "+r.Summary(shortNamed(e)), maxTitle)
}

// mark is what the eye finds first. Unicode, because Teams knows no Slack shortcodes.
func mark(e restore.Event) string {
	switch {
	case e.Severity == restore.Critical:
		return "🚨"
	case e.Severity == restore.Warning:
		return "⚠️"
	case good(e):
		return "✅"
	}
	return "ℹ️"
}

// good reports whether e is what people wait for.
func good(e restore.Event) bool {
	switch e.Type {
	case restore.BatchFinished, restore.TargetRecovered:
		return true
	case restore.JobStatusChanged:
		return e.Change != nil && e.Change.To == string(restore.Finished)
	case restore.DeliveryStatusChanged:
		return e.Change != nil && e.Change.To == string(restore.DeliveryReady)
	}
	return false
}

// shortNamed returns e about a cluster whose name fits into a title.
func shortNamed(e restore.Event) restore.Event {
	name := publish.Line(publish.ClusterName(e), maxName)
	e.Target.Cluster = name
	if e.Job != nil {
		job := *e.Job
		job.ClusterName = name
		e.Job = &job
	}
	return e
}

// description begins with the whole sentence, of which the title may have lost the end, and then tells the facts.
func description(r publish.Renderer, e restore.Event) string {
	lines := []string{escape(r.Summary(e), maxSummary-1) + "."}
	for _, f := range facts(e) {
		if f.value != "" {
			lines = append(lines, f.label+": "+escape(f.value, maxFact))
		}
	}
	// An address must be whole. The API's part of it is percent-encoded; & is all that Slack minds in the rest.
	if address := strings.ReplaceAll(r.ConsoleURL(e), "&", "&amp;"); e.Failure == nil && len(address) <= maxAddress {
		lines = append(lines, "Backup page: "+address)
	}
	return strings.Join(lines, "\n")
}

// A fact is one line of a description; one without a value is left out.
type fact struct{ label, value string }

func facts(e restore.Event) []fact {
	all := []fact{{"Cluster", publish.ClusterName(e)}, {"Project", e.Target.Project}}
	switch {
	case e.Job != nil:
		all = append(all, jobFacts(*e.Job)...)
	case e.Batch != nil:
		finished, failed := e.Batch.Count()
		all = append(all, fact{"Batch", string(e.Batch.ID)},
			fact{"Jobs", fmt.Sprintf("%d of %d finished, %d failed", finished, len(e.Batch.Members), failed)})
	case e.Failure != nil:
		all = append(all, fact{"Reason", e.Failure.Message}, fact{"Since", instant(e.Failure.Since)})
	}
	all = append(all, hashFacts(e)...)
	return append(all, fact{"Observed", instant(e.Time)})
}

func jobFacts(j restore.Job) []fact {
	d := j.Delivery
	expires := ""
	if d.Status == restore.DeliveryReady && d.Download() {
		expires = instant(d.Expires)
	}
	return []fact{
		{"Job", string(j.ID)}, {"Batch", string(j.BatchID)}, {"Snapshot", j.SnapshotID},
		{"Status", string(j.Status)}, {"Delivery", string(d.Status)}, {"Link expires", expires},
	}
}

// hashFacts tell of the hashes that the event is about; the event itself has them all.
func hashFacts(e restore.Event) []fact {
	if e.Hash != nil && e.PreviousHash != nil {
		return []fact{{"File", e.Hash.File}, {"Hash now", sum(*e.Hash)}, {"Hash before", sum(*e.PreviousHash)}}
	}
	var all []fact
	for _, h := range e.Hashes[:min(len(e.Hashes), maxHashes)] {
		all = append(all, fact{"File", h.File}, fact{"Hash", sum(h)})
	}
	if more := len(e.Hashes) - maxHashes; more > 0 {
		all = append(all, fact{"Files", fmt.Sprintf("and %d more", more)})
	}
	return all
}

func sum(h restore.Hash) string { return publish.Line(h.Algorithm, 20) + " " + h.Sum }

// instant writes a time for people, "" when there is none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func steps(r publish.Renderer, e restore.Event) []string {
	all := r.Steps(e)
	out := make([]string, 0, len(all))
	for _, s := range all[:min(len(all), maxSteps)] {
		out = append(out, escape(s, maxStep))
	}
	return out
}

// keywords are the words that people search a channel for.
func keywords(e restore.Event) []string {
	words := []string{string(e.Type), string(e.Severity), publish.ClusterName(e)}
	switch {
	case e.Change != nil:
		words = append(words, e.Change.To)
	case e.Batch != nil:
		words = append(words, string(e.Batch.Outcome))
	case e.Failure != nil:
		words = append(words, string(e.Failure.Kind))
	}
	return escaped(words, maxKeyword)
}

// thread is the restore that e is about, or the target: its end of blindness follows its beginning.
func thread(e restore.Event) string {
	switch {
	case e.Batch != nil:
		return string(e.Batch.ID)
	case e.Job != nil:
		return cmp.Or(string(e.Job.BatchID), string(e.Job.ID))
	}
	return e.Subject
}

func resources(e restore.Event) []string {
	all := []string{e.Target.Place()}
	switch {
	case e.Job != nil:
		all = append(all, string(e.Job.ID), string(e.Job.BatchID))
	case e.Batch != nil:
		all = append(all, string(e.Batch.ID))
	}
	return escaped(all, maxFact)
}

// escaped returns each of the texts that says something, once.
func escaped(texts []string, limit int) []string {
	var out []string
	for _, s := range texts {
		if s = escape(s, limit); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// variables are what custom actions can be given: the attributes that subscribers filter by.
func variables(r publish.Renderer, e restore.Event) map[string]string {
	all := map[string]string{"sequence": strconv.Itoa(e.Sequence)}
	for _, a := range r.Attributes(e) {
		all[a.Name] = escape(a.Value, maxFact)
	}
	return all
}
