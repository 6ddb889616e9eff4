package publish_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

// FuzzEvent renders events whose every text may be anything. The document fits its schema and its limit and gives the
// same when it is parsed and rendered again; what people read is bounded, printable and on as many lines as it should be;
// and nobody can write a subject of his own.
func FuzzEvent(f *testing.F) {
	s := schema(f)
	for i, text := range []string{"Cluster0", "\x1b\u202e\xff", strings.Repeat("x", 5000), "\ufffe", "a\r\nBcc: x", `"\"`, "FINISHED", "*"} {
		for _, other := range []string{"READY", "", strings.Repeat("é", 400)} {
			f.Add(uint64(i), text, other)
		}
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) {
		e := publishtest.Fuzzed(choice, a, b)
		doc := renderer.JSON(e)
		valid(t, s, doc)
		checkPeople(t, renderer, e)
		checkMail(t, renderer, e)
		parsed, r := parse(t, doc)
		again := r.JSON(parsed)
		if parsed.ID != e.ID || parsed.Type != e.Type || parsed.Sequence != e.Sequence || r != renderer {
			t.Errorf("%s, %s, %d became %s, %s, %d with %v", e.ID, e.Type, e.Sequence, parsed.ID, parsed.Type, parsed.Sequence, r)
		}
		stable, r := parse(t, again)
		if twice := r.JSON(stable); !bytes.Equal(twice, again) {
			t.Errorf("once:  %.600s\ntwice: %.600s", again, twice)
		}
	})
}

// checkMail wants the sections of a mail where they belong: no text of the API begins a line.
func checkMail(t *testing.T, r publish.Renderer, e restore.Event) {
	t.Helper()
	mail := r.Email(e)
	for line := range strings.Lines(mail[strings.Index(mail, "\n"):]) {
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "", strings.HasPrefix(line, "  "), line == "What to do", line == "The facts", line == "Hashes", line == "Jobs of the batch",
			line == "-- ", strings.HasPrefix(line, "Backup page") && strings.HasSuffix(line, ":"), strings.HasPrefix(line, "restorewatch, event "),
			strings.HasPrefix(line, "number "):
		default:
			t.Errorf("a line of a mail is %q", line)
		}
	}
	if u, err := url.Parse(r.ConsoleURL(e)); err != nil || u.Scheme+"://"+u.Host != r.BaseURL || len(u.String()) > 3000 {
		t.Errorf("the link is %q, %v", r.ConsoleURL(e), err)
	}
}

// FuzzParse reads anything as a published event. What it takes for one can be told to people and to programs, whatever
// its fields are; what it does not, it names without repeating it.
func FuzzParse(f *testing.F) {
	for _, e := range publishtest.Events() {
		f.Add(renderer.JSON(e))
	}
	for _, e := range publishtest.Hostile()[:20] {
		f.Add(renderer.JSON(e))
	}
	for _, doc := range []string{
		`{"specversion":"1.0","type":"restorewatch.x","id":"1","subject":"s","data":{"batch":{"total":9e9}}}`,
		`{"specversion":"1.0","type":"restorewatch.x","id":"1","subject":"s","source":"https://u:p@h\u202e/x","data":{"test":true}}`,
		`{"specversion":"1.0","type":"restorewatch.delivery.expiring","id":"1","subject":"s","data":{"remainingSeconds":1e18,"threshold":"-1h"}}`,
		`{"specversion":"1.0","type":"CANARY\u001b","id":"1"}`, `{"AlarmName":"CANARY"}`, `CANARY`,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, r, err := publish.Parse(doc)
		if err != nil {
			if text := err.Error(); len(text) > 800 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("an error of %d bytes: %q", len(text), text)
			}
			return
		}
		if u, err := url.Parse(r.BaseURL); err != nil || u.User != nil || u.Path != "" || strings.HasPrefix(r.BaseURL, "javascript") {
			t.Errorf("a base of %q", r.BaseURL)
		}
		once := r.JSON(e)
		if len(e.ID)+len(e.Subject) < 1000 && (len(once) > publish.MaxEvent || !json.Valid(once) || !utf8.Valid(once)) {
			t.Errorf("rendered as %d bytes: %.300s", len(once), once)
		}
		again, r2, err := publish.Parse(once)
		if err != nil {
			t.Fatalf("what was parsed cannot be rendered and parsed again: %v", err)
		}
		if again.ID != e.ID || again.Type != e.Type || r2.Test != r.Test || r2 != r && e.Target.Source != "" && r2.BaseURL != "" {
			t.Errorf("%q, %q of %v became %q, %q of %v", e.ID, e.Type, r, again.ID, again.Type, r2)
		}
		if len(once) < publish.MaxEvent/2 && len(doc) < publish.MaxEvent/2 && !reflect.DeepEqual(counts(again), counts(e)) {
			t.Errorf("counts %v became %v", counts(e), counts(again))
		}
		checkPeople(t, r, e)
	})
}

// counts are what people read of lists.
func counts(e restore.Event) []int {
	all := []int{len(e.Hashes)}
	if e.Job != nil {
		all = append(all, len(e.Job.Hashes))
	}
	if e.Batch != nil {
		finished, failed := e.Batch.Count()
		all = append(all, len(e.Batch.Members), finished, failed)
	}
	return all
}

// FuzzLine puts any text on one line of people's: bounded, printable, unchanged where nothing is wrong with it, and the
// same when it is done twice.
func FuzzLine(f *testing.F) {
	for _, s := range []string{"Cluster0", "\x1b[2J", "\u202e\xff\u2028", "<U+001B>", "……", "a\tb\r\n"} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 1 || limit > 1<<20 {
			return
		}
		line := publish.Line(s, limit)
		if utf8.RuneCountInString(line) > limit || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q in %d characters is %q", s, limit, line)
		}
		if twice := publish.Line(line, limit); twice != line {
			t.Errorf("%q became %q the second time", line, twice)
		}
		plain := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
		if plain && utf8.RuneCountInString(s) <= limit && line != s {
			t.Errorf("%q became %q", s, line)
		}
	})
}
