package neighbourtest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"restorewatch/internal/cli"
	"restorewatch/internal/restore"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/testserver"
)

// commandVariable turns the test binary into the command line, so that it is a process that can be killed.
const commandVariable = "NEIGHBOURTEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(testserver.Main(m))
}

// patience is how long a run may take: with all its waiting none of them takes a tenth of it.
const patience = 30 * time.Second

// An outcome is how a run ended.
type outcome struct {
	killed bool
	code   int    // of the command; 1 for an invocation that failed
	said   string // the error, and of the command all that it wrote
}

// A program is restorewatch in one of the forms in which it is deployed.
type program interface {
	env() []string             // what it needs beside the world
	envWithoutState() []string // the state is where nothing is
	run(env []string) outcome
	kill()    // may be called while it runs, by anybody
	restart() // what it had in memory is gone
	ledger() (restore.Ledger, error)
	twin() program // another one over the same state
}

// A mortal is a test that a function may die in: what says that it is dead ends the goroutine that waits, not the test.
type mortal struct {
	testing.TB
	last string
}

func (m *mortal) Fatalf(format string, args ...any) {
	m.last = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// A lambda is the function that is deployed to AWS, over a table.
type lambda struct {
	t     *testing.T
	w     *world
	table string

	mu     sync.Mutex
	f      *testserver.Function
	tb     *mortal
	killed bool
}

// built builds each function once.
var built sync.Map

func bootstrap(t *testing.T, name string) string {
	t.Helper()
	once, _ := built.LoadOrStore(name, sync.OnceValue(func() string { return testserver.BuildFunction(t, name) }))
	return once.(func() string)()
}

func newLambda(t *testing.T, w *world) program {
	t.Helper()
	return &lambda{t: t, w: w, table: testserver.StateTable(t, testserver.AWSConfig(t, testserver.DynamoDB(t)))}
}

func (l *lambda) env() []string {
	return []string{"STATE_TABLE=" + l.table, "AWS_ENDPOINT_URL_DYNAMODB=" + l.w.table.serve(l.t)}
}

func (l *lambda) envWithoutState() []string {
	return []string{"AWS_ENDPOINT_URL_DYNAMODB=http://" + closedPort(l.t)}
}

func (l *lambda) run(env []string) outcome {
	l.t.Helper()
	l.mu.Lock()
	if l.f == nil {
		l.tb, l.killed = &mortal{TB: l.t}, false
		l.f = testserver.StartFunction(l.tb, bootstrap(l.t, "watcher"), env...)
	}
	f, tb := l.f, l.tb
	l.mu.Unlock()
	var got testserver.Outcome
	var waiting sync.WaitGroup
	waiting.Go(func() { got = f.Invoke(tick, patience) })
	waiting.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.killed:
		return outcome{killed: true}
	case tb.last != "":
		l.t.Fatal(tb.last)
	case got.Error != nil:
		return outcome{code: 1, said: got.Error.Message}
	}
	return outcome{said: got.Response}
}

func (l *lambda) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.killed {
		return
	}
	l.killed = true
	if p, err := os.FindProcess(l.f.PID()); err == nil {
		p.Kill() // an error means that it has ended already
	}
}

func (l *lambda) restart() {
	if l.f != nil {
		l.f.Stop()
	}
	l.f = nil
}

func (l *lambda) twin() program { return &lambda{t: l.t, w: l.w, table: l.table} }

func (l *lambda) ledger() (restore.Ledger, error) {
	cfg := testserver.AWSConfig(l.t, testserver.DynamoDB(l.t))
	return dynamo.New(dynamodb.NewFromConfig(cfg), l.table).Load(l.t.Context(), target)
}

// A command is the program for a server of one's own, over a file. It begins anew with every run.
type command struct {
	t    *testing.T
	file string

	mu     sync.Mutex
	cmd    *exec.Cmd
	killed bool
}

func newCommand(t *testing.T, _ *world) program {
	return &command{t: t, file: filepath.Join(t.TempDir(), "state.db")}
}

func (c *command) env() []string { return []string{"STATE_FILE=" + c.file} }

func (c *command) envWithoutState() []string {
	return []string{"STATE_FILE=" + filepath.Join(c.t.TempDir(), "missing", "state.db")}
}

func (c *command) run(env []string) outcome {
	c.t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(os.Args[0], "run", "--timeout", patience.String())
	cmd.Env = append(env, commandVariable+"=1", "PATH="+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0")
	cmd.Stdout, cmd.Stderr = &said, &said
	c.mu.Lock()
	err := cmd.Start()
	c.cmd, c.killed = cmd, false
	c.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	exit, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case c.killed:
		return outcome{killed: true}
	case ended:
		return outcome{code: exit.ExitCode(), said: said.String()}
	case err != nil:
		c.t.Fatalf("run the command: %v", err)
	}
	return outcome{said: said.String()}
}

func (c *command) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killed = true
	c.cmd.Process.Kill() // an error means that it has ended already
}

func (c *command) restart() {}

func (c *command) twin() program { return &command{t: c.t, file: c.file} }

func (c *command) ledger() (restore.Ledger, error) {
	store, err := sqlite.OpenReadOnly(c.t.Context(), c.file)
	if err != nil {
		return restore.Ledger{}, err
	}
	ledger, err := store.Load(c.t.Context(), target)
	return ledger, errors.Join(err, store.Close())
}

// programs are the forms of restorewatch.
var programs = []struct {
	name string
	make func(*testing.T, *world) program
}{
	{"lambda", newLambda},
	{"command", newCommand},
}
