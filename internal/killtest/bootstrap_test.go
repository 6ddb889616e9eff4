package killtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestBootstrapSurvivesKills lets the world go on step by step. After each step some runs are disturbed or killed by
// script, and then the function is let alone until it has seen how things are.
func TestBootstrapSurvivesKills(t *testing.T) {
	number, clusters := seed(t), []string{"Cluster0", "Cluster1", "Cluster2"}
	r, began := newRunner(newWorld(t, clusters)), time.Now()
	l, o := newLives(number, began, clusters...), newOracle(began.Add(-time.Hour))
	random := rand.New(rand.NewPCG(number, 0x6b69_6c6c_73))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\nagain: go test ./internal/killtest -run %s -v -seed %d", strings.Join(r.log, "\n"), t.Name(), number)
		}
	})
	steps := 0
	for ; r.goesOn(began); steps++ {
		if steps > 0 {
			r.note("the world: %s", l.step(time.Now()))
		}
		l.show(r.sim)
		r.disturb(random)
		r.settle(random.IntN(2))
		for _, cluster := range clusters {
			o.see(l.listing(cluster), time.Now())
		}
	}
	r.finish()
	v := o.judge(r.messages())
	for _, wrong := range v.wrong {
		t.Error(wrong)
	}
	r.metEverything(v)
	t.Logf("seed %d: %d kills in %d runs and %d steps of the world, %s; %d events owed, %d told, %d duplicates",
		number, r.kills(), r.runs, steps, time.Since(began).Round(100*time.Millisecond), sum(o.count), v.told, v.duplicates)
	t.Logf("killed by %s\nkilled in %s\nfaults: %s\nowed: %s",
		table(r.killedBy), table(r.killedIn), table(r.journal.met), table(o.count))
}

// Without a flag the test makes so many kills, or as many as a slow machine makes in that time.
const (
	usualKills = 40
	usualTime  = 30 * time.Second
)

func (r *runner) goesOn(began time.Time) bool {
	if time.Since(began) > 30*time.Minute {
		r.t.Fatal("the lives are good for half an hour: make fewer kills, and more often")
	}
	if *killsFlag > 0 {
		return r.kills() < *killsFlag
	}
	return r.kills() < usualKills && time.Since(began) < usualTime
}

// disturb makes the runs by script that follow a step of the world: mostly until one of them has done all that there was
// to do, for what comes after it has little to lose.
func (r *runner) disturb(random *rand.Rand) {
	for range 2 + random.IntN(6) {
		outcome, ok := r.run(compose(random))
		if _, done := clean(outcome); ok && done && random.IntN(4) > 0 {
			return
		}
	}
}

// metEverything complains when a long test did not meet what it is for: then nothing was proved.
func (r *runner) metEverything(v verdict) {
	if r.kills() < 150 {
		return
	}
	for _, kind := range faults {
		if r.journal.met[kind] == 0 {
			r.t.Errorf("no request met this: %s", kind)
		}
	}
	for _, by := range append(kills, theClock) {
		if r.killedBy[by] == 0 {
			r.t.Errorf("nothing was killed by this: %s", by)
		}
	}
	for _, stage := range []string{load, list, save, publish, trim} {
		in := func(phase string) bool { return strings.HasPrefix(phase, stage) }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(r.killedIn)), in) {
			r.t.Errorf("nothing was killed in this phase: %s", stage)
		}
	}
	if v.duplicates == 0 {
		r.t.Error("nothing was told twice")
	}
}

func table[K ~string](counts map[K]int) string {
	var all []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, fmt.Sprintf("%s %d", k, counts[k]))
	}
	return strings.Join(all, "; ")
}

func sum[K comparable](counts map[K]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
