package simtest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"restorewatch/internal/watch"
)

// A fate is what becomes of one call.
type fate int

// The fates. Those that a kind of call cannot meet count as the nearest that it can.
const (
	fine        fate = iota
	failBefore       // fails without effect
	failAfter        // takes effect, and reports a failure
	lost             // a write takes effect, and reports a conflict: it was sent twice and met itself
	late             // fails, and takes effect later, when nobody waits for it any more
	partly           // some of the events in it are refused, or not mentioned in the answer
	slow             // takes effect, and is answered when the time for calls of its kind is up
	tooSlow          // fails without effect when that time is up
	killBefore       // the process ends before the call takes effect
	killAfter        // and after
	cancelled        // the run's context ends: this call and all later ones fail without effect
	held             // takes effect, and is answered by a later step
	numberFates = iota
)

var fateNames = [numberFates]string{
	"fine", "fails without effect", "fails after its effect", "takes effect and reports a conflict", "fails and takes effect later",
	"answered in part", "takes all the time there is", "fails when the time is up",
	"killed before it", "killed after it", "context cancelled", "answer held back",
}

// nearest returns the fate that a call can meet.
func (f fate) nearest(c *call) fate {
	switch {
	case f == partly && !c.divisible, f == tooSlow && !c.of.hurried:
		return failBefore
	case f == slow && !c.of.hurried:
		return fine
	}
	return f
}

func (f fate) String() string { return fateNames[f] }

var (
	errFault = errors.New("injected fault")
	errDead  = errors.New("the process was killed")
	errLost  = errors.New("conflict with itself")
)

// A call is a run that waits at an I/O boundary. apply does what the call is for; the run goes on once it is answered.
type call struct {
	of      *run
	at      *place
	what    string // load, page, save, drop, publish
	key     string // of what, to order calls that wait at the same time
	name    string // for the trace
	mask    int    // which of the events in it meet the fate partly, and how
	apply   func() // the effect
	expired func() // registers the effect as still on its way
	resume  chan error
	applied bool

	divisible bool // carries several events, each of which may be refused
}

// reach stops a run at an I/O boundary until the scheduler lets it go on, and returns the call's error. Whatever a
// killed run calls from then on has no effect, so what it goes on to do is seen by nobody.
func (r *run) reach(ctx context.Context, at *place, c *call) error {
	if r.dead {
		return errDead
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.keepsTime(c.what)
	c.of, c.at, c.resume = r, at, make(chan error, 1)
	r.mu.Lock()
	r.pending = append(r.pending, c)
	r.mu.Unlock()
	err := <-c.resume
	if r.dead {
		return errDead
	}
	return err
}

// start begins a run in a container, unless one is under way there.
func (w *world) start(c *container) *run {
	if c.running != nil {
		return nil
	}
	r := &run{world: w, id: len(w.runs) + 1, in: c, now: w.now.Add(w.skew).Truncate(time.Second)}
	r.ctx, r.cancel = r.time()
	for _, p := range w.places {
		v := &visit{run: r, memory: c.memories[p.number], at: p}
		v.sight.begin(v)
		r.visits = append(r.visits, v)
	}
	w.runs = append(w.runs, r)
	w.seen.begins(r)
	c.running, c.last = r, r
	all := targets[:len(w.places)]
	if w.mutant.targets != nil {
		all = w.mutant.targets(r)
	}
	if c.watcher == nil {
		c.watcher = &watch.Watcher{Targets: all, Rules: w.rules, Concurrency: w.atOnce}
	}
	c.watcher.Lister, c.watcher.Store = entrance{r}, entrance{r}
	c.watcher.Outputs = w.outputsOf(r)
	w.logf("run %d begins in container %d, its clock says %s", r.id, c.id, r.now.Format(time.TimeOnly))
	ctx := r.ctx
	if w.mutant.context != nil {
		ctx = w.mutant.context(ctx)
	}
	go func() {
		defer r.end()
		r.report, r.err = c.watcher.Run(ctx, r.now.Add(700*time.Millisecond))
		if w.mutant.after != nil {
			w.mutant.after(r)
		}
	}()
	w.wait()
	return r
}

// end notes that a run is over.
func (r *run) end() {
	r.finished = true
	r.in.running = nil
	r.cancel()
	if r.dead {
		return
	}
	r.logf("run %d ends: %v", r.id, r.err)
	for _, v := range r.visits {
		v.at.oracle.ended(v)
	}
}

// wait returns when every run is over or waits at a boundary, in an order that depends on the history alone.
func (w *world) wait() {
	synctest.Wait()
	slices.SortFunc(w.pending, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.of.id, b.of.id), cmp.Compare(a.at.number, b.at.number), cmp.Compare(a.key, b.key))
	})
}

