package slack_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
)

var update = flag.Bool("update", false, "write the golden files in events/slack anew")

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

const goldenDir = "../../../events/slack"

func TestGoldenMessages(t *testing.T) {
	for _, e := range publishtest.Types() {
		t.Run(string(e.Type), func(t *testing.T) {
			doc := slack.Message(renderer, e)
			validate(t, doc)
			var got bytes.Buffer
			if err := json.Indent(&got, doc, "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			golden(t, filepath.Join(goldenDir, string(e.Type)+".json"), got.Bytes())
		})
	}
	files, err := os.ReadDir(goldenDir)
	if err != nil || len(files) != len(publishtest.Types()) {
		t.Errorf("%d golden files for %d types, %v", len(files), len(publishtest.Types()), err)
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v\ngo test ./internal/publish/slack -update writes it", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at the difference, then go test ./internal/publish/slack -update\ngot:\n%s", path, got)
	}
}

// texts returns what a person sees of a message, line by line: the fallback, and then the texts of the blocks.
func texts(t testing.TB, doc []byte) (fallback string, lines []string) {
	t.Helper()
	var p struct {
		Text        string
		Blocks      []any
		Attachments []any
	}
	if err := json.Unmarshal(doc, &p); err != nil {
		t.Fatal(err)
	}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				lines = append(lines, strings.Split(unescape(s), "\n")...)
			}
			for _, name := range []string{"text", "fields", "blocks", "elements"} {
				walk(v[name])
			}
		}
	}
	walk(p.Blocks)
	walk(p.Attachments)
	return unescape(p.Text), lines
}

func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func TestWhatAPersonReads(t *testing.T) {
	broken := publishtest.StatusChanged(publishtest.Config, 3, restore.Change{From: "IN_PROGRESS", To: "BROKEN"}, restore.DeliveryFailed)
	batch := publishtest.BatchFinished()
	batch.Type, batch.Severity = restore.BatchFailed, restore.Critical
	batch.Batch = &restore.Batch{ID: "b", Outcome: restore.OutcomeFailed, Members: []restore.Member{
		{ID: "1", Status: restore.Finished}, {ID: "2", Status: restore.Finished}, {ID: "3", Status: restore.Finished},
		{ID: "4", Status: restore.Finished}, {ID: "5", Status: restore.Broken},
	}}
	for _, tt := range []struct {
		event    restore.Event
		first    string
		fallback string   // its beginning
		lines    []string // among the others
	}{
		{publishtest.Finished(), "✅ Restore of Cluster0 finished", "Restore of Cluster0 finished. Get the data from",
			[]string{"IN_PROGRESS → FINISHED", "READY",
				"<!date^1516837778^{date_short_pretty} {time}|2018-01-24 23:49:38 UTC> (2 days left)",
				"<!date^1516661094^{date_short_pretty} {time}|2018-01-22 22:44:54 UTC>", "Open the backup page"}},
		{broken, "🚨 Restore of Cluster0 failed (BROKEN)", "CRITICAL: Restore of Cluster0 failed (BROKEN). ",
			[]string{"IN_PROGRESS → BROKEN", "FAILED"}},
		{batch, "🚨 Sharded restore of Cluster0 failed (1 of 5 jobs)", "CRITICAL: Sharded restore",
			[]string{"4 of 5 finished, 1 failed", "5 BROKEN"}},
		{publishtest.HashAdded(), "ℹ️ Restore of Cluster0 was downloaded (1 new hash)", "Restore of Cluster0 was downloaded",
			[]string{"SHA1 a98af3c1f85a9eb3061423cda0fad8b4d0a48209 " + publishtest.HashAdded().Hashes[0].File}},
		{publishtest.Unreachable(), "🚨 Cluster0 cannot be watched: our address is not on the API access list",
			"CRITICAL: Cluster0 cannot be watched", []string{
				"• Put 203.0.113.9 on the access list of the API key (organization, Access Manager, API Keys).", "3"}},
	} {
		fallback, lines := texts(t, slack.Message(renderer, tt.event))
		if lines[0] != tt.first || !strings.HasPrefix(fallback, tt.fallback) {
			t.Errorf("first line %q, want %q; fallback %q, want it to begin with %q", lines[0], tt.first, fallback, tt.fallback)
		}
		for _, want := range tt.lines {
			if !slices.Contains(lines, want) {
				t.Errorf("%s: no line %q among\n%s", tt.event.ID, want, strings.Join(lines, "\n"))
			}
		}
	}
}

func TestManyHashes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		file  string
		shown int
		last  string
	}{
		{"few", 10, "shard.tar.gz", 10, "SHA1 a9a9 shard.tar.gz"},
		{"many", 22, "shard.tar.gz", 10, "and 12 more"},
		{"long names", 22, strings.Repeat("<", 140), 3, "and 19 more"},
	} {
		e := publishtest.HashAdded()
		e.Hashes = slices.Repeat([]restore.Hash{{File: tt.file, Algorithm: "SHA1", Sum: "a9a9"}}, tt.n)
		doc := slack.Message(renderer, e)
		validate(t, doc)
		_, lines := texts(t, doc)
		at := slices.Index(lines, "*Hashes*")
		end := slices.Index(lines, "*What to do*")
		if end-at-1 != tt.shown && end-at-2 != tt.shown || lines[end-1] != tt.last {
			t.Errorf("%s: %d lines of hashes, the last %q, want %d hashes and %q", tt.name, end-at-1, lines[end-1], tt.shown, tt.last)
		}
	}
}

