package service_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/config"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
)

var update = flag.Bool("update", false, "write the table of docs/sources.md")

// lives are restores of every kind of outcome, each of a cluster of its own. Every change is on a quarter of an hour,
// which is how often the test looks.
const lives = `
project 6b77777887d9d61443b41645

cluster Downloaded
job downloaded hours=2
at 15m downloaded created
at 30m downloaded delivery=IN_PROGRESS
at 45m downloaded status=FINISHED
at 1h  downloaded delivery=READY
at 90m downloaded downloaded
at 3h  downloaded delivery=EXPIRED

cluster Broken
job broken
at 15m broken created
at 30m broken delivery=IN_PROGRESS
at 45m broken status=BROKEN delivery=FAILED

cluster Cancelled
job cancelled
at 15m cancelled created
at 30m cancelled delivery=IN_PROGRESS
at 45m cancelled status=KILLED

cluster Into
job into target=Elsewhere
at 15m into created
at 45m into status=FINISHED
`

// stories are the clusters of lives, with what the page calls them.
var stories = []struct{ cluster, title string }{
	{"Downloaded", "A download: prepared, ready, fetched, expired"},
	{"Broken", "A download that breaks"},
	{"Cancelled", "A download that is cancelled"},
	{"Into", "A restore into another cluster"},
}

// columns are the ways to watch them.
var columns = []struct {
	title     string
	source    restore.Source
	legacyAPI string
}{
	{"legacy v1", restore.Legacy, "v1"},
	{"legacy v2", restore.Legacy, "v2"},
	{"manager", restore.Manager, ""},
	{"cloud", restore.Cloud, ""},
	{"flex", restore.Flex, ""},
}

// A difference is what a source tells otherwise than legacy does, because its API cannot tell it so.
type difference struct {
	source  string
	cluster string // of lives
	event   string
	told    string // when the source tells it, "" if never; legacy's own answer is another one
	why     string
}

const (
	notStarted = "a download that is not ready is IN_PROGRESS from the first, for nothing tells whether it has begun"
	noHashes   = "the API has no hashes, so nobody learns that the file was fetched"
	noFailure  = "that the restore failed is told; whether its delivery did has no field"
	linkTells  = "nothing says that a download is done until its link is there"
)

// differences are all there may be: the test fails for one more as for one less.
var differences = []difference{
	{"cloud", "Downloaded", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"cloud", "Downloaded", "`job.status_changed` FINISHED", "45m", linkTells},
	{"cloud", "Downloaded", "`hash.added`", "", noHashes},
	{"cloud", "Broken", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"cloud", "Broken", "`delivery.status_changed` FAILED", "", noFailure},
	{"cloud", "Cancelled", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"flex", "Downloaded", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"flex", "Downloaded", "`job.status_changed` FINISHED", "45m", linkTells},
	{"flex", "Downloaded", "`hash.added`", "", noHashes},
	{"flex", "Downloaded", "`delivery.status_changed` EXPIRED", "", "a link that is gone may have been used or have expired, and no field says which"},
	{"flex", "Broken", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"flex", "Broken", "`delivery.status_changed` FAILED", "", noFailure},
	{"flex", "Cancelled", "`delivery.status_changed` IN_PROGRESS", "", notStarted},
	{"flex", "Cancelled", "`job.status_changed` KILLED", "", "the API has no word for a restore that was called off"},
	{"flex", "Cancelled", "`job.status_changed` BROKEN", "30m", "FAILED is what it says instead"},
}

