package simtest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// This file is what the design, section 3, says about one job: what is remembered, and what is news. It was written from
// that text and from the contract; what it shares with internal/restore are the types and the words alone.

// Facts are what the oracle holds a record to say: *jobFacts, *batchFacts or *targetFacts. They are never edited.
type facts any

// A jobFacts is what has been saved of one job.
type jobFacts struct {
	job      restore.Job
	silent   bool           // recorded without a word
	first    restore.Status // the status it was recorded with
	statuses map[string]int // how often each was reached
	failure  restore.Status // the latest word of failure that was told, "" for none
	handings map[string]int // the same of deliveries
	current  map[file]string
	sums     map[restore.Hash]int
	warned   map[int64]time.Duration // the tightest threshold told, by expiry
	stuck    bool
	changed  time.Time
}

// A file is what has one sum at a time.
type file struct{ name, algorithm string }

// An account is a job's facts while they are brought up to date, with the news that this makes.
type account struct {
	jobFacts
	rules restore.Rules
	now   time.Time
	news  []restore.Event // without subject, sequence and time
	moved bool
}

const unnamed = "#" // stands in an expected id for the hexadecimal digits that only a publisher can choose

func isOver(j restore.Job, changed, now time.Time) bool {
	if j.Status != "FINISHED" && j.Status != "BROKEN" && j.Status != "KILLED" {
		return false
	}
	d := j.Delivery
	switch d.Status {
	case "EXPIRED", "MAX_DOWNLOADS_EXCEEDED", "FAILED":
		return true
	}
	return !isDownload(j) || !d.Expires.IsZero() && !now.Before(d.Expires.Add(24*time.Hour)) || !now.Before(changed.Add(30*24*time.Hour))
}

// isDownload covers the deliveries that histories have: links, and restores into a cluster.
func isDownload(j restore.Job) bool {
	return j.Delivery.Method == "HTTP" && j.Delivery.TargetCluster == ""
}

func bornSince(j restore.Job, since time.Time) bool {
	return !j.Created.IsZero() && j.Created.Unix() >= since.Unix()
}

// meet is what a job seen for the first time makes, once it is to be recorded.
func meet(j restore.Job, rules restore.Rules, now time.Time) *account {
	j.Hashes = ordered(j.Hashes)
	a := &account{rules: rules, now: now, moved: true, jobFacts: jobFacts{
		job: j, first: j.Status, changed: now, silent: !bornSince(j, rules.Since), statuses: map[string]int{}, handings: map[string]int{},
		current: map[file]string{}, sums: map[restore.Hash]int{}, warned: map[int64]time.Duration{},
	}}
	final := j.Status == "FINISHED" || j.Status == "BROKEN" || j.Status == "KILLED"
	if a.silent {
		a.statuses[string(j.Status)]++
		a.handings[string(j.Delivery.Status)]++
		for _, h := range j.Hashes {
			a.current[file{h.File, h.Algorithm}] = h.Sum
			a.sums[h]++
		}
	} else {
		a.tell(restore.Event{ID: "created", Type: "job.created", Severity: "info"})
		a.reachStatus("", final)
		a.reachDelivery("", finalDelivery(j) || j.Delivery.Status == "READY")
		a.takeHashes()
	}
	a.passTime()
	return a
}

func finalDelivery(j restore.Job) bool {
	s := j.Delivery.Status
	return s == "EXPIRED" || s == "MAX_DOWNLOADS_EXCEEDED" || s == "FAILED"
}

// seeAgain is what a listing makes of a job that is known; nil if the listing does not show it, so that only time passes.
func seeAgain(known *jobFacts, listed *restore.Job, rules restore.Rules, now time.Time) *account {
	a := &account{jobFacts: *known, rules: rules, now: now}
	a.statuses, a.handings = maps.Clone(known.statuses), maps.Clone(known.handings)
	a.current, a.sums, a.warned = maps.Clone(known.current), maps.Clone(known.sums), maps.Clone(known.warned)
	if listed != nil {
		a.list(*listed)
	}
	a.passTime()
	return a
}

func (a *account) list(j restore.Job) {
	before := a.job
	if j.Status == "" {
		j.Status = before.Status
	}
	if j.Delivery.Status == "" {
		j.Delivery.Status = before.Delivery.Status
	}
	j.Hashes = ordered(j.Hashes)
	if reflect.DeepEqual(j, before) {
		return
	}
	a.job, a.changed, a.moved = j, a.now, true
	if j.Status != before.Status {
		a.reachStatus(before.Status, true)
	}
	if j.Delivery.Status != before.Delivery.Status {
		a.reachDelivery(before.Delivery.Status, true)
	}
	a.takeHashes()
}

func (a *account) reachStatus(from restore.Status, tell bool) {
	to := string(a.job.Status)
	if to == "" {
		return
	}
	a.statuses[to]++
	if !tell {
		return
	}
	wasFinal := from == "FINISHED" || from == "BROKEN" || from == "KILLED"
	severity := restore.Info
	if to == "BROKEN" || to == "KILLED" {
		severity, a.failure = restore.Critical, a.job.Status
	}
	a.tell(restore.Event{
		ID: counted("status."+to, a.statuses[to]), Type: "job.status_changed", Severity: severity,
		Change: &restore.Change{From: string(from), To: to, Repeat: a.statuses[to] > 1 || wasFinal},
	})
}

