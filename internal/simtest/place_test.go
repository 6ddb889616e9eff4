package simtest

import (
	"cmp"
	"fmt"
	"slices"

	"restorewatch/internal/restore"
)

// targets are what a history may watch: two clusters of one project, and one of another that another API lists.
var targets = []restore.Target{
	{Source: restore.Legacy, Project: "p", Cluster: "c"},
	{Source: restore.Legacy, Project: "p", Cluster: "d"},
	{Source: restore.Cloud, Project: "q", Cluster: "c"},
}

// A place is one target and all that the world has of it: what its API lists, what is stored, and what is owed.
type place struct {
	*world
	number int
	target restore.Target

	past   [][]restore.Job // every state of the API, the latest last
	outage restore.FailureKind
	rows   map[restore.Key]*row
	oracle *oracle
}

func newPlace(w *world, number int) *place {
	p := &place{world: w, number: number, target: targets[number], past: [][]restore.Job{nil}, rows: make(map[restore.Key]*row)}
	p.oracle = newOracle(p)
	return p
}

// placeOf returns the place of a target that is watched.
func (w *world) placeOf(t restore.Target) *place {
	i := slices.IndexFunc(w.places, func(p *place) bool { return p.target == t })
	if i < 0 {
		w.violate("only what is watched is asked for", "target %s", t)
		return w.places[0]
	}
	return w.places[i]
}

// job returns the id of a job by its number. No two places have a job in common.
func (p *place) job(n int) restore.JobID {
	return restore.JobID(fmt.Sprintf("5a66783b80eef5354c77ee%d%d", 1+p.number, n))
}

// batchOf returns the id of the only batch that a job's place has.
func batchOf(id restore.JobID) restore.BatchID { return restore.BatchID(id[:len(id)-1]) + "f" }

// edits changes jobs by number.
func (p *place) edits(change func(*restore.Job), jobs ...int) {
	for _, n := range jobs {
		p.edit(p.job(n), change)
	}
}

// jobs returns the state of the API.
func (p *place) jobs() []restore.Job { return p.past[len(p.past)-1] }

// answer returns what the API lists at this moment, in its order.
func (p *place) answer() []restore.Job {
	jobs := slices.Clone(p.past[max(0, len(p.past)-1-p.stale)])
	slices.SortFunc(jobs, func(a, b restore.Job) int {
		order := cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID))
		if p.reversed {
			return -order
		}
		return order
	})
	return jobs
}

// edit makes a new state of the API in which one job differs. A job that is not there yet is made.
func (p *place) edit(id restore.JobID, change func(*restore.Job)) {
	jobs := slices.Clone(p.jobs())
	i := slices.IndexFunc(jobs, func(j restore.Job) bool { return j.ID == id })
	if i < 0 {
		jobs, i = append(jobs, restore.Job{
			ID: id, ProjectID: p.target.Project, ClusterName: p.target.Cluster, ClusterID: "of-" + string(id), SnapshotID: "snapshot",
			Created: p.now, Status: restore.InProgress,
			Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryNotStarted, MaxDownloads: 1, ExpirationHours: 48},
		}), len(jobs)
	}
	change(&jobs[i])
	p.past = append(p.past, jobs)
}

// remove makes a new state of the API without a job.
func (p *place) remove(id restore.JobID) {
	p.past = append(p.past, slices.DeleteFunc(slices.Clone(p.jobs()), func(j restore.Job) bool { return j.ID == id }))
}

func (p *place) listed(id restore.JobID) bool {
	return slices.ContainsFunc(p.jobs(), func(j restore.Job) bool { return j.ID == id })
}
