package killtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// A fileSystem is a room that is a file system of its own, of which a file takes up all but what leave leaves.
type fileSystem struct{ path string }

func (f *fileSystem) dir() string                     { return filepath.Join(f.path, "state") }
func (f *fileSystem) ballast() string                 { return filepath.Join(f.path, "ballast") }
func (f *fileSystem) confine(cmd *exec.Cmd) *exec.Cmd { return cmd }

// leave leaves pages of the machine's memory, which is what a tmpfs is made of.
func (f *fileSystem) leave(t testing.TB, pages int) {
	t.Helper()
	var left syscall.Statfs_t
	if err := syscall.Statfs(f.path, &left); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(f.ballast())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Fallocate(int(file.Fd()), 0, 0, (int64(left.Bfree)-int64(pages))*left.Bsize); err != nil {
		t.Fatal(err)
	}
}

func (f *fileSystem) clear(t testing.TB) {
	t.Helper()
	if err := os.Remove(f.ballast()); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}

// An inodeLimit is a fileSystem that runs out of files instead of pages: df shows much room, and nothing can be made.
type inodeLimit struct{ fileSystem }

func (l *inodeLimit) leave(t testing.TB, files int) {
	t.Helper()
	var left syscall.Statfs_t
	if err := syscall.Statfs(l.path, &left); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(l.ballast(), 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range int(left.Ffree) - files - 1 {
		if err := os.WriteFile(filepath.Join(l.ballast(), strconv.Itoa(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *inodeLimit) clear(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(l.ballast()); err != nil {
		t.Fatal(err)
	}
}

// mount makes a file system of some bytes and files, which only this process and its children see.
func mount(t testing.TB, options string) *fileSystem {
	t.Helper()
	f := &fileSystem{t.TempDir()}
	if err := syscall.Mount("tmpfs", f.path, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(f.path, syscall.MNT_DETACH) })
	if err := os.Mkdir(f.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

// mountsVariable tells a test binary that it may mount: it was started in name spaces of its own.
const mountsVariable = "KILLTEST_MOUNTS"

// mayMount reports whether this process has a mount name space of its own. If not, it runs the test again in one, as root
// or in a user name space; refused says why the machine allows neither.
func mayMount(t *testing.T) (may bool, refused error) {
	t.Helper()
	if os.Getenv(mountsVariable) != "" {
		return true, nil
	}
	for _, spaces := range []*syscall.SysProcAttr{
		{Cloneflags: syscall.CLONE_NEWNS},
		{
			Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	} {
		if refused = canMount(t, spaces); refused == nil {
			again(t, spaces)
			return false, nil
		}
	}
	t.Logf("this machine lets nobody mount a file system: %v; where files can be bounded, that stands in", refused)
	return false, refused
}

// canMount tries, with a program that does nothing but mount.
func canMount(t *testing.T, spaces *syscall.SysProcAttr) error {
	cmd := exec.Command("mount", "-t", "tmpfs", "tmpfs", t.TempDir())
	cmd.SysProcAttr = spaces
	return cmd.Run()
}

// again runs the test in a process of its own.
func again(t *testing.T, spaces *syscall.SysProcAttr) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v",
		"-seed", strconv.FormatUint(*seedFlag, 10), "-kills", strconv.Itoa(*killsFlag))
	cmd.Env = append(os.Environ(), mountsVariable+"=1", programVariable+"="+program(t))
	cmd.SysProcAttr = spaces
	output, err := cmd.CombinedOutput()
	t.Logf("in name spaces of its own:\n%s", output)
	if err != nil {
		t.Error(err)
	}
}

// TestFullDisk leaves each number of pages on a file system, or in each file where no file system can be had.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	switch may, refused := mayMount(t); {
	case may:
		sweepAll(t, mount(t, "size=8m"), stages)
	case refused != nil:
		sweepAll(t, &fileLimit{path: t.TempDir(), pages: -1}, stages)
	}
}

// TestNoMoreFiles leaves each number of files on one.
func TestNoMoreFiles(t *testing.T) {
	t.Parallel()
	if may, _ := mayMount(t); may {
		sweepAll(t, &inodeLimit{*mount(t, "size=8m,nr_inodes=40")}, stages)
	}
}

// TestLoopOnFullDisk fills the disk again and again under a loop, and under the file to which it appends its events. It is
// killed and started again while the disk is full, too.
func TestLoopOnFullDisk(t *testing.T) {
	t.Parallel()
	if may, _ := mayMount(t); may {
		f := newFlood(t)
		for i, pages := range []int{0, 1, 3, 2, 5, 8} {
			f.cycle(pages, i%3 == 1)
		}
		f.end()
	}
}

// A flood is a loop on a disk that gets full and has room again.
type flood struct {
	*diskTest
	loop    *process
	out     *os.File // on the same disk
	jobs    []atlassim.Job
	refused int // times that something could not be saved or told
}

func newFlood(t *testing.T) *flood {
	f := &flood{diskTest: newDiskTest(t, mount(t, "size=8m"))}
	f.begin()
	out, err := os.OpenFile(filepath.Join(f.room.dir(), "events.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	f.out = out
	f.see(nil)
	f.loop = f.startLoop(out)
	f.loop.await(t, 0, cleanRun)
	return f
}

// cycle lets jobs come and end while the disk has room for so many pages more, and then makes room.
func (f *flood) cycle(pages int, kill bool) {
	f.t.Helper()
	f.room.leave(f.t, pages)
	f.come()
	said := f.loop.stderr.String()
	f.nextRun(anyRun)
	f.look(strings.TrimPrefix(f.loop.stderr.String(), said))
	if kill {
		f.restart()
	}
	f.room.clear(f.t)
	f.nextRun(idleRun)
}

// come lets some jobs come that are over when they are first seen.
func (f *flood) come() {
	_, over, _ := shortLife()
	for i := range over {
		over[i].ID, over[i].BatchID = atlassim.ObjectID(over[i].Created, strconv.Itoa(len(f.jobs)+i)), ""
	}
	f.jobs = append(f.jobs, over...)
	f.see(f.jobs)
}

// nextRun waits for a run that has certainly begun after now: the next one may be under way.
func (f *flood) nextRun(wanted func(string) bool) {
	f.t.Helper()
	said, _ := f.loop.stderr.since(0)
	f.loop.await(f.t, f.loop.await(f.t, len(said), anyRun), wanted)
}

// look checks what a loop says of a disk that is full, if it is.
func (f *flood) look(said string) {
	f.t.Helper()
	if !strings.Contains(said, "FAILED") {
		return
	}
	f.refused++
	for _, want := range []string{"nothing is lost", "make room in " + f.room.dir() + " ", "the events come again"} {
		if strings.Contains(said, want) {
			return
		}
	}
	f.t.Errorf("nothing says what to do: %s", said)
}

// restart kills the loop and starts one while the disk is full, which either says so and ends, or goes on.
func (f *flood) restart() {
	f.t.Helper()
	f.loop.kill()
	f.wantSaved(append(f.webhook.all(), f.lines()...))
	tried := f.startLoop(f.out)
	select {
	case <-tried.gone:
		f.wantExplained(tried.stderr.String())
	case <-time.After(2 * time.Second):
		f.look(tried.stderr.String())
		tried.kill()
	}
	f.wantSaved(append(f.webhook.all(), f.lines()...))
	f.room.clear(f.t)
	f.loop = f.startLoop(f.out)
}

// lines returns the events in the file, but for a last line that has no end.
func (f *flood) lines() []string {
	f.t.Helper()
	content, err := os.ReadFile(f.out.Name())
	if err != nil {
		f.t.Fatal(err)
	}
	return ending{stdout: string(content)}.events()
}

// end ends the loop as a person does, and compares what was told with what is owed.
func (f *flood) end() {
	f.t.Helper()
	if err := f.loop.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		f.t.Fatal(err)
	}
	<-f.loop.gone
	if code := f.loop.cmd.ProcessState.ExitCode(); code != 0 {
		f.t.Errorf("exit code %d after SIGTERM, want 0: %s", code, &f.loop.stderr)
	}
	f.saved()
	webhook, stdout := f.webhook.all(), f.lines()
	again := []int{wantTold(f.t, "webhook", f.oracle, webhook), wantTold(f.t, "stdout", f.oracle, stdout)}
	f.t.Logf("the disk was seen to be full %d times; %d events owed; the webhook got %d messages, %d of them repeats, stdout %d, %d repeats",
		f.refused, sum(f.oracle.count), len(webhook), again[0], len(stdout), again[1])
	if f.refused == 0 {
		f.t.Error("the disk was never full")
	}
}
