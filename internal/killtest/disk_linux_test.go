package killtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
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
// or in a user name space. Where the machine allows neither, TestQuota and its like, which need no file system of their
// own, have to do; that is told, and no failure.
func mayMount(t *testing.T) bool {
	t.Helper()
	if os.Getenv(mountsVariable) != "" {
		return true
	}
	var refused error
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
			return false
		}
	}
	t.Logf("NOT RUN on a file system of its own: this machine lets nobody mount one: %v; TestQuota stands in", refused)
	return false
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

// TestFullDisk leaves each number of pages on a file system.
func TestFullDisk(t *testing.T) {
	if mayMount(t) {
		sweepAll(t, mount(t, "size=8m"))
	}
}

// TestNoMoreFiles leaves each number of files on one.
func TestNoMoreFiles(t *testing.T) {
	if mayMount(t) {
		sweepAll(t, &inodeLimit{*mount(t, "size=8m,nr_inodes=40")})
	}
}
