package killtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/atlassim"
)

// This file says what has to be told. It was written from the design, section 3, and the contract, section 3: it shares
// no word with the program.

// An oracle follows what the API lists. Show it each state that a pass has certainly read to its end and saved, in
// order: the difference between one such state and the next is owed, whatever became of the runs in between.
type oracle struct {
	since      time.Time // what was created before it is history, or comes in silently
	thresholds []time.Duration
	stuckAfter time.Duration
	jobs       map[string]*known
	outcomes   map[string][]string // by batch, what was owed of it
	owed       map[string][]string // by subject: what is to be told, each in its own line
	count      map[string]int      // by type
}

// A known is a job that was seen.
type known struct {
	job        atlassim.Job
	statuses   map[string]int // how often each word was reached
	deliveries map[string]int
	sums       map[atlassim.Hash]int // how often each was told
	current    map[string]string     // the sum of a file, by name
	warned     map[int64]time.Duration
	stuck      bool
	failed     bool // has ended BROKEN or KILLED
}

// newOracle makes an oracle for a program that has the default thresholds and ages of contract section 2.
func newOracle(since time.Time) *oracle {
	return &oracle{
		since: since, stuckAfter: 24 * time.Hour,
		thresholds: []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour},
		jobs:       map[string]*known{}, outcomes: map[string][]string{}, owed: map[string][]string{}, count: map[string]int{},
	}
}

var (
	finalStatuses   = []string{"FINISHED", "BROKEN", "KILLED"}
	failures        = []string{"BROKEN", "KILLED"}
	finalDeliveries = []string{"EXPIRED", "MAX_DOWNLOADS_EXCEEDED", "FAILED"}
)

// see takes in what the API lists for one cluster. now decides what time alone makes news; keep every moment in which
// that changes far away, for the program reads a clock of its own.
func (o *oracle) see(listed []atlassim.Job, now time.Time) {
	for _, j := range listed {
		o.seeJob(j, now)
	}
	o.seeBatches(listed)
}

func (o *oracle) seeJob(j atlassim.Job, now time.Time) {
	k, seen := o.jobs[j.ID]
	switch {
	case seen:
		o.seeAgain(k, j)
	case j.Created.Before(o.since) && isOver(j, now):
		return
	default:
		k = &known{
			statuses: map[string]int{}, deliveries: map[string]int{}, sums: map[atlassim.Hash]int{},
			current: map[string]string{}, warned: map[int64]time.Duration{},
		}
		o.jobs[j.ID] = k
		o.meet(k, j)
	}
	o.passTime(k, now)
}

// isOver covers jobs whose deliveries ended, which is what old jobs of the lives are.
func isOver(j atlassim.Job, now time.Time) bool {
	expires := j.Delivery.Expires
	return slices.Contains(finalStatuses, j.StatusName) && (slices.Contains(finalDeliveries, j.Delivery.StatusName) ||
		j.Delivery.TargetClusterName != "" || !expires.IsZero() && now.Sub(expires) >= 24*time.Hour)
}

func (o *oracle) meet(k *known, j atlassim.Job) {
	k.job = j
	if j.Created.Before(o.since) {
		k.statuses[j.StatusName]++
		k.deliveries[j.Delivery.StatusName]++
		for _, h := range j.Hashes {
			k.sums[h]++
			k.current[h.FileName] = h.Hash
		}
		return
	}
	o.owe(k, "created", "job.created", "info", "")
	k.statuses[j.StatusName]++
	if slices.Contains(finalStatuses, j.StatusName) {
		o.oweStatus(k, "")
	}
	k.deliveries[j.Delivery.StatusName]++
	if j.Delivery.StatusName == "READY" || slices.Contains(finalDeliveries, j.Delivery.StatusName) {
		o.oweDelivery(k, "")
	}
	o.oweHashes(k)
}

func (o *oracle) seeAgain(k *known, j atlassim.Job) {
	before := k.job
	k.job = j
	if before.StatusName != j.StatusName {
		k.statuses[j.StatusName]++
		o.oweStatus(k, before.StatusName)
	}
	if before.Delivery.StatusName != j.Delivery.StatusName {
		k.deliveries[j.Delivery.StatusName]++
		o.oweDelivery(k, before.Delivery.StatusName)
	}
	o.oweHashes(k)
}

func (o *oracle) oweStatus(k *known, from string) {
	to, severity := k.job.StatusName, "info"
	if slices.Contains(failures, to) {
		severity, k.failed = "critical", true
	}
	times := k.statuses[to]
	repeat := times > 1 || slices.Contains(finalStatuses, from)
	o.owe(k, counted("status."+to, times), "job.status_changed", severity, changed(from, to, repeat))
}

func (o *oracle) oweDelivery(k *known, from string) {
	to, severity := k.job.Delivery.StatusName, "info"
	if to == "INTERRUPTED" || slices.Contains(finalDeliveries, to) {
		severity = "warning"
	}
	times := k.deliveries[to]
	repeat := times > 1 || slices.Contains(finalDeliveries, from)
	o.owe(k, counted("delivery."+to, times), "delivery.status_changed", severity, changed(from, to, repeat))
}

func changed(from, to string, repeat bool) string {
	return fmt.Sprintf("%q->%q repeat=%t", from, to, repeat)
}

