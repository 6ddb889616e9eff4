package restore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

var (
	target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}
	t0     = time.Date(2018, 1, 22, 12, 0, 0, 0, time.UTC) // watched from then on
	rules  = restore.Rules{
		ExpiryWarnings:   []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 15 * time.Minute},
		StuckAfter:       24 * time.Hour,
		UnreachableAfter: 3,
	}
)

// A world is a ledger whose every change is saved at once.
type world struct {
	t      *testing.T
	ledger restore.Ledger
	rules  restore.Rules
	now    time.Time
}

func newWorld(t *testing.T) *world {
	begin := restore.Begin(target, t0)
	return &world{t: t, rules: rules, now: t0, ledger: restore.Ledger{
		Target: target, Records: map[restore.Key]restore.Record{begin.Key(): begin},
	}}
}

// observe takes in a listing after a while and returns the events that came of it, in the order of their publishing.
func (w *world) observe(after time.Duration, jobs ...restore.Job) []restore.Event {
	w.t.Helper()
	return w.events(w.look(after, restore.Listing{Jobs: jobs, Pages: 1, Complete: true}))
}

func (w *world) look(after time.Duration, listing restore.Listing) restore.Observation {
	w.now = w.now.Add(after)
	seen := w.ledger.Observe(listing, w.rules, w.now)
	for _, r := range seen.Changed {
		w.ledger.Records[r.Key()] = r
	}
	for _, r := range seen.Dropped {
		delete(w.ledger.Records, r.Key())
	}
	return seen
}

// events empties the outboxes of what an observation changed.
func (w *world) events(seen restore.Observation) []restore.Event {
	var events []restore.Event
	for _, r := range seen.Changed {
		events = append(events, r.Outbox...)
		w.ledger.Records[r.Key()] = r.Take(map[string]int{"all": r.Sequence})
	}
	return events
}

func (w *world) memory(id restore.JobID) restore.JobMemory {
	m, _ := w.ledger.Records[restore.JobKey(id)].Memory.(restore.JobMemory)
	return m
}

// job returns a download restore that was created at t0 plus age and is under way.
func job(id string, age time.Duration) restore.Job {
	return restore.Job{
		ID: restore.JobID(id), ProjectID: target.Project, ClusterName: target.Cluster, Created: t0.Add(age),
		Status:   restore.InProgress,
		Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryNotStarted},
	}
}

// with returns j after changes.
func with(j restore.Job, changes ...func(*restore.Job)) restore.Job {
	for _, change := range changes {
		change(&j)
	}
	return j
}

func status(s restore.Status) func(*restore.Job) { return func(j *restore.Job) { j.Status = s } }

func delivery(s restore.DeliveryStatus) func(*restore.Job) {
	return func(j *restore.Job) { j.Delivery.Status = s }
}

func expires(at time.Time) func(*restore.Job) {
	return func(j *restore.Job) { j.Delivery.Expires = at }
}

func method(m string) func(*restore.Job) { return func(j *restore.Job) { j.Delivery.Method = m } }

func batch(id string) func(*restore.Job) {
	return func(j *restore.Job) { j.BatchID = restore.BatchID(id) }
}

func hashes(sums ...string) func(*restore.Job) {
	return func(j *restore.Job) {
		j.Hashes = nil
		for _, sum := range sums {
			file, sum, _ := strings.Cut(sum, "=")
			j.Hashes = append(j.Hashes, restore.Hash{File: file, Algorithm: "SHA1", Sum: sum})
		}
	}
}

// brief writes events so that a table can hold them: type, the change if any, and the severity.
func brief(events []restore.Event) []string {
	lines := []string{}
	for _, e := range events {
		line := string(e.Type)
		if e.Change != nil {
			line += fmt.Sprintf(" %s>%s", e.Change.From, e.Change.To)
			if e.Change.Repeat {
				line += " repeat"
			}
		}
		if e.Expiry != nil {
			line += " " + e.Expiry.Threshold.String()
		}
		lines = append(lines, line+" "+string(e.Severity))
	}
	return lines
}

func ids(events []restore.Event) []string {
	var all []string
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}

