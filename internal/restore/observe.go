package restore

import (
	"slices"
	"strconv"
	"time"
)

// Observe returns r brought up to date with job as listed at now, and whether it differs from r. A record without a
// memory is a job never seen; if that job is history, nothing is recorded. Observing the same job twice at the same
// time is a no-op. r itself is not edited.
func (r Record) Observe(job Job, rules Rules, now time.Time) (Record, bool) {
	memory, seen := r.Memory.(JobMemory)
	if !seen {
		if rules.isHistory(job, now) {
			return r, false
		}
		return r.meet(job, rules, now), true
	}
	d := draft{record: r, memory: memory, rules: rules, now: now}
	d.relist(job)
	d.lookAhead()
	return d.done()
}

// meet records a job on first sight: with its news if it was born while it was watched for, silently if not. What is
// about now, a link about to expire or a stuck job, is told in either case.
func (r Record) meet(job Job, rules Rules, now time.Time) Record {
	job.Hashes = sorted(job.Hashes)
	d := draft{record: r, rules: rules, now: now, changed: true}
	d.memory = JobMemory{Job: job, Changed: now}
	if rules.isNews(job) {
		d.bear()
	} else {
		d.adopt()
	}
	d.lookAhead()
	met, _ := d.done()
	return met
}

// A draft is a job's record while it is brought up to date.
type draft struct {
	record  Record
	memory  JobMemory
	rules   Rules
	now     time.Time
	changed bool
}

// done returns the record, and whether it differs from the one that the draft began with.
func (d *draft) done() (Record, bool) {
	if !d.changed {
		return d.record, false
	}
	d.record.Memory = d.memory
	d.record.Updated = d.now
	return d.record, true
}

// bear tells a job born while it was watched for, and whatever it has already come to.
func (d *draft) bear() {
	job := d.memory.Job
	d.tell(Event{ID: d.fact("created"), Type: JobCreated, Severity: Info})
	if job.Status.Final() {
		d.reachStatus("", job.Status)
	} else {
		d.memory.Statuses = reach(nil, string(job.Status), d.now)
	}
	if job.Delivery.Status.Final() || job.Delivery.Status == DeliveryReady {
		d.reachDelivery("", job.Delivery.Status)
	} else {
		d.memory.Deliveries = reach(nil, string(job.Delivery.Status), d.now)
	}
	d.takeHashes(job.Hashes)
}

// adopt remembers, without a word, a job that was under way before it was watched for.
func (d *draft) adopt() {
	job := d.memory.Job
	d.memory.Adopted = job.Status
	d.memory.Statuses = reach(nil, string(job.Status), d.now)
	d.memory.Deliveries = reach(nil, string(job.Delivery.Status), d.now)
	for _, h := range job.Hashes {
		d.memory.Told = append(d.memory.Told, Told{Hash: h, Times: 1})
	}
}

// relist takes in a job that is known already. A status that a listing leaves out has not changed.
func (d *draft) relist(job Job) {
	known := d.memory.Job
	if job.Status == "" {
		job.Status = known.Status
	}
	if job.Delivery.Status == "" {
		job.Delivery.Status = known.Delivery.Status
	}
	job.Hashes = sorted(job.Hashes)
	if job.Equal(known) {
		return
	}
	d.changed = true
	d.memory.Job = job
	d.memory.Changed = d.now
	if job.Status != known.Status {
		d.reachStatus(known.Status, job.Status)
	}
	if job.Delivery.Status != known.Delivery.Status {
		d.reachDelivery(known.Delivery.Status, job.Delivery.Status)
	}
	d.takeHashes(job.Hashes)
}

func (d *draft) reachStatus(from, to Status) {
	d.memory.Statuses = d.reach(d.memory.Statuses, "status", from.Final(), Event{
		Type: JobStatusChanged, Severity: severityOfStatus(to), Change: &Change{From: string(from), To: string(to)},
	})
}

func (d *draft) reachDelivery(from, to DeliveryStatus) {
	d.memory.Deliveries = d.reach(d.memory.Deliveries, "delivery", from.Final(), Event{
		Type: DeliveryStatusChanged, Severity: severityOfDelivery(to), Change: &Change{From: string(from), To: string(to)},
	})
}

