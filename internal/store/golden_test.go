package store_test

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew; only together with a new format number")

// TestFormatOneStaysAsItIs reads documents as they have been written, since what is usual, and therefore left out, is
// part of the format. A change that breaks this test loses the memory of every installation.
func TestFormatOneStaysAsItIs(t *testing.T) {
	for name, want := range map[string]restore.Record{"job.json": jobRecord(), "batch.json": batchRecord(), "target.json": targetRecord()} {
		t.Run(name, func(t *testing.T) {
			body, err := store.Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(path, append(body, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(body)+"\n" != string(golden) {
				t.Errorf("written\n%s\nwant\n%s", body, golden)
			}
			got, err := store.Decode(target, want.Key(), want.Version, golden)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("read\n%#v, %v\nwant\n%#v", got, err, want)
			}
		})
	}
}

func at(clock string) time.Time {
	t, err := time.Parse(time.DateTime, "2018-01-22 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// jobRecord is of a job whose link was extended, with one event that could not be published before the hash came.
func jobRecord() restore.Record {
	hash := restore.Hash{File: "Cluster0-shard-0.tar.gz", Algorithm: "SHA1", Sum: "18a8617d0b6bfff97b7232d1ebeeea16edc216b0"}
	job := restore.Job{
		ID: "5a66783b80eef5354c77ee14", ProjectID: target.Project, ClusterID: "6b99987880eef52e5f4d0e31", ClusterName: "Cluster0",
		BatchID: "5a66783b80eef5354c77ee13", SnapshotID: "5a6669d9e2bfb34668cfe459", Created: at("23:48:11"), Status: restore.Finished,
		Delivery: restore.Delivery{
			Method: "HTTP", Status: restore.DeliveryReady, Expires: at("23:59:38"), ExpirationHours: 48, MaxDownloads: 2147483647,
		},
		Timestamp: restore.Timestamp{Date: at("22:44:54"), Increment: 1},
		Hashes:    []restore.Hash{hash},
	}
	before := job
	before.Hashes, before.Delivery.Expires = nil, at("23:49:38")
	event := restore.Event{Target: target, Subject: string(job.ID), Severity: restore.Info}
	expiring, added, repeated := event, event, event
	expiring.ID, expiring.Type, expiring.Severity = "5a66783b80eef5354c77ee14.expiring.1h0m0s.1516664978", restore.DeliveryExpiring, restore.Warning
	expiring.Sequence, expiring.Time, expiring.Job = 3, at("23:49:00"), &before
	expiring.Expiry = &restore.Expiry{Expires: at("23:49:38"), Remaining: 38 * time.Second, Threshold: time.Hour}
	added.ID, added.Type = "5a66783b80eef5354c77ee14.hash.0123456789ab", restore.HashAdded
	added.Sequence, added.Time, added.Job, added.Hashes = 4, at("23:50:00"), &job, job.Hashes
	repeated.ID, repeated.Type = "5a66783b80eef5354c77ee14.delivery.READY.2", restore.DeliveryStatusChanged
	repeated.Sequence, repeated.Time, repeated.Job = 5, at("23:50:00"), &job
	repeated.Change = &restore.Change{From: "INTERRUPTED", To: "READY", Repeat: true}
	return restore.Record{
		Target: target, Version: 6, Sequence: 5, Updated: at("23:50:00"),
		Outbox:   []restore.Event{expiring, added, repeated},
		Progress: []restore.Progress{{Output: "console", Sequence: 3}},
		Memory: restore.JobMemory{
			Job: job, Changed: at("23:50:00"),
			Statuses:   []restore.Reached{{Word: "IN_PROGRESS", Times: 1, Last: at("23:48:30")}, {Word: "FINISHED", Times: 1, Last: at("23:49:00")}},
			Deliveries: []restore.Reached{{Word: "INTERRUPTED", Times: 1, Last: at("23:49:00")}, {Word: "READY", Times: 2, Last: at("23:50:00")}},
			Told:       []restore.Told{{Hash: hash, Times: 1}},
			Warned:     []restore.ExpiryWarning{{Expires: at("23:49:38"), Threshold: time.Hour}},
		},
	}
}

func batchRecord() restore.Record {
	return restore.Record{
		Target: target, Version: 1, Sequence: 1, Updated: at("23:50:00"),
		Memory: restore.BatchMemory{ID: "5a66783b80eef5354c77ee13", Told: []restore.Outcome{restore.OutcomeFailed}},
		Outbox: []restore.Event{{
			ID: "5a66783b80eef5354c77ee13.batch.FAILED", Type: restore.BatchFailed, Target: target, Subject: "5a66783b80eef5354c77ee13",
			Sequence: 1, Time: at("23:50:00"), Severity: restore.Critical,
			Batch: &restore.Batch{ID: "5a66783b80eef5354c77ee13", Outcome: restore.OutcomeFailed, Members: []restore.Member{
				{ID: "5a66783b80eef5354c77ee14", ClusterID: "6b99987880eef52e5f4d0e31", Status: restore.Broken, Delivery: restore.DeliveryFailed},
				{ID: "5a66783b80eef5354c77ee15", Status: restore.InProgress},
			}},
		}},
	}
}

func targetRecord() restore.Record {
	why := &restore.Failure{
		Kind: restore.FailedAccessList, Message: "the address 203.0.113.7 is not on the access list", Hint: "add it", Since: at("23:48:00"), Failures: 3,
	}
	return restore.Record{
		Target: target, Version: 4, Sequence: 1, Updated: at("23:50:00"),
		Memory: restore.TargetMemory{Since: at("20:00:00").Add(time.Millisecond), FullRead: at("23:47:00"), Failing: why, Unreachable: true},
		Outbox: []restore.Event{{
			ID: target.Place() + ".unreachable.1516664880", Type: restore.TargetUnreachable, Target: target, Subject: target.Place(),
			Sequence: 1, Time: at("23:50:00"), Severity: restore.Critical, Failure: why,
		}},
	}
}