func wantBrief(t *testing.T, events []restore.Event, want ...string) {
	t.Helper()
	if got := brief(events); !slices.Equal(got, want) {
		t.Errorf("events:\n got %q\nwant %q", got, want)
	}
}

func wantIDs(t *testing.T, events []restore.Event, want ...string) {
	t.Helper()
	if got := ids(events); !slices.Equal(got, want) {
		t.Errorf("ids:\n got %q\nwant %q", got, want)
	}
}

func TestFirstSight(t *testing.T) {
	before, after := -time.Hour, time.Minute
	live := expires(t0.Add(5 * time.Hour))
	for _, tt := range []struct {
		name     string
		job      restore.Job
		recorded bool
		want     []string
	}{
		{"before Since, over for lack of a download", with(job("a", before), status("FINISHED"), method("QUERY")), false, nil},
		{"before Since, over by its delivery", with(job("a", before), status("FINISHED"), delivery("EXPIRED")), false, nil},
		{"before Since, broken, no delivery", with(job("a", before), status("BROKEN"), func(j *restore.Job) { j.Delivery = restore.Delivery{} }), false, nil},
		{"before Since, over by its expiry", with(job("a", before), status("FINISHED"), delivery("READY"), expires(t0.Add(-24*time.Hour))), false, nil},
		{"before Since, dead link for less than a day", with(job("a", before), status("FINISHED"), delivery("READY"), expires(t0.Add(-23*time.Hour))), true, nil},
		{"before Since, finished a month ago and never delivered", with(job("a", -31*24*time.Hour), status("FINISHED")), false, nil},
		{"before Since, automated restore listed as HTTP", with(job("a", before), status("FINISHED"), func(j *restore.Job) { j.Delivery.TargetCluster = "b" }), false, nil},
		{"before Since, under way", job("a", before), true, nil},
		{"before Since, unknown word", with(job("a", before), status("THAWING")), true, nil},
		{"before Since, under way, with a hash", with(job("a", before), hashes("f=1")), true, nil},
		{"before Since, live link about to die", with(job("a", before), status("FINISHED"), delivery("READY"), live), true, []string{"delivery.expiring 6h0m0s warning"}},
		{"before Since, the same, downloaded", with(job("a", before), status("FINISHED"), delivery("READY"), live, hashes("f=1")), true, []string{"delivery.expiring 6h0m0s info"}},
		{"before Since, stuck", job("a", -25*time.Hour), true, []string{"job.stuck warning"}},
		{"no creation time", with(job("a", 0), func(j *restore.Job) { j.Created = time.Time{} }), true, nil},
		{"no creation time, over", with(job("a", 0), func(j *restore.Job) { j.Created = time.Time{} }, status("FINISHED")), false, nil},
		{"since Since, under way", job("a", after), true, []string{"job.created info"}},
		{"in the second of Since", job("a", 0), true, []string{"job.created info"}},
		{"since Since, unknown words", with(job("a", after), status("THAWING"), delivery("WARM")), true, []string{"job.created info"}},
		{"since Since, finished", with(job("a", after), status("FINISHED")), true, []string{"job.created info", "job.status_changed >FINISHED info"}},
		{"since Since, broken", with(job("a", after), status("BROKEN")), true, []string{"job.created info", "job.status_changed >BROKEN critical"}},
		{"since Since, link ready", with(job("a", after), status("FINISHED"), delivery("READY")), true, []string{"job.created info", "job.status_changed >FINISHED info", "delivery.status_changed >READY info"}},
		{"since Since, delivery failed", with(job("a", after), delivery("FAILED")), true, []string{"job.created info", "delivery.status_changed >FAILED warning"}},
		{"since Since, delivery interrupted, which is not final", with(job("a", after), delivery("INTERRUPTED")), true, []string{"job.created info"}},
		{"since Since, all at once", with(job("a", after), status("FINISHED"), delivery("EXPIRED"), hashes("f=1")), true, []string{"job.created info", "job.status_changed >FINISHED info", "delivery.status_changed >EXPIRED warning", "hash.added info"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			wantBrief(t, w.observe(2*time.Minute, tt.job), tt.want...)
			if _, recorded := w.ledger.Records[restore.JobKey("a")]; recorded != tt.recorded {
				t.Errorf("recorded: got %v, want %v", recorded, tt.recorded)
			}
			wantBrief(t, w.observe(0, tt.job))
		})
	}
}

