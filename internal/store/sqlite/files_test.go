package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	codes "modernc.org/sqlite/lib"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/store/storetest"
)

var ours = fmt.Sprintf("PRAGMA application_id = %d", application)

func record(status restore.Status) restore.Record {
	now := time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)
	return restore.Record{Target: target, Updated: now, Memory: restore.JobMemory{Job: restore.Job{ID: "j", Status: status}, Changed: now}}
}

func status(t *testing.T, s *Store) restore.Status {
	t.Helper()
	ledger, err := s.Load(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	m, _ := ledger.Records["job/j"].Memory.(restore.JobMemory)
	return m.Job.Status
}

func mustSave(t *testing.T, s *Store, r restore.Record) restore.Record {
	t.Helper()
	saved, err := s.Save(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func TestReopenedFileHasWhatWasSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state 100%?#.db")
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	mustSave(t, s, record(restore.Finished))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not at the path that was given: %v", err)
	}
	if got := status(t, mustOpen(t, path)); got != restore.Finished {
		t.Errorf("reopened, the job is %q, want FINISHED", got)
	}
	if got := status(t, mustOpenReadOnly(t, path)); got != restore.Finished {
		t.Errorf("opened for reading, the job is %q, want FINISHED", got)
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	mustSave(t, mustOpen(t, "restorewatch.db"), record(restore.Finished))
	if got := status(t, mustOpenReadOnly(t, "restorewatch.db")); got != restore.Finished {
		t.Errorf("the job is %q, want FINISHED", got)
	}
}

func mustOpenReadOnly(t *testing.T, path string) *Store {
	t.Helper()
	s, err := OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestShowWhileLoopRuns reads in the midst of a write that has not been committed, and after it.
func TestShowWhileLoopRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	loop := mustOpen(t, path)
	saved := mustSave(t, loop, record(restore.InProgress))
	show := mustOpenReadOnly(t, path)
	tx, err := loop.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM records"); err != nil {
		t.Fatal(err)
	}
	if got := status(t, show); got != restore.InProgress {
		t.Errorf("during a write the job is %q, want IN_PROGRESS as before it", got)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	saved.Memory = record(restore.Finished).Memory
	mustSave(t, loop, saved)
	if got := status(t, show); got != restore.Finished {
		t.Errorf("after the write the job is %q, want FINISHED", got)
	}
	_, err = show.Save(t.Context(), record(restore.Broken))
	storetest.WantFailure(t, err, path, "save job/j", "not writable")
}

func TestTwoHandlesOfOneFileConflict(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	one, two := mustOpen(t, path), mustOpen(t, path)
	first := mustSave(t, one, record(restore.InProgress))
	first.Memory = record(restore.Finished).Memory
	mustSave(t, two, first)
	if _, err := one.Save(t.Context(), first); err == nil || strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want a conflict that does not blame the file", err)
	}
	if got := status(t, one); got != restore.Finished {
		t.Errorf("the job is %q, want the FINISHED of the other handle", got)
	}
}

// TestSaveIsDurable asks for what the promise rests on: that a write is on the disk when Save returns.
func TestSaveIsDurable(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := s.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v, want %s", pragma, got, err, want)
		}
	}
}

func TestNewFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "state.db"))
	mustSave(t, s, record(restore.Finished))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) < 2 {
		t.Errorf("%v, want a file and its write-ahead log", entries)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v, want 0600", e.Name(), info.Mode(), err)
		}
	}
}

func TestTargets(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"))
	if got, err := s.Targets(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("targets of an empty file are %v, %v", got, err)
	}
	var want []restore.Target
	for _, cluster := range []string{"a", "b"} {
		r := record(restore.Finished)
		r.Target.Cluster = cluster
		want = append(want, r.Target)
		mustSave(t, s, r)
		mustSave(t, s, restore.Begin(r.Target, r.Updated))
	}
	if got, err := s.Targets(t.Context()); err != nil || !slices.Equal(got, want) {
		t.Errorf("targets %v, %v, want %v", got, err, want)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, test := range map[string]struct{ path, want, hint string }{
		"no directory":    {filepath.Join(dir, "none", "state.db"), "no such file or directory", "STATE_FILE"},
		"a directory":     {dir, "is a directory", "STATE_FILE"},
		"below a file":    {filepath.Join(file("plain", "x"), "state.db"), "not a directory", "STATE_FILE"},
		"not a database":  {file("notes.txt", strings.Repeat("These are notes. ", 100)), "it is not a database", "begin anew"},
		"another's":       {database(t, "CREATE TABLE customers (name TEXT)"), "another program", "STATE_FILE"},
		"a newer version": {database(t, create, ours, "PRAGMA user_version = 2"), "schema 2", "upgrade"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), test.path)
			storetest.WantFailure(t, err, "open state file "+test.path, test.want, test.hint)
			if _, err = OpenReadOnly(t.Context(), test.path); name != "a directory" {
				storetest.WantFailure(t, err, "open state file "+test.path, test.want, test.hint)
			}
		})
	}
}