// One restore, told by each API in its own way, is one sequence of events but for what an API cannot tell.
func TestSourcesTellOneLife(t *testing.T) {
	told := tellAll(t)
	reference := told[columns[0].title]
	for _, story := range stories {
		if len(reference[story.cluster]) < 2 {
			t.Errorf("%s: legacy tells %v, and there is little to compare", story.cluster, reference[story.cluster])
		}
	}
	var found []difference
	for _, column := range columns[1:] {
		for _, story := range stories {
			wantSameFacts(t, column.title, reference[story.cluster], told[column.title][story.cluster])
			for event, at := range differ(reference[story.cluster], told[column.title][story.cluster]) {
				found = append(found, difference{source: column.title, cluster: story.cluster, event: event, told: at})
			}
		}
	}
	for _, f := range found {
		if !slices.ContainsFunc(differences, f.same) {
			t.Errorf("%s tells of %s %s at %q, unlike legacy, and no reason is stated", f.source, f.cluster, f.event, f.told)
		}
	}
	for _, d := range differences {
		if !slices.ContainsFunc(found, d.same) {
			t.Errorf("%s tells of %s %s as stated no more: is the reason gone?", d.source, d.cluster, d.event)
		}
	}
	wantInPage(t, page(told))
}

// wantSameFacts checks that what two sources both tell is told in the same order and under the same ids.
func wantSameFacts(t *testing.T, source string, want, got []line) {
	t.Helper()
	if w, g := shared(want, got), shared(got, want); len(w) == 0 || !slices.Equal(w, g) {
		t.Errorf("%s tells %q, legacy %q", source, g, w)
	}
}

// shared returns the ids of those lines whose events others have too.
func shared(lines, others []line) (ids []string) {
	for _, l := range lines {
		if slices.ContainsFunc(others, func(o line) bool { return o.event == l.event }) {
			ids = append(ids, l.id)
		}
	}
	return ids
}

func (d difference) same(o difference) bool {
	return d.source == o.source && d.cluster == o.cluster && d.event == o.event && d.told == o.told
}

// differ returns the events that got has at another time than want, or one of them alone has, each with got's time.
func differ(want, got []line) map[string]string {
	others := make(map[string]string)
	for event, at := range times(want) {
		if times(got)[event] != at {
			others[event] = times(got)[event]
		}
	}
	for event, at := range times(got) {
		if times(want)[event] != at {
			others[event] = at
		}
	}
	return others
}

// A line is one event as the page tells it.
type line struct {
	event string
	id    string
	at    time.Duration // since the restore was requested
}

// times returns when each event was told; one told twice has two times.
func times(lines []line) map[string]string {
	at := make(map[string]string)
	for _, l := range lines {
		at[l.event] = strings.TrimPrefix(at[l.event]+", "+short(l.at), ", ")
	}
	return at
}

func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return cmp.Or(text, "0")
}

// tellAll plays the lives before each source, and returns what each told, by column and cluster.
func tellAll(t *testing.T) map[string]map[string][]line {
	told := make(map[string]map[string][]line)
	for _, column := range columns {
		synctest.Test(t, func(t *testing.T) {
			told[column.title] = tell(t, column.source, column.legacyAPI)
		})
	}
	return told
}

// tell is one watch of all the lives, in the time of a bubble.
func tell(t *testing.T, source restore.Source, legacyAPI string) map[string][]line {
	scenario, err := atlassim.ParseScenario(strings.NewReader(lives))
	if err != nil {
		t.Fatal(err)
	}
	sim := new(atlassim.Server)
	start := time.Now()
	sim.Play(scenario, start, 1)
	made, heard := build(t, map[string]string{
		config.EnvLegacyAPI: legacyAPI, config.EnvWatch: string(source) + ":" + atlassim.PageProject + "/*",
		config.EnvPublicKey: atlassim.DefaultPublicKey, config.EnvPrivateKey: atlassim.DefaultPrivateKey,
	}, service.Parts{Transport: sim.Transport()})
	for ; sim.Elapsed() <= scenario.Length()+time.Hour; time.Sleep(15 * time.Minute) {
		if report, err := made.Watcher.Run(t.Context(), sim.Time()); err != nil || report.Failed() != 0 {
			t.Fatalf("%s after %v: %+v, %v", source, sim.Elapsed(), report, err)
		}
	}
	return heard.lines(t, source, start.Add(15*time.Minute))
}

// A recording is an output that keeps what it is told.
type recording struct {
	mu     sync.Mutex
	events []restore.Event
}

