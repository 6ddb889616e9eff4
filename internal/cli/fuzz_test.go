package cli

import (
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/store/storetest"
)

var colours = regexp.MustCompile(`\x1b\[[0-9;]+m`)

// FuzzShow shows whatever a state may hold: the table, what stands below it, each job's history and the JSON. Nothing in
// them moves the cursor, changes a colour or is not seen; the table fits a terminal of 110 columns; and colour adds
// nothing but colour.
func FuzzShow(f *testing.F) {
	t := restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}
	const evil = `"\u001b[2J\u202e\n"`
	job := `{"format":1,"sequence":2,"job":{"cluster":` + evil + `,"status":` + evil + `,"delivery":` + evil + `,"method":` + evil +
		`,"batchId":` + evil + `,"statuses":["%1b[2J"],"adopted":"x","told":[{"file":` + evil + `,"type":` + evil + `,"sum":` + evil + `}]},
"outbox":[{"fact":"created","type":` + evil + `}]}`
	about := `{"format":1,"target":{"failing":{"kind":` + evil + `,"message":` + evil + `,"hint":` + evil + `,"failures":-1}}}`
	f.Add("5a66783b80eef5354c77ee16", []byte(job), []byte(about), int64(1516837778))
	for seed := range uint64(30) {
		r := storetest.Generate(t, seed)
		if body, err := store.Encode(r); err == nil {
			_, id, _ := strings.Cut(string(r.Key()), "/")
			f.Add(id, body, body, int64(seed)<<28)
		}
	}
	f.Fuzz(func(tt *testing.T, id string, job, about []byte, seconds int64) {
		ledger := restore.Ledger{Target: t, Records: map[restore.Key]restore.Record{}}
		for key, body := range map[restore.Key][]byte{restore.JobKey(restore.JobID(id)): job, restore.TargetKey: about} {
			if r, err := store.Decode(t, key, 1, body); err == nil {
				ledger.Records[key] = r
			}
		}
		v := newView([]restore.Ledger{ledger}, time.Unix(seconds%253402300800, 0))
		shown := func(s screen) string {
			var text strings.Builder
			text.WriteString(v.table(s) + v.foot(s))
			for _, e := range v.jobs {
				text.WriteString(v.history(s, e))
			}
			return text.String()
		}
		wide := terminalScreen(io.Discard, 110)
		coloured := shown(wide)
		wide.color = false
		plain := shown(wide)
		if colours.ReplaceAllString(coloured, "") != plain {
			tt.Errorf("with colours:\n%q\nwithout:\n%q", coloured, plain)
		}
		if i := strings.IndexFunc(plain, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			tt.Errorf("%+q is shown in %q", plain[i:min(i+4, len(plain))], plain)
		}
		for line := range strings.Lines(v.table(wide)) {
			if n := visible(strings.TrimSuffix(line, "\n")); n > 110 {
				tt.Errorf("a row of %d characters: %s", n, line)
			}
		}
		if _, err := json.Marshal(v.json()); err != nil {
			tt.Error(err)
		}
	})
}

// FuzzFold breaks any line between words: no word is lost or torn, and no line is longer than it must be.
func FuzzFold(f *testing.F) {
	f.Add("one two three", 8, 2)
	f.Add("\x1b[31mone\x1b[0m  two", 7, 2)
	f.Add("   ", 1, 0)
	f.Fuzz(func(t *testing.T, line string, width, indent int) {
		if width < 1 || width > 500 || indent < 0 || 2*indent > width || strings.Contains(line, "\n") {
			return
		}
		folded := fold(line, width, indent)
		words := func(s string) []string {
			return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' })
		}
		if !slices.Equal(words(folded), words(line)) {
			t.Errorf("%q became %q", line, folded)
		}
		for broken := range strings.SplitSeq(folded, "\n") {
			if n := visible(strings.TrimRight(broken, " ")); n > width && len(words(broken)) > 1 && n-visible(words(broken)[len(words(broken))-1]) > width {
				t.Errorf("a line of %d characters, at most %d: %q", n, width, broken)
			}
		}
	})
}
