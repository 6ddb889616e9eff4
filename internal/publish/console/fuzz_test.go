package console_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/console"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

// FuzzLines writes events whose every text may be anything: one line each, bounded, on which nothing moves the cursor,
// changes a colour or is not seen.
func FuzzLines(f *testing.F) {
	for i, text := range []string{"Cluster0", "\x1b[2J", "\u202e\xff", "a\nb\r", strings.Repeat("é", 900)} {
		f.Add(uint64(i), text, "READY")
		f.Add(uint64(i), "", text)
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) {
		events := []restore.Event{publishtest.Fuzzed(choice, a, b), publishtest.Fuzzed(choice+1, a, b)}
		var people, programs bytes.Buffer
		for _, p := range []*console.Publisher{
			console.Text(&people, console.Style{Zone: time.UTC}), console.JSON(&programs, publish.Renderer{BaseURL: publishtest.BaseURL}),
		} {
			if _, err := p.Publish(t.Context(), events); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Count(people.String(), "\n") != 2 || strings.Count(programs.String(), "\n") != 2 {
			t.Errorf("not two lines each:\n%s%s", &people, &programs)
		}
		for line := range strings.Lines(people.String()) {
			unseen := func(r rune) bool { return !unicode.IsPrint(r) }
			if line = strings.TrimSuffix(line, "\n"); strings.ContainsFunc(line, unseen) || utf8.RuneCountInString(line) > 400 {
				t.Errorf("a line of %d characters: %q", utf8.RuneCountInString(line), line)
			}
		}
		for line := range strings.Lines(programs.String()) {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	})
}
