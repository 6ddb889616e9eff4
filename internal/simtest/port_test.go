package simtest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

var targets = []restore.Target{target}

// A port is the world as one run meets it.
type port struct{ *run }

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
		if p.outage != "" {
			failed = outage{p.outage}
			return
		}
		all := p.answer()
		from, to := min(number*size, len(all)), min((number+1)*size, len(all))
		page, more = slices.Clone(all[from:to]), to < len(all)
	}
	if err := p.reach(ctx, c); err != nil {
		return nil, false, err
	}
	return page, more, failed
}

// Load implements watch.Store. An answer that is held back is read in two parts, as a query of several pages is.
func (p port) Load(ctx context.Context, _ restore.Target) (restore.Ledger, error) {
	p.in.known = nil // whatever was remembered is given up
	known := make(map[restore.Key]*row)
	c := &call{what: "load", name: "loads the ledger"}
	var unread []restore.Key
	c.apply = func() {
		keys := slices.Sorted(maps.Keys(p.rows))
		half := (len(keys) + 1) / 2
		for _, key := range keys[:half] {
			known[key] = p.rows[key]
		}
		unread = keys[half:]
	}
	if err := p.reach(ctx, c); err != nil {
		return restore.Ledger{}, err
	}
	last := restore.Key("")
	if len(unread) > 0 {
		last = unread[0]
	}
	for key, stored := range p.rows {
		if last != "" && key >= last {
			known[key] = stored
		}
	}
	ledger := restore.Ledger{Target: target, Records: make(map[restore.Key]restore.Record)}
	for key, stored := range known {
		ledger.Records[key] = stored.record // nobody may edit it
	}
	p.in.known = known
	return ledger, nil
}

// Save implements watch.Store.
func (p port) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	body, err := store.Encode(r)
	if err != nil {
		p.violate("what was observed can be saved", "%v", err)
		return restore.Record{}, err
	}
	kind := p.sight.attempt(p.run, r)
	conflict := false
	var written *row
	write := func() { written, conflict = p.write(r, body, kind) }
	c := &call{what: "save", key: string(r.Key()), name: fmt.Sprintf("%s %s at version %d", kind, r.Key(), r.Version)}
	c.apply = write
	c.expired = func() { p.late = append(p.late, write) }
	err = p.reach(ctx, c)
	switch {
	case err == errLost || err == nil && conflict:
		err = fmt.Errorf("save %s: %w", r.Key(), watch.ErrConflict)
	case err == nil:
		p.in.known[r.Key()] = written
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
	stored := p.rows[r.Key()]
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
	read, err := store.Decode(target, r.Key(), version+1, body)
	if err != nil {
		p.violate("what was saved can be read", "%v", err)
		return nil, true
	}
	written = &row{version: version + 1, body: body, record: read}
	p.oracle.saved(p.run, kind, stored, written)
	p.rows[r.Key()] = written
	return written, false
}

// Drop implements watch.Store.
func (p port) Drop(ctx context.Context, r restore.Record) error {
	p.sight.dropping(r.Key())
	conflict := false
	remove := func() { conflict = p.remove(r) }
	c := &call{what: "drop", key: string(r.Key()), name: fmt.Sprintf("drops %s at version %d", r.Key(), r.Version), apply: remove}
	c.expired = func() { p.late = append(p.late, remove) }
	err := p.reach(ctx, c)
	p.sight.undropped = p.sight.undropped || err != nil || conflict
	if err == errLost || err == nil && conflict {
		return fmt.Errorf("drop %s: %w", r.Key(), watch.ErrConflict)
	}
	if err == nil {
		delete(p.in.known, r.Key())
	}
	return err
}

func (p port) remove(r restore.Record) (conflict bool) {
	stored := p.rows[r.Key()]
	if stored == nil {
		return false
	}
	if stored.version != r.Version {
		return true
	}
	p.oracle.dropped(p.run, r.Key())
	delete(p.rows, r.Key())
	return false
}

// An outlet is one output as one run meets it.
type outlet struct {
	*run
	name string
}

func (w *world) outputsOf(r *run) []watch.Output {
	var outputs []watch.Output
	for i := range w.outputs {
		name := fmt.Sprintf("out%d", i+1)
		outputs = append(outputs, watch.Output{Name: name, Publisher: w.mutant.publisher(r, outlet{r, name})})
	}
	return outputs
}

// Publish implements watch.Publisher: each event has a fate of its own, and once one of a subject is refused, later ones
// of that subject are not tried.
func (o outlet) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	accepted := make([]bool, len(events))
	refused := make(map[string]bool)
	var failure error
	for i, e := range events {
		if refused[e.Subject] {
			continue
		}
		deliver := func() { o.oracle.delivered(o.name, e) }
		c := &call{what: "publish", key: o.name, name: fmt.Sprintf("tells %s to %s", e.ID, o.name), apply: deliver}
		c.expired = func() { o.late = append(o.late, deliver) }
		if err := o.reach(ctx, c); err != nil {
			refused[e.Subject], failure = true, cmp.Or(failure, err)
			continue
		}
		accepted[i] = true
	}
	return accepted, failure
}