func (a *account) reachDelivery(from restore.DeliveryStatus, tell bool) {
	to := string(a.job.Delivery.Status)
	if to == "" {
		return
	}
	a.handings[to]++
	if !tell {
		return
	}
	severity := restore.Info
	if finalDelivery(a.job) || to == "INTERRUPTED" {
		severity = restore.Warning
	}
	wasFinal := from == "EXPIRED" || from == "MAX_DOWNLOADS_EXCEEDED" || from == "FAILED"
	a.tell(restore.Event{
		ID: counted("delivery."+to, a.handings[to]), Type: "delivery.status_changed", Severity: severity,
		Change: &restore.Change{From: string(from), To: to, Repeat: a.handings[to] > 1 || wasFinal},
	})
}

// takeHashes covers listings that show one sum for each file and algorithm.
func (a *account) takeHashes() {
	var added []restore.Hash
	var changed []restore.Event
	for _, h := range a.job.Hashes {
		f := file{h.File, h.Algorithm}
		last, known := a.current[f]
		if known && last == h.Sum {
			continue
		}
		a.current[f] = h.Sum
		a.sums[h]++
		if !known {
			added = append(added, h)
			continue
		}
		previous := restore.Hash{File: h.File, Algorithm: h.Algorithm, Sum: last}
		changed = append(changed, restore.Event{
			ID: counted("hashchanged."+unnamed, a.sums[h]), Type: "hash.changed", Severity: "critical", Hash: &h, PreviousHash: &previous,
		})
	}
	if len(added) > 0 {
		a.tell(restore.Event{ID: "hash." + unnamed, Type: "hash.added", Severity: "info", Hashes: added})
	}
	for _, e := range changed {
		a.tell(e)
	}
}

// passTime is what time alone makes news.
func (a *account) passTime() {
	a.warn()
	final := a.job.Status == "FINISHED" || a.job.Status == "BROKEN" || a.job.Status == "KILLED"
	if a.stuck || final || a.rules.StuckAfter == 0 || a.job.Created.IsZero() || a.now.Sub(a.job.Created) <= a.rules.StuckAfter {
		return
	}
	a.stuck = true
	a.tell(restore.Event{ID: "stuck", Type: "job.stuck", Severity: "warning"})
}

func (a *account) warn() {
	expires := a.job.Delivery.Expires
	left := expires.Sub(a.now)
	if a.job.Delivery.Status != "READY" || !isDownload(a.job) || expires.IsZero() || left <= 0 {
		return
	}
	crossed := slices.DeleteFunc(slices.Clone(a.rules.ExpiryWarnings), func(d time.Duration) bool { return left > d })
	if len(crossed) == 0 {
		return
	}
	threshold := slices.Min(crossed)
	if told, warned := a.warned[expires.Unix()]; warned && told <= threshold {
		return
	}
	a.warned[expires.Unix()] = threshold
	severity := restore.Warning
	if len(a.sums) > 0 {
		severity = restore.Info
	}
	a.tell(restore.Event{
		ID: fmt.Sprintf("expiring.%s.%d", threshold, expires.Unix()), Type: "delivery.expiring", Severity: severity,
		Expiry: &restore.Expiry{Expires: expires, Remaining: left, Threshold: threshold},
	})
}

func (a *account) tell(e restore.Event) {
	job := a.job
	e.ID = string(job.ID) + "." + e.ID
	e.Job = &job
	a.news = append(a.news, e)
	a.moved = true
}

func counted(id string, times int) string {
	if times > 1 {
		return fmt.Sprintf("%s.%d", id, times)
	}
	return id
}

func ordered(hashes []restore.Hash) []restore.Hash {
	if len(hashes) == 0 {
		return nil
	}
	return slices.Compact(slices.SortedFunc(slices.Values(hashes), func(a, b restore.Hash) int {
		return strings.Compare(a.File+"\x00"+a.Algorithm+"\x00"+a.Sum, b.File+"\x00"+b.Algorithm+"\x00"+b.Sum)
	}))
}

// differs says how a record's memory is not what the facts are, or "".
func (f *jobFacts) differs(m restore.JobMemory, now time.Time) string {
	var found []string
	check := func(what string, ok bool) {
		if !ok {
			found = append(found, what)
		}
	}
	check("the job", reflect.DeepEqual(m.Job, f.job))
	check("the statuses reached", maps.Equal(reached(m.Statuses), without(f.statuses)))
	check("the deliveries reached", maps.Equal(reached(m.Deliveries), without(f.handings)))
	check("whether it is stuck", m.Stuck == f.stuck)
	check("when it changed", m.Changed.Equal(f.changed))
	sums := map[restore.Hash]int{}
	for _, t := range m.Told {
		sums[t.Hash] = t.Times
	}
	check("the hashes told", maps.Equal(sums, f.sums))
	warned := map[int64]time.Duration{}
	for _, w := range m.Warned {
		warned[w.Expires.Unix()] = w.Threshold
	}
	for expires, threshold := range f.warned {
		told, ok := warned[expires]
		check("a warning given", ok && told == threshold || now.Unix()-expires > 24*3600)
	}
	return strings.Join(found, ", ")
}

func reached(words []restore.Reached) map[string]int {
	times := map[string]int{}
	for _, r := range words {
		times[r.Word] = r.Times
	}
	return times
}

func without(words map[string]int) map[string]int {
	words = maps.Clone(words)
	delete(words, "")
	return words
}
