package cli

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// folded returns s, but for lines that are too long for the terminal being broken between words, their rest indented
// by indent columns. Each Write is expected to hold whole lines.
func (s screen) folded(indent int) screen {
	if s.terminal {
		s.Writer = foldWriter{s.Writer, s.columns, indent}
	}
	return s
}

type foldWriter struct {
	next    io.Writer
	columns func() int
	indent  int
}

func (w foldWriter) Write(p []byte) (int, error) {
	width := w.columns()
	if width < 2*w.indent { // no room to indent in
		return w.next.Write(p)
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(p)) {
		text, ended := strings.CutSuffix(line, "\n")
		b.WriteString(fold(text, width, w.indent))
		if ended {
			b.WriteByte('\n')
		}
	}
	if _, err := w.next.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// fold breaks a line before the words that do not fit. Escape sequences, which take no room, are part of a word.
func fold(line string, width, indent int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Split(line, " ") {
		size := visible(word)
		switch {
		case i == 0:
		case column+1+size > width && size > 0:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += size
	}
	return b.String()
}

// visible returns how many columns text takes: its characters without the colours.
func visible(text string) int {
	n := 0
	for {
		before, after, found := strings.Cut(text, "\x1b[")
		n += utf8.RuneCountInString(before)
		if !found {
			return n
		}
		_, text, _ = strings.Cut(after, "m")
	}
}

// flow breaks the paragraphs of text into lines of at most width characters. Indented lines stay as they are, and an
// empty line ends a paragraph.
func flow(text string, width int) string {
	var b strings.Builder
	var paragraph []string
	flush := func() {
		if len(paragraph) > 0 {
			b.WriteString(fold(strings.Join(paragraph, " "), width, 0) + "\n")
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line == "" || strings.HasPrefix(line, " ") {
			flush()
			b.WriteString(line + "\n")
			continue
		}
		paragraph = append(paragraph, line)
	}
	flush()
	return b.String()
}
