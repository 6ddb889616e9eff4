package restore_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

var idForm = regexp.MustCompile(`^[!-~]{1,128}$`)

// FuzzObserve lives through two jobs, one of them of a batch, that an API describes with any words. Every event has an id
// that SNS takes and no other event has, and is the next of its subject; a job is born once; and a listing that is
// read again at the same moment is no news.
func FuzzObserve(f *testing.F) {
	f.Add("a", "b", "IN_PROGRESS", "FINISHED", "READY", "EXPIRED", uint16(90))
	f.Add("a", "a.status", "FINISHED", "FINISHED.2", "", "\x00", uint16(3000))
	f.Add(strings.Repeat("a", 128), strings.Repeat("b", 128), strings.Repeat("W", 1024), "BROKEN", "é", "2", uint16(0))
	f.Add("x", "x.batch", "KILLED", "BROKEN", "READY", "READY", uint16(1435))
	f.Fuzz(func(t *testing.T, first, second, s1, s2, d1, d2 string, minutes uint16) {
		if first == "" || second == "" || first == second {
			return
		}
		w := newWorld(t)
		seen := map[string]bool{}
		last := map[string]int{}
		look := func(after time.Duration, jobs ...restore.Job) int {
			events := w.observe(after, jobs...)
			for _, e := range events {
				if !idForm.MatchString(e.ID) || seen[e.ID] {
					t.Errorf("the id %q is none, or was given before", e.ID)
				}
				if e.Sequence != last[e.Subject]+1 {
					t.Errorf("%s is number %d of %q, after %d", e.ID, e.Sequence, e.Subject, last[e.Subject])
				}
				if e.Type == restore.JobCreated != (last[e.Subject] == 0 && e.Job != nil) {
					t.Errorf("number %d of a job is %s", e.Sequence, e.Type)
				}
				seen[e.ID], last[e.Subject] = true, e.Sequence
			}
			return len(events)
		}
		alone := func(s, d, sum string) restore.Job {
			return with(job(first, 1), status(restore.Status(s)), delivery(restore.DeliveryStatus(d)), hashes("f="+sum, d+"="+sum))
		}
		ofBatch := func(s, d string) restore.Job {
			return with(job(second, 1), batch("batch/"+second), status(restore.Status(s)), delivery(restore.DeliveryStatus(d)), expires(t0.Add(30*time.Hour)))
		}
		look(time.Minute, alone(s1, d1, s1), ofBatch(s2, d2))
		look(time.Duration(minutes)*time.Minute, alone(s2, d2, s2), ofBatch(s1, d1))
		look(time.Minute, alone(s1, d1, s1), ofBatch(s2, d2))
		if n := look(0, alone(s1, d1, s1), ofBatch(s2, d2)); n != 0 {
			t.Errorf("%d events of a listing that was seen", n)
		}
	})
}

// FuzzParseTarget reads anything as a target: what is taken is written as it was read, and leads to one place in a URL.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{target.String(), "cloud:*/*", "legacy:p/..", "flex:p/a%2f", "manager:p/a:b", "legacy:p/\u00e9", "legacy:p/a/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := restore.ParseTarget(s)
		if err != nil {
			return
		}
		place := parsed.Project + parsed.Cluster
		if parsed.String() != s || strings.ContainsAny(place, "/?#%\\ ") || len(place) > 200 || parsed.Cluster == ".." || parsed.Project == "." {
			t.Errorf("%q was taken as %+v", s, parsed)
		}
	})
}
