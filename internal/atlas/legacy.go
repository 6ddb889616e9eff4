package atlas

import (
	"cmp"
	"math"
	"net/url"
	"slices"

	"restorewatch/internal/restore"
)

// The legacy shape, "Get All Legacy Backup Restore Jobs": the words of the domain are its own, so that little is derived.
//
//	restore.Job          from                    if that is missing
//	ProjectID            groupId                 the project asked for
//	ClusterName          clusterName             the cluster asked for
//	Created              created                 the first four bytes of id, an ObjectID
//	Status               statusName, verbatim    "", which the domain takes for no change
//	Delivery.Method      delivery.methodName, verbatim
//	Delivery.Status      delivery.statusName, verbatim
//	Delivery.Expires     delivery.expires        never computed: it can move
//	Delivery.Target…     targetGroupId, targetClusterName or else targetClusterId: an automated restore is listed with
//	                     the method HTTP, and only its target tells it from a download
//	Hashes               hashes, sorted          none: they come once the file has been downloaded
//	Timestamp            timestamp, an object or a date
//	not read             delivery.url, urlV2, authHeader, authValue, authBearer: each opens a backup
//
// Both paths give the same shape. v1.0 is deprecated as a whole; v2 lists the resource as deprecated, with no date.
var (
	legacyV1 = api{
		path:    under("api/atlas/v1.0/groups/{project}/clusters/{cluster}/restoreJobs"),
		accept:  json1,
		maxPage: 500,
		batches: true,
		role:    readOnly,
		gone:    "If the API v1.0 is gone from this host, set LEGACY_API=v2.",
		page:    pageOf(legacyJob),
		job:     jobOf(legacyJob),
		clusters: resource{
			path: under("api/atlas/v1.0/groups/{project}/clusters"), accept: json1,
		},
		projects: resource{path: under("api/atlas/v1.0/groups"), accept: json1},
	}
	legacyV2 = api{
		path:     under("api/atlas/v2/groups/{project}/clusters/{cluster}/restoreJobs"),
		accept:   v2of2023Jan,
		maxPage:  500,
		batches:  true,
		role:     readOnly,
		gone:     "If legacy backup is gone from this host, watch the cluster with the source cloud.",
		page:     pageOf(legacyJob),
		job:      jobOf(legacyJob),
		clusters: clustersV2,
		projects: projectsV2,
	}
)

// clustersV2 lists the dedicated clusters, also those that are gone and left backups behind.
var clustersV2 = resource{
	path:   under("api/atlas/v2/groups/{project}/clusters"),
	accept: v2of2024Aug,
	query:  url.Values{"includeDeletedWithRetainedBackups": {"true"}},
}

var projectsV2 = resource{path: under("api/atlas/v2/groups"), accept: v2of2023Jan}

// The legacy shape on the wire. What is not declared is not read.
type (
	wireJob struct {
		ID                string        `json:"id"`
		GroupID           string        `json:"groupId"`
		ClusterID         string        `json:"clusterId"`
		ClusterName       string        `json:"clusterName"`
		BatchID           string        `json:"batchId"`
		HostID            string        `json:"hostId"` // Cloud Manager and Ops Manager
		SnapshotID        string        `json:"snapshotId"`
		Created           string        `json:"created"`
		StatusName        string        `json:"statusName"`
		Delivery          wireDelivery  `json:"delivery"`
		Hashes            []wireHash    `json:"hashes"`
		EncryptionEnabled bool          `json:"encryptionEnabled"`
		PointInTime       bool          `json:"pointInTime"`
		Timestamp         wireTimestamp `json:"timestamp"`
	}
	wireDelivery struct {
		MethodName        string `json:"methodName"`
		StatusName        string `json:"statusName"`
		Expires           string `json:"expires"`
		ExpirationHours   number `json:"expirationHours"`
		MaxDownloads      number `json:"maxDownloads"`
		TargetGroupID     string `json:"targetGroupId"`
		TargetClusterName string `json:"targetClusterName"`
		TargetClusterID   string `json:"targetClusterId"`
	}
	wireHash struct {
		TypeName string `json:"typeName"`
		FileName string `json:"fileName"`
		Hash     string `json:"hash"`
	}
)

func (wireJob) shape() shape {
	return shape{"job", []vital{{"id", "a string"}, {"statusName", "a string"}}}
}

// legacyJob is the decoder of the legacy shape.
func legacyJob(w wireJob, t restore.Target) (restore.Job, error) {
	if err := checkIDs(w.ID, w.BatchID); err != nil {
		return restore.Job{}, err
	}
	created := parseTime(w.Created)
	if created.IsZero() {
		created = objectIDTime(w.ID)
	}
	return restore.Job{
		ID:                restore.JobID(w.ID),
		ProjectID:         text(cmp.Or(w.GroupID, t.Project)),
		ClusterID:         text(w.ClusterID),
		ClusterName:       text(cmp.Or(w.ClusterName, t.Cluster)),
		BatchID:           restore.BatchID(w.BatchID),
		HostID:            text(w.HostID),
		SnapshotID:        text(w.SnapshotID),
		Created:           created,
		Status:            restore.Status(text(w.StatusName)),
		Delivery:          legacyDelivery(w.Delivery),
		Hashes:            legacyHashes(w.Hashes),
		EncryptionEnabled: w.EncryptionEnabled,
		PointInTime:       w.PointInTime,
		Timestamp:         w.Timestamp.decode(),
	}, nil
}

func legacyDelivery(w wireDelivery) restore.Delivery {
	return restore.Delivery{
		Method:          text(w.MethodName),
		Status:          restore.DeliveryStatus(text(w.StatusName)),
		Expires:         parseTime(w.Expires),
		ExpirationHours: int(w.ExpirationHours.upTo(math.MaxInt32)),
		MaxDownloads:    int(w.MaxDownloads.upTo(math.MaxInt32)),
		TargetProject:   text(w.TargetGroupID),
		TargetCluster:   text(cmp.Or(w.TargetClusterName, w.TargetClusterID)),
	}
}

// legacyHashes sorts, because the order of a listing is no news, and leaves out what names neither a file nor a sum.
func legacyHashes(wire []wireHash) []restore.Hash {
	var hashes []restore.Hash
	for _, w := range wire {
		if w.FileName != "" || w.Hash != "" {
			hashes = append(hashes, restore.Hash{File: text(w.FileName), Algorithm: text(w.TypeName), Sum: text(w.Hash)})
		}
	}
	slices.SortFunc(hashes, restore.Hash.Compare)
	return slices.Compact(hashes)
}
