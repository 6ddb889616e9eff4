package killtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/atlassim"
)

// Lives are the restore jobs of some clusters, from the first to the last, made from a seed. Between two steps nothing
// changes, so that one complete listing after each step sees everything that ever was.
//
// The times of the jobs keep far from every moment in which time alone would make news: they are good for a play of half
// an hour.
type lives struct {
	*rand.Rand
	clusters []string
	jobs     map[string][]*life // by cluster
	born     int
	batches  int
}

// A life is one job, and whether the API still lists it.
type life struct {
	atlassim.Job
	cluster string
	hidden  bool
	history bool // over before anybody watched: nothing happens to it any more
}

// newLives makes clusters that have seen restores before now: some are over, some under way, one is stuck.
func newLives(seed uint64, now time.Time, clusters ...string) *lives {
	l := &lives{Rand: rand.New(rand.NewPCG(seed, 0x6c69_7665_73)), clusters: clusters, jobs: map[string][]*life{}}
	for _, cluster := range clusters {
		over := l.bear(cluster, now.Add(-5*24*time.Hour))
		over.StatusName, over.Delivery.StatusName, over.history = "FINISHED", "EXPIRED", true
		over.Delivery.Expires = now.Add(-3 * 24 * time.Hour).Truncate(time.Second)
		underWay := l.bear(cluster, now.Add(-2*time.Hour))
		underWay.StatusName = "IN_PROGRESS"
	}
	stuck := l.bear(clusters[0], now.Add(-30*time.Hour))
	stuck.StatusName = "IN_PROGRESS"
	return l
}

// bear makes one more job.
func (l *lives) bear(cluster string, created time.Time) *life {
	l.born++
	created = created.UTC().Truncate(time.Second)
	id := atlassim.ObjectID(created, fmt.Sprintf("job/%d/%d", l.born, l.Uint64()))
	j := &life{cluster: cluster, Job: atlassim.Job{
		ID: id, ClusterName: cluster, GroupID: atlassim.PageProject, Created: created, StatusName: "IN_PROGRESS",
		ClusterID:  atlassim.ObjectID(created.Add(-time.Hour), "cluster/"+cluster),
		SnapshotID: atlassim.ObjectID(created.Add(-time.Hour), "snapshot/"+id),
		Delivery:   atlassim.Delivery{MethodName: "HTTP", StatusName: "NOT_STARTED", ExpirationHours: 48, MaxDownloads: 3},
	}}
	l.jobs[cluster] = append(l.jobs[cluster], j)
	return j
}

// show makes the simulator list what is.
func (l *lives) show(sim *atlassim.Server) {
	for _, cluster := range l.clusters {
		sim.SetJobs(atlassim.PageProject, cluster, l.listing(cluster))
	}
}

// listing returns the jobs that the API lists for a cluster.
func (l *lives) listing(cluster string) []atlassim.Job {
	var listed []atlassim.Job
	for _, j := range l.jobs[cluster] {
		if !j.hidden {
			job := j.Job
			job.Hashes = slices.Clone(job.Hashes)
			listed = append(listed, job)
		}
	}
	return listed
}

// step lets the world go on by a few deeds, all of which show at once, and says what they were.
func (l *lives) step(now time.Time) string {
	var did []string
	for range 1 + l.IntN(4) {
		did = append(did, l.deed(now))
	}
	for _, cluster := range l.clusters {
		l.forget(cluster)
	}
	return strings.Join(did, "; ")
}

// forget lets the API list no more than fits one page, so that each listing is read to its end: a job that was hidden and
// is older than all that is alive would otherwise be seen within the hour, and not at once.
func (l *lives) forget(cluster string) {
	const most = 80
	jobs := l.jobs[cluster]
	for _, j := range jobs[:max(0, len(jobs)-most)] {
		j.hidden, j.history = true, true
	}
}

func (l *lives) deed(now time.Time) string {
	switch n := l.IntN(100); {
	case n < 14:
		return l.begin(now)
	case n < 22:
		return l.beginBatch(now)
	case n < 27:
		return l.wholeLife(now)
	case n < 35:
		return l.endTogether(now)
	}
	j := l.live()
	if j == nil {
		return l.begin(now)
	}
	return j.ID + " " + l.happens(j, now)
}

func (l *lives) anyCluster() string { return l.clusters[l.IntN(len(l.clusters))] }

func (l *lives) begin(now time.Time) string {
	j := l.bear(l.anyCluster(), now)
	if l.IntN(5) == 0 { // restored into a cluster: no link, nothing to expire
		j.Delivery = atlassim.Delivery{
			MethodName: "HTTP", StatusName: "NOT_STARTED", TargetClusterName: "elsewhere", TargetGroupID: atlassim.PageProject,
		}
	}
	return j.ID + " begins"
}