// reach tells a transition and returns the words reached, that of the transition among them. wasFinal says that it
// leaves a state that was expected to last.
func (d *draft) reach(reached []Reached, what string, wasFinal bool, e Event) []Reached {
	reached = reach(reached, e.Change.To, d.now)
	times := reached[len(reached)-1].Times
	e.ID = again([]string{d.subject(), what, e.Change.To}, times)
	e.Change.Repeat = times > 1 || wasFinal
	d.tell(e)
	return reached
}

// lookAhead tells what the passing of time alone makes news.
func (d *draft) lookAhead() {
	d.warnOfExpiry()
	job := d.memory.Job
	stuck := d.rules.StuckAfter > 0 && !job.Status.Final() && !job.Created.IsZero() &&
		d.now.Sub(job.Created) > d.rules.StuckAfter
	if stuck && !d.memory.Stuck {
		d.memory.Stuck = true
		d.tell(Event{ID: d.fact("stuck"), Type: JobStuck, Severity: Warning})
	}
}

// warnOfExpiry tells that a link is about to die: once for each threshold and each expiry, and only the tightest
// threshold when a gap between two passes crossed several. A link already dead is not about to die; the API will say so.
func (d *draft) warnOfExpiry() {
	delivery := d.memory.Job.Delivery
	remaining := delivery.Expires.Sub(d.now)
	if delivery.Status != DeliveryReady || !delivery.Download() || delivery.Expires.IsZero() || remaining <= 0 {
		return
	}
	threshold, crossed := d.rules.tightest(remaining)
	if !crossed || d.warned(delivery.Expires, threshold) {
		return
	}
	severity := Warning
	if len(d.memory.Told) > 0 { // a hash shows that the file has been downloaded
		severity = Info
	}
	expires := strconv.FormatInt(delivery.Expires.Unix(), 10)
	d.tell(Event{
		ID:       d.fact("expiring", threshold.String(), expires),
		Type:     DeliveryExpiring,
		Severity: severity,
		Expiry:   &Expiry{Expires: delivery.Expires, Remaining: remaining, Threshold: threshold},
	})
	d.remember(ExpiryWarning{Expires: delivery.Expires, Threshold: threshold})
}

// warned reports whether this threshold or a tighter one was told for this expiry.
func (d *draft) warned(expires time.Time, threshold time.Duration) bool {
	return slices.ContainsFunc(d.memory.Warned, func(w ExpiryWarning) bool {
		return w.Expires.Equal(expires) && w.Threshold <= threshold
	})
}

// remember keeps one warning for each expiry, and forgets those of links long dead. A day is longer than a clock is
// ever set back, so that no forgotten warning is given again.
func (d *draft) remember(given ExpiryWarning) {
	kept := slices.DeleteFunc(slices.Clone(d.memory.Warned), func(w ExpiryWarning) bool {
		return w.Expires.Equal(given.Expires) || d.now.Sub(w.Expires) > warnedFor
	})
	d.memory.Warned = append(kept, given)
}

// tell puts an event about the job into the outbox, with the job as it is listed now.
func (d *draft) tell(e Event) {
	job := d.memory.Job
	e.Subject, e.Job = string(job.ID), &job
	d.record = d.record.tell(e, d.now)
	d.changed = true
}

func (d *draft) subject() string { return string(d.memory.Job.ID) }

func (d *draft) fact(words ...string) string {
	return fact(append([]string{d.subject()}, words...)...)
}

// tell returns r with e as the latest of its outbox. The outbox of r is left alone: its array is not shared.
func (r Record) tell(e Event, now time.Time) Record {
	r.Sequence++
	e.Target, e.Sequence, e.Time = r.Target, r.Sequence, now
	r.Outbox = append(slices.Clip(r.Outbox), e)
	return r
}

// reach counts one more time that a word was reached and puts it last. The empty word is none.
func reach(reached []Reached, word string, now time.Time) []Reached {
	if word == "" {
		return reached
	}
	times := 1
	others := make([]Reached, 0, len(reached)+1)
	for _, r := range reached {
		if r.Word == word {
			times += r.Times
			continue
		}
		others = append(others, r)
	}
	return append(others, Reached{Word: word, Times: times, Last: now})
}
