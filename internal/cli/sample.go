package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// A sample is how an event of one type is made up.
type sample struct {
	kind     restore.Type
	severity restore.Severity
	fill     func(e *restore.Event)
}

// samples are all types, in the order in which events.md explains them.
var samples = []sample{
	{restore.JobCreated, restore.Info, func(e *restore.Event) { madeUp(e, restore.InProgress, restore.DeliveryNotStarted) }},
	{restore.JobStatusChanged, restore.Info, func(e *restore.Event) {
		madeUp(e, restore.Finished, restore.DeliveryReady)
		e.Change = &restore.Change{From: string(restore.InProgress), To: string(restore.Finished)}
	}},
	{restore.DeliveryStatusChanged, restore.Info, func(e *restore.Event) {
		madeUp(e, restore.Finished, restore.DeliveryReady)
		e.Change = &restore.Change{From: string(restore.DeliveryNotStarted), To: string(restore.DeliveryReady)}
	}},
	{restore.HashAdded, restore.Info, func(e *restore.Event) {
		madeUp(e, restore.Finished, restore.DeliveryReady)
		e.Job.Hashes = []restore.Hash{sampleHash('0')}
		e.Hashes = e.Job.Hashes
	}},
	{restore.HashChanged, restore.Critical, func(e *restore.Event) {
		madeUp(e, restore.Finished, restore.DeliveryReady)
		e.Job.Hashes = []restore.Hash{sampleHash('1')}
		e.Hash, e.PreviousHash = new(sampleHash('1')), new(sampleHash('0'))
	}},
	{restore.DeliveryExpiring, restore.Warning, func(e *restore.Event) {
		madeUp(e, restore.Finished, restore.DeliveryReady)
		e.Job.Delivery.Expires = e.Time.Add(time.Hour)
		e.Expiry = &restore.Expiry{Expires: e.Job.Delivery.Expires, Remaining: time.Hour, Threshold: time.Hour}
	}},
	{restore.JobStuck, restore.Warning, func(e *restore.Event) {
		madeUp(e, restore.InProgress, restore.DeliveryNotStarted)
		e.Job.Created = e.Time.Add(-25 * time.Hour)
	}},
	{restore.BatchFinished, restore.Info, func(e *restore.Event) {
		batchOf(e, restore.OutcomeFinished, restore.Finished, restore.Finished)
	}},
	{restore.BatchFailed, restore.Critical, func(e *restore.Event) {
		batchOf(e, restore.OutcomeFailed, restore.Finished, restore.Broken)
	}},
	{restore.TargetUnreachable, restore.Critical, outOfSight},
	{restore.TargetRecovered, restore.Info, outOfSight},
}

func sampleTypes() []string {
	var all []string
	for _, s := range samples {
		all = append(all, string(s.kind))
	}
	return all
}

// sampleEvent makes up an event of a type, with or without its prefix, about the first of the targets that is a single
// cluster. Its subject is new each time: it neither takes part in the sequence of anything real, nor is it dropped as a
// repeat.
func sampleEvent(kind string, targets []restore.Target, now time.Time) (restore.Event, error) {
	i := slices.Index(sampleTypes(), strings.TrimPrefix(kind, publish.TypePrefix))
	if i < 0 {
		return restore.Event{}, misuse(fmt.Sprintf("--type %q: want one of %s", publish.Line(kind, 60), strings.Join(sampleTypes(), ", ")))
	}
	s, n := samples[i], strconv.FormatInt(now.UnixNano(), 10)
	e := restore.Event{
		ID: "test." + n, Type: s.kind, Target: sampleTarget(targets), Subject: "test-" + n, Sequence: 1,
		Time: now.UTC().Truncate(time.Second), Severity: s.severity,
	}
	s.fill(&e)
	return e, nil
}

func sampleTarget(targets []restore.Target) restore.Target {
	for _, t := range targets {
		if !t.Wild() {
			return t
		}
	}
	return restore.Target{Source: restore.Legacy, Project: strings.Repeat("0", 24), Cluster: "Cluster0"}
}

// madeUp puts a job into e whose download, once it is ready, lives for two days.
func madeUp(e *restore.Event, status restore.Status, delivery restore.DeliveryStatus) {
	e.Job = &restore.Job{
		ID: restore.JobID(e.Subject), ProjectID: e.Target.Project, ClusterName: e.Target.Cluster, SnapshotID: "test",
		Created: e.Time.Add(-time.Hour), Status: status,
		Delivery:  restore.Delivery{Method: "HTTP", Status: delivery, ExpirationHours: 48, MaxDownloads: 1},
		Timestamp: restore.Timestamp{Date: e.Time.Add(-2 * time.Hour), Increment: 1},
	}
	if delivery == restore.DeliveryReady {
		e.Job.Delivery.Expires = e.Time.Add(48 * time.Hour)
	}
}

// sampleHash is one that no file has: its digits are all the same.
func sampleHash(digit rune) restore.Hash {
	return restore.Hash{File: "test.tar.gz", Algorithm: "SHA1", Sum: strings.Repeat(string(digit), 40)}
}

func batchOf(e *restore.Event, outcome restore.Outcome, statuses ...restore.Status) {
	e.Batch = &restore.Batch{ID: restore.BatchID(e.Subject), Outcome: outcome}
	for i, status := range statuses {
		e.Batch.Members = append(e.Batch.Members, restore.Member{ID: restore.JobID(fmt.Sprintf("%s-%d", e.Subject, i)), Status: status})
	}
}

func outOfSight(e *restore.Event) {
	e.Failure = &restore.Failure{
		Kind: restore.FailedUnavailable, Message: "this is a test", Hint: "Nothing: the target has not been looked at.",
		Since: e.Time.Add(-2 * time.Minute), Failures: 3,
	}
}
