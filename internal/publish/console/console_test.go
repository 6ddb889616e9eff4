package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/console"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

var _ watch.Publisher = (*console.Publisher)(nil)

func TestJSONLines(t *testing.T) {
	var out bytes.Buffer
	events := slices.Concat(publishtest.Events(), publishtest.Hostile())
	accepted, err := console.JSON(&out, renderer).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) || len(accepted) != len(events) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != len(events) {
		t.Fatalf("%d lines for %d events", len(lines), len(events))
	}
	for i, line := range lines {
		var e struct{ ID string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != events[i].ID {
			t.Errorf("line %d is event %q, want %q: %v", i, e.ID, events[i].ID, err)
		}
	}
}

func TestText(t *testing.T) {
	var out bytes.Buffer
	text := console.Text(&out, console.Style{Zone: time.FixedZone("CET", 3600)})
	events := []restore.Event{publishtest.Finished(), publishtest.BatchFinished(), publishtest.Unreachable()}
	if _, err := text.Publish(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	want := "2018-01-23 00:49:12 · Cluster0     Restore of Cluster0 finished …4c77ee16\n" +
		"2018-01-23 00:49:12 · Cluster0     Sharded restore of Cluster0 finished (all 3 jobs) …4c77ee13\n" +
		"2018-01-23 00:49:12 ✗ Cluster0     Cluster0 cannot be watched: our address is not on the API access list …Cluster0\n"
	if got := out.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestColor(t *testing.T) {
	e := publishtest.Unreachable()
	style := console.Style{Color: true, Zone: time.UTC}
	if line := style.Line(e); !strings.Contains(line, "\x1b[31;1m✗\x1b[0m") {
		t.Errorf("critical is not red: %q", line)
	}
	style.Color = false
	if line := style.Line(e); strings.Contains(line, "\x1b") {
		t.Errorf("colour without being asked: %q", line)
	}
}

// Nothing that an API says reaches the terminal as anything but one bounded line of visible text.
func TestHostileTextIsNeutralised(t *testing.T) {
	for _, e := range publishtest.Hostile() {
		e.Subject = e.Target.Cluster
		line := console.Style{Zone: time.UTC}.Line(e)
		if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%s: %+q", e.Type, line[i:min(len(line), i+20)])
		}
		if len(line) > 1500 {
			t.Errorf("%s: a line of %d bytes", e.Type, len(line))
		}
	}
}

// A brokenPipe takes a number of writes; the one that fails may have been written in part.
type brokenPipe struct {
	written bytes.Buffer
	good    int
	apply   bool
}

func (p *brokenPipe) Write(b []byte) (int, error) {
	if p.good--; p.good >= 0 {
		return p.written.Write(b)
	}
	if p.apply {
		n, _ := p.written.Write(b[:len(b)/2])
		return n, errPipe
	}
	return 0, errPipe
}

var errPipe = errors.New("broken pipe")

func TestWriteThatFails(t *testing.T) {
	for name, apply := range map[string]bool{"nothing written": false, "written in part": true} {
		t.Run(name, func(t *testing.T) {
			events := publishtest.Types()[:4]
			out := &brokenPipe{good: 2, apply: apply}
			accepted, err := console.JSON(out, renderer).Publish(t.Context(), events)
			if want := []bool{true, true, false, false}; !slices.Equal(accepted, want) {
				t.Errorf("accepted %v", accepted)
			}
			failure, ok := errors.AsType[*console.Error](err)
			if !ok || !errors.Is(err, errPipe) || failure.FailureKind() != restore.FailedPublish || failure.Hint() == "" {
				t.Fatalf("error %v", err)
			}
			if want := "write event " + events[2].ID + " and 1 more: broken pipe"; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
		})
	}
}

func TestNothingIsWrittenAfterTheDeadline(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	accepted, err := console.JSON(&out, renderer).Publish(ctx, publishtest.Types())
	if !errors.Is(err, context.Canceled) || slices.Contains(accepted, true) || out.Len() > 0 {
		t.Errorf("accepted %v, %v, wrote %q", accepted, err, out.String())
	}
}
