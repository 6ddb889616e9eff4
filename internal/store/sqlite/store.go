package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

// A Store keeps ledgers in a file. It is safe for concurrent use, and so is its file for several processes.
type Store struct {
	path string
	db   *sql.DB
}

var _ watch.Store = (*Store)(nil)

// Load implements watch.Store.
func (s *Store) Load(ctx context.Context, t restore.Target) (restore.Ledger, error) {
	doing := "load " + t.String()
	rows, err := s.db.QueryContext(ctx, "SELECT record, version, body FROM records WHERE target = ?", t.String())
	if err != nil {
		return restore.Ledger{}, s.explain(doing, err)
	}
	defer rows.Close()
	ledger := restore.Ledger{Target: t, Records: make(map[restore.Key]restore.Record)}
	for rows.Next() {
		var key restore.Key
		var version int
		var body []byte
		if err := rows.Scan(&key, &version, &body); err != nil {
			return restore.Ledger{}, s.explain(doing, err)
		}
		r, err := store.Decode(t, key, version, body)
		if err != nil {
			return restore.Ledger{}, s.explain(doing, err)
		}
		ledger.Records[key] = r
	}
	if err := rows.Err(); err != nil {
		return restore.Ledger{}, s.explain(doing, err)
	}
	return ledger, nil
}

// Save implements watch.Store.
func (s *Store) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	body, err := store.Encode(r)
	if err != nil {
		return restore.Record{}, err
	}
	updated := r.Updated.UTC().Format(time.RFC3339)
	doing := fmt.Sprintf("save %s of %s", r.Key(), r.Target)
	if r.Version == 0 {
		err = s.write(ctx, `INSERT INTO records (target, record, version, body, updated) VALUES (?, ?, 1, ?, ?) ON CONFLICT DO NOTHING`,
			r.Target.String(), r.Key(), string(body), updated)
	} else {
		err = s.write(ctx, `UPDATE records SET version = version + 1, body = ?, updated = ? WHERE target = ? AND record = ? AND version = ?`,
			string(body), updated, r.Target.String(), r.Key(), r.Version)
	}
	if err != nil {
		return restore.Record{}, s.explain(doing, err)
	}
	r.Version++
	return r, nil
}

// Drop implements watch.Store. A record that is gone already is dropped.
func (s *Store) Drop(ctx context.Context, r restore.Record) error {
	doing := fmt.Sprintf("drop %s of %s", r.Key(), r.Target)
	err := s.write(ctx, `DELETE FROM records WHERE target = ? AND record = ? AND version = ?`, r.Target.String(), r.Key(), r.Version)
	if !errors.Is(err, watch.ErrConflict) {
		return s.explain(doing, err)
	}
	found := 0
	gone := s.db.QueryRowContext(ctx, `SELECT 1 FROM records WHERE target = ? AND record = ?`, r.Target.String(), r.Key()).Scan(&found)
	if errors.Is(gone, sql.ErrNoRows) {
		return nil
	}
	return s.explain(doing, errors.Join(err, gone))
}

// write runs a statement that changes one row, or none: then it returns watch.ErrConflict.
func (s *Store) write(ctx context.Context, statement string, arguments ...any) error {
	result, err := s.db.ExecContext(ctx, statement, arguments...)
	if err != nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		return watch.ErrConflict
	}
	return err
}

// Targets returns every target that has a record, in the order of their names.
func (s *Store) Targets(ctx context.Context) ([]restore.Target, error) {
	const doing = "list the targets"
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT target FROM records ORDER BY target")
	if err != nil {
		return nil, s.explain(doing, err)
	}
	defer rows.Close()
	var targets []restore.Target
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, s.explain(doing, err)
		}
		t, err := restore.ParseTarget(name)
		if err != nil {
			return nil, s.explain(doing, err)
		}
		targets = append(targets, t)
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(doing, err)
	}
	return targets, nil
}