func (l *lives) beginBatch(now time.Time) string {
	l.batches++
	cluster, batch := l.anyCluster(), atlassim.ObjectID(now, fmt.Sprintf("batch/%d/%d", l.batches, l.Uint64()))
	shards := 2 + l.IntN(3)
	for n := range shards {
		j := l.bear(cluster, now)
		j.BatchID, j.ClusterID = batch, atlassim.ObjectID(now.Add(-time.Hour), fmt.Sprintf("shard/%s/%d", cluster, n))
	}
	return fmt.Sprintf("batch %s of %d begins", batch, shards)
}

// wholeLife is a job that has begun and ended between two looks.
func (l *lives) wholeLife(now time.Time) string {
	j := l.bear(l.anyCluster(), now)
	j.StatusName = []string{"FINISHED", "FINISHED", "BROKEN"}[l.IntN(3)]
	if j.StatusName == "FINISHED" {
		l.ready(j, now)
	}
	if j.StatusName == "FINISHED" && l.IntN(2) == 0 {
		j.hash(0, l.sum())
	}
	return j.ID + " was " + j.StatusName
}

// endTogether lets all that is left of a batch finish at once.
func (l *lives) endTogether(now time.Time) string {
	j := l.live()
	if j == nil || j.BatchID == "" {
		return l.beginBatch(now)
	}
	for _, other := range l.jobs[j.cluster] {
		if other.BatchID == j.BatchID {
			other.StatusName = "FINISHED"
			l.ready(other, now)
		}
	}
	return "batch " + j.BatchID + " finishes"
}

// live returns one of the younger jobs, or nil.
func (l *lives) live() *life {
	jobs := l.jobs[l.anyCluster()]
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *life) bool { return j.history })
	jobs = jobs[max(0, len(jobs)-8):]
	if len(jobs) == 0 {
		return nil
	}
	return jobs[l.IntN(len(jobs))]
}

// happens does something to a job and says what. It may turn out to be nothing that the API shows.
func (l *lives) happens(j *life, now time.Time) string {
	switch n := l.IntN(100); {
	case n < 35:
		j.StatusName = l.nextStatus(j.StatusName)
		return j.StatusName
	case n < 65:
		return l.deliver(j, now)
	case n < 82:
		file, sum := l.IntN(2), l.sum()
		if l.IntN(3) > 0 { // one that was there before, for this file or another job's
			sum = fmt.Sprintf("%040x", l.IntN(4))
		}
		j.hash(file, sum)
		return fmt.Sprintf("hash of file%d is %s", file, sum)
	case n < 88:
		j.Hashes = nil
		return "lists no hashes"
	default:
		j.hidden = !j.hidden
		return fmt.Sprintf("hidden: %t", j.hidden)
	}
}

func (l *lives) sum() string { return fmt.Sprintf("%040x", l.Uint64()) }

// nextStatus mostly goes the way of restores, and sometimes one that the documents do not tell of.
func (l *lives) nextStatus(from string) string {
	if from == "IN_PROGRESS" || l.IntN(4) == 0 {
		return []string{"FINISHED", "FINISHED", "FINISHED", "BROKEN", "KILLED", "THAWING"}[l.IntN(6)]
	}
	return []string{"IN_PROGRESS", "FINISHED"}[l.IntN(2)]
}

func (l *lives) deliver(j *life, now time.Time) string {
	d := &j.Delivery
	switch {
	case d.TargetClusterName != "":
		d.StatusName = []string{"IN_PROGRESS", "READY", "FAILED", "INTERRUPTED"}[l.IntN(4)]
	case d.StatusName == "READY" && l.IntN(2) == 0:
		l.ready(j, now) // extended
		return "READY until " + d.Expires.Format(time.RFC3339)
	case d.StatusName == "READY":
		d.StatusName = []string{"EXPIRED", "MAX_DOWNLOADS_EXCEEDED", "INTERRUPTED", "FAILED"}[l.IntN(4)]
	case d.StatusName == "NOT_STARTED" && l.IntN(2) == 0:
		d.StatusName = "IN_PROGRESS"
	default:
		l.ready(j, now)
	}
	return d.StatusName
}

// ready gives a job a link that dies in a time that is past the thresholds of warnings that it has crossed by minutes,
// and more than half an hour before the next one.
func (l *lives) ready(j *life, now time.Time) {
	j.Delivery.StatusName = "READY"
	if j.Delivery.TargetClusterName != "" {
		return
	}
	left := []time.Duration{72 * time.Hour, 48 * time.Hour, 20 * time.Hour, 5 * time.Hour, 55 * time.Minute}[l.IntN(5)]
	j.Delivery.Expires = now.UTC().Add(left + time.Duration(l.IntN(60))*time.Second).Truncate(time.Second)
}

// hash lists one more file, or another sum for one.
func (j *life) hash(file int, sum string) {
	name := fmt.Sprintf("file%d-%s.tar.gz", file, j.ID)
	kept := slices.DeleteFunc(slices.Clone(j.Hashes), func(h atlassim.Hash) bool { return h.FileName == name })
	j.Hashes = append(kept, atlassim.Hash{FileName: name, Hash: sum, TypeName: "SHA1"})
}
