package simtest

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// A mutant is a deliberate fault of the protocol, put between a watcher and its world. The zero value has none.
type mutant struct {
	name             string
	breaks           []string // the promises that it is meant to break
	world            func(*setup)
	versionUnchecked bool
	load             func(p port, l restore.Ledger, err error) (restore.Ledger, error)
	save             func(p port, ctx context.Context, r restore.Record) (restore.Record, error)
	page             func(p port, n int, jobs []restore.Job, err error) (_ []restore.Job, more bool, _ error)
	publish          func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error)
	batch            func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error)
	context          func(ctx context.Context) context.Context
	targets          func(r *run) []restore.Target // in the order in which a watcher without a memory is to take them
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
			jobs, more, err := t.by.page(t.port, n, jobs, err)
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

var seedsFlag = flag.Int("seeds", 1, "in how many campaigns, each from a seed of its own, a mutant has to be caught")

// TestMutants plays histories of each mutant until one breaks a promise that the mutant is meant to break; any other that
// it breaks on the way does not count. A mutant that lives shows a hole in the simulation.
func TestMutants(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-56s %9s  %s\n", "mutant", "histories", "caught by")
	for _, m := range mutants {
		var worst finding
		first := cmp.Or(*seedFlag, freshSeed())
		for n := range uint64(*seedsFlag) {
			c := campaign{mutant: m, first: first + n*usually, most: usually}
			c.run(t)
			if c.worst == nil {
				t.Errorf("%s lives after %d histories from seed %d", m.name, c.most, c.first)
				break
			}
			if c.worst.after > worst.after {
				worst = *c.worst
			}
		}
		if worst.broken != nil {
			fmt.Fprintf(&table, "%-56s %9d  %s\n", m.name, worst.after, worst.broken.invariant)
		}
	}
	t.Logf("%d mutants, caught from %d seeds; the slowest catch of each\n%s", len(mutants), *seedsFlag, table.String())
}

// of returns the history of a seed in a world that has what the mutant is about.
func (m mutant) of(seed uint64) history {
	h := generate(seed)
	if m.world != nil {
		m.world(&h.setup)
	}
	return h
}

// meantFor reports whether a mutant was caught by a promise that it is meant to break. Of what is no mutant any counts.
func (m mutant) meantFor(broken *violation) bool {
	return m.name == "" || slices.Contains(m.breaks, broken.invariant)
}
