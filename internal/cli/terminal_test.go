package cli

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/restore"
)

func plainScreen(w io.Writer) screen { return screen{Writer: w, columns: func() int { return 0 }} }

func terminalScreen(w io.Writer, columns int) screen {
	return screen{Writer: w, terminal: true, color: true, columns: func() int { return columns }}
}

func TestOnlyATerminalIsATerminal(t *testing.T) {
	s := newScreen(new(bytes.Buffer), func(string) string { return "" })
	if s.terminal || s.color || s.columns() != 0 {
		t.Errorf("a buffer is taken for a terminal: %+v", s)
	}
}

func TestStatusLineKeepsOutOfTheWay(t *testing.T) {
	var all strings.Builder
	s := terminalScreen(&all, 12)
	s.color = false
	line := &statusLine{screen: s}
	out := line.above(s)
	line.show("watching and waiting")
	out.print("an event\n")
	line.show("")
	line.show("")
	const wipe = "\r\x1b[K"
	if got, want := all.String(), wipe+"watching a…"+wipe+"an event\n"+wipe+"watching a…"+wipe; got != want {
		t.Errorf("drew %q\nwant %q", got, want)
	}
}

func TestNoStatusLineElsewhere(t *testing.T) {
	var all strings.Builder
	line := &statusLine{screen: plainScreen(&all)}
	line.show("watching")
	line.above(plainScreen(&all)).print("an event\n")
	if all.String() != "an event\n" {
		t.Errorf("wrote %q, want the event alone", all.String())
	}
}

func TestFold(t *testing.T) {
	for _, test := range []struct {
		name, line    string
		width, indent int
		want          string
	}{
		{"fits", "one two", 7, 2, "one two"},
		{"breaks between words", "one two three", 8, 2, "one two\n  three"},
		{"keeps runs of blanks", "a    b", 10, 2, "a    b"},
		{"a word that is too long stays whole", "a 0123456789 b", 6, 2, "a\n  0123456789\n  b"},
		{"colours take no room", "\x1b[31mone\x1b[0m \x1b[1mtwo\x1b[0m", 7, 2, "\x1b[31mone\x1b[0m \x1b[1mtwo\x1b[0m"},
		{"counts characters, not bytes", "äöü äöü", 7, 2, "äöü äöü"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := fold(test.line, test.width, test.indent); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What an API says cannot move the cursor, and however narrow the terminal is, a row stays on one line.
func TestTableFitsTheTerminal(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	target := restore.Target{Source: restore.Legacy, Project: "p", Cluster: "A-cluster-with-a-long-name"}
	job := restore.Job{
		ID: "5a66783b80eef5354c77ee16", ClusterName: "A-cluster-with-a-long-name", Status: "\x1b[2J<evil>\n",
		Created:  now.Add(-26 * time.Hour),
		Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryReady, Expires: now.Add(90 * time.Minute)},
	}
	l := restore.Ledger{Target: target, Records: map[restore.Key]restore.Record{
		restore.TargetKey:      restore.Begin(target, now),
		restore.JobKey(job.ID): {Target: target, Memory: restore.JobMemory{Job: job, Changed: now}},
	}}
	for _, width := range []int{0, 140, 80, 60} {
		s := terminalScreen(io.Discard, width)
		s.color = false
		table := newView([]restore.Ledger{l}, now).table(s)
		if strings.Count(table, "\n") != 2 || strings.Contains(table, "\x1b") {
			t.Errorf("width %d: want a title and a row of plain text, got:\n%q", width, table)
		}
		for line := range strings.Lines(table) {
			if n := visible(strings.TrimSpace(line)); width > 0 && n > width {
				t.Errorf("width %d: a line has %d characters: %s", width, n, line)
			}
		}
		for _, want := range []string{"77ee16", "in 1h30m", "1d2h", "READY"} {
			if !strings.Contains(table, want) {
				t.Errorf("width %d: %q is missing:\n%s", width, want, table)
			}
		}
	}
}

// A state that somebody else has written shows as text, the kind of a failure too.
func TestFootOfAFailingTarget(t *testing.T) {
	failing := restore.Failure{Kind: "\x1b[2J", Message: "no\nroute", Hint: "look", Failures: 2}
	target := restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}
	v := newView([]restore.Ledger{{Target: target, Records: map[restore.Key]restore.Record{
		restore.TargetKey: {Target: target, Memory: restore.TargetMemory{Failing: &failing}},
	}}}, time.Now())
	const want = "0 jobs remembered, 0 alive.\nFAILING legacy:p/c since ? (2 passes): <U+001B>[2J: no route => look\n"
	if got := v.foot(plainScreen(io.Discard)); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestColourIsForTerminals(t *testing.T) {
	now := time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)
	l := restore.Ledger{Records: map[restore.Key]restore.Record{
		"job/a": {Memory: restore.JobMemory{Job: restore.Job{ID: "a", Status: restore.Broken}}},
	}}
	v := newView([]restore.Ledger{l}, now)
	if got := v.table(plainScreen(io.Discard)); strings.Contains(got, "\x1b") {
		t.Errorf("colour elsewhere: %q", got)
	}
	if got := v.table(terminalScreen(io.Discard, 80)); !strings.Contains(got, "\x1b[31mBROKEN\x1b[0m") {
		t.Errorf("BROKEN is not red on a terminal: %q", got)
	}
}

func TestFindWantsOneJob(t *testing.T) {
	v := newView([]restore.Ledger{{Records: map[restore.Key]restore.Record{
		"job/1aa": {Memory: restore.JobMemory{Job: restore.Job{ID: "1aa"}}},
		"job/2aa": {Memory: restore.JobMemory{Job: restore.Job{ID: "2aa"}}},
		"job/aa":  {Memory: restore.JobMemory{Job: restore.Job{ID: "aa"}}},
	}}}, time.Now())
	for id, want := range map[string]string{"aa": "aa", "2aa": "2aa", "…1aa": "1aa"} {
		if e, err := v.find(id); err != nil || string(e.Job.ID) != want {
			t.Errorf("find %q: got %q, %v; want %q", id, e.Job.ID, err, want)
		}
	}
	for _, id := range []string{"a", "b", "", "…", "\x1b[2J"} {
		if e, err := v.find(id); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("find %q: got %q, %v; want an error in plain text", id, e.Job.ID, err)
		}
	}
}

