package cli

import (
	"fmt"
	"strings"

	"restorewatch/internal/publish"
	"restorewatch/internal/watch"
)

// begun says, for each target that was watched for the first time, what was recorded silently and what will be told.
func begun(report watch.Report) string {
	var b strings.Builder
	for _, p := range report.Passes {
		if !p.Begun || len(p.Failures) > 0 && p.Listed == 0 {
			continue
		}
		fmt.Fprintf(&b, "watching %s from now on: %s\n", p.Target, firstSight(p))
	}
	if b.Len() > 0 {
		b.WriteString("You will hear of every new restore job, every change of status or delivery,\n" +
			"every new file hash and every download link about to expire.\n")
	}
	return b.String()
}

func firstSight(p watch.Pass) string {
	var parts []string
	if n := p.History; n > 0 {
		parts = append(parts, fmt.Sprintf("%s %s history", count(n, "job"), be(n)))
	}
	switch n := p.Adopted; {
	case n == 1:
		parts = append(parts, "1 was under way and has been recorded silently")
	case n > 1:
		parts = append(parts, fmt.Sprintf("%d were under way and have been recorded silently", n))
	}
	if n := p.Listed - p.History - p.Adopted; n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s news", n, be(n)))
	}
	if len(parts) == 0 {
		return "there is no restore job yet."
	}
	return strings.Join(parts, ", ") + "."
}

// sentence sums a run up in one line.
func sentence(report watch.Report) string {
	sum := report.Total()
	text := fmt.Sprintf("%s, %s listed, %d changed, %s published", count(len(report.Passes), "target"),
		count(sum.Listed, "job"), sum.Changed, count(len(sum.Published), "event"))
	if sum.Pending > 0 {
		text += fmt.Sprintf(", %d waiting to be published", sum.Pending)
	}
	if n := report.Failed(); n > 0 {
		text += fmt.Sprintf(", %s FAILED", count(n, "target"))
	}
	return text
}

// failureIndent is where the rest of a failure goes on a terminal.
const failureIndent = 7

// failures lists what went wrong, a line each with what to do about it. Elsewhere than on a terminal it stays one line,
// so that a log keeps it whole.
func failures(s screen, report watch.Report) []string {
	var lines []string
	for _, p := range report.Passes {
		for _, f := range p.Failures {
			line := s.paint(red, "FAILED") + fmt.Sprintf(" %s: %s: %s", p.Target, f.Kind, publish.Line(f.Err.Error(), maxMessage))
			if f.Hint != "" {
				line += " => " + publish.Line(f.Hint, maxMessage)
			}
			lines = append(lines, line+"\n")
		}
	}
	return lines
}

// tellFailures prints them.
func (s screen) tellFailures(report watch.Report) {
	for _, line := range failures(s, report) {
		s.folded(failureIndent).print(line)
	}
}
