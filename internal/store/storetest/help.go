package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

func job(id restore.JobID, status restore.Status) restore.Record {
	now := time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC)
	return restore.Record{Target: target, Updated: now, Memory: restore.JobMemory{
		Job:     restore.Job{ID: id, ProjectID: target.Project, ClusterName: target.Cluster, Created: now, Status: status},
		Changed: now,
	}}
}

// with returns r with another status of its job.
func with(r restore.Record, status restore.Status) restore.Record {
	m := r.Memory.(restore.JobMemory)
	m.Job.Status = status
	r.Memory = m
	return r
}

func (f Fixture) load(t *testing.T, of restore.Target) restore.Ledger {
	t.Helper()
	ledger, err := f.Store.Load(t.Context(), of)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return ledger
}

func (f Fixture) save(t *testing.T, r restore.Record) restore.Record {
	t.Helper()
	saved, err := f.Store.Save(t.Context(), r)
	if err != nil {
		t.Fatalf("save: %v", err)
	}
	return saved
}

func (f Fixture) wantStatus(t *testing.T, id string, want restore.Status) {
	t.Helper()
	r, ok := f.load(t, target).Records[restore.JobKey(restore.JobID(id))]
	if !ok {
		t.Errorf("no record of job %s", id)
		return
	}
	if got := r.Memory.(restore.JobMemory).Job.Status; got != want {
		t.Errorf("job %s is stored as %s, want %s", id, got, want)
	}
}

func wantConflict(t *testing.T, doing string, err error) {
	t.Helper()
	if !errors.Is(err, watch.ErrConflict) {
		t.Errorf("%s: error %v, want ErrConflict", doing, err)
	}
}

// WantFailure checks that err is a failure of the state, and that its text and hint together have all the words.
func WantFailure(t *testing.T, err error, words ...string) {
	t.Helper()
	failure, ok := errors.AsType[interface {
		error
		FailureKind() restore.FailureKind
		Hint() string
	}](err)
	if !ok || failure.FailureKind() != restore.FailedState {
		t.Fatalf("error %v, want one of kind %s", err, restore.FailedState)
	}
	for _, word := range words {
		if text := err.Error() + " | " + failure.Hint(); !strings.Contains(text, word) {
			t.Errorf("error %q does not say %q", text, word)
		}
	}
}