func counted(id string, times int) string {
	if times > 1 {
		return fmt.Sprintf("%s.%d", id, times)
	}
	return id
}

// oweHashes covers listings that show one sum for each file.
func (o *oracle) oweHashes(k *known) {
	var added []atlassim.Hash
	var news []func()
	for _, h := range byName(k.job.Hashes) {
		last, told := k.current[h.FileName]
		if last == h.Hash {
			continue
		}
		k.current[h.FileName] = h.Hash
		k.sums[h]++
		if !told {
			added = append(added, h)
			continue
		}
		news = append(news, func() {
			detail := fmt.Sprintf("%s: %s->%s", h.FileName, last, h.Hash)
			o.owe(k, counted("hashchanged.#", k.sums[h]), "hash.changed", "critical", detail)
		})
	}
	if len(added) > 0 {
		o.owe(k, "hash.#", "hash.added", "info", listHashes(added))
	}
	for _, tell := range news {
		tell()
	}
}

func byName(hashes []atlassim.Hash) []atlassim.Hash {
	return slices.SortedFunc(slices.Values(hashes), func(a, b atlassim.Hash) int { return strings.Compare(a.FileName, b.FileName) })
}

func listHashes(hashes []atlassim.Hash) string {
	var all []string
	for _, h := range byName(hashes) {
		all = append(all, h.FileName+"="+h.Hash)
	}
	return strings.Join(all, " ")
}

// passTime owes what time alone makes news.
func (o *oracle) passTime(k *known, now time.Time) {
	d := k.job.Delivery
	if left := d.Expires.Sub(now); d.StatusName == "READY" && d.TargetClusterName == "" && left > 0 {
		o.warn(k, left)
	}
	age := now.Sub(k.job.Created)
	if !k.stuck && age > o.stuckAfter && !slices.Contains(finalStatuses, k.job.StatusName) {
		k.stuck = true
		o.owe(k, "stuck", "job.stuck", "warning", "")
	}
}

func (o *oracle) warn(k *known, left time.Duration) {
	i := slices.IndexFunc(o.thresholds, func(d time.Duration) bool { return left <= d })
	if i < 0 {
		return
	}
	threshold, expires := o.thresholds[i], k.job.Delivery.Expires.Unix()
	if told, ok := k.warned[expires]; ok && told <= threshold {
		return
	}
	k.warned[expires] = threshold
	severity := "warning"
	if len(k.sums) > 0 {
		severity = "info"
	}
	o.owe(k, fmt.Sprintf("expiring.%s.%d", threshold, expires), "delivery.expiring", severity, fmt.Sprintf("%s at %d", threshold, expires))
}

// seeBatches owes the outcomes of the batches that have members in the listing. Members that are listed no more count
// as they were.
func (o *oracle) seeBatches(listed []atlassim.Job) {
	ids := map[string]bool{}
	for _, j := range listed {
		if o.jobs[j.ID] != nil && j.BatchID != "" {
			ids[j.BatchID] = true
		}
	}
	for id := range ids {
		var members []*known
		for _, k := range o.jobs {
			if k.job.BatchID == id {
				members = append(members, k)
			}
		}
		o.seeBatch(id, members)
	}
}

func (o *oracle) seeBatch(id string, members []*known) {
	slices.SortFunc(members, func(a, b *known) int { return strings.Compare(a.job.ID, b.job.ID) })
	failed, finished := false, true
	for _, k := range members {
		failed = failed || k.failed
		finished = finished && k.job.StatusName == "FINISHED"
	}
	if failed && !slices.Contains(o.outcomes[id], "FAILED") {
		o.oweOutcome(id, "FAILED", "critical", members)
	}
	if finished && !slices.Contains(o.outcomes[id], "FINISHED") {
		o.oweOutcome(id, "FINISHED", "info", members)
	}
}

func (o *oracle) oweOutcome(id, outcome, severity string, members []*known) {
	o.outcomes[id] = append(o.outcomes[id], outcome)
	kind := "batch." + strings.ToLower(outcome)
	var all []string
	counts := map[string]int{}
	for _, k := range members {
		j := k.job
		counts[j.StatusName]++
		all = append(all, strings.Join([]string{j.ID, j.ClusterID, j.StatusName, j.Delivery.StatusName}, "/"))
	}
	o.add(owing{
		ID: id + ".batch." + outcome, Type: "restorewatch." + kind, Subject: id, Severity: severity,
		Detail: fmt.Sprintf("%s, of %d finished %d, failed %d: %s", outcome, len(members),
			counts["FINISHED"], counts["BROKEN"]+counts["KILLED"], strings.Join(all, " ")),
	})
}

func (o *oracle) owe(k *known, fact, kind, severity, detail string) {
	j := k.job
	o.add(owing{
		ID: j.ID + "." + fact, Type: "restorewatch." + kind, Subject: j.ID, Severity: severity, Detail: detail,
		Job: strings.Join([]string{j.ClusterName, j.BatchID, j.StatusName, j.Delivery.StatusName, listHashes(j.Hashes)}, "/"),
	})
}

func (o *oracle) add(e owing) {
	o.count[e.Type]++
	e.Sequence = fmt.Sprintf("%010d", len(o.owed[e.Subject])+1)
	o.owed[e.Subject] = append(o.owed[e.Subject], e.String())
}
