package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A chart tells findings: to people as they come, to machines when all is done.
type chart struct {
	out, plain screen // folded for findings, and as it is
	status     *statusLine
	json       bool
	all        []finding
}

func (a *app) newChart(asJSON bool) *chart {
	c := &chart{status: &statusLine{screen: a.err}, json: asJSON, all: []finding{}}
	if asJSON {
		c.plain = a.out
		return c
	}
	c.plain = c.status.above(a.out)
	c.out = c.plain.folded(markIndent)
	return c
}

// markIndent is where the text behind a mark begins.
const markIndent = 2

// marks are how people see the results.
var marks = map[result]struct{ sign, color string }{
	fine: {"✓", green}, doubtful: {"!", yellow}, wrong: {"✗", red}, unchecked: {"–", faint},
}

// waiting says on a terminal what takes its time.
func (c *chart) waiting(next check) {
	if !c.json {
		c.status.show("checking " + strings.TrimSpace(next.part+" "+publish.Line(next.name, maxMessage)) + " …")
	}
}

// add tells a finding. What servers said is one line, however they said it.
func (c *chart) add(f finding) {
	f.Name, f.Message, f.Hint = publish.Line(f.Name, maxMessage), publish.Line(f.Message, maxMessage), publish.Line(f.Hint, maxMessage)
	c.all = append(c.all, f)
	if c.json {
		return
	}
	mark := marks[f.Result]
	text := fmt.Sprintf("%s %s: %s\n", c.plain.paint(mark.color, mark.sign), strings.TrimSpace(f.Part+" "+f.Name), f.Message)
	if f.Hint != "" {
		text += strings.Repeat(" ", markIndent) + "what to do: " + f.Hint + "\n"
	}
	c.out.print(text)
}

// refuse tells that the configuration cannot be used. People read on stderr what is wrong with it, as of every command.
func (c *chart) refuse(err error) {
	f := finding{Part: partConfiguration, Result: wrong, Message: "it cannot be used", Kind: restore.FailedConfig}
	if c.json {
		f.Message = err.Error()
	}
	c.add(f)
	if c.json {
		_ = c.close() // err says more
	}
}

// A chartJSON is the document of --json.
type chartJSON struct {
	OK     bool      `json:"ok"` // nothing fails
	Checks []finding `json:"checks"`
}

// close ends the telling. Its error says that something fails, which has been told.
func (c *chart) close() error {
	c.status.end()
	sum := make(map[result]int)
	for _, f := range c.all {
		sum[f.Result]++
	}
	if c.json {
		text, err := json.MarshalIndent(chartJSON{sum[wrong] == 0, c.all}, "", "  ")
		if err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		c.plain.print(string(text) + "\n")
	} else {
		c.plain.print(c.sentence(sum))
	}
	if sum[wrong] > 0 {
		return errTold
	}
	return nil
}

// sentence sums up.
func (c *chart) sentence(sum map[result]int) string {
	parts := []string{fmt.Sprintf("%d fine", sum[fine])}
	if n := sum[doubtful]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d worth a look", n))
	}
	if n := sum[unchecked]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not checked", n))
	}
	if n := sum[wrong]; n > 0 {
		parts = append(parts, c.plain.paint(red, fmt.Sprintf("%d FAILED", n)))
	}
	return count(len(c.all), "check") + ": " + strings.Join(parts, ", ") + "\n"
}
