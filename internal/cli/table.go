package cli

import (
	"strings"
	"unicode/utf8"

	"restorewatch/internal/publish"
)

// A table is rows of cells under titles. Columns that are empty throughout are left out.
type table struct {
	columns []column
	rows    [][]cell
}

// A column is drawn as wide as its widest cell, unless the screen is too narrow.
type column struct {
	title string
	least int  // how narrow it may become; 0: never narrower than its widest cell
	tail  bool // of a cell that is too wide the end is kept, which tells ids apart
}

// A cell is text that may hold anything, and its colour.
type cell struct{ text, color string }

// between is what separates two columns.
const between = "  "

// draw returns the table, no wider than the screen where that can be.
func (t table) draw(s screen) string {
	for i, row := range t.rows {
		for j := range row {
			t.rows[i][j].text = publish.Line(row[j].text, 100)
		}
	}
	widths := t.widths()
	t.shrink(widths, s.columns())
	var b strings.Builder
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{c.title, bold}
	}
	t.line(&b, s, widths, titles)
	for _, row := range t.rows {
		t.line(&b, s, widths, row)
	}
	return b.String()
}

// widths returns the width of each column: 0 for one without a text.
func (t table) widths() []int {
	widths := make([]int, len(t.columns))
	for i := range t.columns {
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
		if widths[i] > 0 {
			widths[i] = max(widths[i], len(t.columns[i].title))
		}
	}
	return widths
}

// shrink takes from the columns that may become narrower, ids first, what the screen lacks.
func (t table) shrink(widths []int, screen int) {
	if screen <= 0 {
		return
	}
	missing := -len(between) - screen
	for _, w := range widths {
		if w > 0 {
			missing += w + len(between)
		}
	}
	for _, ids := range []bool{true, false} {
		for i, c := range t.columns {
			if c.tail == ids && c.least > 0 && missing > 0 && widths[i] > c.least {
				cut := min(missing, widths[i]-c.least)
				widths[i] -= cut
				missing -= cut
			}
		}
	}
}

func (t table) line(b *strings.Builder, s screen, widths []int, row []cell) {
	var line strings.Builder
	pad := 0
	for i, c := range row {
		if widths[i] == 0 {
			continue
		}
		text := fit(c.text, widths[i])
		if t.columns[i].tail {
			text = fitTail(c.text, widths[i])
		}
		line.WriteString(strings.Repeat(" ", pad))
		if text != "" {
			line.WriteString(s.paint(c.color, text))
		}
		pad = widths[i] - utf8.RuneCountInString(text) + len(between)
	}
	b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
}

// fitTail cuts text to its last characters.
func fitTail(text string, limit int) string {
	r := []rune(text)
	if len(r) <= limit {
		return text
	}
	return "…" + string(r[len(r)-limit+1:])
}
