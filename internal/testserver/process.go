package testserver

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"time"
)

// patience is how long a server may take to start: about a second alone, many on a machine that runs other tests.
const patience = 90 * time.Second

// announced finds the address that either server prints once its port is bound. Port 0 is asked for, so that two test
// binaries never race for a free one.
var announced = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

var (
	mu      sync.Mutex
	running []*process

	directory string // see temporary
)

// A process is a server that this test binary has started and has to stop.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed once it has been waited for
}

// start runs a server and returns its endpoint once it answers.
func start(name string, cmd *exec.Cmd) (endpoint string, err error) {
	output, input := io.Pipe()
	cmd.Stdout, cmd.Stderr = input, input
	said := watch(output)
	p, err := spawn(cmd, input)
	if err != nil {
		return "", fmt.Errorf("start %s: %w: %s", name, err, install)
	}
	mu.Lock()
	running = append(running, p)
	mu.Unlock()

	select {
	case text := <-said:
		if endpoint = announced.FindString(text); endpoint == "" {
			return "", fmt.Errorf("%s ended before it served: %s: %s", name, text, install)
		}
	case <-time.After(patience):
		return "", fmt.Errorf("%s did not say within %s where it listens", name, patience)
	}
	if err := answers(endpoint); err != nil {
		return "", fmt.Errorf("%s announced %s: %w", name, endpoint, err)
	}
	return endpoint, nil
}

// spawn starts cmd on a thread of its own and keeps that thread until cmd ends: what asks the kernel to end a child with
// its parent (see childOfThisProcess) means the thread that made it.
func spawn(cmd *exec.Cmd, output io.Closer) (*process, error) {
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		childOfThisProcess(cmd)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait() // how a server that is killed ends says nothing
		}
		output.Close()
		close(p.ended)
	}()
	return p, <-started
}

// watch reads what a server prints for as long as it lives, and sends the text up to the address that it announces, or
// all of it if it ends without one.
func watch(output io.Reader) <-chan string {
	said := make(chan string, 1)
	go func() {
		var text strings.Builder
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			fmt.Fprintln(&text, lines.Text())
			if announced.MatchString(lines.Text()) {
				break
			}
		}
		said <- text.String()
		io.Copy(io.Discard, output) // a server whose output nobody reads stands still
	}()
	return said
}

// answers waits until a server answers a request, with whatever status.
func answers(endpoint string) error {
	client := http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	var last error
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(endpoint)
		if err == nil {
			return response.Body.Close()
		}
		last = err
	}
	return errors.Join(fmt.Errorf("no answer within %s", patience), last)
}

// stopAll ends the servers and waits until they are gone.
func stopAll() {
	mu.Lock()
	defer mu.Unlock()
	for _, p := range running {
		p.cmd.Process.Kill() // an error means that it has ended already
		<-p.ended
	}
	running = nil
	if directory != "" {
		os.RemoveAll(directory) // what is left lies in the system's temporary directory
	}
}
