package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"restorewatch/internal/store"
)

// schema is the number of the table's form, kept in the file as user_version. The documents have a number of their own.
const schema = 1

// application marks the file as ours (application_id): "rwch".
const application = 0x72776368

// create makes the table. Without rowid, the rows of one target lie together.
const create = `
CREATE TABLE records (
	target  TEXT NOT NULL,
	record  TEXT NOT NULL,
	version INTEGER NOT NULL,
	body    TEXT NOT NULL,
	updated TEXT NOT NULL,
	PRIMARY KEY (target, record)
) WITHOUT ROWID, STRICT`

// patience is how long a write waits for another process that is writing.
const patience = 5 * time.Second

// Open opens the state file at path for reading and writing. A file that does not exist is made, readable for its owner
// alone; its directory must exist. The error names the file and says what is wrong with it.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, patience)
}

func open(ctx context.Context, path string, patience time.Duration) (*Store, error) {
	s := &Store{path: path}
	// SQLite would make the file readable for everybody, and tells less when it cannot.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the configuration names the file
	if err != nil {
		return nil, s.explain("open", err)
	}
	if err := file.Close(); err != nil {
		return nil, s.explain("open", err)
	}
	if err := s.connect("rw", busy(patience), "_pragma=synchronous(full)"); err != nil {
		return nil, s.explain("open", err)
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.explain("open", err), s.db.Close())
	}
	return s, nil
}

// OpenReadOnly opens the state file at path for reading, also while another process writes to it. A file that does not
// exist is an error that is fs.ErrNotExist.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	s := &Store{path: path}
	if _, err := os.Stat(path); err != nil {
		return nil, s.explain("open", err)
	}
	if err := s.connect("ro", busy(patience)); err != nil {
		return nil, s.explain("open", err)
	}
	if err := check(ctx, s.db); err != nil {
		return nil, errors.Join(s.explain("open", err), s.db.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return s.explain("close", err)
	}
	return nil
}

func busy(patience time.Duration) string {
	return fmt.Sprintf("_pragma=busy_timeout(%d)", patience.Milliseconds())
}

// connect opens the database in a mode ("rw", "ro"). One connection is enough: writes take turns anyway.
func (s *Store) connect(mode string, options ...string) error {
	options = append(options, "mode="+mode, "_txlock=immediate")
	// A path with a question mark or a percent sign is a path all the same.
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: s.path}).EscapedPath(), RawQuery: strings.Join(options, "&")}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	s.db = db
	return nil
}

// prepare makes a new file ours and checks the form of an old one, which it leaves alone if that is not ours to write.
// The write-ahead mode is kept in the file. The table is made in one transaction: two processes may open a new file at
// once, and one that ends half-way leaves a new file.
func (s *Store) prepare(ctx context.Context) error {
	if err := check(ctx, s.db); err != nil && !errors.Is(err, errEmpty) {
		return err
	}
	if _, err := s.db.ExecContext(ctx, "PRAGMA journal_mode = wal"); err != nil {
		return err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := check(ctx, tx); !errors.Is(err, errEmpty) {
		return err
	}
	for _, statement := range []string{
		create,
		fmt.Sprintf("PRAGMA user_version = %d", schema),
		fmt.Sprintf("PRAGMA application_id = %d", application),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// A querier is a database or a transaction.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// check refuses a file that is still empty, of another program, or of a newer version of this one.
func check(ctx context.Context, db querier) error {
	var id, version, tables int
	err := db.QueryRowContext(ctx, `SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
		FROM pragma_application_id, pragma_user_version`).Scan(&id, &version, &tables)
	switch {
	case err != nil:
		return err
	case tables == 0:
		return errEmpty
	case id != application:
		return errForeign
	case version > schema:
		return fmt.Errorf("%w: it has schema %d, this one knows schemas up to %d", store.ErrNewerFormat, version, schema)
	}
	return nil
}
