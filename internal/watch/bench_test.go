package watch_test

import (
	"fmt"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

// BenchmarkWarmPass makes passes over a target with n jobs under way, of which none has changed.
func BenchmarkWarmPass(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b)
			var jobs []restore.Job
			for i := range n {
				jobs = append(jobs, job(fmt.Sprintf("j%05d", i), -time.Duration(i+1)*time.Second, restore.InProgress))
			}
			w.list(target, jobs)
			w.mustRun()
			w.resetCounts()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Run(b.Context(), w.now); err != nil { // at the same time: no ledger is loaded anew
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/job")
			b.ReportMetric(float64(w.pagesRead)/float64(b.N), "pages/op")
			b.ReportMetric(float64(w.loads+w.saves+w.drops)/float64(b.N), "store-calls/op")
			b.ReportMetric(float64(w.publishes)/float64(b.N), "publishes/op")
		})
	}
}

// BenchmarkWarmRun makes runs over n targets of which nothing has changed.
func BenchmarkWarmRun(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var targets []restore.Target
			for i := range n {
				targets = append(targets, restore.Target{Source: restore.Legacy, Project: fmt.Sprint("p", i/50), Cluster: fmt.Sprint("c", i%50)})
			}
			w := newWorld(b, targets...)
			w.mustRun()
			w.resetCounts()
			for b.Loop() {
				if _, err := w.Run(b.Context(), w.now); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/target")
			b.ReportMetric(float64(w.pagesRead)/float64(b.N), "pages/op")
			b.ReportMetric(float64(w.loads+w.saves+w.drops+w.publishes)/float64(b.N), "other-calls/op")
		})
	}
}
