package atlas

import (
	"errors"
	"strings"

	"restorewatch/internal/restore"
)

// Atlas Cloud Backup, "Return All Restore Jobs for One Cluster". It has no word for a status: everything is derived from
// booleans, from dates and from whether there is a link. The first line that fits decides; both parts are decided apart.
//
//	Status               from
//	BROKEN               failed
//	KILLED               cancelled
//	FINISHED             finishedAt
//	FINISHED             a download, and a link, expiresAt or expired: a link that there is, or was, has a finished file
//	                     behind it, as in the legacy API; finishedAt stays absent all the time
//	IN_PROGRESS          otherwise
//
//	Delivery.Status      from, of a download only
//	EXPIRED              expired
//	READY                a link: in deliveryUrl, or in any of components
//	""                   expiresAt, finishedAt, failed or cancelled, and no link: it has been used, or never was. An absent
//	                     link does not say which, so nothing is said; the domain keeps the word that it knows
//	IN_PROGRESS          otherwise ("If empty, Atlas is processing the restore job")
//
//	restore.Job          from
//	ProjectID, ClusterName   what was asked for
//	Created              the first four bytes of id, an ObjectID: createdAt is documented and never came
//	Delivery.Method      deliveryType: download is HTTP; automated and pointInTime are AUTOMATED_RESTORE; others verbatim
//	Delivery.Expires     expiresAt of a download that is READY or EXPIRED: automated jobs have one too, with nothing to
//	                     expire, and no warning is due for a link that has been used
//	Delivery.Target…     targetGroupId, targetClusterName, but of a download
//	PointInTime          deliveryType is pointInTime
//	Timestamp            timestamp, a date or an object; without one, desiredTimestamp
//	not told             batchId, clusterId, hashes, expirationHours, maxDownloads, encryptionEnabled
//	not kept             deliveryUrl, components[].downloadUrl, privateDownloadDeliveryUrls: only that they are there
var cloud = api{
	path:     under("api/atlas/v2/groups/{project}/clusters/{cluster}/backup/restoreJobs"),
	accept:   v2of2023Jan,
	maxPage:  500,
	role:     "Project Backup Manager",
	gone:     "Look for a newer restorewatch: this version of Atlas Cloud Backup's API is gone.",
	page:     pageOf(cloudJob),
	job:      jobOf(cloudJob),
	clusters: clustersV2,
	projects: projectsV2,
}

type (
	wireCloudJob struct {
		ID                string          `json:"id"`
		SnapshotID        string          `json:"snapshotId"`
		DeliveryType      string          `json:"deliveryType"`
		Cancelled         bool            `json:"cancelled"`
		Expired           bool            `json:"expired"`
		Failed            bool            `json:"failed"`
		FinishedAt        string          `json:"finishedAt"`
		ExpiresAt         string          `json:"expiresAt"`
		DeliveryURL       presence        `json:"deliveryUrl"`
		Components        []wireComponent `json:"components"`
		PrivateURLs       []wirePrivate   `json:"privateDownloadDeliveryUrls"`
		TargetGroupID     string          `json:"targetGroupId"`
		TargetClusterName string          `json:"targetClusterName"`
		Timestamp         wireTimestamp   `json:"timestamp"`
		DesiredTimestamp  wireTimestamp   `json:"desiredTimestamp"`
	}
	wireComponent struct {
		DownloadURL presence      `json:"downloadUrl"`
		PrivateURLs []wirePrivate `json:"privateDownloadDeliveryUrls"`
	}
	wirePrivate struct {
		DeliveryURL presence `json:"deliveryUrl"`
	}
)

func (wireCloudJob) shape() shape {
	return shape{"job", []vital{
		{"id", "a string"}, {"deliveryType", "a string"},
		{"cancelled", "a boolean"}, {"expired", "a boolean"}, {"failed", "a boolean"},
		{"finishedAt", "a string"}, {"expiresAt", "a string"},
		{"components", "an array"}, {"privateDownloadDeliveryUrls", "an array"},
	}}
}

// cloudJob is the decoder of Cloud Backup.
func cloudJob(w wireCloudJob, t restore.Target) (restore.Job, error) {
	if err := checkIDs(w.ID, ""); err != nil {
		return restore.Job{}, err
	}
	if w.DeliveryURL == unclear {
		return restore.Job{}, errors.New("its deliveryUrl is neither a string nor an array")
	}
	timestamp := w.Timestamp.decode()
	if timestamp.Date.IsZero() {
		timestamp = w.DesiredTimestamp.decode()
	}
	return restore.Job{
		ID:          restore.JobID(w.ID),
		ProjectID:   t.Project,
		ClusterName: t.Cluster,
		SnapshotID:  text(w.SnapshotID),
		Created:     objectIDTime(w.ID),
		Status:      w.status(),
		Delivery:    w.delivery(),
		PointInTime: w.is("pointInTime"),
		Timestamp:   timestamp,
	}, nil
}

// is compares as MongoDB's own tools do: without regard to case.
func (w wireCloudJob) is(deliveryType string) bool {
	return strings.EqualFold(w.DeliveryType, deliveryType)
}

func (w wireCloudJob) status() restore.Status {
	switch {
	case w.Failed:
		return restore.Broken
	case w.Cancelled:
		return restore.Killed
	case w.FinishedAt != "":
		return restore.Finished
	case w.is("download") && (w.linked() || w.ExpiresAt != "" || w.Expired):
		return restore.Finished
	}
	return restore.InProgress
}

func (w wireCloudJob) delivery() restore.Delivery {
	if !w.is("download") {
		return restore.Delivery{
			Method:        w.method(),
			TargetProject: text(w.TargetGroupID),
			TargetCluster: text(w.TargetClusterName),
		}
	}
	d := restore.Delivery{Method: "HTTP", Status: w.download()}
	if d.Status == restore.DeliveryReady || d.Status == restore.DeliveryExpired {
		d.Expires = parseTime(w.ExpiresAt)
	}
	return d
}

func (w wireCloudJob) method() string {
	if w.is("automated") || w.is("pointInTime") {
		return automatedRestore
	}
	return text(w.DeliveryType)
}

func (w wireCloudJob) download() restore.DeliveryStatus {
	switch {
	case w.Expired:
		return restore.DeliveryExpired
	case w.linked():
		return restore.DeliveryReady
	case w.ExpiresAt != "" || w.FinishedAt != "" || w.Failed || w.Cancelled:
		return ""
	}
	return restore.DeliveryInProgress
}

// linked reports whether the file, or that of any shard, can be fetched now.
func (w wireCloudJob) linked() bool {
	if w.DeliveryURL == present || anyPrivate(w.PrivateURLs) {
		return true
	}
	for _, c := range w.Components {
		if c.DownloadURL == present || anyPrivate(c.PrivateURLs) {
			return true
		}
	}
	return false
}

func anyPrivate(urls []wirePrivate) bool {
	for _, u := range urls {
		if u.DeliveryURL == present {
			return true
		}
	}
	return false
}

// automatedRestore is the legacy word for a restore that goes straight into a cluster.
const automatedRestore = "AUTOMATED_RESTORE"
