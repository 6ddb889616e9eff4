package killtest

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds a wait for what another process does.
const patience = 30 * time.Second

// A process is a loop that runs.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr lines
	gone           chan struct{} // closed when it has ended and all that it wrote is known
}

// startLoop starts a loop that makes a run each second, and says so. Its events go to out, or are kept if that is nil.
func (s *station) startLoop(out *os.File) *process {
	s.t.Helper()
	cmd := s.command(s.t.Context(), "loop", "--every", "1s", "--since", "1h", "--log-level", "debug")
	p := &process{cmd: cmd, gone: make(chan struct{})}
	var readers sync.WaitGroup
	follow := func(l *lines, pipe func() (io.ReadCloser, error)) {
		l.more = make(chan struct{})
		r, err := pipe()
		if err != nil {
			s.t.Fatal(err)
		}
		readers.Go(func() { l.follow(r) })
	}
	if follow(&p.stderr, cmd.StderrPipe); out != nil {
		cmd.Stdout = out
	} else {
		follow(&p.stdout, cmd.StdoutPipe)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		readers.Wait()
		cmd.Wait() // how it ended is in its state
		close(p.gone)
	}()
	s.t.Cleanup(p.kill)
	return p
}

// kill is kill -9. It returns when the process is gone.
func (p *process) kill() {
	p.cmd.Process.Kill() // an error means that it has ended already
	<-p.gone
}

func (p *process) events() []string { return ending{stdout: p.stdout.String()}.events() }

// await waits for a line on stderr, from the n-th on, and returns the number of the next.
func (p *process) await(t testing.TB, n int, wanted func(line string) bool) (next int) {
	t.Helper()
	timeout := time.After(patience)
	for {
		fresh, more := p.stderr.since(n)
		for _, line := range fresh {
			n++
			if wanted(line) {
				return n
			}
		}
		select {
		case <-more:
			continue
		case <-p.gone:
		case <-timeout:
		}
		t.Fatalf("the loop never said what was waited for: %s", &p.stderr)
	}
}

// anyRun recognizes the line that sums up a run.
func anyRun(line string) bool { return strings.Contains(line, " listed, ") }

// cleanRun recognizes the line of a run that has read everything, saved it and told it.
func cleanRun(line string) bool {
	return anyRun(line) && !strings.Contains(line, "FAILED") && !strings.Contains(line, "waiting")
}

// idleRun recognizes that of one that had nothing to do.
func idleRun(line string) bool {
	return cleanRun(line) && strings.Contains(line, " 0 changed, 0 events published")
}

// lines are what a process has written so far.
type lines struct {
	mu   sync.Mutex
	text []string
	more chan struct{} // closed and replaced at each line
}

func (l *lines) follow(r io.Reader) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line != "" {
			l.add(line)
		}
		if err != nil {
			return
		}
	}
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
	close(l.more)
	l.more = make(chan struct{})
}

// since returns the lines from the n-th on, and what is closed when there are more.
func (l *lines) since(n int) ([]string, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text[n:len(l.text):len(l.text)], l.more
}

func (l *lines) String() string {
	all, _ := l.since(0)
	return strings.Join(all, "")
}
