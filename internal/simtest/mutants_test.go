package simtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

// storing returns a mutant that spoils what is stored of jobs.
func storing(name string, breaks []string, spoil func(*restore.Record, *restore.JobMemory)) mutant {
	return mutant{name: name, breaks: breaks, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.JobMemory); ok {
			spoil(&r, &m)
			r.Memory = m
		}
		return p.Save(ctx, r)
	}}
}

func everything(n int) []bool { return slices.Repeat([]bool{true}, n) }

// Worlds that have what a mutant is about. Without it a mutant is none.
func noTopics(s *setup)        { s.topics = 0 }
func onlyTopics(s *setup)      { s.topics = s.outputs }
func onlyFIFO(s *setup)        { s.topics, s.fifo = s.outputs, true }
func twoOutputs(s *setup)      { s.outputs = 2 }
func inHurry(s *setup)         { s.hurried = true }
func inHurryNoTopics(s *setup) { s.hurried, s.topics = true, 0 }
func several(s *setup)         { s.targets = max(s.targets, 2) }
func oneByOne(s *setup)        { s.targets, s.atOnce, s.hurried = max(s.targets, 2), 1, true }

var mutants = []mutant{
	{name: "version not checked", breaks: []string{"the sequence counts a subject's events", "watching begins once, with the time of the run", "saving keeps what is still to be told", "an outbox is shortened from its front"}, versionUnchecked: true},
	{name: "conflict taken for success", breaks: []string{"only what was saved is told", "one id, one content"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if errors.Is(err, watch.ErrConflict) {
			r.Version++
			return r, nil
		}
		return saved, err
	}},
	{name: "failed save taken for success", breaks: []string{"only what was saved is told", "nothing is listed before watching began"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if err != nil && !errors.Is(err, watch.ErrConflict) {
			r.Version++
			return r, nil
		}
		return saved, err
	}},
	{name: "the loser of a conflict writes over the winner", breaks: []string{"the sequence counts a subject's events", "watching begins once, with the time of the run", "saving keeps what is still to be told", "an outbox is shortened from its front"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if stored := p.at.rows[r.Key()]; errors.Is(err, watch.ErrConflict) && stored != nil {
			r.Version = stored.version
			return p.Save(ctx, r)
		}
		return saved, err
	}},
	{name: "outbox dropped on a conflict", breaks: []string{"an outbox is shortened from its front", "saving keeps what is still to be told"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		saved, err := p.Save(ctx, r)
		if stored := p.at.rows[r.Key()]; errors.Is(err, watch.ErrConflict) && stored != nil {
			theirs := stored.record
			theirs.Outbox, theirs.Progress = nil, nil
			return p.Save(ctx, theirs)
		}
		return saved, err
	}},
	{name: "published before it is saved", breaks: []string{"only what was saved is told"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
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
		name: "trimmed before it is published", breaks: []string{"an event is let go only when every output has it", "progress is what an output has"}, world: noTopics,
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
	{name: "a call that failed in part taken for success", breaks: []string{"an event is let go only when every output has it", "progress is what an output has"}, world: noTopics, publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		_, _ = o.Publish(ctx, events)
		return everything(len(events)), nil
	}},
	{name: "a refused event does not hold up the next", breaks: []string{"each output learns of a subject in order"}, world: noTopics, publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		var all []bool
		var failure error
		for _, e := range events {
			accepted, err := o.Publish(ctx, []restore.Event{e})
			all, failure = append(all, accepted...), errors.Join(failure, err)
		}
		return all, failure
	}},
	{name: "the newest is told first", breaks: []string{"each output learns of a subject in order"}, world: noTopics, publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		events = slices.Clone(events)
		slices.Reverse(events)
		accepted, err := o.Publish(ctx, events)
		slices.Reverse(accepted)
		return accepted, err
	}},
	{name: "one mark for all outputs", breaks: []string{"an event is let go only when every output has it"}, world: twoOutputs, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if len(r.Progress) > 0 {
			r.Outbox, r.Progress = nil, nil
		}
		return p.Save(ctx, r)
	}},
	{name: "id from a clock", breaks: []string{"nothing is invented"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		r.Outbox = slices.Clone(r.Outbox)
		for i, e := range r.Outbox {
			r.Outbox[i].ID = fmt.Sprintf("%s.%d", strings.TrimSuffix(e.ID, fmt.Sprintf(".%d", e.Time.Unix())), e.Time.Unix())
		}
		return p.Save(ctx, r)
	}},
	{name: "warm ledger never loaded again", breaks: []string{"every difference is saved", "the state is that of an undisturbed run"}, load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		if held, ok := p.memo.(restore.Ledger); ok && err == nil {
			return held, nil
		}
		if err == nil && l.Begun() {
			p.memo = l
		}
		return l, err
	}},
	{
		name: "a load that failed taken for an empty ledger", breaks: []string{"watching begins once, with the time of the run", "the sequence counts a subject's events", "saving keeps what is still to be told"},
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
	{name: "Since guessed at each cold start", breaks: []string{"every change is news", "what is saved is what was listed"}, load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		if about, ok := l.Records[restore.TargetKey]; ok {
			m := about.Memory.(restore.TargetMemory)
			m.Since = p.now
			about.Memory = m
			l.Records[restore.TargetKey] = about
		}
		return l, err
	}},
	{name: "everything is news", breaks: []string{"watching begins once, with the time of the run"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.TargetMemory); ok && r.Version == 0 {
			m.Since = time.Time{}
			r.Memory = m
		}
		return p.Save(ctx, r)
	}},
	{name: "an incomplete listing taken for complete", breaks: []string{"every difference is saved", "nothing is saved without a reason"}, page: func(_ port, _ int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		return jobs, err == nil, nil
	}},
	{name: "only the first page is read", breaks: []string{"the state is that of an undisturbed run"}, page: func(_ port, n int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		return jobs, false, err
	}},
	{name: "absence taken for deletion", breaks: []string{"nothing is invented", "everything owed is told", "no outbox is left"}, load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		for key, record := range l.Records {
			if m, ok := record.Memory.(restore.JobMemory); ok && !p.at.listed(m.Job.ID) {
				delete(l.Records, key)
			}
		}
		return l, err
	}},
	storing("warnings given are not stored", []string{"what is saved is what was listed"}, func(_ *restore.Record, m *restore.JobMemory) { m.Warned = nil }),
	storing("an extension does not arm the warnings again", []string{"what is saved is what was listed"}, func(_ *restore.Record, m *restore.JobMemory) {
		for i := range m.Warned {
			m.Warned[i].Expires = m.Job.Delivery.Expires
		}
	}),
	storing("hashes told are those listed now", []string{"what is saved is what was listed"}, func(_ *restore.Record, m *restore.JobMemory) {
		m.Told = slices.DeleteFunc(slices.Clone(m.Told), func(t restore.Told) bool { return !slices.Contains(m.Job.Hashes, t.Hash) })
	}),
	storing("words reached are not counted", []string{"what is saved is what was listed"}, func(_ *restore.Record, m *restore.JobMemory) { m.Statuses, m.Deliveries = nil, nil }),
	storing("stuck is told every time", []string{"what is saved is what was listed"}, func(_ *restore.Record, m *restore.JobMemory) { m.Stuck = false }),
	storing("a job met silently passes for one that was born", []string{"nothing is saved without a reason"}, func(_ *restore.Record, m *restore.JobMemory) { m.Adopted = "" }),
	storing("the sequence begins anew when an outbox is empty", []string{"settling changes no state"}, func(r *restore.Record, _ *restore.JobMemory) {
		if len(r.Outbox) == 0 {
			r.Sequence = 0
		}
	}),
	{name: "the batch's outcome is not stored", breaks: []string{"what is saved is what was listed"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.BatchMemory); ok {
			m.Told = nil
			r.Memory = m
		}
		return p.Save(ctx, r)
	}},
	{name: "the outcome of a batch is told by count only", breaks: []string{"what is saved is what was listed"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.BatchMemory); ok && len(m.Told) == 1 { // one is one, whichever it was
			m.Told = []restore.Outcome{restore.OutcomeFailed, restore.OutcomeFinished}
			r.Memory = m
		}
		return p.Save(ctx, r)
	}},
	{name: "failures in a row are counted in memory", breaks: []string{"every difference is saved"}, save: func(p port, ctx context.Context, r restore.Record) (restore.Record, error) {
		if m, ok := r.Memory.(restore.TargetMemory); ok && m.Failing != nil && !m.Unreachable {
			r.Version++
			return r, nil
		}
		return p.Save(ctx, r)
	}},
	{name: "2xx of PublishBatch with Failed[] taken for success", breaks: []string{"an event is let go only when every output has it", "progress is what an output has", "each output learns of a subject in order"}, world: onlyTopics, batch: func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error) {
		out, err := t.PublishBatch(ctx, in)
		if err == nil {
			for _, failed := range out.Failed {
				out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: failed.Id})
			}
			out.Failed = nil
		}
		return out, err
	}},
	{name: "an entry that the answer leaves out taken for accepted", breaks: []string{"an event is let go only when every output has it", "progress is what an output has", "each output learns of a subject in order"}, world: onlyTopics, batch: func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error) {
		out, err := t.PublishBatch(ctx, in)
		if err == nil {
			refused := out.Failed
			out = accepted(in)
			out.Failed = refused
		}
		return out, err
	}},
	{name: "a PublishBatch that failed taken for success", breaks: []string{"an event is let go only when every output has it", "progress is what an output has", "each output learns of a subject in order"}, world: onlyTopics, batch: func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error) {
		out, err := t.PublishBatch(ctx, in)
		if err != nil {
			return accepted(in), nil
		}
		return out, nil
	}},
	{name: "the answer is read by place, not by entry id", breaks: []string{"an event is let go only when every output has it", "progress is what an output has", "each output learns of a subject in order"}, world: onlyTopics, batch: func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error) {
		out, err := t.PublishBatch(ctx, in)
		if err == nil {
			for i := range out.Successful {
				out.Successful[i].Id = new(strconv.Itoa(i))
			}
			for i := range out.Failed {
				out.Failed[i].Id = new(strconv.Itoa(len(out.Successful) + i))
			}
		}
		return out, err
	}},
	{name: "one deduplication id for all events", breaks: []string{"an event is let go only when every output has it", "progress is what an output has"}, world: onlyFIFO, batch: func(t topic, ctx context.Context, in *awssns.PublishBatchInput) (*awssns.PublishBatchOutput, error) {
		if t.fifo {
			for i := range in.PublishBatchRequestEntries {
				in.PublishBatchRequestEntries[i].MessageDeduplicationId = new("restorewatch")
			}
		}
		return t.PublishBatch(ctx, in)
	}},
	{name: "no time is kept for saving", breaks: []string{"time is kept for saving"}, world: inHurry, context: func(ctx context.Context) context.Context { return unhurried{ctx} }},
	{name: "the time for publishing is not looked at", breaks: []string{"time is kept for saving"}, world: inHurryNoTopics, publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		return o.Publish(context.WithoutCancel(ctx), events)
	}},
	{name: "what there was no time to publish is let go", breaks: []string{"an event is let go only when every output has it", "progress is what an output has"}, world: inHurryNoTopics, publish: func(o outlet, ctx context.Context, events []restore.Event) ([]bool, error) {
		accepted, err := o.Publish(ctx, events)
		if errors.Is(err, context.DeadlineExceeded) {
			return everything(len(events)), nil
		}
		return accepted, err
	}},
	{name: "a listing cut short by the time taken for complete", breaks: []string{"nothing is saved without a reason", "what is saved is what was listed"}, world: inHurry, page: func(_ port, _ int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		if errors.Is(err, context.DeadlineExceeded) {
			return jobs, false, nil
		}
		return jobs, err == nil, err
	}},
	{name: "targets in one order for ever", breaks: []string{"no target starves"}, world: oneByOne, targets: inOneOrder},
	{name: "one target's outage taken for that of all", breaks: []string{"nothing is saved without a reason", "what is saved is what was listed"}, world: several, page: func(p port, _ int, jobs []restore.Job, err error) ([]restore.Job, bool, error) {
		for _, other := range p.places {
			if other.outage != "" {
				return nil, false, outage{other.outage}
			}
		}
		return jobs, err == nil, err
	}},
	{name: "a cluster's ledger kept under its project", breaks: []string{"nothing is saved without a reason"}, world: several, load: func(p port, l restore.Ledger, err error) (restore.Ledger, error) {
		if p.at.number != 1 || err != nil {
			return l, err
		}
		for key, stored := range p.places[0].rows {
			if _, ok := l.Records[key]; !ok && key != restore.TargetKey {
				r := stored.record
				r.Target, r.Version = p.at.target, 0
				l.Records[key] = r
			}
		}
		return l, nil
	}},
}

// accepted is the answer to a call of which everything was taken.
func accepted(in *awssns.PublishBatchInput) *awssns.PublishBatchOutput {
	out := new(awssns.PublishBatchOutput)
	for _, e := range in.PublishBatchRequestEntries {
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
	}
	return out
}

// An unhurried context ends as the one that it hides does, without saying when.
type unhurried struct{ context.Context }

func (unhurried) Deadline() (time.Time, bool) { return time.Time{}, false }

// inOneOrder returns the targets turned so that a watcher without a memory takes the first one first.
func inOneOrder(r *run) []restore.Target {
	r.in.watcher = nil
	all := targets[:len(r.places)]
	for n := range all {
		turned := slices.Concat(all[n:], all[:n])
		var asked prober
		w := watch.Watcher{Targets: turned, Store: &asked, Concurrency: 1}
		_, _ = w.Run(context.Background(), r.now)
		if asked.first == all[0] {
			return turned
		}
	}
	return all
}

// A prober is a store that learns in which order targets are taken.
type prober struct {
	watch.Store
	first restore.Target
}

func (p *prober) Load(_ context.Context, t restore.Target) (restore.Ledger, error) {
	p.first = cmp.Or(p.first, t)
	return restore.Ledger{}, errFault
}