func (r *recording) Publish(_ context.Context, events []restore.Event) ([]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, events...)
	return slices.Repeat([]bool{true}, len(events)), nil
}

// lines returns what was heard by cluster, and checks that whoever does not look at the source cannot tell which it was.
func (r *recording) lines(t *testing.T, source restore.Source, created time.Time) map[string][]line {
	all := make(map[string][]line)
	for _, e := range r.events {
		if e.Target.Source != source {
			t.Errorf("%s: target %s", e.ID, e.Target)
		}
		if e.Job == nil || e.Job.ClusterName != e.Target.Cluster || e.Job.ProjectID != atlassim.PageProject || !e.Job.Created.Equal(created) ||
			e.Job.SnapshotID == "" || e.Job.Delivery.Method == "" {
			t.Errorf("%s: %s tells of the job %+v", source, e.ID, e.Job)
		}
		all[e.Target.Cluster] = append(all[e.Target.Cluster], line{told(e), e.ID, e.Time.Sub(created)})
	}
	return all
}

// told is an event in the words of the page.
func told(e restore.Event) string {
	text := "`" + string(e.Type) + "`"
	switch {
	case e.Change != nil:
		text += " " + e.Change.To
	case e.Expiry != nil:
		text += " " + short(e.Expiry.Threshold)
	}
	return text
}

const (
	pagePath  = "../../docs/sources.md"
	pageBegin = "<!-- begin: go test ./internal/service -run TestSourcesTellOneLife -update -->\n"
	pageEnd   = "<!-- end -->\n"
)

// wantInPage compares the part of the page between its marks with what it should be, or writes it.
func wantInPage(t *testing.T, want string) {
	t.Helper()
	text, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), pageBegin)
	got, after, closed := strings.Cut(rest, pageEnd)
	if !ok || !closed {
		t.Fatalf("%s has no place for the table between %q and %q", pagePath, pageBegin, pageEnd)
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(before+pageBegin+want+pageEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is out of date; run the test with -update and look at what changes. Now it is:\n%s", pagePath, want)
	}
}

// page is what belongs between the marks.
func page(told map[string]map[string][]line) string {
	var text strings.Builder
	for _, story := range stories {
		fmt.Fprintf(&text, "\n### %s\n\n| event |", story.title)
		for _, column := range columns {
			fmt.Fprintf(&text, " %s |", column.title)
		}
		fmt.Fprintf(&text, "\n| --- |%s\n", strings.Repeat(" --- |", len(columns)))
		for _, event := range rows(told, story.cluster) {
			fmt.Fprintf(&text, "| %s |", event)
			for _, column := range columns {
				fmt.Fprintf(&text, " %s |", cmp.Or(times(told[column.title][story.cluster])[event], "–"))
			}
			text.WriteString("\n")
		}
	}
	text.WriteString("\n### Why they differ\n\n| source | event | why |\n| --- | --- | --- |\n")
	for _, d := range reasons() {
		fmt.Fprintf(&text, "| %s | %s | %s |\n", d.source, d.event, d.why)
	}
	text.WriteString("\n")
	return text.String()
}

// rows returns the events of a life that any source tells, in order of the time at which the first one does.
func rows(told map[string]map[string][]line, cluster string) []string {
	first := make(map[string]time.Duration)
	var order []string
	for _, column := range columns {
		for _, l := range told[column.title][cluster] {
			if at, ok := first[l.event]; !ok {
				order = append(order, l.event)
				first[l.event] = l.at
			} else {
				first[l.event] = min(at, l.at)
			}
		}
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(first[a], first[b]) })
	return order
}

// reasons are the differences, each event once, with all the sources that share its reason.
func reasons() []difference {
	sources := make(map[[2]string][]string)
	for _, d := range differences {
		sources[[2]string{d.event, d.why}] = append(sources[[2]string{d.event, d.why}], d.source)
	}
	var all []difference
	for _, key := range slices.SortedFunc(maps.Keys(sources), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		by := slices.Compact(sources[key])
		all = append(all, difference{source: strings.Join(by, ", "), event: key[0], why: key[1]})
	}
	return all
}