// step decides what becomes of one waiting call, and lets everything go on until it waits again.
func (w *world) step(c *call, f fate) {
	w.seen.calls++
	f = f.nearest(c)
	if f != fine {
		w.seen.faults[c.what+" "+f.String()]++
	}
	if f != fine || w.tracing {
		w.logf("run %d, %s: %s%s", c.of.id, c.at.target, c.name, strings.TrimSuffix(": "+f.String(), ": fine"))
	}
	switch f {
	case failBefore:
		w.resume(c, errFault)
	case failAfter:
		w.effect(c)
		w.resume(c, errFault)
	case lost:
		w.effect(c)
		w.resume(c, errLost)
	case late:
		if !c.applied && c.expired != nil {
			c.expired()
			c.applied = true
		}
		w.resume(c, errFault)
	case partly:
		c.mask = max(c.mask, 1)
		w.effect(c)
		w.resume(c, nil)
	case slow:
		w.effect(c)
		w.outlast(c)
		w.resume(c, nil)
	case tooSlow:
		w.outlast(c)
		w.resume(c, context.DeadlineExceeded)
	case killBefore:
		w.kill(c.of)
	case killAfter:
		w.effect(c)
		w.kill(c.of)
	case cancelled:
		c.of.cancelled = true
		c.of.cancel()
		w.resume(c, context.Canceled)
	case held:
		w.effect(c)
	default:
		w.effect(c)
		w.resume(c, nil)
	}
	w.wait()
}

func (w *world) effect(c *call) {
	if !c.applied {
		c.applied = true
		c.apply()
	}
}

func (w *world) resume(c *call, err error) {
	w.pending = slices.DeleteFunc(w.pending, func(other *call) bool { return other == c })
	c.resume <- err
}

// kill ends a run and its container where they are: nothing of it happens any more, and its memory is gone.
func (w *world) kill(r *run) {
	r.dead = true
	w.discard(r.in)
	for _, c := range slices.Clone(w.pending) {
		if c.of == r {
			w.resume(c, nil)
		}
	}
}

// callsOf returns the calls that a run waits in.
func (w *world) callsOf(r *run) []*call {
	var calls []*call
	for _, c := range w.pending {
		if c.of == r {
			calls = append(calls, c)
		}
	}
	return calls
}

// finish lets a run go on undisturbed until it is over.
func (w *world) finish(r *run) { w.finishMeeting(r, blow{}) }

// finishMeeting lets a run go on until it is over while one of its calls meets a blow.
func (w *world) finishMeeting(r *run, b blow) (met bool) {
	for n := 1; w.broken == nil; n++ {
		calls := w.callsOf(r)
		if len(calls) == 0 {
			break
		}
		if n == b.step && b.fate != held {
			met = true
			calls[0].mask = b.mask
			w.step(calls[0], b.fate)
		} else {
			w.step(calls[0], fine)
		}
	}
	return met
}

// land lets a write that nobody waits for arrive.
func (w *world) land(pick int) {
	if len(w.late) == 0 {
		return
	}
	i := pick % len(w.late)
	arrive := w.late[i]
	w.seen.kinds["call that takes effect after it was given up"]++
	w.late = slices.Delete(w.late, i, i+1)
	arrive()
}

// abandon ends all that is left, so that no goroutine outlives its history.
func (w *world) abandon() {
	for _, r := range w.runs {
		if !r.finished {
			w.kill(r)
		}
	}
	w.wait()
}
