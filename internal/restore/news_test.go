package restore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

func TestHashes(t *testing.T) {
	for _, tt := range []struct {
		name string
		seen [][]string // hashes of one listing after another
		want [][]string // events of each
	}{
		{"appear", [][]string{nil, {"f=1"}, {"f=1"}}, [][]string{nil, {"hash.added info"}, nil}},
		{"two at once are one event", [][]string{nil, {"f=1", "g=2"}}, [][]string{nil, {"hash.added info"}}},
		{"one more", [][]string{{"f=1"}, {"f=1", "g=2"}}, [][]string{{"hash.added info"}, {"hash.added info"}}},
		{"vanish and return", [][]string{{"f=1"}, nil, {"f=1"}}, [][]string{{"hash.added info"}, nil, nil}},
		{"in another order", [][]string{{"f=1", "g=2"}, {"g=2", "f=1"}}, [][]string{{"hash.added info"}, nil}},
		{"other sum", [][]string{{"f=1"}, {"f=2"}, {"f=2"}}, [][]string{{"hash.added info"}, {"hash.changed critical"}, nil}},
		{"other sum after an absence", [][]string{{"f=1"}, nil, {"f=2"}}, [][]string{{"hash.added info"}, nil, {"hash.changed critical"}}},
		{"to and fro", [][]string{{"f=1"}, {"f=2"}, {"f=1"}, {"f=2"}}, [][]string{{"hash.added info"}, {"hash.changed critical"}, {"hash.changed critical"}, {"hash.changed critical"}}},
		{"two sums for one file", [][]string{{"f=1", "f=2"}, {"f=1", "f=2"}, {"f=2", "f=1"}}, [][]string{{"hash.added info", "hash.changed critical"}, nil, nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.observe(time.Second, job("a", 0))
			told := make(map[string]bool)
			for i, sums := range tt.seen {
				events := w.observe(time.Minute, with(job("a", 0), hashes(sums...)))
				wantBrief(t, events, tt.want[i]...)
				for _, id := range ids(events) {
					if told[id] {
						t.Errorf("id %s told for two facts", id)
					}
					told[id] = true
				}
			}
		})
	}
}

func TestHashEventsCarryTheHashes(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Second, with(job("a", 0), hashes("f=1")))
	events := w.observe(time.Second, with(job("a", 0), hashes("f=2", "g=3")))
	wantBrief(t, events, "hash.added info", "hash.changed critical")
	if changed := events[1]; changed.Hash.Sum != "2" || changed.PreviousHash.Sum != "1" {
		t.Errorf("hash.changed tells %v after %v", changed.Hash, changed.PreviousHash)
	}
	if added := events[0]; len(added.Hashes) != 1 || added.Hashes[0].File != "g" {
		t.Errorf("hash.added tells %v, want only g", added.Hashes)
	}
	if _, sum, ok := strings.Cut(events[0].ID, "a.hash."); !ok || len(sum) != 12 {
		t.Errorf("id %s, want a.hash. and 12 hex digits", events[0].ID)
	}
}

// A listing full of hashes is told in events that each stay under 64 KiB.
func TestManyHashesAreSplit(t *testing.T) {
	var sums []string
	for i := range 500 {
		sums = append(sums, strings.Repeat("n", 200)+string(rune('a'+i%26))+strings.Repeat("m", i/26)+"=1")
	}
	w := newWorld(t)
	w.observe(time.Second, job("a", 0))
	var told []restore.Hash
	events := w.observe(time.Second, with(job("a", 0), hashes(sums...)))
	for _, e := range events {
		size := 0
		for _, h := range e.Hashes {
			size += len(h.File) + len(h.Algorithm) + len(h.Sum)
		}
		if size > 40<<10 {
			t.Errorf("%s holds %d bytes of hashes", e.ID, size)
		}
		told = append(told, e.Hashes...)
	}
	if len(events) < 2 || len(told) != 500 {
		t.Errorf("%d hashes in %d events, want 500 in several", len(told), len(events))
	}
}

