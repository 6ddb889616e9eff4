package simtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A mutant is a deliberate fault of the protocol, put between a watcher and its world. The zero value has none.
type mutant struct {
	name             string
	versionUnchecked bool
	load             func(p port, l restore.Ledger, err error) (restore.Ledger, error)
	save             func(p port, ctx context.Context, r restore.Record) (restore.Record, error)
	page             func(r *run, n int, jobs []restore.Job, err error) (_ []restore.Job, more bool, _ error)
	publish          func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error)
	batch            func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error)
	after            func(r *run)
}

// tampered is the world as a run of a mutant meets it.
type tampered struct {
	port
	by mutant
}

func (t tampered) Load(ctx context.Context, target restore.Target) (restore.Ledger, error) {
	ledger, err := t.port.Load(ctx, target)
	if t.by.load != nil {
		return t.by.load(t.port, ledger, err)
	}
	return ledger, err
}

func (t tampered) Save(ctx context.Context, r restore.Record) (restore.Record, error) {
	if t.by.save != nil {
		return t.by.save(t.port, ctx, r)
	}
	return t.port.Save(ctx, r)
}

func (t tampered) RestoreJobs(ctx context.Context, target restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	pages := t.port.RestoreJobs(ctx, target, perPage)
	if t.by.page == nil {
		return pages
	}
	return func(yield func([]restore.Job, error) bool) {
		n := 0
		for jobs, err := range pages {
			n++
			jobs, more, err := t.by.page(t.run, n, jobs, err)
			if (len(jobs) > 0 || err != nil) && !yield(jobs, err) || !more {
				return
			}
		}
	}
}

// A tamperer is an output as a run of a mutant meets it.
type tamperer struct{ outlet }

func (m mutant) publisher(_ *run, o outlet) watch.Publisher {
	if m.publish == nil {
		return o
	}
	return tamperer{o}
}

func (t tamperer) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	return t.mutant.publish(t.outlet, ctx, events)
}

// A mistaken is a topic as the publisher of a mutant meets it.
type mistaken struct{ topic }

func (m mistaken) PublishBatch(ctx context.Context, in *awssns.PublishBatchInput, _ ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	return m.mutant.batch(m.topic, ctx, in)
}

// storing returns a mutant that spoils what is stored of jobs.
func storing(name string, spoil func(*restore.Record, *restore.JobMemory)) mutant {
	return mutant{name: name, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.JobMemory); ok {
			spoil(&r, &m)
			r.Memory = m
		}
		return p.Save(ctx, r)
	}}
}

func everything(n int) []bool { return slices.Repeat([]bool{true}, n) }

