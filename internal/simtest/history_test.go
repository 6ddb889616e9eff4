package simtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"restorewatch/internal/restore"
)

// A deed is one step of a history: something that happens in the world, a run that begins, or what becomes of a call.
// Deeds say what they are about by numbers that always find something, so that a history from which some are left out
// is still a history.
type deed struct {
	number int // its place in the whole history
	what   string
	place  int
	job    int
	pick   int
	fate   fate
	mask   int // of the fate partly
	at     int // the call of the run that meets the fate, from 1
	span   time.Duration
	word   string
}

// A history is a setup and what happens in it.
type history struct {
	seed uint64
	setup
	deeds []deed
}

func (d deed) String() string {
	switch d.what {
	case "step":
		return fmt.Sprintf("step call %d: %s", d.pick, d.fate)
	case "finish":
		if d.fate != fine {
			return fmt.Sprintf("finish %d, call %d: %s", d.pick, d.at, d.fate)
		}
		return fmt.Sprintf("finish %d", d.pick)
	case "run", "restart", "land":
		return fmt.Sprintf("%s %d", d.what, d.pick)
	case "pass", "skew":
		return fmt.Sprintf("%s %s", d.what, d.span)
	case "stale":
		return fmt.Sprintf("stale %d", d.pick)
	case "outage":
		return fmt.Sprintf("target %d: outage %q", d.place, d.word)
	}
	return fmt.Sprintf("target %d, job %d: %s %s %d %s", d.place, d.job, d.what, d.word, d.pick, d.span)
}

var (
	statuses   = []string{"IN_PROGRESS", "FINISHED", "FINISHED", "BROKEN", "KILLED", "THAWING", ""}
	deliveries = []string{"NOT_STARTED", "IN_PROGRESS", "READY", "READY", "READY", "EXPIRED", "MAX_DOWNLOADS_EXCEEDED", "FAILED", "INTERRUPTED", ""}
	expiries   = []time.Duration{-time.Hour, 5 * time.Minute, 20 * time.Minute, 55 * time.Minute, 5 * time.Hour, 23 * time.Hour, 72 * time.Hour}
	births     = []time.Duration{0, 0, 0, 0, -time.Second, -time.Minute, -time.Hour, -23 * time.Hour, -40 * 24 * time.Hour}
	outages    = []string{"unavailable", "access_list", "rate_limited"}
)

// A temper is how a history tends to go.
type temper struct {
	*rand.Rand
	jobs, faults, overlap, calm, old int
}

// generate makes the history of a seed.
func generate(seed uint64) history {
	t := temper{Rand: rand.New(rand.NewPCG(seed, 0x7265_7374_6f72_65))}
	h := history{seed: seed, setup: setup{
		targets: []int{1, 1, 1, 1, 2, 3}[t.IntN(6)], atOnce: 1 + t.IntN(3),
		outputs: 1 + t.IntN(2), topics: []int{0, 0, 0, 1, 2}[t.IntN(5)], fifo: t.IntN(2) == 0,
		pageSize: []int{1, 2, 3, 100}[t.IntN(4)], sameBytes: t.IntN(2) == 0, reversed: t.IntN(8) == 0,
		hurried: t.IntN(3) == 0,
	}}
	h.topics = min(h.topics, h.outputs)
	t.jobs, t.faults, t.overlap, t.calm = 1+t.IntN(5), t.IntN(40), 1+t.IntN(4), t.IntN(4)
	t.old = t.IntN(4)
	for n := range 10 + t.IntN(70) {
		d := t.deed()
		d.number = n
		h.deeds = append(h.deeds, d)
	}
	return h
}

func (t temper) deed() deed {
	switch n := t.IntN(100); {
	case n < 22:
		return t.life()
	case n < 36:
		return deed{what: "run", pick: t.IntN(t.overlap)}
	case n < 44:
		return deed{what: "pass", span: t.span()}
	case n < 46 && t.calm > 0:
		return deed{what: "skew", span: []time.Duration{0, 0, 5 * time.Minute, -5 * time.Minute}[t.IntN(4)]}
	case n < 48:
		return deed{what: "stale", pick: t.IntN(4) * t.IntN(2)}
	case n < 50:
		return deed{what: "outage", place: t.IntN(3), word: append(outages, "", "", "")[t.IntN(6)]}
	case n < 52:
		return deed{what: "restart", pick: t.IntN(t.overlap)}
	case n < 54:
		return deed{what: "land", pick: t.IntN(4)}
	case n < 60+4*t.calm:
		return deed{what: "finish", pick: t.IntN(t.overlap), at: 1 + t.IntN(12), fate: t.fate(4 * t.faults), mask: t.mask()}
	}
	return deed{what: "step", pick: t.IntN(8), fate: t.fate(t.faults), mask: t.mask()}
}

// mask says of each event in a call whether it is taken and mentioned in the answer, two bits for each.
func (t temper) mask() int { return t.IntN(1 << 20) }

func (t temper) fate(percent int) fate {
	if t.IntN(100) >= percent {
		return fine
	}
	if f := 1 + t.IntN(numberFates+1); f < numberFates {
		return fate(f)
	}
	return partly // more often: for most calls it is a plain failure
}

func (t temper) span() time.Duration {
	if t.old == 0 && t.IntN(3) == 0 {
		return []time.Duration{31, 89, 90, 91}[t.IntN(4)] * 24 * time.Hour
	}
	return []time.Duration{time.Minute, time.Minute, time.Minute, 5 * time.Minute, 11 * time.Minute, 61 * time.Minute, 7 * time.Hour, 25 * time.Hour}[t.IntN(8)]
}

