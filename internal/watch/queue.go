package watch

import (
	"cmp"
	"slices"
	"sync"

	"restorewatch/internal/restore"
)

// A queue hands out the targets of one run. The next one is always of a project with the fewest passes under way, so
// that a project that hangs holds up one worker for as long as others have targets left, and not their clusters.
type queue struct {
	mu      sync.Mutex
	changed sync.Cond
	lanes   []*lane
	of      map[string]*lane // by project
	seen    map[restore.Target]bool
	under   int // passes under way; each may still add targets
	passes  []Pass
}

// A lane is what of the queue is of one project.
type lane struct {
	waiting []waiting
	running int
}

// A waiting target has its place in the whole queue.
type waiting struct {
	target restore.Target
	place  int
}

func newQueue(targets []restore.Target) *queue {
	q := &queue{seen: make(map[restore.Target]bool), of: make(map[string]*lane)}
	q.changed.L = &q.mu
	q.add(targets)
	return q
}

// add puts targets at the end of the queue, each one once in a run.
func (q *queue) add(targets []restore.Target) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range targets {
		if q.seen[t] {
			continue
		}
		l := q.of[t.Project]
		if l == nil {
			l = new(lane)
			q.of[t.Project] = l
			q.lanes = append(q.lanes, l)
		}
		l.waiting = append(l.waiting, waiting{t, len(q.seen)})
		q.seen[t] = true
	}
	q.changed.Broadcast()
}

// next waits for a target. It returns false once there is none and none can come.
func (q *queue) next() (restore.Target, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.least()
	for l == nil {
		if q.under == 0 {
			return restore.Target{}, false
		}
		q.changed.Wait()
		l = q.least()
	}
	t := l.waiting[0].target
	l.waiting = l.waiting[1:]
	l.running++
	q.under++
	return t, true
}

// least returns the lane with the fewest passes under way of those in which a target waits, nil if there is none. Among
// equals the order of the queue decides.
func (q *queue) least() (least *lane) {
	for _, l := range q.lanes {
		if len(l.waiting) > 0 && (least == nil || l.before(least)) {
			least = l
		}
	}
	return least
}

func (l *lane) before(other *lane) bool {
	return cmp.Or(cmp.Compare(l.running, other.running), cmp.Compare(l.waiting[0].place, other.waiting[0].place)) < 0
}

// done takes back a target that next gave, with what came of it.
func (q *queue) done(t restore.Target, p Pass) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of[t.Project].running--
	q.under--
	q.passes = append(q.passes, p)
	q.changed.Broadcast()
}

// report returns the passes in the order of their targets. Looking for clusters is no pass of its own, unless there is
// something to tell of it.
func (q *queue) report() Report {
	told := slices.DeleteFunc(q.passes, func(p Pass) bool {
		return p.Target.Wild() && len(p.Failures)+len(p.Published)+p.Pending == 0
	})
	slices.SortFunc(told, func(a, b Pass) int { return cmp.Compare(a.Target.String(), b.Target.String()) })
	return Report{Passes: told}
}