var mutants = []mutant{
	{name: "version not checked", versionUnchecked: true},
	{name: "conflict taken for success", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if errors.Is(err, watch.ErrConflict) {
			r.Version++
			return r, nil
		}
		return saved, err
	}},
	{name: "failed save taken for success", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if err != nil && !errors.Is(err, watch.ErrConflict) {
			r.Version++
			return r, nil
		}
		return saved, err
	}},
	{name: "the loser of a conflict writes over the winner", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if stored := p.at.rows[r.Key()]; errors.Is(err, watch.ErrConflict) && stored != nil {
			r.Version = stored.version
			return p.Save(ctx, r)
		}
		return saved, err
	}},
	{name: "outbox dropped on a conflict", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if stored := p.at.rows[r.Key()]; errors.Is(err, watch.ErrConflict) && stored != nil {
			theirs := stored.record
			theirs.Outbox, theirs.Progress = nil, nil
			return p.Save(ctx, theirs)
		}
		return saved, err
	}},
	{name: "published before it is saved", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		known := p.known[r.Key()]
		for _, e := range r.Outbox {
			if known == nil || e.Sequence > known.record.Sequence {
				for _, name := range p.at.oracle.names() {
					_, _ = outlet{p.run, name}.Publish(ctx, []restore.Event{e})
				}
			}
		}
		return p.Save(ctx, r)
	}},
	{
		name: "trimmed before it is published",
		publish: func(o outlet, _ context.Context, events []restore.Event) ([]bool, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			queue, _ := o.in.memo.([]func(context.Context))
			o.in.memo = append(queue, func(ctx context.Context) { _, _ = o.Publish(ctx, events) })
			return everything(len(events)), nil
		},
		after: func(r *run) {
			queue, _ := r.in.memo.([]func(context.Context))
			r.in.memo = nil
			for _, publish := range queue {
				publish(context.Background())
			}
		},
	},
	{name: "a call that failed in part taken for success", publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		_, _ = o.Publish(ctx, events)
		return everything(len(events)), nil
	}},
	{name: "a refused event does not hold up the next", publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		var all []bool
		var failure error
		for _, e := range events {
			accepted, err := o.Publish(ctx, []restore.Event{e})
			all, failure = append(all, accepted...), errors.Join(failure, err)
		}
		return all, failure
	}},
	{name: "the newest is told first", publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		events = slices.Clone(events)
		slices.Reverse(events)
		accepted, err := o.Publish(ctx, events)
		slices.Reverse(accepted)
		return accepted, err
	}},
	{name: "one mark for all outputs", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if len(r.Progress) > 0 {
			r.Outbox, r.Progress = nil, nil
		}
		return p.Save(ctx, r)
	}},
	{name: "id from a clock", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		r.Outbox = slices.Clone(r.Outbox)
		for i, e := range r.Outbox {
			r.Outbox[i].ID = fmt.Sprintf("%s.%d", strings.TrimSuffix(e.ID, fmt.Sprintf(".%d", e.Time.Unix())), e.Time.Unix())
		}
		return p.Save(ctx, r)
	}},
	{name: "warm ledger never loaded again", load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		if held, ok := p.memo.(restore.Ledger); ok && err == nil {
			return held, nil
		}
		if err == nil && l.Begun() {
			p.memo = l
		}
		return l, err
	}},
	{
		name: "a load that failed taken for an empty ledger",
		load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
			if err != nil {
				p.known = map[restore.Key]*row{}
				return restore.Ledger{Target: p.at.target, Records: map[restore.Key]restore.Record{}}, nil
			}
			return l, nil
		},
		// With the first write conditional, this alone would do no harm: it conflicts, and the ledger is loaded once more.
		save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
			if stored := p.at.rows[r.Key()]; stored != nil && r.Version == 0 {
				r.Version = stored.version
			}
			return p.Save(ctx, r)
		},
	},
	{name: "Since guessed at each cold start", load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		if about, ok := l.Records[restore.TargetKey]; ok {
			m := about.Memory.(restore.TargetMemory)
			m.Since = p.now
			about.Memory = m
			l.Records[restore.TargetKey] = about
		}
		return l, err
	}},
	{name: "everything is news", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.TargetMemory); ok && r.Version == 0 {
			m.Since = time.Time{}
			r.Memory = m
		}
		return p.Save(ctx, r)
	}},
	{name: "an incomplete listing taken for complete", page: func(_ *run, _ int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		return jobs, err == nil, nil
	}},
	{name: "only the first page is read", page: func(_ *run, n int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		return jobs, false, err
	}},
	{name: "absence taken for deletion", load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		for key, record := range l.Records {
			if m, ok := record.Memory.(restore.JobMemory); ok && !p.at.listed(m.Job.ID) {
				delete(l.Records, key)
			}
		}
		return l, err
	}},
	storing("warnings given are not stored", func(_ *restore.Record, m *restore.JobMemory) { m.Warned = nil }),
	storing("an extension does not arm the warnings again", func(_ *restore.Record, m *restore.JobMemory) {
		for i := range m.Warned {
			m.Warned[i].Expires = m.Job.Delivery.Expires
		}
	}),
	storing("hashes told are those listed now", func(_ *restore.Record, m *restore.JobMemory) {
		m.Told = slices.DeleteFunc(slices.Clone(m.Told), func(t restore.Told) bool { return !slices.Contains(m.Job.Hashes, t.Hash) })
	}),
	storing("words reached are not counted", func(_ *restore.Record, m *restore.JobMemory) { m.Statuses, m.Deliveries = nil, nil }),
	storing("stuck is told every time", func(_ *restore.Record, m *restore.JobMemory) { m.Stuck = false }),
	storing("a job met silently passes for one that was born", func(_ *restore.Record, m *restore.JobMemory) { m.Adopted = "" }),
	storing("the sequence begins anew when an outbox is empty", func(r *restore.Record, _ *restore.JobMemory) {
		if len(r.Outbox) == 0 {
			r.Sequence = 0
		}
	}),
	{name: "the batch's outcome is not stored", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.BatchMemory); ok {
			m.Told = nil
			r.Memory = m
		}
		return p.Save(ctx, r)
	}},
	{name: "failures in a row are counted in memory", save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.TargetMemory); ok && m.Failing != nil && !m.Unreachable {
			r.Version++
			return r, nil
		}
		return p.Save(ctx, r)
	}},
}

// TestMutants plays histories of each mutant until one breaks a promise. A mutant that lives shows a hole in the
// simulation.
func TestMutants(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-52s %9s  %s\n", "mutant", "histories", "caught by")
	for _, m := range mutants {
		c := campaign{mutant: m, first: *seedFlag, most: usually}
		if c.first == 0 {
			c.first = freshSeed()
		}
		c.run(t)
		if c.worst == nil {
			t.Errorf("%s lives after %d histories from seed %d", m.name, c.most, c.first)
			continue
		}
		fmt.Fprintf(&table, "%-52s %9d  %s\n", m.name, c.worst.after, c.worst.broken.invariant)
	}
	t.Logf("%d mutants\n%s", len(mutants), table.String())
}