// What the published event had to leave out is counted all the same.
func TestHashesLeftOutOfTheEvent(t *testing.T) {
	e := publishtest.HashAdded()
	e.Hashes = nil
	for i := range 3000 {
		e.Hashes = append(e.Hashes, restore.Hash{File: fmt.Sprintf("shard-%04d", i), Algorithm: "SHA1", Sum: strings.Repeat("a9", 20)})
	}
	parsed, r, err := publish.Parse(renderer.JSON(e))
	if err != nil {
		t.Fatal(err)
	}
	if _, lines := texts(t, slack.Message(r, parsed)); !slices.Contains(lines, "and 2990 more") {
		t.Errorf("no count of 2990 among\n%s", strings.Join(lines, "\n"))
	}
}

// hostile returns events whose every text is one of these, each of them in the forms before and after publishing.
func hostile() []restore.Event {
	all := publishtest.Hostile()
	for _, name := range []string{
		"*bold* _italic_ ~struck~ `code` ```block```", "<!channel> <!here> <!everyone> <@U012AB3CD> <#C012AB3CD> <!subteam^S1>",
		"<https://example.com|click> & &lt;!channel&gt; &amp;", "@channel @here #general :fire:", "a|b> c",
		"\x1b[2J\x1b]8;;https://example.com\x07x", "\u202egnp.exe\u2066\u2069\u200f\u200b", strings.Repeat("<", 10_000),
		strings.Repeat("*", 10_000), strings.Repeat("👩‍👩‍👧‍👦", 3_000),
	} {
		for _, e := range publishtest.Types() {
			e.Target.Cluster, e.Target.Project = name, name
			e.ID = string([]rune(name)[:min(len([]rune(name)), 100)]) // longer ones the domain does not make
			e.Subject = e.ID
			if e.Job != nil {
				j := *e.Job
				j.ClusterName, j.SnapshotID, j.Status, j.BatchID = name, name, restore.Status(name), restore.BatchID(name)
				j.Hashes = slices.Repeat([]restore.Hash{{File: name, Algorithm: name, Sum: name}}, 50)
				e.Job = &j
			}
			if e.Failure != nil {
				f := *e.Failure
				f.Message, f.Hint = name, name
				e.Failure = &f
			}
			all = append(all, e)
		}
	}
	return all
}

func TestHostileText(t *testing.T) {
	for _, e := range hostile() {
		doc := slack.Message(renderer, e)
		validate(t, doc)
		if n := utf8.RuneCount(doc); n > 12_000 {
			t.Errorf("%s: %d characters", e.Type, n)
		}
		parsed, r, err := publish.Parse(renderer.JSON(e))
		if err != nil {
			t.Fatal(err)
		}
		validate(t, slack.Message(r, parsed))
		for _, bad := range []string{"<!channel>", "<!here>", "<!everyone>", "<@", "<#", "<!subteam", "<http"} {
			if bytes.Contains(doc, []byte(bad)) {
				t.Errorf("%s: %s is not escaped", e.Type, bad)
			}
		}
	}
}

// A long name must not push what happened out of the first line.
func TestLongNameKeepsWhatHappened(t *testing.T) {
	e := publishtest.Finished()
	e.Job = new(*e.Job)
	e.Job.ClusterName = strings.Repeat("long-", 40)
	_, lines := texts(t, slack.Message(renderer, e))
	if !strings.HasSuffix(lines[0], "… finished") || !slices.Contains(lines, e.Job.ClusterName) {
		t.Errorf("first line %q, or the whole name is nowhere in\n%s", lines[0], strings.Join(lines, "\n"))
	}
}

func TestSameEventSameMessage(t *testing.T) {
	for _, e := range publishtest.Events() {
		elsewhere := e
		elsewhere.Time = e.Time.In(time.FixedZone("somewhere", 5*3600))
		if !bytes.Equal(slack.Message(renderer, e), slack.Message(renderer, elsewhere)) {
			t.Errorf("%s renders differently in another time zone", e.ID)
		}
	}
}

// An event without the parts of its type, without a source to link to, or of a severity of tomorrow is told all the same.
func TestStrangeEvents(t *testing.T) {
	for _, e := range publishtest.Types() {
		e.Job, e.Change, e.Hashes, e.Hash, e.PreviousHash, e.Expiry, e.Batch, e.Failure = nil, nil, nil, nil, nil, nil, nil, nil
		e.Severity, e.Time = "", time.Time{}
		validate(t, slack.Message(renderer, e))
		validate(t, slack.Message(publish.Renderer{}, e))
		if bytes.Contains(slack.Message(publish.Renderer{}, e), []byte(`"url"`)) {
			t.Errorf("%s: a button that leads nowhere", e.Type)
		}
		e.Target.Source = "tomorrow"
		if doc := slack.Message(renderer, e); bytes.Contains(doc, []byte(`"url"`)) {
			t.Errorf("%s: a button that leads to no page in particular", e.Type)
		}
	}
}

// A person sees in the first line, and hears in the first word, that a message is a test.
func TestATestSaysThatItIsOne(t *testing.T) {
	test := publish.Renderer{BaseURL: publishtest.BaseURL, Test: true}
	for _, e := range publishtest.Events() {
		doc := slack.Message(test, e)
		validate(t, doc)
		fallback, lines := texts(t, doc)
		if !strings.HasPrefix(fallback, "TEST: ") || !strings.Contains(lines[0], " TEST: ") {
			t.Errorf("%s: first line %q, fallback %q", e.Type, lines[0], fallback)
		}
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "• Nothing: this is a test") }) {
			t.Errorf("%s: nothing says what to do about a test:\n%s", e.Type, strings.Join(lines, "\n"))
		}
	}
}
