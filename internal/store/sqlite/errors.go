package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

var (
	errEmpty   = errors.New("nothing has been recorded in it yet")
	errForeign = errors.New("it is the database of another program")
)

// makeRoom stands behind the name of the directory.
const makeRoom = " (df and df -i show what is free, quota what a user may have): nothing is lost, the next run tries again"

const permission = "give this user the right to write it and its directory, or set STATE_FILE to another place"

// explain returns err as a failure of the state that names the file and says what to do, or nil if err is.
func (s *Store) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, watch.ErrConflict) { // nothing is wrong with the file
		return store.Fail(doing, err, "")
	}
	if doing == "open" || doing == "close" {
		doing += " state file " + s.path
	} else {
		doing = fmt.Sprintf("state file %s: %s", s.path, doing)
	}
	if refused, ok := errors.AsType[*fs.PathError](err); ok { // the path has been said
		err = refused.Err
	}
	if why := s.obstacle(err); why != nil {
		err = why
	}
	what, hint := diagnose(err)
	if hint == makeRoom {
		hint = "make room in " + s.directory() + hint
	}
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return store.Fail(doing, err, hint)
}

// obstacle finds out why SQLite could not open a file that it keeps beside ours, which it does not tell: by making one.
func (s *Store) obstacle(err error) error {
	failure, ok := errors.AsType[*driver.Error](err)
	if !ok || failure.Code()&0xff != codes.SQLITE_CANTOPEN {
		return nil
	}
	file, err := os.CreateTemp(s.directory(), "restorewatch-")
	if refused, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("no file can be made beside it: %w", refused.Err)
	}
	if err == nil {
		file.Close()
		_ = os.Remove(file.Name()) // it is empty, and nothing is to be done if it stays
	}
	return nil
}

// directory is where the file lies, spelt out: whoever reads a log does not know where the program was started.
func (s *Store) directory() string {
	dir := filepath.Dir(s.path)
	if whole, err := filepath.Abs(dir); err == nil {
		return whole
	}
	return dir
}

// diagnose says in plain words what is wrong and what to do, or "" where err says it itself.
func diagnose(err error) (what, hint string) {
	switch {
	case errors.Is(err, errForeign):
		return "", "set STATE_FILE to a file of its own"
	case errors.Is(err, store.ErrNewerFormat):
		return "", "upgrade restorewatch here to the version that wrote it"
	case errors.Is(err, syscall.EISDIR):
		return "", "set STATE_FILE to a file in it"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "", "make its directory, set STATE_FILE to where it is, or let a run make it"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "not writable", permission
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "", makeRoom
	}
	if failure, ok := errors.AsType[*driver.Error](err); ok {
		return diagnoseCode(failure.Code())
	}
	return "", ""
}

// diagnoseCode explains a result code (sqlite.org/rescode.html). The low byte is the class; the rest refines it: a file
// beside the database that cannot grow is an I/O error to SQLite, and so is any write that a quota refuses.
func diagnoseCode(code int) (what, hint string) {
	switch code {
	case codes.SQLITE_IOERR_SHMSIZE, codes.SQLITE_IOERR_SHMOPEN, codes.SQLITE_IOERR_WRITE, codes.SQLITE_IOERR_TRUNCATE:
		return "the disk takes no more: it is full, a quota is used up, or it is broken", makeRoom
	}
	switch code & 0xff {
	case codes.SQLITE_READONLY, codes.SQLITE_PERM:
		return "not writable", permission
	case codes.SQLITE_CANTOPEN:
		return "it cannot be opened", permission
	case codes.SQLITE_FULL:
		return "the disk is full", makeRoom
	case codes.SQLITE_NOTADB:
		return "it is not a database", "set STATE_FILE to another file, or delete this one to begin anew"
	case codes.SQLITE_CORRUPT:
		return "it is damaged", "put it back from a backup, or delete it to begin anew"
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return "another process keeps it locked", "end that process, or wait: the next run tries again"
	case codes.SQLITE_IOERR:
		return "the disk does not answer", "check the disk: nothing is lost, the next run tries again"
	}
	return "", ""
}
