package cli

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/testserver"
)

// begins is when scenarios begin in the tests.
var begins = time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)

// clockVariable holds the time for the program under test.
const clockVariable = "TEST_NOW"

// withServers runs the tests and then stops the servers that they started.
type withServers struct{ tests *testing.M }

func (w withServers) Run() int { return testserver.Main(w.tests) }

func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){"restorewatch": func() {
		a := newApp(os.Getenv, clockOf(os.Getenv), os.Stdout, os.Stderr)
		os.Exit(a.main(context.Background(), os.Args[1:]))
	}})
}

func clockOf(getenv func(string) string) func() time.Time {
	if t, err := time.Parse(time.RFC3339, getenv(clockVariable)); err == nil {
		return func() time.Time { return t }
	}
	return wallClock
}

// Each script is one topic. Beside the commands of testscript there are:
//
//	simulate SCENARIO    serve a scenario, and set the environment to watch it
//	clock OFFSET         set the time, from the scenario's beginning
//	exits CODE PROGRAM…  run a program that must exit with CODE
//	freeport             set PORT to a free one
//	serving              wait until something listens on PORT
//	remembers WORD       wait until the state holds a word
//	receivers            serve Slack and a webhook on loopback, and set the environment to post there
//	answers WHO STATUS…  let slack or webhook answer with a status, and a word, from now on
//	received WHO N TEXT… check that slack or webhook has taken N posts since the last check, the last with each TEXT
//	reported DB FILE SUM make a state file in which the API has reported a hash
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TZ", "UTC")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // of the programs started, else each takes a second to end
			e.Setenv(clockVariable, begins.Format(time.RFC3339))
			e.Values[clockVariable] = new(atomic.Int64)
			e.Values[receiversValue] = newReceivers()
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"simulate":  simulate,
			"clock":     setClock,
			"exits":     exits,
			"freeport":  freePort,
			"serving":   serving,
			"reported":  saveHash,
			"remembers": remembers,
			"receivers": startReceivers,
			"answers":   setAnswer,
			"received":  checkReceived,
		},
	})
}

// simulate serves a scenario on a free port until the script ends.
func simulate(ts *testscript.TestScript, _ bool, args []string) {
	offset := ts.Value(clockVariable).(*atomic.Int64)
	sim := &atlassim.Server{NonceLife: 1000 * time.Hour, Now: func() time.Time {
		return begins.Add(time.Duration(offset.Load()))
	}}
	scenario, err := atlassim.Bundled(args[0])
	if err != nil {
		f, ferr := os.Open(ts.MkAbs(args[0]))
		ts.Check(ferr)
		defer f.Close()
		scenario, err = atlassim.ParseScenario(f)
	}
	ts.Check(err)
	sim.Play(scenario, begins, 1)
	server := httptest.NewServer(sim)
	ts.Defer(server.Close)
	ts.Setenv("ATLAS_BASE_URL", server.URL)
	ts.Setenv("ATLAS_PUBLIC_KEY", atlassim.DefaultPublicKey)
	ts.Setenv("ATLAS_PRIVATE_KEY", atlassim.DefaultPrivateKey)
	ts.Setenv("WATCH", strings.Join(targetsOf(scenario, begins), " "))
}

func setClock(ts *testscript.TestScript, _ bool, args []string) {
	offset, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Value(clockVariable).(*atomic.Int64).Store(int64(offset))
	ts.Setenv(clockVariable, begins.Add(offset).Format(time.RFC3339))
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		code = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if want, _ := strconv.Atoi(args[0]); code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// freePort sets PORT to a port that was free a moment ago.
func freePort(ts *testscript.TestScript, _ bool, _ []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv("PORT", port)
}

// serving waits until something listens on PORT.
func serving(ts *testscript.TestScript, _ bool, _ []string) {
	for range 1000 {
		conn, err := net.Dial("tcp", "127.0.0.1:"+ts.Getenv("PORT"))
		if err == nil {
			ts.Check(conn.Close())
			return
		}
		time.Sleep(10 * time.Millisecond) // another process starts: there is nothing to wait on but its port
	}
	ts.Fatalf("nothing listens on port %s", ts.Getenv("PORT"))
}

// saveHash writes a state file in which the API has reported a hash for a file: "reported STATE NAME SUM…", where each
// SUM is told after the one before.
func saveHash(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	target := restore.Target{Source: restore.Legacy, Project: atlassim.PageProject, Cluster: atlassim.PageCluster}
	file, err := sqlite.Open(ctx, ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	memory := restore.JobMemory{Job: restore.Job{ID: "5a66783b80eef5354c77ee16", ClusterName: "Cluster0"}}
	for _, sum := range args[2:] {
		algorithm := "SHA1"
		if name, rest, ok := strings.Cut(sum, ":"); ok {
			algorithm, sum = name, rest
		}
		memory.Told = append(memory.Told, restore.Told{
			Hash: restore.Hash{File: args[1], Algorithm: algorithm, Sum: sum}, Times: 1,
		})
	}
	for _, r := range []restore.Record{restore.Begin(target, begins), {Target: target, Memory: memory, Updated: begins}} {
		_, err := file.Save(ctx, r)
		ts.Check(err)
	}
}

// remembers waits until the JSON of show holds a word: a loop in the background has got so far.
func remembers(ts *testscript.TestScript, _ bool, args []string) {
	shown := new(strings.Builder)
	for range 1000 {
		shown.Reset()
		newApp(ts.Getenv, wallClock, shown, shown).main(context.Background(), []string{"show", "--json", "--state-file", ts.MkAbs("restorewatch.db")})
		if strings.Contains(shown.String(), args[0]) {
			return
		}
		time.Sleep(10 * time.Millisecond) // another process works: there is nothing to wait on but its file
	}
	ts.Fatalf("%q is never remembered: %s", args[0], shown)
}
