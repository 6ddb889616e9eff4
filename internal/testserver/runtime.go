package testserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BuildFunction builds functions/NAME the way `make build` does, but for this machine, and returns the bootstrap's path.
func BuildFunction(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(build(t, "FUNCTIONS="+name, "COMMANDS="), name, "bootstrap")
}

// BuildCommand builds cmd/NAME the way `make build` does and returns the program's path.
func BuildCommand(t testing.TB, name string) string {
	t.Helper()
	return filepath.Join(build(t, "FUNCTIONS=", "COMMANDS="+name), name)
}

// build returns the directory with what was made.
func build(t testing.TB, what ...string) string {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	into, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command("make", append([]string{
		"--no-print-directory", "-C", root, "build", "BUILD=" + into, "GOARCH=" + runtime.GOARCH,
	}, what...)...)
	if output, err := run.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, output)
	}
	return into
}

// temporary returns a directory that lives as long as this test binary: longer than the test that asks for it.
func temporary() (string, error) {
	mu.Lock()
	defer mu.Unlock()
	if directory != "" {
		return directory, nil
	}
	made, err := os.MkdirTemp("", "restorewatch-test-")
	directory = made
	return made, err
}

// A Function is a bootstrap that runs as it does in Lambda, driven over the Runtime API: four HTTP routes (Lambda
// developer guide, "Using the Lambda runtime API"). Invoke it from one goroutine.
type Function struct {
	Name string

	t        testing.TB
	api      *httptest.Server
	cmd      *exec.Cmd
	process  *process
	next     chan invocation
	outcomes chan Outcome
	output   lockedBuffer
	requests int
}

// An Outcome is how an invocation ended.
type Outcome struct {
	Response string // what the handler returned, JSON
	Error    *FunctionError
}

// A FunctionError is what the function reports when its handler fails.
type FunctionError struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

type invocation struct {
	id       string
	payload  string
	deadline time.Time
}

// StartFunction starts a bootstrap with an environment, given as NAME=value, and nothing else of this process's. It is
// stopped when the test ends.
func StartFunction(t testing.TB, bootstrap string, env ...string) *Function {
	t.Helper()
	f := &Function{
		Name: "restorewatch-test", t: t,
		next: make(chan invocation), outcomes: make(chan Outcome, 1),
	}
	f.api = httptest.NewServer(f.routes())
	f.cmd = exec.Command(bootstrap)
	f.cmd.Env = append([]string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(f.api.URL, "http://"),
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_REGION=eu-west-1", "AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=not-a-secret",
		"AWS_EC2_METADATA_DISABLED=true", "PATH=" + os.Getenv("PATH"), "TZ=UTC",
	}, env...)
	f.cmd.Stdout, f.cmd.Stderr = &f.output, &f.output
	p, err := spawn(f.cmd, io.NopCloser(nil))
	if err != nil {
		t.Fatalf("start %s: %v", bootstrap, err)
	}
	f.process = p
	t.Cleanup(f.Stop)
	return f
}

// Invoke hands the function one event and waits until it has answered, with a deadline like the one that Lambda gives.
func (f *Function) Invoke(payload string, timeout time.Duration) Outcome {
	f.t.Helper()
	outcome, ok := f.Try(payload, timeout)
	if !ok {
		f.t.Fatalf("the function ended without an answer:\n%s", f.Output())
	}
	return outcome
}

// Try is Invoke for a function that somebody may stop meanwhile: ok is false if it ended before it answered.
func (f *Function) Try(payload string, timeout time.Duration) (outcome Outcome, ok bool) {
	f.t.Helper()
	f.requests++
	call := invocation{id: fmt.Sprintf("request-%d", f.requests), payload: payload, deadline: time.Now().Add(timeout)}
	patience := time.After(timeout + 30*time.Second)
	select {
	case f.next <- call:
	case <-f.process.ended:
		return Outcome{}, false
	case <-patience:
		f.t.Fatalf("the function does not ask for work:\n%s", f.Output())
	}
	select {
	case outcome := <-f.outcomes:
		return outcome, true
	case <-f.process.ended:
		return Outcome{}, false
	case <-patience:
		f.t.Fatalf("the function does not answer:\n%s", f.Output())
	}
	return Outcome{}, false
}

// Output returns what the function has written to its standard output and error.
func (f *Function) Output() string { return f.output.String() }

// PID returns the id of the function's process.
func (f *Function) PID() int { return f.cmd.Process.Pid }

// Stop kills the function and waits until it is gone.
func (f *Function) Stop() {
	f.cmd.Process.Kill() // an error means that it has ended already
	<-f.process.ended
	f.api.CloseClientConnections()
	f.api.Close()
}

func (f *Function) routes() http.Handler {
	const version = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+version+"/invocation/next", f.serveNext)
	mux.HandleFunc("POST "+version+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		f.outcomes <- Outcome{Response: string(body)}
	})
	failed := func(w http.ResponseWriter, r *http.Request) {
		reported := new(FunctionError)
		if err := json.NewDecoder(r.Body).Decode(reported); err != nil {
			reported.Message = "unreadable error report: " + err.Error()
		}
		w.WriteHeader(http.StatusAccepted)
		f.outcomes <- Outcome{Error: reported}
	}
	mux.HandleFunc("POST "+version+"/invocation/{id}/error", failed)
	mux.HandleFunc("POST "+version+"/init/error", failed)
	return mux
}

// serveNext holds the function until there is work for it.
func (f *Function) serveNext(w http.ResponseWriter, r *http.Request) {
	select {
	case call := <-f.next:
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", call.id)
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(call.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:"+f.Name)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, call.payload)
	case <-r.Context().Done():
	}
}

// A lockedBuffer is a buffer that one goroutine may read while another writes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
