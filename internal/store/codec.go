package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// format is the number of the document's form. A program refuses documents with a higher number than its own, so it is
// raised when an older program would misread a new document; a new field that may be ignored does not raise it.
const format = 1

// unlimited is how the API says that a link may be used any number of times.
const unlimited = 2147483647

// ErrNewerFormat is returned for a record that a newer program has written. This one must not overwrite it.
var ErrNewerFormat = errors.New("written by a newer version of restorewatch")

// A document is the stored form of a record. The target, the key and the version stand beside it.
type document struct {
	Format   int           `json:"format"`
	Sequence int           `json:"sequence,omitzero"`
	Updated  time.Time     `json:"updated,omitzero"`
	Job      *jobMemory    `json:"job,omitzero"`
	Batch    *batchMemory  `json:"batch,omitzero"`
	Target   *targetMemory `json:"target,omitzero"`
	Outbox   []event       `json:"outbox,omitzero"`
	Progress []progress    `json:"progress,omitzero"`
}

// Encode returns the stored form of r: everything but its target, key and version. It is an error if a time lies beyond
// the year 9999.
func Encode(r restore.Record) ([]byte, error) {
	doc := document{Format: format}
	switch r.Memory.(type) {
	case restore.JobMemory:
		doc.Job = new(jobMemory)
	case restore.BatchMemory:
		doc.Batch = new(batchMemory)
	case restore.TargetMemory:
		doc.Target = new(targetMemory)
	default:
		return nil, Fail(fmt.Sprintf("encode a record of %s", r.Target), errors.New("it has no memory"), "")
	}
	doc.exchange(storing, &r, r.Key())
	body, err := marshal(doc)
	if err != nil {
		return nil, Fail(fmt.Sprintf("encode %s of %s", r.Key(), r.Target), err, "")
	}
	return body, nil
}

// Decode returns the record that Encode made body from. The error says what is wrong with which record, and is
// ErrNewerFormat if body has a format that this program does not know. Unknown fields are ignored.
func Decode(t restore.Target, key restore.Key, version int, body []byte) (restore.Record, error) {
	r, err := decode(t, key, body)
	switch {
	case errors.Is(err, ErrNewerFormat):
		return restore.Record{}, Fail(fmt.Sprintf("read %s of %s", key, t), err, "upgrade restorewatch here to the version that runs elsewhere")
	case err != nil:
		return restore.Record{}, Fail(fmt.Sprintf("read %s of %s", key, t), err,
			"put the record back from a backup, or delete it: its job is then recorded anew")
	}
	r.Version = version
	return r, nil
}

func decode(t restore.Target, key restore.Key, body []byte) (restore.Record, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(body, &head); err != nil {
		return restore.Record{}, corrupt(err)
	}
	if head.Format > format {
		return restore.Record{}, fmt.Errorf("%w: it has format %d, this one knows formats up to %d", ErrNewerFormat, head.Format, format)
	}
	if head.Format < 1 {
		return restore.Record{}, corrupt(errors.New("it has no format number"))
	}
	var doc document
	if err := json.Unmarshal(body, &doc); err != nil {
		return restore.Record{}, corrupt(err)
	}
	memory, err := doc.memoryOf(key)
	if err != nil {
		return restore.Record{}, err
	}
	r := restore.Record{Target: t, Memory: memory}
	doc.exchange(reading, &r, key)
	if r.Key() != key {
		return restore.Record{}, corrupt(fmt.Errorf("it is about %q", r.Key()))
	}
	return r, nil
}

// maxCause bounds what is told of a document that is corrupt, in bytes: some causes quote a time, a duration or an id whole.
const maxCause = 300

func corrupt(err error) error {
	text := err.Error()
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause], "") + "…"
	}
	return errors.New("the stored document is corrupt: " + text)
}

// memoryOf returns an empty memory of the kind that key is for, if the document has one of that kind.
func (doc *document) memoryOf(key restore.Key) (restore.Memory, error) {
	kind, id, _ := strings.Cut(string(key), "/")
	switch {
	case kind == "job" && id != "" && doc.Job != nil:
		return restore.JobMemory{}, nil
	case kind == "batch" && id != "" && doc.Batch != nil:
		return restore.BatchMemory{}, nil
	case key == restore.TargetKey && doc.Target != nil:
		return restore.TargetMemory{}, nil
	}
	return nil, corrupt(fmt.Errorf("it holds nothing about %q", key))
}

// exchange brings a document and a record to agree, whose memories are of the same kind. key is the record's key.
func (doc *document) exchange(d direction, r *restore.Record, key restore.Key) {
	plain(d, &doc.Sequence, &r.Sequence)
	plain(d, &doc.Updated, &r.Updated)
	_, id, _ := strings.Cut(string(key), "/")
	usual := restore.Event{Target: r.Target, Subject: id, Time: r.Updated, Severity: restore.Info}
	switch m := r.Memory.(type) {
	case restore.JobMemory:
		usual.Job = &restore.Job{ID: restore.JobID(id), ProjectID: r.Target.Project, ClusterName: r.Target.Cluster}
		usual.Job.Delivery.MaxDownloads = unlimited
		doc.Job.exchange(d, &m, *usual.Job, r.Updated)
		r.Memory, usual.Job = m, &m.Job
	case restore.BatchMemory:
		m.ID = restore.BatchID(id)
		doc.Batch.exchange(d, &m)
		r.Memory = m
	case restore.TargetMemory:
		doc.Target.exchange(d, &m)
		r.Memory, usual.Subject = m, r.Target.Place()
	}
	usual.Sequence = r.Sequence - max(len(doc.Outbox), len(r.Outbox)) // one of the two is still empty
	exchangeAll(d, &doc.Outbox, &r.Outbox, func(stored *event, e *restore.Event) {
		usual.Sequence++
		stored.exchange(d, e, usual)
		usual.Tally = e.Tally
	})
	exchangeAll(d, &doc.Progress, &r.Progress, func(s *progress, v *restore.Progress) { plain(d, s, (*progress)(v)) })
}

// A progress has the fields of restore.Progress in their order, so that one converts to the other.
type progress struct {
	Output   string `json:"output"`
	Sequence int    `json:"sequence"`
}
