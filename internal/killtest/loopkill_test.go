package killtest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLoopSurvivesKills lets the world go on step by step. After each step some loops are disturbed and killed, alone or
// two on one file at once, and then one is let alone until it has seen how things are; it is killed too.
func TestLoopSurvivesKills(t *testing.T) {
	t.Parallel()
	number := seed(t)
	h := newHunt(t, number, "Cluster0", "Cluster1")
	began := time.Now() // the command has been built
	o := newOracle(began.Add(-time.Hour))
	see := func() {
		for _, target := range h.targets {
			o.see(h.lives.listing(target.Cluster), time.Now())
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d\n%s", number, strings.Join(h.log, "\n"))
		}
	})
	steps := 0
	for ; h.goesOn(began); steps++ {
		if steps > 0 {
			h.step()
		}
		h.lives.show(h.sim)
		for range 1 + h.random.IntN(4) {
			h.chase()
		}
		h.settle(see)
	}
	h.finish()
	webhook, stdout := h.webhook.all(), h.written()
	again := []int{wantTold(t, "webhook", o, webhook), wantTold(t, "stdout", o, stdout)}
	t.Logf("seed %d: %d kills of %d loops, %d of them two at a time, in %d steps of the world, %s; %d events owed; to the webhook %d messages, %d of them repeats; to stdout %d, %d repeats",
		number, sum(h.killedBy), h.loops, h.pairs, steps, time.Since(began).Round(100*time.Millisecond), sum(o.count),
		len(webhook), again[0], len(stdout), again[1])
	t.Logf("killed by %s\nkilled in %s\nfaults: %s\nowed: %s", table(h.killedBy), table(h.killedIn), table(h.journal.met), table(o.count))
	if sum(h.killedBy) >= 150 && (again[0] == 0 || again[1] == 0 || h.pairs == 0) {
		t.Error("so many kills, and nothing was told twice or no two loops ran at once: nothing was proved")
	}
}

// theHook is the webhook behind its proxy.
const theHook = "hook"

// A hunt starts loops and kills them.
type hunt struct {
	*station
	lives    *lives
	random   *rand.Rand
	journal  *journal
	api      *proxy
	hook     *proxy
	out      *os.File        // to which all loops append their events
	took     []time.Duration // from the start of a loop that was let alone to the end of its first run
	loops    int
	pairs    int
	killedBy map[faultKind]int
	killedIn map[string]int
	log      []string
}

func newHunt(t *testing.T, number uint64, clusters ...string) *hunt {
	dir := t.TempDir()
	h := &hunt{
		station: newStation(t, dir, clusters...), lives: newLives(number, time.Now(), clusters...),
		random: rand.New(rand.NewPCG(number, 0x6c6f_6f70)), journal: newJournal(),
		killedBy: map[faultKind]int{}, killedIn: map[string]int{},
	}
	for _, target := range h.targets {
		h.sim.SetJobs(target.Project, target.Cluster, nil)
	}
	h.api, h.hook = newProxy(t, theAPI, h.apiURL, h.journal), newProxy(t, theHook, h.hookURL, h.journal)
	h.connect(h.api.URL(), h.hook.URL())
	out, err := os.OpenFile(filepath.Join(dir, "events.jsonl"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close() })
	h.out = out
	return h
}

func (h *hunt) goesOn(began time.Time) bool {
	if *killsFlag > 0 {
		return sum(h.killedBy) < *killsFlag
	}
	return sum(h.killedBy) < usualKills && time.Since(began) < usualTime
}

func (h *hunt) note(format string, args ...any) { h.log = append(h.log, fmt.Sprintf(format, args...)) }

func (h *hunt) step() { h.note("the world: %s", h.lives.step(time.Now())) }

// A prey is a loop that is to be killed, once.
type prey struct {
	*process
	mu    sync.Mutex
	by    faultKind
	phase string
}

func (h *hunt) start() *prey {
	h.loops++
	return &prey{process: h.startLoop(h.out)}
}

// end kills a loop, unless that has been done.
func (h *hunt) end(p *prey, by faultKind) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == "" {
		p.by, p.phase = by, h.phase()
		p.kill()
	}
}

// count notes how a loop ended.
func (h *hunt) count(p *prey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.killedBy[p.by]++
	h.killedIn[p.phase]++
	h.note("KILLED by %s, %s: %s\n\t%s", p.by, p.phase, h.journal.trail(), &p.stderr)
}