// A flag for a secret would show it to every user of the machine.
func TestNoFlagForASecret(t *testing.T) {
	secrets := []string{"ATLAS_PRIVATE_KEY", "ATLAS_CLIENT_SECRET", "SLACK_WEBHOOK_URL", "WEBHOOK_URL", "WEBHOOK_SECRET"}
	for _, name := range secrets {
		if flag, ok := flagOf(name); ok {
			t.Errorf("%s is a secret and has the flag %q", name, flag)
		}
	}
	for _, v := range config.Variables() {
		if flag, ok := flagOf(v.Name); !ok && !slices.Contains(secrets, v.Name) {
			t.Errorf("%s has no flag (%q)", v.Name, flag)
		}
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Hour: "0s", 59 * time.Second: "59s", time.Minute: "1m", 90 * time.Second: "1m30s",
		time.Hour: "1h", 5*time.Hour + 12*time.Minute + 40*time.Second: "5h12m", 24 * time.Hour: "1d", 51 * time.Hour: "2d3h",
	} {
		if got := short(d); got != want {
			t.Errorf("short(%s): got %q, want %q", d, got, want)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatIsLostIsAFailure(t *testing.T) {
	for _, command := range []string{"version", "show"} {
		var told strings.Builder
		args := []string{command}
		if command == "show" {
			args = append(args, "--json", "--state-file", filepath.Join(t.TempDir(), "none.db"))
		}
		code := Main(args, func(string) string { return "" }, fullDisk{}, &told)
		if code != exitFailed || !strings.Contains(told.String(), "write output: no space left on device") {
			t.Errorf("%s: exit code %d, told %q", command, code, told.String())
		}
	}
}

// tightDisk takes so many bytes, and then none until it is made larger.
type tightDisk struct {
	strings.Builder
	room int
}

func (d *tightDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Builder.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

// A line that was cut short must not spoil the next one that is written whole.
func TestLineAfterOneThatWasCutShort(t *testing.T) {
	for _, test := range []struct {
		rooms []int // for each line that does not fit
		want  string
	}{
		{[]int{0}, "whole\n"},
		{[]int{1}, "w\nwhole\n"},
		{[]int{5}, "whole\nwhole\n"},
		{[]int{1, 0}, "w\nwhole\n"},
		{[]int{1, 1}, "w\nwhole\n"},
		{[]int{1, 3}, "w\nwh\nwhole\n"},
	} {
		disk := new(tightDisk)
		w := &written{next: disk}
		for _, room := range test.rooms {
			disk.room = room
			if n, err := w.Write([]byte("whole\n")); err == nil || n > room {
				t.Errorf("with room for %v: wrote %d, %v", test.rooms, n, err)
			}
		}
		disk.room = 100
		if n, err := w.Write([]byte("whole\n")); n != len("whole\n") || err != nil {
			t.Errorf("with room in the end: wrote %d, %v", n, err)
		}
		if got := disk.String(); got != test.want {
			t.Errorf("with room for %v and then enough: %q, want %q", test.rooms, got, test.want)
		}
	}
}
