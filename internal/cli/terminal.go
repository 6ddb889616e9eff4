package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// A screen is one output stream, and what is known about the place where it ends.
type screen struct {
	io.Writer
	terminal bool
	color    bool
	columns  func() int // of the terminal as it is now; 0 means any number
}

// newScreen looks at where w ends. Colour is for terminals, unless NO_COLOR is set (no-color.org) or the terminal is
// a dumb one.
func newScreen(w io.Writer, getenv func(string) string) screen {
	s := screen{Writer: w, columns: func() int { return 0 }}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	dumb := getenv("TERM") == "dumb"
	s.terminal = !dumb
	s.color = !dumb && getenv("NO_COLOR") == ""
	s.columns = func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}
	return s
}

// print writes text. If stdout does not take it, the command fails in the end; of stderr there is nobody left to tell.
func (s screen) print(text string) { _, _ = io.WriteString(s.Writer, text) }

func (s screen) printf(format string, args ...any) { s.print(fmt.Sprintf(format, args...)) }

// The colours in use, as SGR parameters of ECMA-48.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s screen) paint(color, text string) string {
	if !s.color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// fit cuts text to at most limit characters, none if limit is 0.
func fit(text string, limit int) string {
	if limit <= 0 || utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
}

// A statusLine is one line at the foot of a terminal that is drawn over and over, below whatever else is written.
type statusLine struct {
	screen screen

	mu    sync.Mutex
	drawn string
	ended bool
}

// show draws text, cut to the width of the terminal, in place of what stood there. "" clears the line.
func (l *statusLine) show(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.draw(text)
	}
}

// end clears the line for good.
func (l *statusLine) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw("")
	l.ended = true
}

func (l *statusLine) draw(text string) {
	if !l.screen.terminal || text == "" && l.drawn == "" {
		return
	}
	l.drawn = text
	// One column less than there are: a character in the last one makes some terminals scroll.
	l.screen.print("\r\x1b[K" + l.screen.paint(faint, fit(text, max(l.screen.columns()-1, 0))))
}

// above returns s, but for the status line being cleared before each write and drawn again after it.
func (l *statusLine) above(s screen) screen {
	s.Writer = aboveWriter{l, s.Writer}
	return s
}

type aboveWriter struct {
	line *statusLine
	next io.Writer
}

func (w aboveWriter) Write(p []byte) (int, error) {
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	drawn := w.line.drawn
	w.line.draw("")
	n, err := w.next.Write(p)
	if strings.HasSuffix(string(p), "\n") {
		w.line.draw(drawn)
	}
	return n, err
}

// A written is a stream that remembers its first failure: a disk that was full must not look like an empty answer. It
// also knows of a line that was cut short, by such a disk or by a kill, and ends it before the next one begins: a whole line
// behind half a one would be lost to whoever reads line by line.
type written struct {
	next io.Writer

	mu   sync.Mutex
	err  error
	torn bool // the last line has no end, and was to have one
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mend := 0
	if w.torn {
		p, mend = append([]byte{'\n'}, p...), 1
	}
	n, err := w.next.Write(p)
	if n > 0 {
		w.torn = n < len(p) && p[n-1] != '\n'
	}
	if w.err == nil {
		w.err = err
	}
	return max(0, n-mend), err
}

// resume looks whether the stream goes on behind a line that another process has left unfinished: only a file can tell,
// and only where it can be opened once more for reading.
func (w *written) resume() {
	f, ok := w.next.(*os.File)
	if !ok {
		return
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return
	}
	again, err := os.Open(fmt.Sprintf("/dev/fd/%d", f.Fd()))
	if err != nil {
		return
	}
	defer again.Close()
	last := make([]byte, 1)
	_, err = again.ReadAt(last, info.Size()-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.torn = err == nil && last[0] != '\n'
}

// forgive forgets a failure that has been told where it happened and made good since.
func (w *written) forgive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = nil
}

func (w *written) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("write output: %w", w.err)
}