func TestExpiryWarnings(t *testing.T) {
	type step struct {
		after   time.Duration // since the step before
		expires time.Duration // from t0
		status  restore.DeliveryStatus
		want    string
	}
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"each threshold once", []step{
			{time.Hour, 30 * time.Hour, "READY", ""},
			{5 * time.Hour, 30 * time.Hour, "READY", "24h0m0s warning"},
			{time.Minute, 30 * time.Hour, "READY", ""},
			{18 * time.Hour, 30 * time.Hour, "READY", "6h0m0s warning"},
			{5 * time.Hour, 30 * time.Hour, "READY", "1h0m0s warning"},
			{45 * time.Minute, 30 * time.Hour, "READY", "15m0s warning"},
			{time.Minute, 30 * time.Hour, "READY", ""},
		}},
		{"only the tightest after a gap", []step{
			{time.Hour, 30 * time.Hour, "READY", ""},
			{28*time.Hour + 50*time.Minute, 30 * time.Hour, "READY", "15m0s warning"},
			{time.Minute, 30 * time.Hour, "READY", ""},
		}},
		{"an extension arms them again", []step{
			{time.Hour, 6 * time.Hour, "READY", "6h0m0s warning"},
			{time.Minute, 7*time.Hour + 30*time.Minute, "READY", "24h0m0s warning"},
			{time.Hour, 7*time.Hour + 30*time.Minute, "READY", "6h0m0s warning"},
			{time.Minute, 6 * time.Hour, "READY", ""},
		}},
		{"a dead link is not about to die", []step{
			{time.Hour, 30 * time.Minute, "READY", ""},
			{time.Minute, time.Hour + time.Minute, "READY", ""},
		}},
		{"only when there is a link", []step{
			{time.Hour, 2 * time.Hour, "IN_PROGRESS", ""},
			{time.Minute, 2 * time.Hour, "READY", "1h0m0s warning"},
		}},
		{"a clock set back gives no warning again", []step{
			{time.Hour, 90 * time.Minute, "READY", "1h0m0s warning"},
			{20 * time.Minute, 90 * time.Minute, "READY", "15m0s warning"},
			{-5 * time.Minute, 90 * time.Minute, "READY", ""},
			{12 * time.Minute, 90 * time.Minute, "READY", ""},
			{time.Minute, 90 * time.Minute, "READY", ""},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			w.observe(0, with(job("a", 0), status("FINISHED"), delivery("IN_PROGRESS")))
			for i, s := range tt.steps {
				events := w.observe(s.after, with(job("a", 0), status("FINISHED"), delivery(s.status), expires(t0.Add(s.expires))))
				events = slices.DeleteFunc(events, func(e restore.Event) bool { return e.Type == restore.DeliveryStatusChanged })
				var want []string
				if s.want != "" {
					want = []string{"delivery.expiring " + s.want}
				}
				if got := brief(events); !slices.Equal(got, want) {
					t.Errorf("step %d: got %q, want %q", i+1, got, want)
				}
			}
		})
	}
}

func TestExpiryEvent(t *testing.T) {
	w := newWorld(t)
	ready := with(job("a", 0), status("FINISHED"), delivery("READY"), expires(t0.Add(3*time.Hour)))
	events := w.observe(2*time.Hour+10*time.Minute, ready)
	last := events[len(events)-1]
	if want := "a.expiring.1h0m0s.1516633200"; last.ID != want {
		t.Errorf("id %s, want %s", last.ID, want)
	}
	want := restore.Expiry{Expires: t0.Add(3 * time.Hour), Remaining: 50 * time.Minute, Threshold: time.Hour}
	if *last.Expiry != want {
		t.Errorf("got %+v, want %+v", *last.Expiry, want)
	}
}

// The record of a job that is not on the pages read still ages.
func TestTimePassesForTheUnlisted(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, with(job("a", 0), status("FINISHED"), delivery("READY"), expires(t0.Add(24*time.Hour))))
	wantBrief(t, w.observe(18*time.Hour), "delivery.expiring 6h0m0s warning")
}

