package store

import (
	"reflect"
	"time"

	"restorewatch/internal/restore"
)

// A jobMemory is the stored form of what is remembered of a job.
type jobMemory struct {
	job
	Adopted    restore.Status      `json:"adopted,omitzero"`
	Statuses   []reached           `json:"statuses,omitzero"`
	Deliveries []reached           `json:"deliveries,omitzero"`
	Told       optional[[]told]    `json:"told,omitzero"` // usual: each listed hash, once
	Warned     []warning           `json:"warned,omitzero"`
	Stuck      bool                `json:"stuck,omitzero"`
	Changed    optional[time.Time] `json:"changed,omitzero"` // usual: the record's update
}

func (s *jobMemory) exchange(d direction, m *restore.JobMemory, usual restore.Job, updated time.Time) {
	s.job.exchange(d, &m.Job, usual)
	plain(d, &s.Adopted, &m.Adopted)
	exchangeAll(d, &s.Statuses, &m.Statuses, func(s *reached, v *restore.Reached) { s.exchange(d, v, updated) })
	exchangeAll(d, &s.Deliveries, &m.Deliveries, func(s *reached, v *restore.Reached) { s.exchange(d, v, updated) })
	exchangeTold(d, &s.Told, &m.Told, m.Job.Hashes)
	exchangeAll(d, &s.Warned, &m.Warned, func(s *warning, v *restore.ExpiryWarning) {
		plain(d, &s.Expires, &v.Expires)
		plain(d, &s.Threshold, (*span)(&v.Threshold))
	})
	plain(d, &s.Stuck, &m.Stuck)
	exchange(d, &s.Changed, &m.Changed, updated)
}

// A job is what differs between a job and a usual one: for the job of a record, one without anything but its id and
// the target's project and cluster; for the job of an event, the job of its record.
type job struct {
	ID            optional[restore.JobID]          `json:"id,omitzero"`
	Project       optional[string]                 `json:"project,omitzero"`
	Cluster       optional[string]                 `json:"cluster,omitzero"`
	ClusterID     optional[string]                 `json:"clusterId,omitzero"`
	Batch         optional[restore.BatchID]        `json:"batchId,omitzero"`
	Snapshot      optional[string]                 `json:"snapshotId,omitzero"`
	Created       optional[time.Time]              `json:"created,omitzero"`
	Status        optional[restore.Status]         `json:"status,omitzero"`
	Method        optional[string]                 `json:"method,omitzero"`
	Delivery      optional[restore.DeliveryStatus] `json:"delivery,omitzero"`
	Expires       optional[time.Time]              `json:"expires,omitzero"`
	Hours         optional[int]                    `json:"expirationHours,omitzero"`
	MaxDownloads  optional[int]                    `json:"maxDownloads,omitzero"`
	TargetProject optional[string]                 `json:"targetProject,omitzero"`
	TargetCluster optional[string]                 `json:"targetCluster,omitzero"`
	Encrypted     optional[bool]                   `json:"encrypted,omitzero"`
	PointInTime   optional[bool]                   `json:"pointInTime,omitzero"`
	Oplog         optional[time.Time]              `json:"oplog,omitzero"`
	Increment     optional[int64]                  `json:"increment,omitzero"`
	Hashes        optional[[]hash]                 `json:"hashes,omitzero"`
}

