package restore

import (
	"cmp"
	"slices"
	"time"
)

type (
	// A JobID identifies a restore job; in every API the 24 hex digits of an ObjectID.
	JobID string
	// A BatchID identifies the jobs of one sharded restore.
	BatchID string
	// A Status is the API's word for the state of a job, kept verbatim. An unknown word is never final.
	Status string
	// A DeliveryStatus is the API's word for the state of the delivery, kept verbatim.
	DeliveryStatus string
)

// The words for the state of a job.
const (
	InProgress Status = "IN_PROGRESS"
	Finished   Status = "FINISHED"
	Broken     Status = "BROKEN"
	Killed     Status = "KILLED"
)

// The words for the state of a delivery. PENDING stands in the v2 specification alone.
const (
	DeliveryNotStarted           DeliveryStatus = "NOT_STARTED"
	DeliveryPending              DeliveryStatus = "PENDING"
	DeliveryInProgress           DeliveryStatus = "IN_PROGRESS"
	DeliveryReady                DeliveryStatus = "READY"
	DeliveryFailed               DeliveryStatus = "FAILED"
	DeliveryInterrupted          DeliveryStatus = "INTERRUPTED"
	DeliveryExpired              DeliveryStatus = "EXPIRED"
	DeliveryMaxDownloadsExceeded DeliveryStatus = "MAX_DOWNLOADS_EXCEEDED"
)

// Final reports whether a job in this state is expected to stay in it.
func (s Status) Final() bool { return s == Finished || s.Failed() }

// Failed reports whether the job ended without a restore.
func (s Status) Failed() bool { return s == Broken || s == Killed }

// Final reports whether a delivery in this state is expected to stay in it.
func (s DeliveryStatus) Final() bool {
	return s == DeliveryExpired || s == DeliveryMaxDownloadsExceeded || s == DeliveryFailed
}

// A Job is one restore job as its API lists it. The download URL and its key are deliberately absent: what is not
// here cannot leak. Times are UTC with a resolution of one second; a zero time means that the API gave none.
type Job struct {
	ID                JobID
	ProjectID         string // the API's groupId
	ClusterID         string // each job of a batch has its own
	ClusterName       string
	BatchID           BatchID // "" unless the restore is of a sharded cluster
	HostID            string  // of Cloud Manager and Ops Manager, for the restore of a mirrored config server
	SnapshotID        string
	Created           time.Time // from the ObjectID when the API gives none
	Status            Status
	Delivery          Delivery
	Hashes            []Hash // in the order of Compare; only once a file has been downloaded
	EncryptionEnabled bool
	PointInTime       bool
	Timestamp         Timestamp
}

// A Delivery is how restored data is handed over.
type Delivery struct {
	Method          string // the API's methodName: HTTP, QUERY, …
	Status          DeliveryStatus
	Expires         time.Time // when the download link dies; it can move
	ExpirationHours int
	MaxDownloads    int    // 2147483647 stands for no limit
	TargetProject   string // where an automated restore goes
	TargetCluster   string
}

// Download reports whether the delivery is a link that somebody has to fetch before it expires. An automated restore
// is listed as HTTP too; what gives it away is the cluster that it goes to.
func (d Delivery) Download() bool {
	if d.TargetCluster != "" || d.TargetProject != "" {
		return false
	}
	switch d.Method {
	case "HTTP", "CLIENT_PIT_HTTP":
		return true
	case "":
		return !d.Expires.IsZero()
	}
	return false
}

// A Timestamp is the position in the oplog that a snapshot was taken at.
type Timestamp struct {
	Date      time.Time
	Increment int64
}

// A Hash is the checksum of one restore file. Algorithm is the API's typeName, Sum its hash in hex.
type Hash struct {
	File      string
	Algorithm string
	Sum       string
}

// Compare orders hashes by file, algorithm and sum.
func (h Hash) Compare(other Hash) int {
	return cmp.Or(
		cmp.Compare(h.File, other.File),
		cmp.Compare(h.Algorithm, other.Algorithm),
		cmp.Compare(h.Sum, other.Sum))
}

// Equal reports whether two jobs were listed alike.
func (j Job) Equal(other Job) bool {
	return slices.Equal(j.Hashes, other.Hashes) &&
		j.Created.Equal(other.Created) &&
		j.Delivery.Expires.Equal(other.Delivery.Expires) &&
		j.Timestamp.Date.Equal(other.Timestamp.Date) &&
		j.withoutTimes() == other.withoutTimes()
}

// comparable parts of a job: time.Time has a location, which == compares and a listing does not mean.
type scalars struct {
	id                                     JobID
	project, cluster, name, host, snapshot string
	batch                                  BatchID
	status                                 Status
	encrypted, pointInTime                 bool
	increment                              int64
	method, targetProject, targetCluster   string
	delivery                               DeliveryStatus
	expirationHours, maxDownloads          int
}

func (j Job) withoutTimes() scalars {
	d := j.Delivery
	return scalars{
		id: j.ID, project: j.ProjectID, cluster: j.ClusterID, name: j.ClusterName, host: j.HostID, snapshot: j.SnapshotID,
		batch: j.BatchID, status: j.Status, encrypted: j.EncryptionEnabled, pointInTime: j.PointInTime,
		increment: j.Timestamp.Increment, method: d.Method, targetProject: d.TargetProject,
		targetCluster: d.TargetCluster, delivery: d.Status, expirationHours: d.ExpirationHours,
		maxDownloads: d.MaxDownloads,
	}
}
