package killtest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"restorewatch/internal/testserver"
)

// A runner makes the runs of two processes, as a function has them whose platform keeps one warm and starts another.
type runner struct {
	*world
	functions [2]*testserver.Function
	took      []time.Duration // by runs that had something to tell and were let alone, the latest last
	killedIn  map[string]int  // by phase
	killedBy  map[faultKind]int
	runs      int
	log       []string
}

func newRunner(w *world) *runner {
	return &runner{world: w, killedIn: map[string]int{}, killedBy: map[faultKind]int{}}
}

func (r *runner) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf(format, args...))
}

func (r *runner) kills() int { return sum(r.killedIn) }

// A victim is a process during one run. It is killed at most once, and not after it has answered.
type victim struct {
	function *testserver.Function
	journal  *journal
	beside   bool // another process makes a run too
	mu       sync.Mutex
	by       faultKind // what killed it, or ""
	phase    string    // how far the run had come then
	over     bool
}

// kill kills the process and waits for its end, unless the run is over.
func (v *victim) kill(by faultKind) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.over || v.by != "" {
		return
	}
	v.by, v.phase = by, v.journal.phase()
	if v.beside {
		v.phase = "beside another run"
	}
	v.function.Stop() // by SIGKILL
}

// end ends the run, and reports whether the process was killed in it.
func (v *victim) end() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.over = true
	return v.by != ""
}

// run makes one run by its script, and returns what the function answered, and whether it lived to do so.
func (r *runner) run(s script) (testserver.Outcome, bool) {
	r.t.Helper()
	r.runs++
	v := &victim{function: r.function(s), journal: r.journal, beside: s.overlap}
	r.stage(s)
	r.journal.begin(v.kill)
	var beside sync.WaitGroup
	if s.overlap {
		other := r.function(quiet(1 - s.container))
		beside.Go(func() {
			if _, ok := other.Try(r.tick, s.deadline); !ok {
				r.t.Errorf("a function ended by itself:\n%s", other.Output())
			}
		})
	}
	if s.killAt > 0 {
		clock := time.AfterFunc(r.moment(s), func() { v.kill(theClock) })
		defer clock.Stop()
	}
	began := time.Now()
	outcome, ok := v.function.Try(r.tick, s.deadline)
	took := time.Since(began)
	killed := v.end()
	beside.Wait()
	last, _ := clean(outcome)
	switch {
	case killed:
		r.functions[s.container] = nil
		r.killedIn[v.phase]++
		r.killedBy[v.by]++
	case !ok:
		r.t.Fatalf("the function ended by itself:\n%s", v.function.Output())
	case last.Published > 0 && !s.slow():
		r.took = append(r.took, took)
	}
	r.note("%d: %s: %s %s\n\t%s", r.runs, s, took.Round(time.Millisecond), summary(outcome, v), r.journal.trail())
	return outcome, ok && !killed
}

func summary(outcome testserver.Outcome, v *victim) string {
	switch {
	case v.by != "":
		return fmt.Sprintf("KILLED by %s: %s", v.by, v.phase)
	case outcome.Error != nil:
		return outcome.Error.Message
	}
	return outcome.Response
}

// function returns the process that makes a run, started if there is none.
func (r *runner) function(s script) *testserver.Function {
	at := &r.functions[s.container]
	if *at != nil && s.anew {
		(*at).Stop()
		*at = nil
	}
	if *at == nil {
		*at = r.start(s.attempts)
	}
	return *at
}

// moment returns when the clock is to kill a run.
func (r *runner) moment(s script) time.Duration {
	usual := 150 * time.Millisecond
	if lately := r.took[max(0, len(r.took)-15):]; len(lately) > 0 {
		usual = slices.Sorted(slices.Values(lately))[len(lately)/2]
	}
	return time.Duration(s.killAt * float64(usual))
}

// settle lets one process alone until it has seen how things are and told it. It takes two runs in a row that have
// nothing to complain of: in the first one a stale memory may lose to what is stored, which is no failure, and loads it
// only in the next.
func (r *runner) settle(container int) report {
	r.t.Helper()
	good := 0
	for range 10 {
		outcome, _ := r.run(quiet(container))
		last, fine := clean(outcome)
		if good++; !fine {
			good = 0
		}
		if good == 2 {
			return last
		}
	}
	r.t.Fatalf("the function does not come to rest:\n%s", r.functions[container].Output())
	return report{}
}

// finish ends what is under way, and lets a process that knows nothing look at what is stored.
func (r *runner) finish() {
	r.t.Helper()
	for i, f := range r.functions {
		if f != nil {
			f.Stop()
			r.functions[i] = nil
		}
	}
	r.rest()
	r.settle(0)
	if last := r.settle(0); last.Changed+last.Published > 0 {
		r.t.Errorf("nothing happens and the function reports %+v", last)
	}
}
