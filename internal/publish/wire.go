package publish

import (
	"fmt"
	"time"

	"restorewatch/internal/restore"
)

// The published form. Field order is part of what golden files and readers rely on.
type (
	envelope struct {
		SpecVersion     string `json:"specversion"`
		ID              string `json:"id"`
		Source          string `json:"source"`
		Type            string `json:"type"`
		Subject         string `json:"subject"`
		Time            string `json:"time"`
		Sequence        string `json:"sequence"`
		DataContentType string `json:"datacontenttype"`
		Data            data   `json:"data"`
	}
	data struct {
		Target           target   `json:"target"`
		Severity         string   `json:"severity"`
		Summary          string   `json:"summary"`
		Test             bool     `json:"test,omitempty"`
		Change           *change  `json:"change,omitempty"`
		Job              *job     `json:"job,omitempty"`
		Hashes           []hash   `json:"hashes,omitempty"`
		Hash             *hash    `json:"hash,omitempty"`
		PreviousHash     *hash    `json:"previousHash,omitempty"`
		Expires          string   `json:"expires,omitempty"`
		RemainingSeconds *int64   `json:"remainingSeconds,omitempty"`
		Threshold        string   `json:"threshold,omitempty"`
		Batch            *batch   `json:"batch,omitempty"`
		BatchProgress    *tally   `json:"batchProgress,omitempty"`
		Failure          *failure `json:"failure,omitempty"`
		Omitted          *omitted `json:"omitted,omitempty"`
	}
	target struct {
		Source      string `json:"source"`
		ProjectID   string `json:"projectId"`
		ClusterName string `json:"clusterName"`
	}
	change struct {
		From   string `json:"from"`
		To     string `json:"to"`
		Repeat bool   `json:"repeat"`
	}
	job struct {
		ID                string     `json:"id"`
		GroupID           string     `json:"groupId,omitempty"`
		ClusterID         string     `json:"clusterId,omitempty"`
		ClusterName       string     `json:"clusterName,omitempty"`
		BatchID           string     `json:"batchId,omitempty"`
		HostID            string     `json:"hostId,omitempty"`
		SnapshotID        string     `json:"snapshotId,omitempty"`
		Created           string     `json:"created,omitempty"`
		StatusName        string     `json:"statusName,omitempty"`
		EncryptionEnabled bool       `json:"encryptionEnabled"`
		PointInTime       bool       `json:"pointInTime"`
		Timestamp         *timestamp `json:"timestamp,omitempty"`
		Delivery          *delivery  `json:"delivery,omitempty"`
		Hashes            []hash     `json:"hashes,omitempty"`
	}
	timestamp struct {
		Date      string `json:"date,omitempty"`
		Increment int64  `json:"increment,omitempty"`
	}
	delivery struct {
		MethodName        string `json:"methodName,omitempty"`
		StatusName        string `json:"statusName,omitempty"`
		Expires           string `json:"expires,omitempty"`
		ExpirationHours   int    `json:"expirationHours,omitempty"`
		MaxDownloads      int    `json:"maxDownloads,omitempty"`
		TargetGroupID     string `json:"targetGroupId,omitempty"`
		TargetClusterName string `json:"targetClusterName,omitempty"`
	}
	hash struct {
		FileName string `json:"fileName"`
		Hash     string `json:"hash"`
		TypeName string `json:"typeName,omitempty"`
	}
	batch struct {
		ID       string   `json:"id"`
		Outcome  string   `json:"outcome"`
		Total    int      `json:"total"`
		Finished int      `json:"finished"`
		Failed   int      `json:"failed"`
		Jobs     []member `json:"jobs"`
	}
	tally struct {
		Total    int `json:"total"`
		Finished int `json:"finished"`
		Failed   int `json:"failed"`
	}
	member struct {
		ID                 string `json:"id"`
		ClusterID          string `json:"clusterId,omitempty"`
		StatusName         string `json:"statusName,omitempty"`
		DeliveryStatusName string `json:"deliveryStatusName,omitempty"`
	}
	failure struct {
		Kind     string `json:"kind"`
		Message  string `json:"message"`
		Hint     string `json:"hint,omitempty"`
		Since    string `json:"since,omitempty"`
		Failures int    `json:"failures"`
	}
	// omitted counts what an event too large lost: entries of lists, and texts that were shortened.
	omitted struct {
		JobHashes int `json:"jobHashes,omitempty"`
		Hashes    int `json:"hashes,omitempty"`
		BatchJobs int `json:"batchJobs,omitempty"`
		Texts     int `json:"texts,omitempty"`
	}
)

// A writer writes one event's published form within caps, and counts what they cost.
type writer struct {
	caps
	lost omitted
}