// The fraction of the second at which watching began must not turn a job of that second into history.
func TestSinceIsComparedByTheSecond(t *testing.T) {
	begin := restore.Begin(target, t0.Add(700*time.Millisecond))
	l := restore.Ledger{Target: target, Records: map[restore.Key]restore.Record{begin.Key(): begin}}
	seen := l.Observe(restore.Listing{Jobs: []restore.Job{with(job("a", 0), status("FINISHED"), method("QUERY"))}}, rules, t0.Add(time.Minute))
	if seen.History != 0 || len(seen.Changed) != 1 {
		t.Errorf("got %d history, %d changed; want the job as news", seen.History, len(seen.Changed))
	}
}

// Every change of either status is told, whatever the two words.
func TestTransitions(t *testing.T) {
	severities := map[string]string{
		"FINISHED": "info", "IN_PROGRESS": "info", "BROKEN": "critical", "KILLED": "critical",
		"delivery NOT_STARTED": "info", "delivery PENDING": "info", "delivery IN_PROGRESS": "info", "delivery READY": "info",
		"delivery FAILED": "warning", "delivery INTERRUPTED": "warning", "delivery EXPIRED": "warning",
		"delivery MAX_DOWNLOADS_EXCEEDED": "warning",
	}
	final := []string{"FINISHED", "BROKEN", "KILLED", "delivery EXPIRED", "delivery MAX_DOWNLOADS_EXCEEDED", "delivery FAILED"}
	set := func(word string) func(*restore.Job) {
		if d, ok := strings.CutPrefix(word, "delivery "); ok {
			return delivery(restore.DeliveryStatus(d))
		}
		return status(restore.Status(word))
	}
	words := slices.Sorted(maps.Keys(severities))
	pairs := 0
	for _, from := range words {
		for _, to := range words {
			kind, toWord := "job.status_changed", to
			d, isDelivery := strings.CutPrefix(to, "delivery ")
			fromWord, fromDelivery := strings.CutPrefix(from, "delivery ")
			if isDelivery != fromDelivery {
				continue
			}
			if isDelivery {
				kind, toWord = "delivery.status_changed", d
			}
			pairs++
			t.Run(from+" to "+to, func(t *testing.T) {
				w := newWorld(t)
				w.observe(time.Minute, with(job("a", time.Second), set(from)))
				events := w.observe(time.Minute, with(job("a", time.Second), set(to)))
				if from == to {
					wantBrief(t, events)
					return
				}
				repeat := ""
				if slices.Contains(final, from) {
					repeat = " repeat"
				}
				wantBrief(t, events, kind+" "+fromWord+">"+toWord+repeat+" "+severities[to])
				what := "status"
				if isDelivery {
					what = "delivery"
				}
				wantIDs(t, events, "a."+what+"."+toWord)
				wantBrief(t, w.observe(time.Minute, with(job("a", time.Second), set(to))))
				back := w.observe(time.Minute, with(job("a", time.Second), set(from)))
				wantBrief(t, back, kind+" "+toWord+">"+fromWord+" repeat "+severities[from])
				wantIDs(t, back, "a."+what+"."+fromWord+".2")
			})
		}
	}
	if pairs != 4*4+8*8 {
		t.Errorf("%d pairs tried, want 80", pairs)
	}
}

// The page's two kinds of news move independently, and one pass may see both move.
func TestBothStatusesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, job("a", time.Second))
	events := w.observe(time.Minute, with(job("a", time.Second), status("FINISHED"), delivery("READY")))
	wantBrief(t, events, "job.status_changed IN_PROGRESS>FINISHED info", "delivery.status_changed NOT_STARTED>READY info")
	if events[0].Sequence != 2 || events[1].Sequence != 3 {
		t.Errorf("sequence: got %d and %d, want 2 and 3 after job.created", events[0].Sequence, events[1].Sequence)
	}
	for _, e := range events {
		if e.Job.Status != "FINISHED" || e.Job.Delivery.Status != "READY" || e.Subject != "a" || !e.Time.Equal(w.now) {
			t.Errorf("event %s shows %s/%s of %q at %s", e.ID, e.Job.Status, e.Job.Delivery.Status, e.Subject, e.Time)
		}
	}
}

