package killtest

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/testserver"
)

// programVariable names the built command to a test binary that was started by another one.
const programVariable = "KILLTEST_PROGRAM"

// program builds the command once, or takes what an outer test binary has built.
func program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(programVariable); path != "" {
		return path
	}
	programOnce.Do(func() { programPath = testserver.BuildCommand(t, "restorewatch") })
	if programPath == "" {
		t.Fatal("the command could not be built")
	}
	return programPath
}

var (
	programOnce sync.Once
	programPath string
)

// A station is the command with what it needs: an API to watch, a webhook to tell, and a place for its state.
type station struct {
	t       testing.TB
	program string
	sim     *atlassim.Server
	webhook *receiver
	targets []restore.Target
	state   string // path of the file
	apiURL  string
	hookURL string
	env     []string
}

// newStation serves an API and a webhook until the test ends. The state is put into dir.
func newStation(t testing.TB, dir string, clusters ...string) *station {
	t.Helper()
	s := &station{
		t: t, program: program(t), sim: new(atlassim.Server), webhook: new(receiver), state: filepath.Join(dir, "state.db"),
	}
	for _, cluster := range clusters {
		s.targets = append(s.targets, restore.Target{Source: restore.Legacy, Project: atlassim.PageProject, Cluster: cluster})
	}
	api, hook := httptest.NewServer(s.sim), httptest.NewServer(s.webhook)
	t.Cleanup(api.Close)
	t.Cleanup(hook.Close)
	s.apiURL, s.hookURL = api.URL, hook.URL
	s.connect(s.apiURL, s.hookURL)
	return s
}

// connect says where the command finds the API and the webhook, and nothing else of this machine.
func (s *station) connect(api, webhook string) {
	var watched []string
	for _, t := range s.targets {
		watched = append(watched, t.String())
	}
	s.env = []string{
		"WATCH=" + strings.Join(watched, ","), "STATE_FILE=" + s.state, "ATLAS_BASE_URL=" + api,
		"ATLAS_PUBLIC_KEY=" + atlassim.DefaultPublicKey, "ATLAS_PRIVATE_KEY=" + atlassim.DefaultPrivateKey,
		"WEBHOOK_URL=" + webhook + "/hook", "WEBHOOK_SECRET=secret", "TZ=UTC", "PATH=" + os.Getenv("PATH"),
		// How many passes in a row fail is chance: what it would make news is not to happen.
		"UNREACHABLE_AFTER=1000000",
	}
}

// command returns the command, not yet started. It ends with the test.
func (s *station) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = s.env
	return cmd
}

// An ending is how a process ended.
type ending struct {
	code           int // -1 if it was killed
	stdout, stderr string
}

