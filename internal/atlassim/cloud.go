package atlassim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A URLForm is how Cloud Backup writes deliveryUrl: the specification has an array, the documents of 2023 show a string.
type URLForm int

// The forms. What stands there for want of a link is the empty array, nothing at all, and null.
const (
	URLArray URLForm = iota
	URLString
	URLNull // an array once there is a link
)

// A cloudJob is a restore as Atlas Cloud Backup lists it (DiskBackupSnapshotRestoreJob): no word for its status, only
// what can be concluded from flags, dates and links.
type cloudJob struct {
	Cancelled                bool        `json:"cancelled"`
	Components               []component `json:"components,omitempty"` // downloads of sharded clusters only
	DeliveryType             string      `json:"deliveryType"`
	DeliveryURL              any         `json:"deliveryUrl,omitempty"`
	DesiredTimestamp         desired     `json:"desiredTimestamp"`
	Expired                  bool        `json:"expired"`
	ExpiresAt                time.Time   `json:"expiresAt,omitzero"`
	Failed                   bool        `json:"failed"`
	FinishedAt               time.Time   `json:"finishedAt,omitzero"`
	ID                       string      `json:"id"`
	Links                    []Link      `json:"links"`
	OplogInc                 int         `json:"oplogInc,omitzero"`
	OplogTs                  int64       `json:"oplogTs,omitzero"`
	PointInTimeUTCSeconds    int64       `json:"pointInTimeUTCSeconds,omitzero"`
	SnapshotID               string      `json:"snapshotId"`
	TargetClusterName        string      `json:"targetClusterName,omitempty"`
	TargetDeploymentItemName string      `json:"targetDeploymentItemName,omitempty"`
	TargetGroupID            string      `json:"targetGroupId,omitempty"`
	Timestamp                time.Time   `json:"timestamp,omitzero"` // of the snapshot
}

// A component is the download of one shard.
type component struct {
	DownloadURL *string       `json:"downloadUrl"`
	PrivateURLs []privateLink `json:"privateDownloadDeliveryUrls"`
	ReplicaSet  string        `json:"replicaSetName"`
}

type privateLink struct {
	DeliveryURL string `json:"deliveryUrl"`
	EndpointID  string `json:"endpointId"`
}

// A desired is a point in time, or three times null where none was asked for.
type desired struct {
	Increment *int       `json:"increment"`
	Time      *int64     `json:"time"`
	Date      *time.Time `json:"date"`
}

// A cloudRestore is the jobs that Cloud Backup tells as one: those of a batch, or a single one.
type cloudRestore []Job

// cloudRestores groups jobs, which keep their order. Cloud Backup knows no queryable restores.
func cloudRestores(jobs []Job) (all []cloudRestore) {
	at := map[string]int{}
	for _, j := range jobs {
		i, seen := at[j.BatchID]
		switch {
		case j.Delivery.MethodName == "QUERY":
		case j.BatchID != "" && seen:
			all[i] = append(all[i], j)
		default:
			at[j.BatchID] = len(all)
			all = append(all, cloudRestore{j})
		}
	}
	for _, r := range all {
		slices.SortFunc(r, func(a, b Job) int { return strings.Compare(a.ID, b.ID) })
	}
	return all
}

func (s *Server) cloudJobs(v *visit) ([]entry, *problem) {
	c, wrong := s.found(v, DedicatedCluster)
	if wrong != nil {
		return nil, wrong
	}
	var entries []entry
	for _, r := range cloudRestores(s.ordered(c.jobs)) {
		entries = append(entries, entry{r.id(), func(bool) any { return s.cloudJob(v, r) }})
	}
	return entries, nil
}

func (r cloudRestore) id() string { return cmp.Or(r[0].BatchID, r[0].ID) }

func (s *Server) cloudJob(v *visit, r cloudRestore) cloudJob {
	first := r[0]
	job := cloudJob{
		Cancelled:    r.any(func(j Job) bool { return j.StatusName == "KILLED" }),
		DeliveryType: r.deliveryType(),
		DeliveryURL:  s.deliveryURL(""),
		Expired:      r.download() && r.any(func(j Job) bool { return j.Delivery.StatusName == "EXPIRED" }),
		Failed:       r.any(Job.broke),
		ID:           r.id(),
		Links:        append([]Link{v.self(r.id())}, v.related(first.SnapshotID)...),
		SnapshotID:   first.SnapshotID,
		Timestamp:    first.Timestamp.Date,
	}
	if r.download() {
		s.handOver(&job, r)
		return job
	}
	job.TargetClusterName, job.TargetGroupID = first.Delivery.TargetClusterName, first.Delivery.TargetGroupID
	job.TargetDeploymentItemName = itemName(job.TargetClusterName)
	if s.ExpiryOfRestores {
		job.ExpiresAt = first.Created.Add(time.Hour)
	}
	if !r.any(func(j Job) bool { return j.StatusName != "FINISHED" }) {
		job.FinishedAt = r.finished()
	}
	if first.PointInTime {
		job.rewind(first.Timestamp)
	}
	return job
}

