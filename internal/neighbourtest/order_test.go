package neighbourtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A memory is what a neighbour remembers: disk outlives its process, ram does not.
type memory struct{ disk, ram map[string]bool }

// A sender sends one piece of news, and says whether it got through. Whoever is killed there does not come back.
type sender func(news string) error

// An order is that in which a neighbour looks, remembers and tells in one run, and nothing else of it.
type order func(m memory, listed []string, send sender)

// putThenSend is the order of aws-health-aware (put_item, then send_alert, whose error is printed), and of macprovider,
// which saves the new state and then tries to send once.
func putThenSend(m memory, listed []string, send sender) {
	for _, n := range listed {
		if !m.disk[n] {
			m.disk[n] = true
			_ = send(n)
		}
	}
}

// saveEachReportLast is the order of urlwatch: each job is saved when it is done, the report is made at the end of all.
func saveEachReportLast(m memory, listed []string, send sender) {
	var report []string
	for _, n := range listed {
		if !m.disk[n] {
			m.disk[n] = true
			report = append(report, n)
		}
	}
	for _, n := range report {
		_ = send(n)
	}
}

// sendThenAckAnyway is the order of c7n-mailer: a 429 of Slack and an error of SNS are logged, and the message that
// brought the news is acknowledged all the same.
func sendThenAckAnyway(m memory, listed []string, send sender) {
	for _, n := range listed {
		if !m.disk[n] {
			_ = send(n)
			m.disk[n] = true
		}
	}
}

// cacheThenOutput is the order of Benthos with its dedupe processor: the key goes into the cache, then the message to the
// output, which tries again for as long as the process lives and no longer.
func cacheThenOutput(m memory, listed []string, send sender) {
	for _, n := range listed {
		if !m.disk[n] {
			m.disk[n] = true
			for range 3 {
				if send(n) == nil {
					break
				}
			}
		}
	}
}

// retryThroughCache is the order of benthos-umh: what the output refuses comes again from the input, and meets its own key.
func retryThroughCache(m memory, listed []string, send sender) {
	for range 3 {
		for _, n := range listed {
			if !m.disk[n] {
				m.disk[n] = true
				_ = send(n)
			}
		}
	}
}

// sendThenNote is the order of Alertmanager: the notification is made of what is now, sent until it gets through, and then
// noted in the nflog. It loses nothing; what it sends twice is not the same twice, and nothing marks it as the same.
func sendThenNote(m memory, listed []string, send sender) {
	for _, n := range listed {
		if m.disk[n] {
			continue
		}
		for range 3 {
			if send(n) == nil {
				m.disk[n] = true
				break
			}
		}
	}
}

// inMemory is the order of buildkite-agent-scaler: what was there at the last look is known to the process alone, and a
// new one takes what it finds for what was always there.
func inMemory(m memory, listed []string, send sender) {
	baseline := !m.ram["begun"]
	m.ram["begun"] = true
	for _, n := range listed {
		if !m.ram[n] && !baseline {
			_ = send(n)
		}
		m.ram[n] = true
	}
}

// onceForEachTick is the order of Powertools' idempotency around a handler: a record in progress, the work, the record
// completed. The key is the whole event, and one tick looks like the other: what changed since the first of them is not
// looked at, and a record in progress bars the next one until it expires. A tick that finds nothing is left out here.
func onceForEachTick(m memory, listed []string, send sender) {
	if len(listed) == 0 || m.disk["in progress"] || m.disk["completed"] {
		return
	}
	m.disk["in progress"] = true
	for _, n := range listed {
		if send(n) != nil {
			m.disk["in progress"] = false // the exception deletes the record
			return
		}
	}
	m.disk["completed"] = true
}

// A verdict is what a fault does to an order.
type verdict string

const (
	fine   verdict = "nothing lost"
	loses  verdict = "lost"
	differ verdict = "told twice, with two contents"
)

