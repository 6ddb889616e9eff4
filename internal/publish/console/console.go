// Package console publishes events to a terminal or a pipe: one line for each, as JSON for programs or readable for
// people. What a line holds cannot move the cursor, change colours or reorder text, whatever the API said.
package console

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A Publisher writes events to one writer. It implements watch.Publisher.
type Publisher struct {
	out  io.Writer
	line func(restore.Event) string
}

// JSON returns a publisher of JSON lines: one CloudEvent a line, as r renders it.
func JSON(out io.Writer, r publish.Renderer) *Publisher {
	return &Publisher{out: out, line: func(e restore.Event) string { return string(r.JSON(e)) }}
}

// A Style is how lines for people look.
type Style struct {
	Color bool           // by escape sequences of ECMA-48
	Zone  *time.Location // of the times shown; time.Local when nil
}

// Text returns a publisher of lines for people: time, severity, cluster, what happened, and the end of the subject's id.
func Text(out io.Writer, s Style) *Publisher {
	if s.Zone == nil {
		s.Zone = time.Local
	}
	return &Publisher{out: out, line: s.Line}
}

// Publish implements watch.Publisher. After a write that failed nothing more is tried: the reader is gone, or the disk
// is full. A line that was written in part is not accepted and comes again, whole.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted := make([]bool, len(events))
	for i, e := range events {
		if err := p.write(ctx, e); err != nil {
			return accepted, &Error{Event: e.ID, Missing: len(events) - i, err: err}
		}
		accepted[i] = true
	}
	return accepted, nil
}

// write makes one Write of each line, so that lines of several writers do not mix.
func (p *Publisher) write(ctx context.Context, e restore.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := io.WriteString(p.out, p.line(e)+"\n")
	return err
}

// An Error is a line that could not be written.
type Error struct {
	Event   string // its id
	Missing int    // events not written, this one and those behind it
	err     error
}

// Error names the event and the reason.
func (e *Error) Error() string {
	return fmt.Sprintf("write event %s and %d more: %v", publish.Line(e.Event, 128), e.Missing-1, e.err)
}

// Unwrap returns the writer's error.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// Hint says what to do about the error.
func (e *Error) Hint() string {
	return "check that the reader of the output still runs and that its disk is not full; the events come again"
}

// A mark is the sign of a severity and its colour, an SGR parameter of ECMA-48.
type mark struct{ sign, color string }

var marks = map[restore.Severity]mark{
	restore.Info:     {"·", "32"},
	restore.Warning:  {"!", "33"},
	restore.Critical: {"✗", "31;1"},
}

// shortID is enough of an ObjectID to tell the jobs of a batch apart: its counter stands at the end.
const shortID = 8

// Line returns the readable form of e, without a line end:
//
//	2018-01-22 23:49:12 · Cluster0     Restore of Cluster0 finished …4c77ee16
func (s Style) Line(e restore.Event) string {
	m, ok := marks[e.Severity]
	if !ok {
		m = mark{"?", "0"}
	}
	parts := []string{
		e.Time.In(s.Zone).Format(time.DateTime),
		s.paint(m.color, m.sign),
		s.paint("1", fmt.Sprintf("%-12s", publish.Line(publish.ClusterName(e), 30))),
		s.paint(m.color, publish.Summary(e)),
		s.paint("2", tail(publish.Line(e.Subject, 220))),
	}
	return strings.Join(parts, " ")
}

// tail returns the end of an id.
func tail(id string) string {
	r := []rune(id)
	if len(r) <= shortID {
		return id
	}
	return "…" + string(r[len(r)-shortID:])
}

func (s Style) paint(color, text string) string {
	if !s.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}