// handOver adds the links of a download. finishedAt stays absent, as recorded.
func (s *Server) handOver(job *cloudJob, r cloudRestore) {
	job.ExpiresAt = r.expires()
	if r[0].BatchID == "" {
		if s.linked(r[0]) {
			job.DeliveryURL = s.deliveryURL(s.cloudLink(r[0], "deliveryUrl"))
		}
		return
	}
	for i, j := range r {
		job.Components = append(job.Components, s.component(j, i))
	}
}

// component tells the download of one shard. Its link is null before it was made, and again once it has been used.
func (s *Server) component(j Job, i int) component {
	c := component{ReplicaSet: fmt.Sprintf("%s-shard-%d", itemName(j.ClusterName), i), PrivateURLs: []privateLink{}}
	if s.linked(j) && (len(j.Hashes) == 0 || s.DeadLinks) {
		c.DownloadURL = new(s.cloudLink(j, "downloadUrl"))
		c.PrivateURLs = append(c.PrivateURLs, privateLink{s.cloudLink(j, "privateDownloadDeliveryUrls"), "vpce-0123456789abcdef0"})
	}
	return c
}

// rewind tells to which moment a restore goes.
func (job *cloudJob) rewind(to Timestamp) {
	at := to.Date.Unix()
	job.DesiredTimestamp = desired{new(to.Increment), new(at), new(to.Date)}
	job.OplogTs, job.OplogInc, job.PointInTimeUTCSeconds = at, to.Increment, at
}

func (s *Server) deliveryURL(link string) any {
	switch {
	case s.DeliveryURLs == URLString && link == "":
		return nil
	case s.DeliveryURLs == URLString:
		return link
	case s.DeliveryURLs == URLNull && link == "":
		return json.RawMessage("null")
	case link == "":
		return []string{}
	}
	return []string{link}
}

// cloudLink makes up a link that gives access to a backup; which tells the field that it is for.
func (s *Server) cloudLink(j Job, which string) string {
	return fmt.Sprintf("https://restore-%s.mongodb.net:27017/%s-%s/restore-%s.tar.gz", j.ID, s.secret(), which, j.ID)
}

// linked reports whether the download link of j is listed by the APIs that hide links which have died.
func (s *Server) linked(j Job) bool {
	switch j.Delivery.StatusName {
	case "READY":
		return true
	case "INTERRUPTED": // a download that broke off can be begun again
		return !j.Delivery.Expires.IsZero() && !j.broke() && j.StatusName != "KILLED"
	case "EXPIRED", "MAX_DOWNLOADS_EXCEEDED":
		return s.DeadLinks
	}
	return false
}

func (r cloudRestore) any(is func(Job) bool) bool { return slices.ContainsFunc(r, is) }

func (r cloudRestore) download() bool { return r[0].Delivery.download() }

func (r cloudRestore) deliveryType() string {
	switch {
	case r.download():
		return "download"
	case r[0].PointInTime:
		return "pointInTime"
	}
	return "automated"
}

// expires is when the first of the links dies; zero before there is one.
func (r cloudRestore) expires() (first time.Time) {
	for _, j := range r {
		if e := j.Delivery.Expires; !e.IsZero() && (first.IsZero() || e.Before(first)) {
			first = e
		}
	}
	return first
}

func (r cloudRestore) finished() (last time.Time) {
	for _, j := range r {
		if at := j.finished(); at.After(last) {
			last = at
		}
	}
	return last
}

// download reports whether d is a file to be fetched, not a restore into a cluster.
func (d Delivery) download() bool {
	return d.TargetClusterName == "" && d.TargetClusterID == "" && d.MethodName != "AUTOMATED_RESTORE"
}

// broke reports whether nothing came of j: the restore, or the file that it was to make.
func (j Job) broke() bool {
	return j.StatusName == "BROKEN" || j.Delivery.download() && j.Delivery.StatusName == "FAILED"
}

func (j Job) finished() time.Time {
	if j.Finished.IsZero() {
		return j.Created.Add(time.Minute)
	}
	return j.Finished
}

// itemName is the name that Atlas gives the deployment of a cluster.
func itemName(cluster string) string {
	if cluster == "" {
		return ""
	}
	return "atlas-" + checksum(cluster)[:6]
}