func (s *job) exchange(d direction, j *restore.Job, usual restore.Job) {
	exchange(d, &s.ID, &j.ID, usual.ID)
	exchange(d, &s.Project, &j.ProjectID, usual.ProjectID)
	exchange(d, &s.Cluster, &j.ClusterName, usual.ClusterName)
	exchange(d, &s.ClusterID, &j.ClusterID, usual.ClusterID)
	exchange(d, &s.Batch, &j.BatchID, usual.BatchID)
	exchange(d, &s.Snapshot, &j.SnapshotID, usual.SnapshotID)
	exchange(d, &s.Created, &j.Created, usual.Created)
	exchange(d, &s.Status, &j.Status, usual.Status)
	exchange(d, &s.Method, &j.Delivery.Method, usual.Delivery.Method)
	exchange(d, &s.Delivery, &j.Delivery.Status, usual.Delivery.Status)
	exchange(d, &s.Expires, &j.Delivery.Expires, usual.Delivery.Expires)
	exchange(d, &s.Hours, &j.Delivery.ExpirationHours, usual.Delivery.ExpirationHours)
	exchange(d, &s.MaxDownloads, &j.Delivery.MaxDownloads, usual.Delivery.MaxDownloads)
	exchange(d, &s.TargetProject, &j.Delivery.TargetProject, usual.Delivery.TargetProject)
	exchange(d, &s.TargetCluster, &j.Delivery.TargetCluster, usual.Delivery.TargetCluster)
	exchange(d, &s.Encrypted, &j.EncryptionEnabled, usual.EncryptionEnabled)
	exchange(d, &s.PointInTime, &j.PointInTime, usual.PointInTime)
	exchange(d, &s.Oplog, &j.Timestamp.Date, usual.Timestamp.Date)
	exchange(d, &s.Increment, &j.Timestamp.Increment, usual.Timestamp.Increment)
	exchangeHashes(d, &s.Hashes, &j.Hashes, usual.Hashes)
}

// A hash has the fields of restore.Hash in their order, so that one converts to the other.
type hash struct {
	File      string `json:"file"`
	Algorithm string `json:"type"`
	Sum       string `json:"sum"`
}

func exchangeHashes(d direction, stored *optional[[]hash], hashes *[]restore.Hash, usual []restore.Hash) {
	if d == storing {
		stored.set = !reflect.DeepEqual(*hashes, usual)
	} else if !stored.set {
		*hashes = usual
		return
	}
	exchangeAll(d, &stored.value, hashes, func(s *hash, h *restore.Hash) { plain(d, s, (*hash)(h)) })
}

type told struct {
	hash
	Times optional[int] `json:"times,omitzero"` // usual: once
}

func exchangeTold(d direction, stored *optional[[]told], values *[]restore.Told, listed []restore.Hash) {
	usual := sized[restore.Told](listed)
	for i, h := range listed {
		usual[i] = restore.Told{Hash: h, Times: 1}
	}
	if d == storing {
		stored.set = !reflect.DeepEqual(*values, usual)
	} else if !stored.set {
		*values = usual
		return
	}
	exchangeAll(d, &stored.value, values, func(s *told, v *restore.Told) {
		plain(d, &s.hash, (*hash)(&v.Hash))
		exchange(d, &s.Times, &v.Times, 1)
	})
}

type reached struct {
	Word  string              `json:"word"`
	Times optional[int]       `json:"times,omitzero"` // usual: once
	Last  optional[time.Time] `json:"last,omitzero"`  // usual: the record's update
}

func (s *reached) exchange(d direction, v *restore.Reached, updated time.Time) {
	plain(d, &s.Word, &v.Word)
	exchange(d, &s.Times, &v.Times, 1)
	exchange(d, &s.Last, &v.Last, updated)
}

type warning struct {
	Expires   time.Time `json:"expires,omitzero"`
	Threshold span      `json:"threshold"`
}

// A batchMemory is the stored form of what is remembered of a batch.
type batchMemory struct {
	Told []restore.Outcome `json:"told,omitzero"`
}

func (s *batchMemory) exchange(d direction, m *restore.BatchMemory) {
	plain(d, &s.Told, &m.Told)
}

// A targetMemory is the stored form of what is remembered of the target itself.
type targetMemory struct {
	Since       time.Time `json:"since,omitzero"`
	FullRead    time.Time `json:"fullRead,omitzero"`
	Failing     *failure  `json:"failing,omitzero"`
	Unreachable bool      `json:"unreachable,omitzero"`
}

func (s *targetMemory) exchange(d direction, m *restore.TargetMemory) {
	plain(d, &s.Since, &m.Since)
	plain(d, &s.FullRead, &m.FullRead)
	pointer(d, &s.Failing, &m.Failing, func(s *failure, v *restore.Failure) { plain(d, s, (*failure)(v)) })
	plain(d, &s.Unreachable, &m.Unreachable)
}

// A failure has the fields of restore.Failure in their order, so that one converts to the other.
type failure struct {
	Kind     restore.FailureKind `json:"kind"`
	Message  string              `json:"message"`
	Hint     string              `json:"hint,omitzero"`
	Since    time.Time           `json:"since,omitzero"`
	Failures int                 `json:"failures,omitzero"`
}