// database returns the path of a database that another program has made.
func database(t *testing.T, statements ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestFilesThatAreNotOursAreLeftAlone(t *testing.T) {
	for name, path := range map[string]string{
		"another's":       database(t, "CREATE TABLE customers (name TEXT)"),
		"a newer version": database(t, create, ours, "PRAGMA user_version = 2"),
	} {
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), path); errors.Is(err, store.ErrNewerFormat) != (name == "a newer version") {
			t.Errorf("%s: error %v", name, err)
		}
		if after, err := os.ReadFile(path); err != nil || !slices.Equal(before, after) {
			t.Errorf("%s: the file was changed, %v", name, err)
		}
	}
}

// TestNewFileOpenedByManyAtOnce is the first run of several processes.
func TestNewFileOpenedByManyAtOnce(t *testing.T) {
	for range 5 {
		path := filepath.Join(t.TempDir(), "state.db")
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				s, err := Open(t.Context(), path)
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				r := record(restore.Finished)
				r.Target.Cluster = fmt.Sprint("c", i)
				if _, err := s.Save(t.Context(), r); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got, err := mustOpen(t, path).Targets(t.Context()); err != nil || len(got) != 6 {
			t.Errorf("%d targets, %v, want one of each process", len(got), err)
		}
	}
}

func TestReadOnlyFileThatIsNotThereYet(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	_, err := OpenReadOnly(t.Context(), path)
	storetest.WantFailure(t, err, path, "no such file", "let a run make it")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want fs.ErrNotExist", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("a look made %v, %v", entries, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil { // as a run leaves it that ends at the wrong moment
		t.Fatal(err)
	}
	_, err = OpenReadOnly(t.Context(), path)
	storetest.WantFailure(t, err, path, "nothing has been recorded")
	mustSave(t, mustOpen(t, path), record(restore.Finished))
}

func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path)
	saved := mustSave(t, s, record(restore.InProgress))
	if _, err := s.db.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	big := saved
	big.Memory = record(restore.Status(strings.Repeat("x", 100_000))).Memory
	_, err := s.Save(t.Context(), big)
	storetest.WantFailure(t, err, path, "save job/j", "the disk is full", "make room in "+filepath.Dir(path))
	if got := status(t, s); got != restore.InProgress {
		t.Errorf("the job is %q, want IN_PROGRESS as before", got)
	}
}

// TestDiskThatTakesNoMore is about the codes that SQLite has for a full disk beside SQLITE_FULL: that of the file with the
// log's index, which cannot grow, and that of a write which a quota refuses.
func TestDiskThatTakesNoMore(t *testing.T) {
	for _, code := range []int{
		codes.SQLITE_FULL, codes.SQLITE_IOERR_SHMSIZE, codes.SQLITE_IOERR_SHMOPEN, codes.SQLITE_IOERR_WRITE, codes.SQLITE_IOERR_TRUNCATE,
	} {
		if what, hint := diagnoseCode(code); !strings.Contains(what, "full") || hint != makeRoom {
			t.Errorf("code %d: %q, %q, want a full disk and what to do", code, what, hint)
		}
	}
	if what, hint := diagnoseCode(codes.SQLITE_IOERR_READ); strings.Contains(what, "full") || !strings.Contains(hint, "check the disk") {
		t.Errorf("a disk that cannot be read: %q, %q", what, hint)
	}
}

// A relative path says nothing to the reader of a log.
func TestFullDiskIsNamedInFull(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s := &Store{path: "state.db"}
	storetest.WantFailure(t, s.explain("open", syscall.ENOSPC), "open state file state.db", "no space left", "make room in "+dir+" ")
}

func TestFileLockedByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	other := mustOpen(t, path)
	s, err := open(t.Context(), path, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tx, err := other.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	_, err = s.Save(t.Context(), record(restore.Finished))
	storetest.WantFailure(t, err, path, "another process keeps it locked", "end that process")
	storetest.WantFailure(t, s.Drop(t.Context(), record(restore.Finished)), path, "locked")
}

func TestContextThatIsOver(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Save(ctx, record(restore.Finished)); !errors.Is(err, context.Canceled) {
		t.Errorf("save: error %v, want context.Canceled", err)
	}
	if _, err := s.Load(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("load: error %v, want context.Canceled", err)
	}
	if got := status(t, s); got != "" {
		t.Errorf("the job is %q, want none", got)
	}
}

// SQLite tells a disk without room for one more file, a directory that is not ours and one that is gone with one code.
func TestWhyAFileBesideCannotBeMade(t *testing.T) {
	for name, test := range map[string]struct{ dir, want, hint string }{
		"nothing in the way":    {t.TempDir(), "it cannot be opened", "give this user the right"},
		"the directory is gone": {filepath.Join(t.TempDir(), "gone"), "no file can be made beside it: no such file", "make its directory"},
	} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "none", "state.db")+"?mode=rw")
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			s := &Store{path: filepath.Join(test.dir, "state.db")}
			storetest.WantFailure(t, s.explain("open", db.PingContext(t.Context())), s.path, test.want, test.hint)
			if left, err := os.ReadDir(test.dir); len(left) > 0 {
				t.Errorf("the search for the reason left %v, %v", left, err)
			}
		})
	}
}