// life is something that happens to a job.
func (t temper) life() deed {
	d := deed{place: t.IntN(3), job: t.IntN(t.jobs), pick: t.IntN(4), span: births[t.IntN(len(births))]}
	switch n := t.IntN(20); {
	case n < 2:
		d.what, d.pick = "appears", t.IntN(8)
	case n < 8:
		d.what, d.word = "status", statuses[t.IntN(len(statuses))]
	case n < 12:
		d.what, d.word = "delivery", deliveries[t.IntN(len(deliveries))]
	case n < 15:
		d.what, d.span = "expires", expiries[t.IntN(len(expiries))]
	case n < 17:
		d.what = "hash"
	case n < 18:
		d.what = "unhash"
	case n < 19:
		d.what = "vanishes"
	default:
		d.what = "ends" // finished, ready, and downloaded, all between two looks
	}
	return d
}

// make does a deed.
func (w *world) make(d deed) {
	switch d.what {
	case "step":
		if len(w.pending) > 0 {
			c := w.pending[d.pick%len(w.pending)]
			c.mask = d.mask
			w.step(c, d.fate)
		}
	case "run":
		w.start(w.container(d.pick))
	case "finish":
		if r := w.container(d.pick).running; r != nil {
			w.finishMeeting(r, blow{d.at, d.fate, d.mask})
		}
	case "restart":
		if c := w.container(d.pick); c.running == nil {
			w.discard(c)
		}
	case "land":
		w.land(d.pick)
	case "pass":
		w.advance(d.span)
	case "skew":
		w.skew = d.span
		w.logf("clocks are wrong by %s", d.span)
	case "stale":
		w.stale = d.pick
		w.logf("the API answers with its state %d changes ago", d.pick)
	case "outage":
		p := w.places[d.place%len(w.places)]
		p.outage = restore.FailureKind(d.word)
		w.logf("the API is out for %s: %q", p.target, d.word)
	default:
		p := w.places[d.place%len(w.places)]
		w.logf("the API of %s: %s", p.target, d)
		p.live(d)
	}
}

// live does to a job what a deed says.
func (p *place) live(d deed) {
	id := p.job(d.job)
	if d.what == "vanishes" {
		p.remove(id)
		return
	}
	known := p.listed(id)
	if p.longOver(id) {
		return // its record may have been let go, and with it what was told
	}
	p.edit(id, func(j *restore.Job) {
		if !known {
			p.bear(j, d)
		}
		switch d.what {
		case "status":
			j.Status = restore.Status(d.word)
		case "delivery":
			j.Delivery.Status = restore.DeliveryStatus(d.word)
		case "expires":
			j.Delivery.Expires = p.now.Add(d.span)
			j.Delivery.Status = restore.DeliveryReady
		case "hash":
			j.Hashes = hashed(j.Hashes, d.pick)
		case "unhash":
			j.Hashes = nil
		case "ends":
			j.Status, j.Delivery.Status = restore.Finished, restore.DeliveryReady
			j.Delivery.Expires = p.now.Add(48 * time.Hour)
			j.Hashes = hashed(j.Hashes, d.pick)
		}
	})
}

// bear decides what a job is that the API lists for the first time. A job that was listed before is what it was.
func (p *place) bear(j *restore.Job, d deed) {
	for _, jobs := range slices.Backward(p.past) {
		if i := slices.IndexFunc(jobs, func(old restore.Job) bool { return old.ID == j.ID }); i >= 0 {
			*j = jobs[i]
			return
		}
	}
	j.Created = p.now.Add(min(d.span, 0))
	if batch := batchOf(j.ID); d.job < 3 && p.seeded(1) && !p.olderThanAMonth(batch) {
		j.BatchID = batch
	}
	if d.job == 4 || d.pick == 7 {
		j.Delivery.TargetCluster = "elsewhere"
	}
}

// longOver reports whether a job, listed now or before, has ended and is so old that nothing happens to it any more.
func (p *place) longOver(id restore.JobID) bool {
	for _, jobs := range slices.Backward(p.past) {
		if i := slices.IndexFunc(jobs, func(j restore.Job) bool { return j.ID == id }); i >= 0 {
			return jobs[i].Status.Final() && p.now.Sub(jobs[i].Created) > 80*24*time.Hour
		}
	}
	return false
}

// olderThanAMonth reports whether a batch was begun so long ago that no job is added to it. The jobs of one are requested
// together; one that came after ninety days would find its batch forgotten, and make its end be told again.
func (p *place) olderThanAMonth(batch restore.BatchID) bool {
	for _, jobs := range p.past {
		if slices.ContainsFunc(jobs, func(j restore.Job) bool {
			return j.BatchID == batch && p.now.Sub(j.Created) > 30*24*time.Hour
		}) {
			return true
		}
	}
	return false
}

// seeded is a choice that a whole history makes once.
func (s setup) seeded(bit uint) bool { return uint(s.pageSize+s.outputs)>>bit&1 == 0 }

// hashed lists one more file, or another sum for one.
func hashed(hashes []restore.Hash, pick int) []restore.Hash {
	name, sum := fmt.Sprintf("file%d", pick%2), fmt.Sprintf("%040x", pick)
	kept := slices.DeleteFunc(slices.Clone(hashes), func(h restore.Hash) bool { return h.File == name })
	return append(kept, restore.Hash{File: name, Algorithm: "SHA1", Sum: sum})
}
