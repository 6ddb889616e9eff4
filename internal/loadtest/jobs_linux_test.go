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
	members = 5   // jobs of a sharded restore: four shards and the config server
	perPage = 500 // of a listing that is read to its end, or of which much is alive
)

var one = restore.Target{Source: restore.Legacy, Project: project, Cluster: cluster}

// rows returns the rows of a table: all of them with -scale, and those up to some without.
func rows(upTo int, all ...int) []int {
	return slices.DeleteFunc(all, func(n int) bool { return n > upTo && !*scale })
}

// pages returns how many pages of a size n jobs take.
func pages(n, size int) int { return max(1, (n+size-1)/size) }

// latest is when the latest restore began, so that a job has the same id in each listing.
var latest = time.Now().Add(-time.Hour).Truncate(time.Second)

// restores returns n jobs of sharded restores under way, one restore every ten seconds up to the latest.
func restores(project, cluster string, n int) (jobs []atlassim.Job) {
	for i := range n {
		job := atlassim.PageExample()[0]
		batch := i / members
		job.Created = latest.Add(-time.Duration(batch) * 10 * time.Second)
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

// finished returns the jobs with the first n of them finished and ready to be downloaded, and the events that this owes:
// two for each job and one for each restore.
func finished(jobs []atlassim.Job, n int) (after []atlassim.Job, owed []string) {
	after = slices.Clone(jobs)
	for i := range n {
		job := &after[i]
		job.StatusName, job.Delivery.StatusName = "FINISHED", "READY"
		job.Delivery.Expires = time.Now().Add(48 * time.Hour).Truncate(time.Second)
		owed = append(owed, job.ID+".status.FINISHED", job.ID+".delivery.READY")
		if i%members == members-1 {
			owed = append(owed, job.BatchID+".batch.FINISHED")
		}
	}
	return after, owed
}

// Jobs of one cluster that are all over, as nearly all of a long listing are. They cost a request for five hundred when
// the listing is read to its end, once an hour, and nothing otherwise.
func TestJobsOver(t *testing.T) {
	figures := newTable("jobs, all over", "first run: requests", "memory", "processor", "warm run: requests", "memory", "processor")
	for _, n := range rows(1000, 10, 100, 1000, 10000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			w.sim.SetJobs(project, cluster, over(restores(project, cluster, n)))
			first := w.mustRun("first run")
			w.want("listed", first.report.Listed, n)
			w.want("requests", first.requests, pages(n, perPage)+1) // and the challenge
			w.atMost("writes", first.dynamo["PutItem"], 2)          // where the news begins, and that all was read
			warm := w.mustRun("warm run")
			w.want("requests", warm.requests, 1)
			w.want("calls of DynamoDB", len(warm.dynamo), 0)
			w.wantTold(nil, 0)
			figures.row(n, first.requests, megabytes(first.peak), seconds(first.busy), warm.requests, megabytes(warm.peak), seconds(warm.busy))
		})
	}
	figures.log(t)
}

// Jobs of one cluster that are all under way, the worst that a listing of that length can be: each has a record and is
// looked at in every run.
func TestJobsUnderWay(t *testing.T) {
	figures := newTable("jobs, all under way", "first run: writes", "memory", "processor",
		"cold run: requests", "Query pages", "memory", "processor", "warm run: requests", "memory", "processor")
	for _, n := range rows(1000, 10, 100, 1000, 10000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			w.sim.SetJobs(project, cluster, restores(project, cluster, n))
			first := w.untilDone("first run")
			w.atMost("writes", first.dynamo["PutItem"], n+2)
			w.coldStart()
			cold := w.mustRun("cold run")
			w.want("requests", cold.requests, pages(n, perPage)+1)
			w.atMost("queries", cold.dynamo["Query"], pages(n, 1000)) // of 1 MB, so a record has at most 1 KB
			w.want("writes", cold.dynamo["PutItem"], 0)
			warm := w.mustRun("warm run")
			w.want("requests", warm.requests, pages(n, perPage))
			w.want("calls of DynamoDB", len(warm.dynamo), 0)
			w.wantTold(nil, 0)
			figures.row(n, first.dynamo["PutItem"], megabytes(first.peak), seconds(first.busy),
				cold.requests, cold.dynamo["Query"], megabytes(cold.peak), seconds(cold.busy),
				warm.requests, megabytes(warm.peak), seconds(warm.busy))
		})
	}
	figures.log(t)
}

// Changes of many jobs of one cluster in one tick, and as many jobs under way that do not change.
func TestChanges(t *testing.T) {
	figures := newTable("changed jobs", "events", "runs", "writes", "SNS calls", "memory", "processor", "time")
	for _, n := range rows(500, 5, 50, 500, 5000) {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t, one.String())
			jobs := restores(project, cluster, 2*n)
			w.sim.SetJobs(project, cluster, jobs)
			w.untilDone("first run")
			after, owed := finished(jobs, n)
			w.sim.SetJobs(project, cluster, after)
			c := w.untilDone("changes")
			records := n + n/members
			if c.runs == 1 {
				w.want("changed", c.report.Changed, n)
				w.want("published", c.report.Published, len(owed))
			}
			w.want("writes", c.dynamo["PutItem"], 2*records)
			w.atMost("calls of SNS", c.calls, pages(2*n, 10)+pages(n/members, 10)+2)
			w.wantTold(owed, 0)
			w.want("writes when nothing changes", w.mustRun("after").dynamo["PutItem"], 0)
			figures.row(n, len(owed), c.runs, c.dynamo["PutItem"], c.calls, megabytes(c.peak), seconds(c.busy), seconds(c.took))
		})
	}
	figures.log(t)
}
