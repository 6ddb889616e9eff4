package atlas

import (
	"cmp"
	"errors"
	"strings"

	"restorewatch/internal/restore"
)

// Atlas Flex, "Return All Restore Jobs for One Flex Cluster". The first line that fits decides.
//
//	Status               from status
//	IN_PROGRESS          PENDING, QUEUED, RUNNING
//	FINISHED             COMPLETED
//	BROKEN               FAILED
//	verbatim             any other word
//
//	Delivery.Status      from, of deliveryType DOWNLOAD only
//	READY                snapshotUrl is there
//	IN_PROGRESS          status is PENDING, QUEUED or RUNNING
//	""                   otherwise: the link has been used, has expired, or never was. There is no word for EXPIRED
//
//	restore.Job          from
//	ProjectID            projectId, or the project asked for
//	ClusterName          instanceName, or the cluster asked for
//	Created              restoreScheduledDate, or the first four bytes of id, an ObjectID
//	Delivery.Method      deliveryType: DOWNLOAD is HTTP; RESTORE is AUTOMATED_RESTORE; others verbatim
//	Delivery.Expires     expirationDate of a download that is READY: restores have one too, six hours after they were
//	                     scheduled, with nothing to expire
//	Delivery.Target…     targetProjectId, targetDeploymentItemName, but of a download
//	not told             batchId, clusterId, hashes, expirationHours, maxDownloads, encryptionEnabled, pointInTime, timestamp
//	                     (snapshotFinishedDate is when a snapshot was done, not how far it goes)
//	not kept             snapshotUrl: only that it is there
var flex = api{
	path:    under("api/atlas/v2/groups/{project}/flexClusters/{cluster}/backup/restoreJobs"),
	accept:  v2of2024Nov,
	maxPage: 500,
	role:    readOnly,
	gone:    "Look for a newer restorewatch: this version of the API of Atlas Flex is gone.",
	page:    pageOf(flexJob),
	job:     jobOf(flexJob),
	clusters: resource{
		path: under("api/atlas/v2/groups/{project}/flexClusters"), accept: v2of2024Nov,
	},
	projects: projectsV2,
}

type wireFlexJob struct {
	ID                   string   `json:"id"`
	ProjectID            string   `json:"projectId"`
	InstanceName         string   `json:"instanceName"`
	SnapshotID           string   `json:"snapshotId"`
	Status               string   `json:"status"`
	DeliveryType         string   `json:"deliveryType"`
	SnapshotURL          presence `json:"snapshotUrl"`
	ExpirationDate       string   `json:"expirationDate"`
	RestoreScheduledDate string   `json:"restoreScheduledDate"`
	TargetProjectID      string   `json:"targetProjectId"`
	TargetName           string   `json:"targetDeploymentItemName"`
}

func (wireFlexJob) shape() shape {
	return shape{"job", []vital{{"id", "a string"}, {"status", "a string"}, {"deliveryType", "a string"}}}
}

var flexStatuses = map[string]restore.Status{
	"PENDING":   restore.InProgress,
	"QUEUED":    restore.InProgress,
	"RUNNING":   restore.InProgress,
	"COMPLETED": restore.Finished,
	"FAILED":    restore.Broken,
}

// flexJob is the decoder of Flex.
func flexJob(w wireFlexJob, t restore.Target) (restore.Job, error) {
	if err := checkIDs(w.ID, ""); err != nil {
		return restore.Job{}, err
	}
	if w.SnapshotURL == unclear {
		return restore.Job{}, errors.New("its snapshotUrl is neither a string nor an array")
	}
	created := parseTime(w.RestoreScheduledDate)
	if created.IsZero() {
		created = objectIDTime(w.ID)
	}
	return restore.Job{
		ID:          restore.JobID(w.ID),
		ProjectID:   text(cmp.Or(w.ProjectID, t.Project)),
		ClusterName: text(cmp.Or(w.InstanceName, t.Cluster)),
		SnapshotID:  text(w.SnapshotID),
		Created:     created,
		Status:      w.status(),
		Delivery:    w.delivery(),
	}, nil
}

func (w wireFlexJob) status() restore.Status {
	if status, ok := flexStatuses[w.Status]; ok {
		return status
	}
	return restore.Status(text(w.Status))
}

func (w wireFlexJob) delivery() restore.Delivery {
	switch {
	case strings.EqualFold(w.DeliveryType, "RESTORE"):
		return restore.Delivery{
			Method: automatedRestore, TargetProject: text(w.TargetProjectID), TargetCluster: text(w.TargetName),
		}
	case !strings.EqualFold(w.DeliveryType, "DOWNLOAD"):
		return restore.Delivery{Method: text(w.DeliveryType)}
	case w.SnapshotURL == present:
		return restore.Delivery{
			Method: "HTTP", Status: restore.DeliveryReady, Expires: parseTime(w.ExpirationDate),
		}
	case w.status() == restore.InProgress:
		return restore.Delivery{Method: "HTTP", Status: restore.DeliveryInProgress}
	}
	return restore.Delivery{Method: "HTTP"}
}
