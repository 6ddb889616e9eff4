package atlassim

import (
	"cmp"
	"fmt"
	"time"
)

// flexRestoreLife is what the recorded expirationDate of a Flex restore lies after its start, although it has no link.
const flexRestoreLife = 6 * time.Hour

// flexLinkLife is how long a Flex download link lives from the request on, by the specification.
const flexLinkLife = 4 * time.Hour

// A flexJob is a restore as Atlas Flex lists it (FlexBackupRestoreJob20241113).
type flexJob struct {
	DeliveryType             string    `json:"deliveryType"`
	ExpirationDate           time.Time `json:"expirationDate"`
	ID                       string    `json:"id"`
	InstanceName             string    `json:"instanceName"`
	ProjectID                string    `json:"projectId"`
	RestoreFinishedDate      time.Time `json:"restoreFinishedDate,omitzero"`
	RestoreScheduledDate     time.Time `json:"restoreScheduledDate"`
	SnapshotFinishedDate     time.Time `json:"snapshotFinishedDate,omitzero"`
	SnapshotID               string    `json:"snapshotId"`
	SnapshotURL              string    `json:"snapshotUrl,omitempty"`
	Status                   string    `json:"status"`
	TargetDeploymentItemName string    `json:"targetDeploymentItemName,omitempty"`
	TargetProjectID          string    `json:"targetProjectId,omitempty"`
}

// flexJobs lists each job on its own: a Flex cluster is not sharded. Flex knows no queryable restores.
func (s *Server) flexJobs(v *visit) ([]entry, *problem) {
	c, wrong := s.found(v, FlexCluster)
	if wrong != nil {
		return nil, wrong
	}
	var entries []entry
	for _, j := range s.ordered(c.jobs) {
		if j.Delivery.MethodName != "QUERY" {
			entries = append(entries, entry{j.ID, func(bool) any { return s.flexJob(c, j) }})
		}
	}
	return entries, nil
}

func (s *Server) flexJob(c *cluster, j Job) flexJob {
	job := flexJob{
		DeliveryType:         "RESTORE",
		ExpirationDate:       j.Created.Add(flexRestoreLife),
		ID:                   j.ID,
		InstanceName:         c.name,
		ProjectID:            c.project,
		RestoreScheduledDate: j.Created,
		SnapshotFinishedDate: j.Timestamp.Date,
		SnapshotID:           j.SnapshotID,
		Status:               j.flexStatus(),
	}
	if job.Status == "COMPLETED" {
		job.RestoreFinishedDate = j.finished()
	}
	if !j.Delivery.download() {
		job.TargetDeploymentItemName = j.Delivery.TargetClusterName
		job.TargetProjectID = cmp.Or(j.Delivery.TargetGroupID, c.project)
		return job
	}
	job.DeliveryType = "DOWNLOAD"
	job.ExpirationDate = j.Created.Add(flexLinkLife)
	if !j.Delivery.Expires.IsZero() {
		job.ExpirationDate = j.Delivery.Expires
	}
	if s.linked(j) {
		job.SnapshotURL = fmt.Sprintf("https://restore-%s.mongodb.net:27017/%s-snapshotUrl/restore-%s.tgz", j.ID, s.secret(), j.ID)
	}
	return job
}

// flexStatus is the one status that Flex has for a restore and its download. It has no word for a restore that was
// called off, and none for a link that has died.
func (j Job) flexStatus() string {
	d := j.Delivery
	switch {
	case j.broke() || j.StatusName == "KILLED":
		return "FAILED"
	case j.StatusName == "FINISHED" && (!d.download() || !d.Expires.IsZero() || d.StatusName == "READY"):
		return "COMPLETED"
	case j.StatusName == "FINISHED" || d.StatusName == "IN_PROGRESS":
		return "RUNNING"
	case j.StatusName != "IN_PROGRESS":
		return j.StatusName // a word that the API does not have
	case d.StatusName == "PENDING":
		return "QUEUED"
	}
	return "PENDING"
}
