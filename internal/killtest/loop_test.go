package killtest

import (
	"bufio"
	"io"
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
	cmd    *exec.Cmd
	both   sync.WaitGroup // readers of its outputs
	stdout lines
	stderr lines
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
			l.mu.Lock()
			l.text = append(l.text, line)
			close(l.more)
			l.more = make(chan struct{})
			l.mu.Unlock()
		}
		if err != nil {
			return
		}
	}
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

// startLoop starts a loop that makes a run each second, and says so.
func (s *station) startLoop(args ...string) *process {
	s.t.Helper()
	cmd := s.command(s.t.Context(), append([]string{"loop", "--every", "1s", "--since", "2h", "--log-level", "debug"}, args...)...)
	p := &process{cmd: cmd}
	p.stdout.more, p.stderr.more = make(chan struct{}), make(chan struct{})
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p.both.Go(func() { p.stdout.follow(stdout) })
	p.both.Go(func() { p.stderr.follow(stderr) })
	s.t.Cleanup(p.kill)
	return p
}

// wait returns when the process is gone and all that it wrote is known.
func (p *process) wait() ending {
	p.both.Wait()
	p.cmd.Wait() // how it ended is in its state
	return ending{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill() // an error means that it has ended already
	p.wait()
}

func (p *process) events() []string { return ending{stdout: p.stdout.String()}.events() }

// awaitError waits for a line on stderr that holds a text, from the n-th on, and returns the number of the next.
func (p *process) awaitError(t testing.TB, text string) { p.awaitErrorFrom(t, 0, text) }

func (p *process) awaitErrorFrom(t testing.TB, n int, text string) (next int) {
	t.Helper()
	timeout := time.After(patience)
	for {
		fresh, more := p.stderr.since(n)
		for _, line := range fresh {
			n++
			if strings.Contains(line, text) {
				return n
			}
		}
		select {
		case <-more:
		case <-timeout:
			t.Fatalf("the loop never said %q: %s", text, &p.stderr)
		}
	}
}
