package restore_test

import (
	"fmt"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

// manyJobs returns n jobs of sharded restores of five jobs each.
func manyJobs(n int, at time.Time, status restore.Status) (jobs []restore.Job) {
	for i := range n {
		jobs = append(jobs, restore.Job{
			ID: restore.JobID(fmt.Sprintf("%024x", i)), BatchID: restore.BatchID(fmt.Sprintf("b%023x", i/5)),
			Created: at.Add(-time.Duration(i) * time.Second), Status: status,
			Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryNotStarted},
		})
	}
	return jobs
}

// BenchmarkObserve takes in listings of n jobs that are all recorded: one in which nothing has changed, and one in which
// every job has finished.
func BenchmarkObserve(b *testing.B) {
	now := time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)
	target := restore.Target{Source: restore.Legacy, Project: "p", Cluster: "c"}
	rules := restore.Rules{ExpiryWarnings: []time.Duration{time.Hour}, StuckAfter: 24 * time.Hour, UnreachableAfter: 3}
	for _, n := range []int{10, 100, 1000, 10_000} {
		ledger := restore.Ledger{Target: target, Records: map[restore.Key]restore.Record{restore.TargetKey: restore.Begin(target, now)}}
		for _, r := range ledger.Observe(restore.Listing{Jobs: manyJobs(n, now.Add(-time.Second), restore.InProgress), Pages: 1, Complete: true}, rules, now).Changed {
			ledger.Records[r.Key()] = r
		}
		for _, listed := range []struct {
			name    string
			status  restore.Status
			changed int
		}{{"unchanged", restore.InProgress, 0}, {"finished", restore.Finished, n + n/5}} {
			b.Run(fmt.Sprintf("%s/%d", listed.name, n), func(b *testing.B) {
				listing := restore.Listing{Jobs: manyJobs(n, now.Add(-time.Second), listed.status), Pages: 1, Complete: true}
				b.ReportAllocs()
				for b.Loop() {
					if found := ledger.Observe(listing, rules, now.Add(time.Minute)); len(found.Changed) != listed.changed {
						b.Fatalf("%d records changed, want %d", len(found.Changed), listed.changed)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/job")
			})
		}
	}
}
