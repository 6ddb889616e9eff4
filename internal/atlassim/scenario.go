package atlassim

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// A Scenario is a timeline of restore jobs. It knows no date: At lays it onto one.
type Scenario struct {
	clusters []*cast
}

// A Cluster is what a scenario has for one cluster at one moment.
type Cluster struct {
	Project, Name string
	Kind          Kind
	Sharded       bool // it is going to have a restore in parts, or has had one
	Jobs          []Job
}

// A cast is the jobs of one cluster.
type cast struct {
	project, name string
	kind          Kind
	jobs          []*role
}

// A role is one job of the timeline: what it is, and the moments at which it changes, in order of time.
type role struct {
	name, batch  string
	method       string
	target       string // cluster of an automated restore
	hours, max   int
	encrypted    bool
	pointInTime  bool
	moments      []moment
	line         int           // where it was declared
	batchCreated time.Duration // when the first job of its batch was created
}

// A moment is what changes at one offset; what it does not name stays.
type moment struct {
	at               time.Duration
	line             int
	created          bool
	downloaded       bool
	status, delivery string
	expires          time.Duration // offset of the new expiry, or 0
}

// At returns the state of every cluster when elapsed has gone by since start: a pure function, so that the same moment
// always looks the same. Ids begin with the second of their creation. Jobs not created yet are not listed; events with
// a negative offset lie before start.
func (s *Scenario) At(start time.Time, elapsed time.Duration) []Cluster {
	clusters := make([]Cluster, len(s.clusters))
	for i, c := range s.clusters {
		sharded := slices.ContainsFunc(c.jobs, func(r *role) bool { return r.batch != "" })
		clusters[i] = Cluster{Project: c.project, Name: c.name, Kind: c.kind, Sharded: sharded}
		for _, r := range c.jobs {
			if job, ok := r.at(c, start.UTC(), elapsed); ok {
				clusters[i].Jobs = append(clusters[i].Jobs, job)
			}
		}
		newestFirst(clusters[i].Jobs)
	}
	return clusters
}

// Length is the offset of the last event.
func (s *Scenario) Length() time.Duration {
	var last time.Duration
	for _, c := range s.clusters {
		for _, r := range c.jobs {
			last = max(last, r.moments[len(r.moments)-1].at)
		}
	}
	return last
}

func (r *role) at(c *cast, start time.Time, elapsed time.Duration) (Job, bool) {
	created := r.moments[0].at
	if elapsed < created {
		return Job{}, false
	}
	job := r.begin(c, start, start.Add(created))
	for _, m := range r.moments {
		if m.at > elapsed {
			break
		}
		m.apply(&job, start)
	}
	return job, true
}

func (m moment) apply(job *Job, start time.Time) {
	if m.status != "" {
		job.StatusName = m.status
		job.Finished = time.Time{}
		if m.status != "IN_PROGRESS" {
			job.Finished = start.Add(m.at).Truncate(time.Second)
		}
	}
	if m.delivery != "" {
		job.Delivery.StatusName = m.delivery
	}
	if m.expires != 0 {
		job.Delivery.Expires = start.Add(m.expires).Truncate(time.Second)
	}
	if m.downloaded {
		job.Hashes = []Hash{{FileName: job.File, Hash: checksum(job.File), TypeName: "SHA1"}}
	}
}

// begin is the job as it was created.
func (r *role) begin(c *cast, start, created time.Time) Job {
	seed := strings.Join([]string{c.project, c.name, r.name}, "/")
	taken := created.Add(-time.Hour).Truncate(time.Second) // the snapshot is an hour older than its restore
	job := Job{
		ClusterID:         ClusterID(c.project, c.name),
		ClusterName:       c.name,
		Created:           created.Truncate(time.Second),
		EncryptionEnabled: r.encrypted,
		GroupID:           c.project,
		ID:                ObjectID(created, "job/"+seed),
		PointInTime:       r.pointInTime,
		SnapshotID:        ObjectID(taken, "snapshot/"+seed),
		StatusName:        "IN_PROGRESS",
		Timestamp:         Timestamp{Date: taken, Increment: 1},
		Delivery:          Delivery{MethodName: r.method, StatusName: "NOT_STARTED"},
	}
	if r.batch != "" {
		job.ClusterID = ObjectID(clustersMade, "part/"+c.project+"/"+c.name+"/"+r.name) // each part has one of its own
		job.BatchID = ObjectID(start.Add(r.batchCreated), "batch/"+c.project+"/"+c.name+"/"+r.batch)
	}
	if r.encrypted {
		job.MasterKeyUUID = "00000000-0000-4000-8000-000000000001"
	}
	job.File = fmt.Sprintf("%s-%s-%d-%s.tar.gz", c.name, r.name, taken.Unix(), job.ID)
	r.deliver(&job)
	return job
}

func (r *role) deliver(job *Job) {
	d := &job.Delivery
	switch {
	case r.target != "":
		d.TargetClusterName, d.TargetGroupID = r.target, job.GroupID
	case r.method == "HTTP":
		d.ExpirationHours, d.MaxDownloads = r.hours, r.max
	}
}

// download reports whether the job's delivery is a link that expires.
func (r *role) download() bool { return r.method == "HTTP" && r.target == "" }

// checksum makes up forty hex digits that depend on the file's name.
func checksum(file string) string {
	sum := sha256.Sum256([]byte(file))
	return hex.EncodeToString(sum[:20])
}

//go:embed scenarios/*.txt
var bundled embed.FS

// Bundled returns the scenario of that name, "demo" for example, from those that come with the program.
func Bundled(name string) (*Scenario, error) {
	f, err := bundled.Open("scenarios/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("no scenario %q; there are %s", name, strings.Join(BundledNames(), ", "))
	}
	defer f.Close()
	s, err := ParseScenario(f)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", name, err)
	}
	return s, nil
}

// BundledNames lists the scenarios that come with the program.
func BundledNames() []string {
	files, _ := fs.Glob(bundled, "scenarios/*.txt") // the pattern is well formed
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".txt")
	}
	slices.Sort(files)
	return files
}
