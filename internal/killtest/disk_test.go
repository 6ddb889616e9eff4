//go:build unix

package killtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// A room is a directory that can be made to have room for so much and no more.
type room interface {
	dir() string
	// leave lets what is there grow by so much from now on. Everything is an error while nothing may grow.
	leave(t testing.TB, units int)
	// clear makes room again.
	clear(t testing.TB)
	// confine returns cmd as one that has to do with what leave left.
	confine(cmd *exec.Cmd) *exec.Cmd
}

// A fileLimit is a room in which no file may have more than so many pages (RLIMIT_FSIZE). Every Unix has it, for every user;
// to a program it looks like a quota.
type fileLimit struct {
	path  string
	pages int // -1: no limit
}

func (l *fileLimit) dir() string                   { return l.path }
func (l *fileLimit) leave(_ testing.TB, pages int) { l.pages = pages }
func (l *fileLimit) clear(testing.TB)              { l.pages = -1 }

func (l *fileLimit) confine(cmd *exec.Cmd) *exec.Cmd {
	if l.pages < 0 {
		return cmd
	}
	// POSIX: the unit of ulimit -f is 512 bytes.
	cmd.Args = append([]string{"sh", "-c", `ulimit -f "$0" && exec "$@"`, fmt.Sprint(l.pages * pageSize / 512), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	return cmd
}

// pageSize is that of SQLite, in bytes, and the least by which its files grow.
const pageSize = 4096

// A stage is what the state and the world are like when the disk gets full.
type stage struct {
	name string
	// prepare brings the station there, with all the room that it wants, and shows the oracle what that lists.
	prepare func(d *diskTest)
}

// stages are the moments at which a disk gets full. What comes in the middle of a run, of a transaction, of a write into
// the log, of a checkpoint, is a matter of how much room is left.
var stages = []stage{
	{"before the first start", func(*diskTest) {}},
	{"between two runs", func(d *diskTest) {
		d.see(d.underWay)
		d.mustRun()
	}},
	{"with the log that a kill left", func(d *diskTest) {
		d.see(d.underWay)
		d.loopAndKill()
	}},
	{"with events that wait", func(d *diskTest) {
		d.see(d.underWay)
		d.mustRun()
		d.webhook.refuse(true)
		d.see(d.over)
		d.run()
		d.webhook.refuse(false)
	}},
}

// A diskTest fills a room to each measure and looks at what the command does.
type diskTest struct {
	*station
	room           room
	random         *rand.Rand
	underWay, over []atlassim.Job
	oracle         *oracle
	stdout         []string      // events that all runs wrote
	took           time.Duration // of the last run

	full, fine, killed, repeats int
}

func newDiskTest(t *testing.T, r room) *diskTest {
	return &diskTest{station: newStation(t, r.dir(), atlassim.PageCluster), room: r, random: rand.New(rand.NewPCG(seed(t), 0x6469_736b))}
}

// see makes jobs what is listed, and owed.
func (d *diskTest) see(jobs []atlassim.Job) {
	d.sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, jobs)
	d.oracle.see(jobs, time.Now())
}

// run makes one run in the room as it is. The first one finds all jobs to be news.
func (d *diskTest) run() ending {
	d.t.Helper()
	began := time.Now()
	e := d.finish(d.room.confine(d.command(d.t.Context(), "run", "--since", "1h")), patience)
	d.took = time.Since(began)
	d.stdout = append(d.stdout, e.events()...)
	return e
}

func (d *diskTest) mustRun() ending {
	d.t.Helper()
	e := d.run()
	if e.code != 0 {
		d.t.Errorf("with room, exit code %d: %s", e.code, e.stderr)
	}
	return e
}

// loopAndKill kills a loop after its first run, which leaves a log that no checkpoint has taken in.
func (d *diskTest) loopAndKill() {
	d.t.Helper()
	p := d.startLoop(nil)
	p.await(d.t, 0, cleanRun)
	p.kill()
	d.stdout = append(d.stdout, p.events()...)
}

// killRun kills a run at a random moment, in up to the time that the one before took.
func (d *diskTest) killRun() {
	d.t.Helper()
	cmd := d.room.confine(d.command(d.t.Context(), "run", "--since", "1h"))
	e := d.finish(cmd, time.Duration(d.random.Int64N(int64(d.took))))
	d.stdout = append(d.stdout, e.events()...)
	if e.code == -1 {
		d.killed++
	}
}

// begin puts everything back to nothing.
func (d *diskTest) begin() {
	d.room.clear(d.t)
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.RemoveAll(d.state + suffix); err != nil {
			d.t.Fatal(err)
		}
	}
	d.webhook.forget()
	d.stdout = nil
	d.underWay, d.over, d.oracle = shortLife()
}

