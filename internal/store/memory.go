package store

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
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

// A job is what differs between a job and a usual one: for the job of an event, the job of its record; for that, a job
// with nothing but its id, the target's project and cluster, and no limit of downloads.
type job struct {
	ID            optional[restore.JobID]          `json:"id,omitzero"`
	Project       optional[string]                 `json:"project,omitzero"`
	Cluster       optional[string]                 `json:"cluster,omitzero"`
	ClusterID     optional[string]                 `json:"clusterId,omitzero"`
	Batch         optional[restore.BatchID]        `json:"batchId,omitzero"`
	Host          optional[string]                 `json:"hostId,omitzero"`
	Snapshot      optional[string]                 `json:"snapshotId,omitzero"`
	Created       optional[time.Time]              `json:"created,omitzero"`
	Status        optional[restore.Status]         `json:"status,omitzero"`
	Method        optional[string]                 `json:"method,omitzero"`
	Delivery      optional[restore.DeliveryStatus] `json:"delivery,omitzero"`
	Expires       optional[time.Time]              `json:"expires,omitzero"`
	Hours         optional[int]                    `json:"hours,omitzero"`
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
	exchange(d, &s.Host, &j.HostID, usual.HostID)
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

type hash struct {
	File      string           `json:"file"`
	Algorithm optional[string] `json:"type,omitzero"` // usual: SHA1, the only one that the API page has
	Sum       string           `json:"sum"`
}

func (s *hash) exchange(d direction, h *restore.Hash) {
	plain(d, &s.File, &h.File)
	exchange(d, &s.Algorithm, &h.Algorithm, "SHA1")
	plain(d, &s.Sum, &h.Sum)
}

func exchangeHashes(d direction, stored *optional[[]hash], hashes *[]restore.Hash, usual []restore.Hash) {
	if d == storing {
		stored.set = !reflect.DeepEqual(*hashes, usual)
	} else if !stored.set {
		*hashes = usual
		return
	}
	exchangeAll(d, &stored.value, hashes, func(s *hash, h *restore.Hash) { s.exchange(d, h) })
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
		s.exchange(d, &v.Hash)
		exchange(d, &s.Times, &v.Times, 1)
	})
}

// A reached is stored as a line of text: the word, when it was reached last, and how often, as in
// "READY 2018-01-22T23:49:38Z x2". The time is usually the record's update, the number usually one; either is then left
// out. A space within a word is escaped as in a URL.
type reached struct {
	word  string
	last  optional[time.Time]
	times int
}

func (s *reached) exchange(d direction, v *restore.Reached, updated time.Time) {
	plain(d, &s.word, &v.Word)
	exchange(d, &s.last, &v.Last, updated)
	plain(d, &s.times, &v.Times)
}

// MarshalText implements encoding.TextMarshaler.
func (s reached) MarshalText() ([]byte, error) {
	line := url.PathEscape(s.word)
	if s.last.set {
		last, err := s.last.value.MarshalText()
		if err != nil {
			return nil, err
		}
		line += " " + string(last)
	}
	if s.times != 1 {
		line += " x" + strconv.Itoa(s.times)
	}
	return []byte(line), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *reached) UnmarshalText(line []byte) (err error) {
	word, rest, _ := strings.Cut(string(line), " ")
	*s = reached{times: 1}
	if s.word, err = url.PathUnescape(word); err != nil {
		return err
	}
	for part := range strings.FieldsSeq(rest) {
		if times, ok := strings.CutPrefix(part, "x"); ok {
			s.times, err = strconv.Atoi(times)
		} else {
			s.last.set, err = true, s.last.value.UnmarshalText([]byte(part))
		}
		if err != nil {
			return err
		}
	}
	return nil
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
	Last        time.Time `json:"last,omitzero"`
}

func (s *targetMemory) exchange(d direction, m *restore.TargetMemory) {
	plain(d, &s.Since, &m.Since)
	plain(d, &s.FullRead, &m.FullRead)
	pointer(d, &s.Failing, &m.Failing, func(s *failure, v *restore.Failure) { plain(d, s, (*failure)(v)) })
	plain(d, &s.Unreachable, &m.Unreachable)
	plain(d, &s.Last, &m.Last)
}

// A failure has the fields of restore.Failure in their order, so that one converts to the other.
type failure struct {
	Kind     restore.FailureKind `json:"kind"`
	Message  string              `json:"message"`
	Hint     string              `json:"hint,omitzero"`
	Since    time.Time           `json:"since,omitzero"`
	Failures int                 `json:"failures,omitzero"`
}