func (w *writer) envelope(r Renderer, e restore.Event) envelope {
	out := envelope{
		SpecVersion:     "1.0",
		ID:              clean(e.ID), // never shortened: two facts must not get one id
		Source:          r.Source(e),
		Type:            TypePrefix + string(e.Type),
		Subject:         w.text(e.Subject),
		Time:            stamp(e.Time),
		Sequence:        fmt.Sprintf("%010d", e.Sequence),
		DataContentType: "application/json",
		Data:            w.data(r, e),
	}
	if w.lost != (omitted{}) {
		out.Data.Omitted = &w.lost
	}
	return out
}

func (w *writer) data(r Renderer, e restore.Event) data {
	out := data{
		Target: target{
			Source:      string(e.Target.Source),
			ProjectID:   w.text(e.Target.Project),
			ClusterName: w.text(e.Target.Cluster),
		},
		Severity:      string(e.Severity),
		Summary:       r.Summary(e),
		Test:          r.Test,
		Job:           w.job(e.Job),
		Hashes:        w.hashes(e.Hashes, w.caps.hashes, &w.lost.Hashes),
		Hash:          w.hash(e.Hash),
		PreviousHash:  w.hash(e.PreviousHash),
		Batch:         w.batch(e.Batch),
		BatchProgress: (*tally)(e.Tally),
		Failure:       w.failure(e.Failure),
	}
	if c := e.Change; c != nil {
		out.Change = &change{From: w.text(c.From), To: w.text(c.To), Repeat: c.Repeat}
	}
	if x := e.Expiry; x != nil {
		out.Expires, out.Threshold = stamp(x.Expires), x.Threshold.String()
		out.RemainingSeconds = new(int64(x.Remaining / time.Second))
	}
	return out
}

func (w *writer) job(j *restore.Job) *job {
	if j == nil {
		return nil
	}
	out := &job{
		ID:                w.text(string(j.ID)),
		GroupID:           w.text(j.ProjectID),
		ClusterID:         w.text(j.ClusterID),
		ClusterName:       w.text(j.ClusterName),
		BatchID:           w.text(string(j.BatchID)),
		HostID:            w.text(j.HostID),
		SnapshotID:        w.text(j.SnapshotID),
		Created:           stamp(j.Created),
		StatusName:        w.text(string(j.Status)),
		EncryptionEnabled: j.EncryptionEnabled,
		PointInTime:       j.PointInTime,
		Hashes:            w.hashes(j.Hashes, w.jobHashes, &w.lost.JobHashes),
	}
	if at := (timestamp{Date: stamp(j.Timestamp.Date), Increment: j.Timestamp.Increment}); at != (timestamp{}) {
		out.Timestamp = &at
	}
	if d := w.delivery(j.Delivery); d != (delivery{}) {
		out.Delivery = &d
	}
	return out
}

func (w *writer) delivery(d restore.Delivery) delivery {
	return delivery{
		MethodName:        w.text(d.Method),
		StatusName:        w.text(string(d.Status)),
		Expires:           stamp(d.Expires),
		ExpirationHours:   d.ExpirationHours,
		MaxDownloads:      d.MaxDownloads,
		TargetGroupID:     w.text(d.TargetProject),
		TargetClusterName: w.text(d.TargetCluster),
	}
}

func (w *writer) hashes(all []restore.Hash, limit int, lost *int) []hash {
	n := min(len(all), limit)
	*lost += len(all) - n
	var out []hash
	for _, h := range all[:n] {
		out = append(out, *w.hash(&h))
	}
	return out
}

func (w *writer) hash(h *restore.Hash) *hash {
	if h == nil {
		return nil
	}
	return &hash{FileName: w.text(h.File), Hash: w.text(h.Sum), TypeName: w.text(h.Algorithm)}
}

func (w *writer) batch(b *restore.Batch) *batch {
	if b == nil {
		return nil
	}
	finished, failed := b.Count()
	n := min(len(b.Members), w.batchJobs)
	w.lost.BatchJobs += len(b.Members) - n
	out := &batch{
		ID: w.text(string(b.ID)), Outcome: string(b.Outcome),
		Total: len(b.Members), Finished: finished, Failed: failed, Jobs: make([]member, 0, n),
	}
	for _, m := range b.Members[:n] {
		out.Jobs = append(out.Jobs, member{
			ID:                 w.text(string(m.ID)),
			ClusterID:          w.text(m.ClusterID),
			StatusName:         w.text(string(m.Status)),
			DeliveryStatusName: w.text(string(m.Delivery)),
		})
	}
	return out
}

func (w *writer) failure(f *restore.Failure) *failure {
	if f == nil {
		return nil
	}
	return &failure{
		Kind: string(f.Kind), Message: w.text(f.Message), Hint: w.text(f.Hint),
		Since: stamp(f.Since), Failures: f.Failures,
	}
}

func (w *writer) text(s string) string {
	if len(s) > w.texts {
		w.lost.Texts++
	}
	return cut(clean(cut(s, w.texts)), w.texts) // cut first: cleaning megabytes takes its time, and can lengthen
}

// stamp writes a time in RFC 3339, UTC, whole seconds; "" when there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