// phase says how far the loops in hand have come, by their requests. What they write into their file is between two.
func (h *hunt) phase() string {
	h.journal.mu.Lock()
	defer h.journal.mu.Unlock()
	if len(h.journal.calls) == 0 {
		return "0 before the first request"
	}
	last := h.journal.calls[len(h.journal.calls)-1]
	step, state := "1 listing", ", asked"
	if last.server == theHook {
		step = "2 telling"
	}
	switch {
	case last.answered:
		state = ", answered"
	case last.reached:
		state = ", done and not answered"
	}
	return step + state
}

// lateKill is when the clock comes to kill a loop that was to be killed at a request which it does not make.
const lateKill = 1200 * time.Millisecond

// chase starts a loop, or two, and kills it: at a request, or when the clock says so.
func (h *hunt) chase() {
	api, hook, late := h.faults(6), h.faults(8), time.Duration(0)
	switch h.random.IntN(4) {
	case 0:
		api, late = append([]fault{h.fault(kills, 5)}, api...), lateKill
	case 1:
		hook, late = append([]fault{h.fault(kills, 5)}, hook...), lateKill
	}
	h.api.script(api)
	h.hook.script(hook)
	p := h.start()
	h.journal.begin(func(by faultKind) { h.end(p, by) })
	all := []*prey{p}
	if h.random.IntN(4) == 0 {
		h.pairs++
		all = append(all, h.start())
	}
	for _, p := range all {
		clock := time.AfterFunc(late+h.moment(), func() { h.end(p, theClock) })
		defer clock.Stop()
	}
	for _, p := range all {
		select {
		case <-p.gone:
		case <-time.After(patience):
			h.t.Fatal("a loop was not killed")
		}
		h.end(p, "itself") // waits for who has killed it
		h.count(p)
		if p.by == "itself" {
			h.t.Errorf("the loop ended by itself: %s", &p.stderr)
		}
	}
	h.rest()
}

// faults strike some of the first requests of a loop.
func (h *hunt) faults(requests int) (plan []fault) {
	for range h.random.IntN(3) {
		plan = append(plan, h.fault(faults, requests))
	}
	return plan
}

func (h *hunt) fault(kinds []faultKind, requests int) fault {
	return fault{
		kind: kinds[h.random.IntN(len(kinds))], from: 1 + h.random.IntN(requests), requests: 1 + h.random.IntN(2),
		delay: time.Duration(h.random.IntN(100)) * time.Millisecond, share: h.random.Float64(),
	}
}

// moment returns when the clock is to kill a loop: mostly in its first run, else in the second, which begins a second
// after it.
func (h *hunt) moment() time.Duration {
	usual := 100 * time.Millisecond
	if lately := h.took[max(0, len(h.took)-15):]; len(lately) > 0 {
		usual = slices.Sorted(slices.Values(lately))[len(lately)/2]
	}
	moment := time.Duration((0.02 + 1.1*h.random.Float64()) * float64(usual))
	if h.random.IntN(4) == 0 {
		moment += time.Second
	}
	return moment
}

// settle lets one loop alone until it has seen how things are, sometimes for some more steps of the world, and kills it.
func (h *hunt) settle(see func()) {
	h.t.Helper()
	h.api.script(nil)
	h.hook.script(nil)
	began := time.Now()
	p := h.start()
	h.journal.begin(func(by faultKind) { h.end(p, by) })
	line := p.await(h.t, 0, cleanRun)
	h.took = append(h.took, time.Since(began))
	see()
	for h.random.IntN(5) == 0 {
		h.step()
		h.lives.show(h.sim)
		// The run of the next line may have begun before that; the one after it has not.
		line = p.await(h.t, p.await(h.t, line, cleanRun), cleanRun)
		see()
	}
	h.end(p, theClock)
	h.count(p)
	h.rest()
}

// rest waits until no request of a loop that has ended is on its way any more.
func (h *hunt) rest() {
	h.api.rest()
	h.hook.rest()
}

// finish looks at what the kills have left.
func (h *hunt) finish() {
	h.t.Helper()
	p := h.start()
	p.await(h.t, 0, idleRun)
	p.kill()
	h.saved()
}

// written returns the lines of the file that all loops have appended to.
func (h *hunt) written() []string {
	h.t.Helper()
	content, err := os.ReadFile(h.out.Name())
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}