// try lets the news come when there is room for so much, and reports whether the run had enough.
func (d *diskTest) try(s stage, units int) (enough bool) {
	d.begin()
	s.prepare(d)
	d.see(d.over)
	d.room.leave(d.t, units)
	first := d.run()
	d.check(first)
	if first.code != 0 {
		d.check(d.run()) // nothing has got better
		d.killRun()
		d.wantSaved(d.all())
	}
	d.room.clear(d.t)
	d.mustRun()
	told := len(d.all())
	d.mustRun()
	if again := len(d.all()) - told; again > 0 {
		d.t.Errorf("with room, the second run told %d events once more", again)
	}
	d.wantSaved(d.all())
	d.repeats += wantTold(d.t, "webhook", d.oracle, d.webhook.all())
	d.repeats += wantTold(d.t, "stdout", d.oracle, d.stdout)
	return first.code == 0
}

// all returns what anybody was told.
func (d *diskTest) all() []string { return append(d.webhook.all(), d.stdout...) }

// check looks at how a run ended, and at what is in the file then.
func (d *diskTest) check(e ending) {
	d.t.Helper()
	d.wantSaved(d.all())
	if e.code == 0 {
		d.fine++
		return
	}
	d.full++
	if e.code != 1 {
		d.t.Errorf("exit code %d, want 1: %s", e.code, e.stderr)
	}
	d.wantExplained(e.stderr)
}

// wantExplained checks that somebody who is woken by it knows what has happened, where, and what to do.
func (d *diskTest) wantExplained(stderr string) {
	d.t.Helper()
	for _, want := range []string{"state file " + d.state, "make room in " + filepath.Dir(d.state) + " ", "nothing is lost"} {
		if !strings.Contains(stderr, want) {
			d.t.Errorf("nothing says %q: %s", want, stderr)
		}
	}
	if !strings.Contains(stderr, "full") && !strings.Contains(stderr, "no space left") {
		d.t.Errorf("nothing says that the disk is full: %s", stderr)
	}
	if strings.Contains(stderr, "goroutine") {
		d.t.Errorf("the program broke: %s", stderr)
	}
}

// sweep leaves room for nothing, one unit, two, … until runs have had enough for a while.
func (d *diskTest) sweep(t *testing.T, s stage) {
	const most, calm = 400, 8
	outer := d.t
	defer func() { d.t = outer }()
	d.t = t
	for units, enough := 0, 0; enough < calm; units++ {
		if units > most {
			t.Fatalf("room for %d is not enough", units)
		}
		if d.try(s, units) {
			enough++
		} else {
			enough = 0
		}
		if t.Failed() {
			t.Fatalf("with room for %d", units)
		}
	}
}

func sweepAll(t *testing.T, r room, stages []stage) {
	d := newDiskTest(t, r)
	for _, s := range stages {
		t.Run(s.name, func(t *testing.T) { d.sweep(t, s) })
	}
	t.Logf("%d runs that had too little room, %d of them killed, %d that had enough; %d messages repeat one", d.full, d.killed, d.fine, d.repeats)
	if d.full == 0 || d.fine == 0 {
		t.Error("the room was never too small, or never large enough")
	}
}

// TestQuota bounds the size of each file. To SQLite that is another failure than a disk without room.
func TestQuota(t *testing.T) {
	t.Parallel()
	sweepAll(t, &fileLimit{path: t.TempDir(), pages: -1}, stages[:2])
}