func TestStuck(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, job("a", 0))
	wantBrief(t, w.observe(24*time.Hour-time.Minute, job("a", 0)))
	events := w.observe(time.Second, job("a", 0))
	wantBrief(t, events, "job.stuck warning")
	wantIDs(t, events, "a.stuck")
	wantBrief(t, w.observe(240*time.Hour, job("a", 0)))

	never := newWorld(t)
	never.rules.StuckAfter = 0
	never.observe(time.Minute, job("a", 0))
	wantBrief(t, never.observe(240*time.Hour, job("a", 0)))
}

func member(id string, age time.Duration, s restore.Status) restore.Job {
	return with(job(id, age), batch("b"), status(s), method("QUERY"))
}

func TestBatch(t *testing.T) {
	const earlier = -time.Hour
	for _, tt := range []struct {
		name string
		seen [][]restore.Job
		want [][]string // batch events of each listing
	}{
		{"finished when all are", [][]restore.Job{
			{member("x", 1, "IN_PROGRESS"), member("y", 1, "IN_PROGRESS")},
			{member("x", 1, "FINISHED"), member("y", 1, "IN_PROGRESS")},
			{member("x", 1, "FINISHED"), member("y", 1, "FINISHED")},
			{member("x", 1, "FINISHED"), member("y", 1, "FINISHED")},
		}, [][]string{nil, nil, {"b.batch.FINISHED info 2/2"}, nil}},
		{"failed as soon as one is", [][]restore.Job{
			{member("x", 1, "IN_PROGRESS"), member("y", 1, "IN_PROGRESS")},
			{member("x", 1, "BROKEN"), member("y", 1, "IN_PROGRESS")},
			{member("x", 1, "BROKEN"), member("y", 1, "KILLED")},
		}, [][]string{nil, {"b.batch.FAILED critical 0/2"}, nil}},
		{"failed, mended and finished are two outcomes", [][]restore.Job{
			{member("x", 1, "BROKEN"), member("y", 1, "FINISHED")},
			{member("x", 1, "FINISHED"), member("y", 1, "FINISHED")},
			{member("x", 1, "BROKEN"), member("y", 1, "FINISHED")},
		}, [][]string{{"b.batch.FAILED critical 1/2"}, {"b.batch.FINISHED info 2/2"}, nil}},
		{"over on first sight", [][]restore.Job{
			{member("x", 1, "FINISHED"), member("y", 1, "FINISHED")},
		}, [][]string{{"b.batch.FINISHED info 2/2"}}},
		{"a member on a page not read counts", [][]restore.Job{
			{member("x", 1, "IN_PROGRESS"), member("y", 1, "IN_PROGRESS")},
			{member("y", 1, "FINISHED")},
			{member("x", 1, "FINISHED")},
		}, [][]string{nil, nil, {"b.batch.FINISHED info 2/2"}}},
		{"history is silent", [][]restore.Job{
			{member("x", earlier, "FINISHED"), member("y", earlier, "FINISHED")},
		}, [][]string{nil}},
		{"an outcome that was there before is silent", [][]restore.Job{
			{member("x", earlier, "BROKEN"), member("y", earlier, "IN_PROGRESS")},
			{member("x", earlier, "BROKEN"), member("y", earlier, "FINISHED")},
		}, [][]string{nil, nil}},
		{"what happens next to a batch under way is news", [][]restore.Job{
			{member("x", earlier, "FINISHED"), member("y", earlier, "IN_PROGRESS")},
			{member("y", earlier, "FINISHED")},
		}, [][]string{nil, {"b.batch.FINISHED info 2/2"}}},
		{"a member that was broken before keeps its batch from finishing", [][]restore.Job{
			{member("x", earlier, "KILLED"), member("y", earlier, "IN_PROGRESS")},
			{member("y", earlier, "FINISHED")},
		}, [][]string{nil, nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for i, jobs := range tt.seen {
				var got []string
				for _, e := range w.observe(time.Minute, jobs...) {
					if e.Batch == nil {
						continue
					}
					finished, _ := e.Batch.Count()
					got = append(got, e.ID+" "+string(e.Severity)+" "+string(rune('0'+finished))+"/"+string(rune('0'+len(e.Batch.Members))))
					if e.Job != nil || e.Subject != "b" || e.Sequence < 1 {
						t.Errorf("%s: job %v, subject %s, sequence %d", e.ID, e.Job, e.Subject, e.Sequence)
					}
				}
				if !slices.Equal(got, tt.want[i]) {
					t.Errorf("listing %d: got %q, want %q", i+1, got, tt.want[i])
				}
			}
		})
	}
}

