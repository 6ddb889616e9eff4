package simtest

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

// An entrance is the world as one run meets it: each call goes to the target that it is about.
type entrance struct{ *run }

func (e entrance) port(t restore.Target) ports {
	p := port{e.visits[e.placeOf(t).number]}
	if e.mutant.name != "" {
		return tampered{p, e.mutant}
	}
	return p
}

// RestoreJobs implements watch.Lister.
func (e entrance) RestoreJobs(ctx context.Context, t restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	return e.port(t).RestoreJobs(ctx, t, perPage)
}

// Load implements watch.Store.
func (e entrance) Load(ctx context.Context, t restore.Target) (restore.Ledger, error) {
	return e.port(t).Load(ctx, t)
}

// Save implements watch.Store.
func (e entrance) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	return e.port(r.Target).Save(ctx, r)
}

// Drop implements watch.Store.
func (e entrance) Drop(ctx context.Context, r restore.Record) error {
	return e.port(r.Target).Drop(ctx, r)
}

// A port is one target as one run meets it.
type port struct{ *visit }

// ports is what a watcher needs of the world.
type ports interface {
	watch.Lister
	watch.Store
}

// An outage is a target that cannot be listed.
type outage struct{ kind restore.FailureKind }

func (e outage) Error() string                    { return "the API says " + string(e.kind) }
func (e outage) FailureKind() restore.FailureKind { return e.kind }
func (e outage) Hint() string                     { return "mend " + string(e.kind) }

// RestoreJobs implements watch.Lister. Each page is of the moment at which it is asked for, so pages shift.
func (p port) RestoreJobs(ctx context.Context, _ restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		seen := make(map[restore.JobID]bool)
		size := min(perPage, p.pageSize)
		for number := 0; ; number++ {
			page, more, err := p.page(ctx, number, size)
			if err != nil {
				p.sight.listingFailed(err)
				yield(nil, err)
				return
			}
			unseen := slices.DeleteFunc(page, func(j restore.Job) bool { return seen[j.ID] })
			for _, j := range unseen {
				seen[j.ID] = true
			}
			p.sight.paged(unseen, more)
			if (len(unseen) > 0 && !yield(unseen, nil)) || !more {
				break
			}
		}
	}
}

func (p port) page(ctx context.Context, number, size int) (page []restore.Job, more bool, err error) {
	var failed error
	c := &call{what: "page", name: fmt.Sprintf("reads page %d", number+1)}
	c.apply = func() {
		if p.at.outage != "" {
			failed = outage{p.at.outage}
			return
		}
		p.seen.lists(p.visit, number)
		all := p.at.answer()
		from, to := min(number*size, len(all)), min((number+1)*size, len(all))
		page, more = slices.Clone(all[from:to]), to < len(all)
	}
	if err := p.reach(ctx, p.at, c); err != nil {
		return nil, false, err
	}
	return page, more, failed
}

// Load implements watch.Store. An answer that is held back is read in two parts, as a query of several pages is.
func (p port) Load(ctx context.Context, _ restore.Target) (restore.Ledger, error) {
	p.known = nil // whatever was remembered is given up
	known := make(map[restore.Key]*row)
	c := &call{what: "load", name: "loads the ledger"}
	var unread []restore.Key
	c.apply = func() {
		keys := slices.Sorted(maps.Keys(p.at.rows))
		half := (len(keys) + 1) / 2
		for _, key := range keys[:half] {
			known[key] = p.at.rows[key]
		}
		unread = keys[half:]
	}
	if err := p.reach(ctx, p.at, c); err != nil {
		return restore.Ledger{}, err
	}
	last := restore.Key("")
	if len(unread) > 0 {
		last = unread[0]
	}
	for key, stored := range p.at.rows {
		if last != "" && key >= last {
			known[key] = stored
		}
	}
	ledger := restore.Ledger{Target: p.at.target, Records: make(map[restore.Key]restore.Record)}
	for key, stored := range known {
		ledger.Records[key] = stored.record // nobody may edit it
	}
	p.known, p.fresh = known, true
	return ledger, nil
}

// Save implements watch.Store.
func (p port) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	body, err := store.Encode(r)
	if err != nil {
		p.violate("what was observed can be saved", "%v", err)
		return restore.Record{}, err
	}
	kind := p.sight.attempt(r)
	conflict := false
	var written *row
	write := func() { written, conflict = p.write(r, body, kind) }
	c := &call{what: "save", key: string(r.Key()), name: fmt.Sprintf("%s %s at version %d", kind, r.Key(), r.Version)}
	c.apply = write
	c.expired = func() { p.late = append(p.late, write) }
	err = p.reach(ctx, p.at, c)
	switch {
	case err == errLost || err == nil && conflict:
		err = fmt.Errorf("save %s: %w", r.Key(), watch.ErrConflict)
	case err == nil:
		p.known[r.Key()] = written
		r.Version = written.version
		return r, nil
	}
	if kind == observing {
		p.sight.unsaved = true
	}
	return restore.Record{}, err
}

// write is the store's side of a save: compare and swap.
func (p port) write(r restore.Record, body []byte, kind purpose) (written *row, conflict bool) {
	stored := p.at.rows[r.Key()]
	version := 0
	if stored != nil {
		version = stored.version
	}
	if version != r.Version && !p.mutant.versionUnchecked {
		if p.sameBytes && version == r.Version+1 && bytes.Equal(stored.body, body) {
			return stored, false
		}
		p.seen.conflicts++
		p.logf("    conflict: %s has version %d", r.Key(), version)
		return nil, true
	}
	read, err := store.Decode(p.at.target, r.Key(), version+1, body)
	if err != nil {
		p.violate("what was saved can be read", "%v", err)
		return nil, true
	}
	written = &row{version: version + 1, body: body, record: read}
	p.at.oracle.saved(p.visit, kind, stored, written)
	p.at.rows[r.Key()] = written
	return written, false
}

// Drop implements watch.Store.
func (p port) Drop(ctx context.Context, r restore.Record) error {
	p.sight.dropping(r.Key())
	conflict := false
	remove := func() { conflict = p.remove(r) }
	c := &call{what: "drop", key: string(r.Key()), name: fmt.Sprintf("drops %s at version %d", r.Key(), r.Version), apply: remove}
	c.expired = func() { p.late = append(p.late, remove) }
	err := p.reach(ctx, p.at, c)
	p.sight.undropped = p.sight.undropped || err != nil || conflict
	if err == errLost || err == nil && conflict {
		return fmt.Errorf("drop %s: %w", r.Key(), watch.ErrConflict)
	}
	if err == nil {
		delete(p.known, r.Key())
	}
	return err
}

func (p port) remove(r restore.Record) (conflict bool) {
	stored := p.at.rows[r.Key()]
	if stored == nil {
		return false
	}
	if stored.version != r.Version {
		return true
	}
	p.at.oracle.dropped(p.visit, r.Key())
	delete(p.at.rows, r.Key())
	return false
}
