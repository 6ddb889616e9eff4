package cli

import (
	"cmp"
	"time"

	"restorewatch/internal/restore"
)

// The JSON of show. A job has the field names of the API's page, as in an event.
type (
	viewJSON struct {
		Targets []targetJSON `json:"targets"`
		Jobs    []jobJSON    `json:"jobs"`
	}
	targetJSON struct {
		targetName
		Since   time.Time    `json:"since"`
		Failing *failureJSON `json:"failing,omitempty"`
		Pending int          `json:"pending"`
	}
	targetName struct {
		Source  restore.Source `json:"source"`
		Project string         `json:"projectId"`
		Cluster string         `json:"clusterName"`
	}
	failureJSON struct {
		Kind     restore.FailureKind `json:"kind"`
		Message  string              `json:"message"`
		Hint     string              `json:"hint,omitempty"`
		Since    time.Time           `json:"since"`
		Failures int                 `json:"failures"`
	}
	jobJSON struct {
		Target           targetName     `json:"target"`
		ID               restore.JobID  `json:"id"`
		ClusterName      string         `json:"clusterName"`
		StatusName       restore.Status `json:"statusName"`
		Delivery         deliveryJSON   `json:"delivery"`
		Created          time.Time      `json:"created,omitzero"`
		Changed          time.Time      `json:"changed"`
		Batch            *batchJSON     `json:"batch,omitempty"`
		Hashes           []hashJSON     `json:"hashes"`
		Alive            bool           `json:"alive"`
		AgeSeconds       *int64         `json:"ageSeconds,omitempty"`
		RemainingSeconds *int64         `json:"remainingSeconds,omitempty"`
		Pending          int            `json:"pending"`
		History          []wordJSON     `json:"history,omitempty"`
	}
	deliveryJSON struct {
		MethodName string                 `json:"methodName,omitempty"`
		StatusName restore.DeliveryStatus `json:"statusName,omitempty"`
		Expires    time.Time              `json:"expires,omitzero"`
	}
	batchJSON struct {
		ID       restore.BatchID `json:"id"`
		Total    int             `json:"total"`
		Finished int             `json:"finished"`
		Failed   int             `json:"failed"`
	}
	hashJSON struct {
		FileName string `json:"fileName"`
		Hash     string `json:"hash"`
		TypeName string `json:"typeName"`
	}
	wordJSON struct {
		Time  time.Time `json:"time"`
		What  string    `json:"what"` // "status" or "delivery"
		Word  string    `json:"word"`
		Times int       `json:"times"`
	}
)

func (v *view) json() viewJSON {
	out := viewJSON{Targets: []targetJSON{}, Jobs: []jobJSON{}}
	for _, l := range v.ledgers {
		t := targetJSON{targetName: nameOf(l.Target), Since: l.Since()}
		if m, _ := l.Records[restore.TargetKey].Memory.(restore.TargetMemory); m.Failing != nil {
			f := m.Failing
			t.Failing = &failureJSON{f.Kind, f.Message, f.Hint, f.Since, f.Failures}
		}
		for _, r := range l.Records {
			t.Pending += len(r.Outbox)
		}
		out.Targets = append(out.Targets, t)
	}
	for _, e := range v.jobs {
		out.Jobs = append(out.Jobs, v.jobJSON(e))
	}
	return out
}

func nameOf(t restore.Target) targetName { return targetName{t.Source, t.Project, t.Cluster} }

func (v *view) jobJSON(e entry) jobJSON {
	j := e.Job
	out := jobJSON{
		Target: nameOf(e.record.Target), ID: j.ID, ClusterName: cmp.Or(j.ClusterName, e.record.Target.Cluster),
		StatusName: j.Status, Created: j.Created, Changed: e.Changed, Alive: e.alive, Pending: len(e.record.Outbox),
		Delivery: deliveryJSON{j.Delivery.Method, j.Delivery.Status, j.Delivery.Expires}, Hashes: []hashJSON{},
	}
	if p := v.batches[j.BatchID]; p != nil {
		out.Batch = &batchJSON{j.BatchID, p.total, p.finished, p.failed}
	}
	for _, h := range j.Hashes {
		out.Hashes = append(out.Hashes, hashJSON{h.File, h.Sum, h.Algorithm})
	}
	if !j.Created.IsZero() {
		out.AgeSeconds = new(int64(v.now.Sub(j.Created) / time.Second))
	}
	if left, live := v.linkLeft(j); live {
		out.RemainingSeconds = new(int64(left / time.Second))
	}
	return out
}