// A member's failure that the batch's record missed, because the run that saw it crashed, is told by the next look, even
// if the member has been mended since.
func TestBatchFailureIsNotMissed(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, member("x", 1, "IN_PROGRESS"), member("y", 1, "IN_PROGRESS"))
	w.observe(time.Minute, member("x", 1, "BROKEN"), member("y", 1, "IN_PROGRESS"))
	delete(w.ledger.Records, restore.BatchKey("b"))
	events := w.observe(time.Minute, member("x", 1, "FINISHED"), member("y", 1, "FINISHED"))
	events = slices.DeleteFunc(events, func(e restore.Event) bool { return e.Batch == nil })
	wantIDs(t, events, "b.batch.FAILED", "b.batch.FINISHED")
	if finished, failed := events[0].Batch.Count(); finished != 1 || failed != 1 {
		t.Errorf("batch.failed tells %d finished and %d failed, want 1 and 1", finished, failed)
	}
}

// Every event of a batch's job says how far the batch has come, the job itself included.
func TestTally(t *testing.T) {
	w := newWorld(t)
	w.observe(time.Minute, member("x", 1, "IN_PROGRESS"), member("y", 1, "IN_PROGRESS"), job("alone", 1))
	events := w.observe(time.Minute, member("x", 1, "FINISHED"), member("y", 1, "BROKEN"), with(job("alone", 1), status("FINISHED")))
	for _, e := range events {
		want := &restore.Tally{Total: 2, Finished: 1, Failed: 1}
		if e.Subject == "alone" || e.Batch != nil {
			want = nil
		}
		if (e.Tally == nil) != (want == nil) || want != nil && *e.Tally != *want {
			t.Errorf("%s: tally %+v, want %+v", e.ID, e.Tally, want)
		}
	}
	if len(events) != 4 {
		t.Errorf("%d events, want 4", len(events))
	}
}

func TestUnreachable(t *testing.T) {
	w := newWorld(t)
	var told []restore.Event
	fail := func() {
		w.now = w.now.Add(time.Minute)
		r, changed := w.ledger.Fail(restore.Failure{Kind: restore.FailedAccessList, Message: "m", Hint: "h"}, w.rules, w.now)
		if changed {
			w.ledger.Records[r.Key()] = r.Take(map[string]int{"all": r.Sequence})
			told = append(told, r.Outbox...)
		}
	}
	fail()
	fail()
	wantBrief(t, told)
	wantBrief(t, w.observe(time.Minute)) // a row that ends unnoticed is not told
	fail()
	fail()
	fail()
	fail()
	since := t0.Add(4 * time.Minute)
	wantIDs(t, told, "6b77777887d9d61443b41645/Cluster0.unreachable.1516622640")
	if f := *told[0].Failure; f.Kind != restore.FailedAccessList || f.Failures != 3 || !f.Since.Equal(since) || f.Hint != "h" {
		t.Errorf("got %+v, want 3 failures since %s", f, since)
	}
	back := w.observe(time.Minute)
	wantBrief(t, back, "target.recovered info")
	wantIDs(t, back, "6b77777887d9d61443b41645/Cluster0.recovered.1516622640")
	wantBrief(t, w.observe(time.Minute))
}

