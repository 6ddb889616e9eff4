package loadtest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/restore"
)

const (
	project = atlassim.PageProject
	cluster = atlassim.PageCluster
	members = 5 // jobs of a sharded restore: four shards and the config server
)

var one = restore.Target{Source: restore.Legacy, Project: project, Cluster: cluster}

// rows returns the rows of a table: all of them with -scale, and only those up to some otherwise.
func rows(upTo int, all ...int) []int {
	return slices.DeleteFunc(all, func(n int) bool { return n > upTo && !*scale })
}

// restores returns n jobs of sharded restores under way, one batch a minute, the newest an hour old.
func restores(project, cluster string, n int) (jobs []atlassim.Job) {
	newest := time.Now().Add(-time.Hour).Truncate(time.Second)
	for i := range n {
		job := atlassim.PageExample()[0]
		batch := i / members
		job.Created = newest.Add(-time.Duration(batch) * time.Minute)
		job.GroupID, job.ClusterName = project, cluster
		job.ID = atlassim.ObjectID(job.Created, project+cluster+strconv.Itoa(i))
		job.BatchID = atlassim.ObjectID(job.Created, fmt.Sprint("batch", project, cluster, batch))
		job.Timestamp.Date = job.Created.Add(-time.Hour)
		job.StatusName, job.Delivery.StatusName, job.Delivery.Expires, job.Hashes = "IN_PROGRESS", "NOT_STARTED", time.Time{}, nil
		jobs = append(jobs, job)
	}
	return jobs
}

// over returns the jobs as they are once nothing more comes of them.
func over(jobs []atlassim.Job) []atlassim.Job {
	jobs = slices.Clone(jobs)
	for i := range jobs {
		jobs[i].StatusName, jobs[i].Delivery.StatusName = "FINISHED", "EXPIRED"
		jobs[i].Hashes = atlassim.PageExample()[0].Hashes
	}
	return jobs
}

func pages(n, size int) int { return (n + size - 1) / size }

// Jobs of one cluster that are all over, as nearly all of a long listing are: they cost a request for 500 when the
// listing is read to its end, once an hour, and nothing otherwise.
func TestJobsThatAreOver(t *testing.T) {
	for _, n := range rows(1000, 10, 100, 1000, 10000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			w.sim.SetJobs(project, cluster, over(restores(project, cluster, n)))
			c := w.mustRun("first run")
			w.want("listed", c.report.Listed, n)
			w.want("requests", c.requests, pages(n, 500)+1) // and the challenge
			w.want("writes", c.dynamo["PutItem"], 1)        // the beginning
			w.coldStart()
			w.mustRun("cold run")
			c = w.mustRun("warm run")
			w.want("requests", c.requests, 1)
			w.want("calls of DynamoDB", len(c.dynamo), 0)
			w.wantTold(nil)
		})
	}
}

// Jobs of one cluster that are all under way: each is recorded and looked at in every run.
func TestJobsUnderWay(t *testing.T) {
	for _, n := range rows(1000, 10, 100, 1000, 10000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			w.sim.SetJobs(project, cluster, restores(project, cluster, n))
			w.run("first run")
			w.coldStart()
			w.run("cold run")
			w.run("warm run")
			w.wantTold(nil)
		})
	}
}

// Changes of many jobs of one cluster in one tick.
func TestChanges(t *testing.T) {
	for _, n := range rows(500, 5, 50, 500, 5000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			jobs := restores(project, cluster, n)
			w.sim.SetJobs(project, cluster, jobs)
			w.run("first run")
			w.sim.SetJobs(project, cluster, over(jobs))
			w.run("changes")
			w.run("after")
		})
	}
}