var errSend, errKilled = errors.New("not sent"), errors.New("killed")

// judge shows an order a quiet run, then news under a fault, and then, in new processes and without any fault, one more
// piece of news, twice.
func judge(o order, f fault) verdict {
	m := memory{make(map[string]bool), make(map[string]bool)}
	got := make(map[string][]string)
	news := []string{"a finished", "a ready", "b created"}
	run := func(number int, listed []string, f fate, after int) {
		defer func() {
			if r := recover(); r != nil && r != errKilled {
				panic(r)
			}
		}()
		o(m, listed, func(n string) error {
			met := f.ending != answered && after == 0
			after = max(after-1, 0)
			if !met || f.applied {
				got[n] = append(got[n], fmt.Sprint("as of look ", number))
			}
			switch {
			case met && f.ending == killed:
				panic(errKilled)
			case met:
				return errSend
			}
			return nil
		})
	}
	run(0, nil, fate{}, 0)
	if f.cold {
		clear(m.ram)
	}
	run(1, news[:2], f.fate, f.after)
	for number := range 2 {
		clear(m.ram)
		run(2+number, news, fate{}, 0)
	}
	return verdictOf(news, got)
}

func verdictOf(news []string, got map[string][]string) verdict {
	v := fine
	for _, n := range news {
		switch times := got[n]; {
		case len(times) == 0:
			return loses
		case len(slices.Compact(times)) > 1:
			v = differ
		}
	}
	return v
}

// A fault is what strikes while three pieces of news are told.
type fault struct {
	name       string
	fate       fate
	after      int  // messages that get through before
	atTheTable bool // between two saves instead, which only the function's table lets one do
	cold       bool // the run before was in another process
	slack      bool // Slack is told too
	neighbours map[string]neighbour
}

// A neighbour is a program that a fault makes lose, or tell two things for one.
type neighbour struct {
	order order
	want  verdict
}

var faults = []fault{
	{name: "the receiver answers 429", fate: fate{false, tooMany}, slack: true, neighbours: map[string]neighbour{
		"c7n-mailer": {sendThenAckAnyway, loses}, "macprovider": {putThenSend, loses},
	}},
	{name: "the receiver answers 500", fate: fate{false, broken}, neighbours: map[string]neighbour{
		"aws-health-aware": {putThenSend, loses}, "c7n-mailer": {sendThenAckAnyway, loses}, "benthos-umh": {retryThroughCache, loses},
	}},
	{name: "the connection breaks before the message is taken", fate: fate{false, dropped}, neighbours: map[string]neighbour{
		"macprovider": {putThenSend, loses}, "Benthos": {cacheThenOutput, loses}, "urlwatch": {saveEachReportLast, loses},
	}},
	{name: "the message is taken and the answer is 500", fate: fate{true, broken}, neighbours: map[string]neighbour{
		"Alertmanager": {sendThenNote, differ},
	}},
	{name: "the message is taken and the connection breaks", fate: fate{true, dropped}, neighbours: map[string]neighbour{
		"Alertmanager": {sendThenNote, differ},
	}},
	{name: "killed before the first message", fate: fate{false, killed}, slack: true, neighbours: map[string]neighbour{
		"aws-health-aware": {putThenSend, loses}, "urlwatch": {saveEachReportLast, loses},
		"Benthos": {cacheThenOutput, loses}, "Powertools": {onceForEachTick, loses},
	}},
	{name: "killed after a message, before that is noted", fate: fate{true, killed}, slack: true, neighbours: map[string]neighbour{
		"Alertmanager": {sendThenNote, differ}, "urlwatch": {saveEachReportLast, loses},
	}},
	{name: "killed between two messages", fate: fate{false, killed}, after: 1, neighbours: map[string]neighbour{
		"aws-health-aware": {putThenSend, loses}, "urlwatch": {saveEachReportLast, loses},
	}},
	{name: "killed between two saves", fate: fate{true, killed}, atTheTable: true, neighbours: map[string]neighbour{
		"urlwatch": {saveEachReportLast, loses},
	}},
	{name: "a cold start between two looks", cold: true, neighbours: map[string]neighbour{
		"buildkite-agent-scaler": {inMemory, loses},
	}},
	{name: "the same tick again", neighbours: map[string]neighbour{
		"Powertools": {onceForEachTick, loses},
	}},
}