func TestRetirement(t *testing.T) {
	day := 24 * time.Hour
	w := newWorld(t)
	over := []restore.Job{member("x", time.Second, "FINISHED"), member("y", time.Second, "FINISHED"),
		with(job("z", 2*time.Second), status("FINISHED"), delivery("EXPIRED"))}
	w.observe(time.Minute, over...)
	if seen := w.look(89*day, restore.Listing{Jobs: over}); len(seen.Changed)+len(seen.Dropped) > 0 {
		t.Fatalf("after 89 days: %d changed, %d dropped", len(seen.Changed), len(seen.Dropped))
	}
	if seen := w.look(day, restore.Listing{Jobs: over}); len(seen.Changed) != 1 || len(seen.Dropped) != 0 {
		t.Fatalf("after 90 days: %d changed, %d dropped; want Since moved and nothing dropped yet", len(seen.Changed), len(seen.Dropped))
	}
	if want := t0.Add(3 * time.Second); !w.ledger.Since().Equal(want) {
		t.Errorf("Since: got %s, want %s", w.ledger.Since(), want)
	}
	if seen := w.look(time.Minute, restore.Listing{Jobs: over}); len(seen.Dropped) != 4 {
		t.Errorf("dropped %d records, want the three jobs and the batch", len(seen.Dropped))
	}
	for range 3 {
		seen := w.look(time.Minute, restore.Listing{Jobs: over})
		if len(seen.Changed) != 0 || seen.History != 3 || len(w.ledger.Records) != 1 {
			t.Errorf("listed again: %d changed, %d history, %d records; want nothing announced again",
				len(seen.Changed), seen.History, len(w.ledger.Records))
		}
	}
}

// An API whose clock is years ahead dates a job in the future. Letting go of it must not move Since there: all that
// happens until then would be taken for history.
func TestJobFromTheFutureIsKept(t *testing.T) {
	w := newWorld(t)
	ahead := with(job("ahead", 3650*24*time.Hour), status("FINISHED"), delivery("EXPIRED"))
	w.observe(time.Minute, ahead)
	if seen := w.look(91*24*time.Hour, restore.Listing{Jobs: []restore.Job{ahead}}); len(seen.Changed)+len(seen.Dropped) > 0 {
		t.Errorf("%d records changed, %d dropped; want the job to be kept", len(seen.Changed), len(seen.Dropped))
	}
	later := with(job("later", 91*24*time.Hour), status("FINISHED"), delivery("EXPIRED"))
	wantIDs(t, w.observe(time.Minute, ahead, later), "later.created", "later.status.FINISHED", "later.delivery.EXPIRED")
}

// A crash while the members of a batch are dropped leaves no half that is taken for a batch of its own.
func TestRetirementCutShort(t *testing.T) {
	day := 24 * time.Hour
	w := newWorld(t)
	jobs := []restore.Job{member("x", time.Second, "BROKEN"), member("y", time.Second, "FINISHED")}
	w.observe(time.Minute, jobs...)
	w.observe(91*day, jobs...)
	delete(w.ledger.Records, restore.JobKey("x"))
	wantBrief(t, w.observe(time.Minute, jobs...))
	w.observe(time.Minute, jobs...)
	if len(w.ledger.Records) != 1 {
		t.Errorf("%d records left, want the target's alone", len(w.ledger.Records))
	}
}

// A crash between the last job of a batch and the batch's own record leaves the record alone, and a later pass drops it.
func TestRetirementCutShortBeforeTheBatch(t *testing.T) {
	w := newWorld(t)
	jobs := []restore.Job{member("x", time.Second, "FINISHED")}
	w.observe(time.Minute, jobs...)
	w.observe(91*24*time.Hour, jobs...)
	delete(w.ledger.Records, restore.JobKey("x"))
	w.observe(time.Minute, jobs...)
	if len(w.ledger.Records) != 1 {
		t.Errorf("%d records left, want the target's alone", len(w.ledger.Records))
	}
}

