// Package mem keeps records in memory, for tests and for a look without a trace. What it keeps are the bytes that the
// other stores keep, so that it forgets and refuses what they do.
package mem

import (
	"context"
	"fmt"
	"sync"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

// A Store keeps ledgers for as long as the process lives. Its zero value is empty and ready for use, and safe for
// concurrent use.
type Store struct {
	mu      sync.Mutex
	records map[restore.Target]map[restore.Key]row
}

type row struct {
	version int
	body    []byte
}

var _ watch.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store { return new(Store) }

// Load implements watch.Store.
func (s *Store) Load(_ context.Context, t restore.Target) (restore.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ledger := restore.Ledger{Target: t, Records: make(map[restore.Key]restore.Record)}
	for key, stored := range s.records[t] {
		r, err := store.Decode(t, key, stored.version, stored.body)
		if err != nil {
			return restore.Ledger{}, err
		}
		ledger.Records[key] = r
	}
	return ledger, nil
}

// Save implements watch.Store.
func (s *Store) Save(_ context.Context, r restore.Record) (restore.Record, error) {
	body, err := store.Encode(r)
	if err != nil {
		return restore.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[r.Target][r.Key()].version != r.Version {
		return restore.Record{}, store.Fail(fmt.Sprintf("save %s of %s", r.Key(), r.Target), watch.ErrConflict, "")
	}
	r.Version++
	s.put(r.Target, r.Key(), row{version: r.Version, body: body})
	return r, nil
}

// Drop implements watch.Store. A record that is gone already is dropped.
func (s *Store) Drop(_ context.Context, r restore.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored, ok := s.records[r.Target][r.Key()]; ok && stored.version != r.Version {
		return store.Fail(fmt.Sprintf("drop %s of %s", r.Key(), r.Target), watch.ErrConflict, "")
	}
	delete(s.records[r.Target], r.Key())
	return nil
}

func (s *Store) put(t restore.Target, key restore.Key, stored row) {
	if s.records == nil {
		s.records = make(map[restore.Target]map[restore.Key]row)
	}
	if s.records[t] == nil {
		s.records[t] = make(map[restore.Key]row)
	}
	s.records[t][key] = stored
}