// The neighbours' orders lose under these faults, so that the faults are worth surviving.
func TestNeighboursLose(t *testing.T) {
	for _, f := range faults {
		if len(f.neighbours) == 0 {
			t.Errorf("%s: no neighbour minds", f.name)
		}
		for _, name := range slices.Sorted(maps.Keys(f.neighbours)) {
			n := f.neighbours[name]
			if got := judge(n.order, f); got != n.want {
				t.Errorf("%s, %s: %s, want %s", f.name, name, got, n.want)
			}
		}
	}
	for _, n := range []order{putThenSend, saveEachReportLast, sendThenAckAnyway, cacheThenOutput, retryThroughCache, sendThenNote} {
		if got := judge(n, fault{}); got != fine {
			t.Errorf("without any fault: %s", got)
		}
	}
}

// The same faults strike restorewatch. Whatever they do, every place is told every event, under one id with one content,
// although the jobs have moved on before it could be told, in order for each job, and nothing else; then no outbox holds
// anything.
func TestFaultsOfTheNeighbours(t *testing.T) {
	for _, f := range faults {
		for _, p := range programs {
			if f.atTheTable && p.name != "lambda" {
				continue
			}
			t.Run(strings.ReplaceAll(f.name, " ", "_")+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, p.make, "")
				if f.slack {
					w.withSlack()
				}
				f.strike(t, w)
			})
		}
	}
}

func (f fault) strike(t *testing.T, w *world) {
	w.list(oldJob("IN_PROGRESS", "NOT_STARTED"))
	w.mustRun()
	w.wantTold()
	if f.cold {
		w.program.restart()
	}
	created := time.Now()
	fresh := newJob(created, "IN_PROGRESS")
	w.list(fresh, oldJob("FINISHED", "READY"))
	ways := w.every()
	if f.atTheTable {
		ways = []*way{w.table}
	}
	for _, way := range ways {
		way.is(f.fate, f.after)
	}
	f.check(t, w.run(), ways)
	for _, way := range ways {
		way.is(fate{}, 0)
	}
	w.program.restart()
	w.list(newJob(created, "BROKEN"), oldJob("FINISHED", "EXPIRED"))
	w.mustRun()
	w.mustRun()
	w.wantTold(old+".status.FINISHED", old+".delivery.READY", old+".delivery.EXPIRED",
		fresh.ID+".created", fresh.ID+".status.BROKEN")
	w.wantEmptyOutboxes()
	if f.fate.applied && !f.atTheTable && w.repeats() == 0 {
		t.Error("nothing came twice: what was taken was not told again, so it was not the fault that was survived")
	}
}

// check holds the struck run against its fault: one that could not tell does not say that all is well.
func (f fault) check(t *testing.T, o outcome, ways []*way) {
	t.Helper()
	struck := 0
	for _, way := range ways {
		struck += way.strikes()
	}
	switch f.fate.ending {
	case answered:
		if o.killed || o.code != 0 {
			t.Errorf("run: killed %v, code %d: %s", o.killed, o.code, o.said)
		}
		return
	case killed:
		if !o.killed {
			t.Errorf("the run was not killed: code %d: %s", o.code, o.said)
		}
	default:
		if o.killed || o.code == 0 || !strings.Contains(o.said, "publish") {
			t.Errorf("run: killed %v, code %d, want a failure of publish: %s", o.killed, o.code, o.said)
		}
	}
	if struck == 0 {
		t.Error("the fault did not strike")
	}
}