// Two rows of failures never share an id, whatever the clock does.
func TestUnreachableAgain(t *testing.T) {
	w := newWorld(t)
	told := make(map[string]bool)
	for _, skew := range []time.Duration{0, -5 * time.Minute, -5 * time.Minute, 0} {
		w.now = w.now.Add(skew)
		for range 3 {
			r, _ := w.ledger.Fail(restore.Failure{Kind: restore.FailedUnavailable}, w.rules, w.now)
			for _, e := range r.Outbox {
				if told[e.ID] {
					t.Errorf("%s was told for two rows", e.ID)
				}
				told[e.ID] = true
			}
			w.ledger.Records[r.Key()] = r.Take(map[string]int{"all": r.Sequence})
		}
		for _, id := range ids(w.observe(0)) {
			if told[id] {
				t.Errorf("%s was told for two rows", id)
			}
			told[id] = true
		}
	}
	if len(told) != 8 {
		t.Errorf("told %d ids, want 4 rows with a beginning and an end", len(told))
	}
}

// A record with news that may not have been published is never let go.
func TestRetirementWaitsForTheOutbox(t *testing.T) {
	w := newWorld(t)
	over := with(job("z", time.Second), status("FINISHED"), method("QUERY"))
	w.look(time.Minute, restore.Listing{Jobs: []restore.Job{over}})
	for range 3 {
		w.look(100*24*time.Hour, restore.Listing{Jobs: []restore.Job{over}})
	}
	if len(w.memory("z").Statuses) == 0 {
		t.Error("the record was dropped with its news in the outbox")
	}
}

func TestHorizon(t *testing.T) {
	w := newWorld(t)
	if got := w.ledger.Horizon(w.now); !got.Equal(t0) {
		t.Errorf("empty ledger: got %s, want Since", got)
	}
	over := with(job("b", 2*time.Hour), status("FINISHED"), method("QUERY"))
	w.observe(3*time.Hour, job("a", time.Hour), over)
	if got := w.ledger.Horizon(w.now); !got.Equal(t0.Add(time.Hour)) {
		t.Errorf("one under way: got %s, want its creation", got)
	}
	w.observe(time.Hour, with(job("a", time.Hour), status("KILLED"), method("QUERY")))
	if got := w.ledger.Horizon(w.now); !got.Equal(t0.Add(2 * time.Hour)) {
		t.Errorf("all over: got %s, want the newest", got)
	}
	w.observe(time.Hour, job("c", 4*time.Hour))
	if got := w.ledger.Horizon(w.now.Add(31 * 24 * time.Hour)); !got.Equal(t0.Add(4 * time.Hour)) {
		t.Errorf("unmoved for a month: got %s, want the newest", got)
	}
}

func TestFullReadDue(t *testing.T) {
	w := newWorld(t)
	if !w.ledger.FullReadDue(w.now) {
		t.Error("a target never read in full is not due")
	}
	w.look(time.Minute, restore.Listing{Pages: 4, Complete: true})
	if w.ledger.FullReadDue(w.now.Add(44 * time.Minute)) {
		t.Error("due after 44 minutes")
	}
	if !w.ledger.FullReadDue(w.now.Add(time.Hour)) {
		t.Error("not due after an hour")
	}
	if seen := w.look(2*time.Hour, restore.Listing{Pages: 1, Complete: true}); len(seen.Changed) != 0 {
		t.Error("a listing of one page cost a write")
	}
}

func TestParseTarget(t *testing.T) {
	got, err := restore.ParseTarget("legacy:6b77777887d9d61443b41645/Cluster0")
	if err != nil || got != target || got.String() != "legacy:6b77777887d9d61443b41645/Cluster0" {
		t.Errorf("got %v, %v", got, err)
	}
	for in, want := range map[string]string{
		"":                                     "no colon",
		"Cluster0":                             "no colon",
		"legacy:p":                             "no slash",
		"atlas:p/c":                            `unknown source "atlas"`,
		"legacy:/c":                            "project id is empty",
		"legacy:p/":                            "cluster is empty",
		"legacy:p/a/b":                         "'/'",
		"legacy:p/a?b":                         "'?'",
		"legacy:p/..%2f":                       "'%'",
		"legacy:p/a\x1b[0":                     `'\x1b'`,
		"legacy:p/" + strings.Repeat("c", 101): "101 characters",
	} {
		if _, err := restore.ParseTarget(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseTarget(%q): got %v, want an error with %q", in, err, want)
		}
	}
}