// A listing that leaves a status out has not said that it changed.
func TestAbsentStatusIsNoChange(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, with(job("a", time.Second), status("FINISHED"), delivery("READY")))
	wantBrief(t, w.observe(time.Minute, with(job("a", time.Second), status(""), delivery(""))))
	wantBrief(t, w.observe(time.Minute, with(job("a", time.Second), status("FINISHED"), delivery("EXPIRED"))),
		"delivery.status_changed READY>EXPIRED warning")
}

func TestAbsenceIsNotDeletion(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, job("a", time.Second))
	wantBrief(t, w.observe(time.Minute))
	wantBrief(t, w.observe(time.Minute, with(job("a", time.Second), status("FINISHED"))), "job.status_changed IN_PROGRESS>FINISHED info")
}

func TestEventIDs(t *testing.T) {
	plain := with(job("5a66783b80eef5354c77ee16", 0), status("FINISHED"))
	wantIDs(t, newWorld(t).observe(time.Minute, plain), "5a66783b80eef5354c77ee16.created", "5a66783b80eef5354c77ee16.status.FINISHED")
	for _, odd := range []string{"a b", "a.status", "é", "a\nb", strings.Repeat("x", 300)} {
		for _, id := range ids(newWorld(t).observe(time.Minute, with(job(odd, 0), status("FINISHED")))) {
			if len(id) > 128 || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Errorf("job %q: id %q does not fit SNS", odd, id)
			}
			if strings.HasPrefix(id, odd) {
				t.Errorf("job %q: id %q spells it out", odd, id)
			}
		}
	}
}

// No word of an API can make one fact pass for another.
func TestWordsCannotForgeIDs(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, with(job("a", 0), status("FINISHED")))
	w.observe(time.Minute, with(job("a", 0), status("IN_PROGRESS")))
	second := ids(w.observe(time.Minute, with(job("a", 0), status("FINISHED"))))
	forged := ids(w.observe(time.Minute, with(job("a", 0), status("FINISHED.2"))))
	if second[0] != "a.status.FINISHED.2" || forged[0] == second[0] {
		t.Errorf("got %q and %q, want the second to differ", second, forged)
	}
}

// A table that was lost and begun anew tells the same fact under the same id.
func TestIDsSurviveALostLedger(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	first.observe(time.Minute, job("a", time.Second))
	moved := with(job("a", time.Second), status("FINISHED"), hashes("f=1"))
	want := ids(first.observe(time.Minute, moved))
	got := ids(second.observe(time.Hour, moved))
	if !slices.Equal(got[1:], want) {
		t.Errorf("got %q, want the ids %q after job.created", got, want)
	}
}

// Observing changes no value that was there before, so a run that cannot save has lost nothing.
func TestObserveEditsNothingInPlace(t *testing.T) {
	w := newWorld(t)
	w.look(time.Minute, restore.Listing{Jobs: []restore.Job{with(job("a", time.Second), batch("b"), hashes("f=1"))}})
	before := fmt.Sprintf("%+v", w.ledger)
	outbox := w.ledger.Records[restore.JobKey("a")].Outbox
	for range 3 {
		w.ledger.Observe(restore.Listing{Jobs: []restore.Job{with(job("a", time.Second), batch("b"), status("FINISHED"),
			delivery("READY"), expires(w.now.Add(time.Hour)), hashes("f=2", "g=3"))}}, rules, w.now)
	}
	w.ledger.Fail(restore.Failure{Kind: restore.FailedUnavailable}, rules, w.now)
	if after := fmt.Sprintf("%+v", w.ledger); after != before {
		t.Errorf("the ledger was edited:\nbefore %s\nafter  %s", before, after)
	}
	if spare := outbox[:cap(outbox)]; len(spare) > len(outbox) && spare[len(outbox)].ID != "" {
		t.Errorf("an event was written behind the outbox: %s", spare[len(outbox)].ID)
	}
}