// finish runs a command, and kills it when it takes longer than that.
func (s *station) finish(cmd *exec.Cmd, within time.Duration) ending {
	s.t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	end := time.AfterFunc(within, func() { cmd.Process.Kill() })
	defer end.Stop()
	cmd.Wait() // how it ended is in its state
	return ending{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// events returns the lines of stdout that are events. One that was cut short by a kill or a full disk is none.
func (e ending) events() []string {
	var events []string
	for line := range strings.Lines(e.stdout) {
		if strings.HasPrefix(line, `{"specversion"`) && json.Valid([]byte(line)) {
			events = append(events, strings.TrimSuffix(line, "\n"))
		}
	}
	return events
}

// A receiver is a webhook that takes everything, or nothing.
type receiver struct {
	mu    sync.Mutex
	down  bool
	taken []string // bodies as they came
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return // the sender was killed in the middle of it
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		w.WriteHeader(http.StatusBadRequest) // which is not asked again
		return
	}
	r.taken = append(r.taken, string(body))
}

func (r *receiver) refuse(all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = all
}

// all returns what was taken so far.
func (r *receiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// forget begins anew.
func (r *receiver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken, r.down = nil, false
}

// saved looks into a copy of the state, as it is on the disk at this moment, log included: whether SQLite finds it whole,
// and how many events of each subject it knows of. There must be no writer.
func (s *station) saved() map[string]int {
	s.t.Helper()
	if _, err := os.Stat(s.state); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	path := filepath.Join(s.t.TempDir(), "copy.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(s.state + suffix)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path+suffix, content, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.wantWhole(path)
	store, err := sqlite.OpenReadOnly(s.t.Context(), path)
	if err != nil && strings.Contains(err.Error(), "nothing has been recorded") {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer store.Close()
	sequences := make(map[string]int)
	for _, target := range s.targets {
		ledger, err := store.Load(s.t.Context(), target)
		if err != nil {
			s.t.Fatal(err)
		}
		for key, r := range ledger.Records {
			_, subject, _ := strings.Cut(string(key), "/")
			sequences[subject] = r.Sequence
		}
	}
	return sequences
}

// wantWhole lets SQLite look at every page of a database.
func (s *station) wantWhole(path string) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	var found string
	if err := db.QueryRowContext(s.t.Context(), "PRAGMA integrity_check").Scan(&found); err != nil || found != "ok" {
		s.t.Errorf("the state is damaged: %s, %v", found, err)
	}
}

// wantSaved checks that nothing was told that a crash right now would make forgotten.
func (s *station) wantSaved(messages []string) {
	s.t.Helper()
	sequences := s.saved()
	for _, text := range messages {
		var e told
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			s.t.Errorf("a message is no event: %v: %s", err, text)
			continue
		}
		if known := fmt.Sprintf("%010d", sequences[e.Subject]); e.Sequence > known {
			s.t.Errorf("%s, event %s of its subject, was told; the state knows only of %s", e.ID, e.Sequence, known)
		}
	}
}

// wantTold compares what a subscriber got with what is owed, and returns how many messages were repeats.
func wantTold(t testing.TB, subscriber string, o *oracle, messages []string) (duplicates int) {
	t.Helper()
	v := o.judge(messages)
	for _, wrong := range v.wrong {
		t.Errorf("%s: %s", subscriber, wrong)
	}
	if v.told == 0 {
		t.Errorf("%s was told nothing", subscriber)
	}
	return v.duplicates
}

// shortLife returns the jobs of two states of a cluster, under way and then over in each way, and an oracle that has seen
// neither. No clock makes news of them while a test runs.
func shortLife() (underWay, over []atlassim.Job, o *oracle) {
	created := time.Now().UTC().Truncate(time.Second).Add(-30 * time.Minute)
	for i, end := range []struct{ status, delivery, batch string }{
		{"FINISHED", "READY", "b"}, {"FINISHED", "READY", "b"}, {"FINISHED", "READY", "b"},
		{"BROKEN", "FAILED", ""}, {"KILLED", "FAILED", ""}, {"FINISHED", "EXPIRED", ""},
	} {
		j := atlassim.Job{
			ID: atlassim.ObjectID(created, fmt.Sprint("job", i)), Created: created, ClusterName: atlassim.PageCluster,
			GroupID: atlassim.PageProject, ClusterID: atlassim.ObjectID(created, fmt.Sprint("part", i)), StatusName: "IN_PROGRESS",
			SnapshotID: atlassim.ObjectID(created, "snapshot"),
			Delivery:   atlassim.Delivery{MethodName: "HTTP", StatusName: "NOT_STARTED", ExpirationHours: 2400, MaxDownloads: 1},
		}
		if end.batch != "" {
			j.BatchID = atlassim.ObjectID(created, end.batch)
		}
		underWay = append(underWay, j)
		j.StatusName, j.Delivery.StatusName = end.status, end.delivery
		if j.StatusName == "FINISHED" {
			j.Delivery.Expires = created.Add(2400 * time.Hour)
			j.Hashes = []atlassim.Hash{{FileName: fmt.Sprintf("part-%d.tar.gz", i), Hash: strings.Repeat(fmt.Sprint(i), 40), TypeName: "SHA1"}}
		}
		over = append(over, j)
	}
	return underWay, over, newOracle(created.Add(-30 * time.Minute))
}
