package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

var showCommand = command{
	name:  "show",
	brief: "list the restore jobs that are remembered",
	long: `Lists the restore jobs that are remembered: first those alive, of which more is to come, each with its status, its delivery, the time
until its download link expires, its age and how far its batch is. It reads the state alone, so it needs neither
targets nor credentials and works while "loop" runs; WATCH, if set, picks the targets.

--json prints one JSON object with "targets" and "jobs" for programs. --job ID shows one job's history: the words that
it reached and when, its hashes, the warnings given and what waits to be published; the end of an id is enough.`,
	prepare: func(a *app, f *flags) action {
		f.configure(readerVariables...)
		asJSON := f.Bool("json", false, "print JSON")
		job := f.String("job", "", "show the history of one job, by its `ID` or the end of it")
		return func(ctx context.Context, _ []string) error { return a.show(ctx, f, *asJSON, *job) }
	},
}

func (a *app) show(ctx context.Context, f *flags, asJSON bool, id string) error {
	cfg, err := f.load(config.Reader)
	if err != nil {
		return err
	}
	ledgers, err := loadLedgers(ctx, cfg)
	if errors.Is(err, fs.ErrNotExist) {
		a.err.printf("Nothing is remembered yet: %s\n", noStateFile(cfg))
		if id != "" {
			return errTold
		}
		err = nil
	}
	if err != nil {
		return err
	}
	v := newView(ledgers, a.now())
	switch {
	case id != "":
		return a.showJob(v, id, asJSON)
	case asJSON:
		return a.printJSON(v.json())
	}
	a.out.print(v.table(a.out))
	a.out.folded(failureIndent).print(v.foot(a.out))
	return nil
}

func (a *app) printJSON(value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("encode JSON: %w", err)
	}
	a.out.print(string(text) + "\n")
	return nil
}

// A view is what there is to show, seen from now.
type view struct {
	now     time.Time
	ledgers []restore.Ledger
	jobs    []entry // as they are to be shown
	batches map[restore.BatchID]*progress
}

// An entry is one job that is remembered.
type entry struct {
	restore.JobMemory
	record restore.Record
	alive  bool // more is to come of it
}

// A progress is how far a batch is.
type progress struct{ finished, failed, total int }

func (p *progress) String() string {
	text := fmt.Sprintf("%d/%d", p.finished, p.total)
	if p.failed > 0 {
		text += fmt.Sprintf(" %d failed", p.failed)
	}
	return text
}

func newView(ledgers []restore.Ledger, now time.Time) *view {
	v := &view{now: now, ledgers: ledgers, batches: make(map[restore.BatchID]*progress)}
	for _, l := range ledgers {
		for _, r := range l.Records {
			if m, ok := r.Memory.(restore.JobMemory); ok {
				v.add(entry{m, r, !m.Job.Over(m.Changed, now)})
			}
		}
	}
	slices.SortFunc(v.jobs, inOrder)
	return v
}

// inOrder puts those alive first, then the newest; the jobs of a batch stay together.
func inOrder(a, b entry) int {
	if a.alive != b.alive {
		if a.alive {
			return -1
		}
		return 1
	}
	return cmp.Or(
		b.Job.Created.Compare(a.Job.Created),
		cmp.Compare(a.record.Target.String(), b.record.Target.String()),
		cmp.Compare(a.Job.BatchID, b.Job.BatchID),
		cmp.Compare(a.Job.ID, b.Job.ID))
}

func (v *view) add(e entry) {
	v.jobs = append(v.jobs, e)
	id := e.Job.BatchID
	if id == "" {
		return
	}
	p := v.batches[id]
	if p == nil {
		p = new(progress)
		v.batches[id] = p
	}
	p.total++
	switch {
	case e.Job.Status == restore.Finished:
		p.finished++
	case e.Job.Status.Failed():
		p.failed++
	}
}

// linkLeft returns the time until the job's download link expires, if it has a live one.
func (v *view) linkLeft(j restore.Job) (time.Duration, bool) {
	d := j.Delivery
	live := d.Status == restore.DeliveryReady && d.Download() && !d.Expires.IsZero()
	return d.Expires.Sub(v.now), live
}

