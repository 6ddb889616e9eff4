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
	pending []restore.Target
	seen    map[restore.Target]bool
	running map[string]int // by project
	under   int            // passes under way; each may still add targets
	passes  []Pass
}

func newQueue(targets []restore.Target) *queue {
	q := &queue{seen: make(map[restore.Target]bool), running: make(map[string]int)}
	q.changed.L = &q.mu
	q.add(targets)
	return q
}

// add puts targets at the end of the queue, each one once in a run.
func (q *queue) add(targets []restore.Target) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range targets {
		if !q.seen[t] {
			q.seen[t] = true
			q.pending = append(q.pending, t)
		}
	}
	q.changed.Broadcast()
}

// next waits for a target. It returns false once there is none and none can come.
func (q *queue) next() (restore.Target, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.pending) == 0 {
		if q.under == 0 {
			return restore.Target{}, false
		}
		q.changed.Wait()
	}
	// MinFunc takes the first of equals, so the order of the queue decides within a project.
	t := slices.MinFunc(q.pending, func(a, b restore.Target) int {
		return cmp.Compare(q.running[a.Project], q.running[b.Project])
	})
	q.pending = slices.Delete(q.pending, slices.Index(q.pending, t), slices.Index(q.pending, t)+1)
	q.running[t.Project]++
	q.under++
	return t, true
}

// done takes back a target that next gave, with what came of it.
func (q *queue) done(t restore.Target, p Pass) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running[t.Project]--
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
