package killtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The servers that the function talks to, each by a proxy of its own.
const (
	theAPI     = "api"
	theTable   = "table"
	theTopic   = "topic"
	theSecrets = "secrets"
)

// A script is what one run meets.
type script struct {
	container int           // which of the two processes makes the run
	anew      bool          // it is stopped and started first
	attempts  int           // of the AWS SDK for each call, if the process is started
	deadline  time.Duration // of the invocation
	overlap   bool          // the other process makes a run at the same time
	killAt    float64       // killed at this share of the time that runs took lately; 0 is never
	faults    map[string][]fault
}

// quiet is a script without faults, and with more time than a run ever takes.
func quiet(container int) script {
	return script{container: container, attempts: 3, deadline: 30 * time.Second}
}

var (
	kills  = []faultKind{killBefore, killAfter, killBetween}
	faults = []faultKind{resetBefore, resetAfter, truncated, delayed, swallowBefore, swallowAfter}
)

// compose writes the script of one disturbed run.
func compose(r *rand.Rand) script {
	s := script{
		container: r.IntN(8) / 6, anew: r.IntN(5) == 0, attempts: 1 + r.IntN(3), overlap: r.IntN(8) == 0,
		deadline: time.Duration(800+r.IntN(600)) * time.Millisecond, faults: map[string][]fault{},
	}
	switch r.IntN(10) {
	case 0, 1, 2, 3:
		s.killAt = 0.02 + 1.1*r.Float64()
	case 4, 5, 6, 7:
		s.strike(r, kills[r.IntN(len(kills))])
	}
	for range []int{0, 0, 1, 1, 2, 3}[r.IntN(6)] {
		s.strike(r, faults[r.IntN(min(len(faults), 1+r.IntN(9)))]) // the last ones, which cost most, least
	}
	return s
}

// strike adds a fault at some request. The table gets most of the requests, and what matters most.
func (s *script) strike(r *rand.Rand, kind faultKind) {
	server := []string{theAPI, theTable, theTable, theTable, theTable, theTopic, theTopic, theTopic, theSecrets}[r.IntN(9)]
	most := map[string]int{theAPI: 6, theTable: 14, theTopic: 2, theSecrets: 1}[server]
	f := fault{kind: kind, from: 1 + r.IntN(1+r.IntN(most)), requests: 1 + r.IntN(3)*r.IntN(2)}
	switch kind {
	case delayed:
		f.delay = time.Duration(10+r.IntN(300)) * time.Millisecond
	case truncated:
		f.share = r.Float64()
	case swallowBefore, swallowAfter:
		f.requests = 1 // each costs what is left of the run
	}
	s.faults[server] = append(s.faults[server], f)
}

func (s script) String() string {
	var all []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(true, "process %d, %s", s.container, s.deadline)
	add(s.anew, "started anew")
	add(s.overlap, "beside the other")
	add(s.killAt > 0, "killed at %.2f", s.killAt)
	for _, server := range slices.Sorted(maps.Keys(s.faults)) {
		for _, f := range s.faults[server] {
			add(true, "%s %d+%d: %s", server, f.from, f.requests, f.kind)
		}
	}
	return strings.Join(all, ", ")
}

// slow reports whether a run takes longer for what it meets.
func (s script) slow() bool {
	for _, faults := range s.faults {
		if slices.ContainsFunc(faults, func(f fault) bool { return f.kind == delayed || f.kind == swallowBefore || f.kind == swallowAfter }) {
			return true
		}
	}
	return s.overlap
}