// table draws the jobs in columns that fit the screen.
func (v *view) table(s screen) string {
	if len(v.jobs) == 0 {
		return ""
	}
	t := table{columns: []column{
		{title: "CLUSTER", least: 8}, {title: "JOB", least: 9, tail: true}, {title: "STATUS", least: 8},
		{title: "DELIVERY", least: 8}, {title: "EXPIRES"}, {title: "AGE"}, {title: "BATCH"}, {title: "WAITING"},
	}}
	projects := make(map[string]bool)
	for _, e := range v.jobs {
		projects[string(e.record.Target.Source)+e.record.Target.Project] = true
	}
	for _, e := range v.jobs {
		t.rows = append(t.rows, v.row(e, len(projects) > 1))
	}
	return t.draw(s)
}

func (v *view) row(e entry, withProject bool) []cell {
	j := e.Job
	cluster := cmp.Or(j.ClusterName, e.record.Target.Cluster)
	if withProject {
		cluster += " " + string(e.record.Target.Source) + ":" + e.record.Target.Project
	}
	row := []cell{
		{text: cluster}, {text: string(j.ID), color: faint},
		{text: string(j.Status), color: colorOfStatus(j.Status)},
		{text: string(j.Delivery.Status), color: colorOfDelivery(j.Delivery.Status)},
		v.expiry(j), {text: v.age(j)}, v.batch(j), {},
	}
	if n := len(e.record.Outbox); n > 0 {
		row[len(row)-1] = cell{text: count(n, "event"), color: yellow}
	}
	return row
}

func (v *view) expiry(j restore.Job) cell {
	left, live := v.linkLeft(j)
	switch {
	case !live:
		return cell{}
	case left <= 0:
		return cell{"passed", red}
	case left <= time.Hour:
		return cell{"in " + short(left), red}
	case left <= 24*time.Hour:
		return cell{"in " + short(left), yellow}
	}
	return cell{text: "in " + short(left)}
}

func (v *view) age(j restore.Job) string {
	age := v.now.Sub(j.Created)
	if j.Created.IsZero() || age < 0 { // a clock that is behind, or a simulation that is ahead
		return ""
	}
	return short(age)
}

func (v *view) batch(j restore.Job) cell {
	p := v.batches[j.BatchID]
	switch {
	case p == nil:
		return cell{}
	case p.failed > 0:
		return cell{p.String(), red}
	case p.finished == p.total:
		return cell{p.String(), green}
	}
	return cell{text: p.String()}
}

func colorOfStatus(s restore.Status) string {
	switch {
	case s == restore.Finished:
		return green
	case s.Failed():
		return red
	}
	return cyan
}

func colorOfDelivery(s restore.DeliveryStatus) string {
	switch s {
	case restore.DeliveryReady:
		return green
	case restore.DeliveryFailed, restore.DeliveryInterrupted:
		return red
	case restore.DeliveryExpired, restore.DeliveryMaxDownloadsExceeded:
		return yellow
	}
	return ""
}

// foot says what the table cannot: how much there is, since when, and which targets fail.
func (v *view) foot(s screen) string {
	if len(v.ledgers) == 0 {
		return ""
	}
	var b strings.Builder
	alive, waiting := 0, 0
	for _, e := range v.jobs {
		if e.alive {
			alive++
		}
		waiting += len(e.record.Outbox)
	}
	text := fmt.Sprintf("%s remembered, %d alive", count(len(v.jobs), "job"), alive)
	if waiting > 0 {
		text += fmt.Sprintf(", %s waiting to be published", count(waiting, "event"))
	}
	b.WriteString(s.paint(faint, text+".") + "\n")
	for _, l := range v.ledgers {
		m, _ := l.Records[restore.TargetKey].Memory.(restore.TargetMemory)
		if f := m.Failing; f != nil {
			fmt.Fprintf(&b, "%s %s since %s (%s): %s: %s => %s\n", s.paint(red, "FAILING"), l.Target, stamp(f.Since),
				count(f.Failures, "pass"), publish.Line(string(f.Kind), 40), publish.Line(f.Message, maxMessage), publish.Line(f.Hint, maxMessage))
		}
	}
	return b.String()
}

// stamp writes a time for people. Without one it is "?".
func stamp(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
