package loadtest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

const (
	clusters = 50 // of a project
	workers  = 8  // that pass over targets at the same time, each of which may have to be challenged once
)

func projectID(i int) string { return fmt.Sprintf("5a00000000000000000001%02d", i) }

// A fleet is n clusters with a full page of jobs each, all over but one restore.
type fleet struct {
	*world
	targets []place
}

type place struct{ project, cluster string }

func newFleet(t *testing.T, n, jobs int) *fleet {
	f := &fleet{world: newWorld(t, "cloud:*/*")}
	for i := range n {
		p := place{projectID(i / clusters), fmt.Sprintf("Cluster%02d", i%clusters)}
		f.targets = append(f.targets, p)
		f.list(p, jobs, 0)
	}
	f.sim.Configure(func(s *atlassim.Server) {
		s.Access = map[string][]string{atlassim.DefaultPublicKey: f.projects()}
	})
	return f
}

func (f *fleet) projects() (ids []string) {
	for _, p := range f.targets {
		ids = append(ids, p.project)
	}
	return slices.Compact(ids)
}

// list gives a cluster its jobs, of which the newest are under way but for so many that have finished, and returns what
// that owes.
func (f *fleet) list(p place, jobs, done int) (owed []string) {
	all := over(restores(p.project, p.cluster, jobs))
	alive, events := finished(restores(p.project, p.cluster, members), done)
	copy(all, alive)
	for i := range all {
		all[i].BatchID = "" // Cloud Backup has none
	}
	f.sim.SetJobs(p.project, p.cluster, all)
	return events
}

// Clusters found by "cloud:*/*": a request for each in a run, and 1 + projects to find them every ten minutes.
func TestTargets(t *testing.T) {
	const jobs = 100
	figures := newTable("targets", "jobs", "first run: requests", "writes", "memory", "processor",
		"warm run: requests", "DynamoDB", "memory", "processor", "time")
	for _, n := range rows(100, 1, 10, 100, 1000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFleet(t, n, jobs)
			first := f.untilDone("first run")
			f.want("listed", first.report.Listed, n*jobs)
			if first.runs == 1 {
				f.atMost("requests", first.requests, n+1+len(f.projects())+workers)
			}
			f.atMost("writes", first.dynamo["PutItem"], n*(members+1)+1+len(f.projects())) // the beginnings of each "*" among them
			warm := f.untilDone("warm run")
			f.want("targets", warm.report.Targets, n)
			f.atMost("requests", warm.requests, n+warm.runs*workers) // those cut off at the end of a run are made again
			f.want("calls of DynamoDB", len(warm.dynamo), 0)
			f.wantTold(nil, 0)
			figures.row(n, n*jobs, first.requests, first.dynamo["PutItem"], megabytes(first.peak), seconds(first.busy),
				warm.requests, 0, megabytes(warm.peak), seconds(warm.busy), seconds(warm.took))
		})
	}
	figures.log(t)
}

// A run that has time for a part of its targets does not keep any of them waiting for ever: not when every listing is
// slow, when a project does not answer, and when one cluster has more to tell than a run has time for.
func TestNoTargetStarves(t *testing.T) {
	n, events := 3*clusters, 1000
	if *scale {
		n, events = 6*clusters, 3000
	}
	const runs = 20 // at most, on a machine that does other things
	f := newFleet(t, n, members)
	f.mustRun("first run")
	hog, silent := f.targets[0], f.targets[n-1].project
	var owed []string
	for _, p := range f.targets[1:] {
		if p.project != silent {
			owed = append(owed, f.list(p, members, 1)...)
		}
	}
	others := len(owed)
	owed = append(owed, f.begin(hog, events)...)
	f.sim.Configure(func(s *atlassim.Server) {
		s.Faults = func(r *http.Request) atlassim.Fault {
			if atlassim.InProject(silent)(r) {
				return atlassim.Slow(time.Hour)
			}
			return atlassim.Slow(100 * time.Millisecond)
		}
	})
	f.deadline = 5 * time.Second
	made, told, all := 0, 0, 0
	for ; told < len(owed) && made < runs; made++ {
		f.run(fmt.Sprint("run ", made+1))
		if told, _ = f.topic.heard(); all == 0 && len(f.topic.missing(owed[:others])) == 0 {
			all = made + 1
		}
	}
	f.wantTold(owed, workers*20*made)
	_, again := f.topic.heard()
	t.Logf("%d events of %d targets told in %d runs, those of all but one in %d; %d came again", len(owed), n, made, all, again)
}

// begin gives a cluster that many restores that have just begun, and returns what this owes.
func (f *fleet) begin(p place, n int) (owed []string) {
	jobs := restores(p.project, p.cluster, n)
	for i := range jobs {
		jobs[i].BatchID, jobs[i].Created = "", time.Now().Add(time.Second).Truncate(time.Second) // news from birth
		jobs[i].ID = atlassim.ObjectID(jobs[i].Created, fmt.Sprint("begun", i))
		owed = append(owed, jobs[i].ID+".created")
	}
	f.sim.SetJobs(p.project, p.cluster, jobs)
	return owed
}
