package atlas

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

// A meter answers what it is told to for a project, and counts.
type meter struct {
	answers map[string]func(http.ResponseWriter) // by project; others get an empty page
	asked   map[string]int
}

func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := projectOf(r.URL.Path)
	m.asked[p]++
	if answer := m.answers[p]; answer != nil {
		answer(w)
		return
	}
	_, _ = io.WriteString(w, pageJSON(""))
}

func limited(after string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		refuse(w, 429, "RATE_LIMITED_TOKEN_BUCKET", "Rate limit exceeded. Please retry after "+after+" seconds.")
	}
}

func remaining(n string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("RateLimit-Remaining", n)
		_, _ = io.WriteString(w, pageJSON(""))
	}
}

// clusterOf returns the n-th cluster of a project.
func clusterOf(source restore.Source, project string, n int) restore.Target {
	return restore.Target{Source: source, Project: project, Cluster: fmt.Sprintf("c%d", n)}
}

func TestGate(t *testing.T) {
	for name, tt := range map[string]struct {
		answer  func(http.ResponseWriter)
		asked   int           // requests of 50 targets
		first   bool          // the first target works
		took    time.Duration // at most, for all of them
		shut    time.Duration // that the gate stays so, from when they are through
		message string
	}{
		"long Retry-After":   {limited("55"), 1, false, 0, 55 * time.Second, "429 RATE_LIMITED_TOKEN_BUCKET"},
		"short Retry-After":  {limited("5"), 2, false, 5*time.Second + firstBackoff, 5 * time.Second, "429 RATE_LIMITED"},
		"no Retry-After":     {limited(""), 2, false, firstBackoff, closedFor, "429 RATE_LIMITED"},
		"nothing remaining":  {remaining("0"), 1, true, 0, closedFor, "not asked: the API's limit has been reached for project busy"},
		"something remains":  {remaining("1"), 50, true, 0, 0, ""},
		"nonsense":           {remaining("none"), 50, true, 0, 0, ""},
		"longer than a hour": {limited("7200"), 1, false, 0, 2 * time.Hour, "429"},
	} {
		for _, source := range []restore.Source{restore.Cloud, restore.Flex, restore.Legacy} {
			t.Run(name+", "+string(source), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &meter{answers: map[string]func(http.ResponseWriter){"busy": tt.answer}, asked: map[string]int{}}
					c := newClient(t, m)
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					start := time.Now()
					for n := range 50 {
						_, err := list(ctx, c, clusterOf(source, "busy", n), 100)
						if n == 0 && tt.first || tt.message == "" {
							if err != nil {
								t.Errorf("target %d: %v", n, err)
							}
							continue
						}
						e := failure(t, err, restore.FailedRateLimited)
						if n == 1 && tt.first || n == 0 {
							failure(t, err, restore.FailedRateLimited, tt.message)
						}
						if n > 0 && (e.RetryAfter <= 0 || e.RetryAfter > tt.shut) {
							t.Errorf("target %d: to be tried again after %v", n, e.RetryAfter)
						}
						if _, err := list(ctx, c, clusterOf(source, fmt.Sprint("calm", n%19), n), 100); err != nil {
							t.Errorf("another project: %v", err)
						}
					}
					if took := time.Since(start); took > tt.took || m.asked["busy"] != tt.asked {
						t.Errorf("%d requests in %v, want %d in %v", m.asked["busy"], took, tt.asked, tt.took)
					}
					m.answers = nil
					time.Sleep(tt.shut)
					if _, err := list(t.Context(), c, clusterOf(source, "busy", 0), 100); err != nil {
						t.Errorf("once the gate is open: %v", err)
					}
				})
			})
		}
	}
}

// Each set of endpoints has a bucket of its own, but legacy and Cloud Backup share one.
func TestBuckets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &meter{answers: map[string]func(http.ResponseWriter){project: limited("55")}, asked: map[string]int{}}
		c := newClient(t, m, func(o *Options) { o.LegacyAPI = "v2" })
		_, err := list(t.Context(), c, cloudTarget, 100)
		failure(t, err, restore.FailedRateLimited)
		m.answers = nil
		_, err = list(t.Context(), c, target, 100)
		failure(t, err, restore.FailedRateLimited, "not asked")
		_, err = c.RestoreJob(t.Context(), cloudTarget, "x")
		failure(t, err, restore.FailedRateLimited, "not asked")
		if _, err = list(t.Context(), c, flexTarget, 100); err != nil {
			t.Error(err)
		}
		if _, err = found(t.Context(), c, restore.Cloud, project); err != nil {
			t.Error(err)
		}
	})
}

// v2 has no hundred a minute: what is left of a bucket is told.
func TestNoFixedLimitOnV2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, serve(pageJSON("")))
		start := time.Now()
		for range 3 * limitRequests {
			if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// An answer that was on its way when the gate was shut does not open it.
func TestGateStaysShut(t *testing.T) {
	g, now := &gatekeeper{}, time.Now().Round(0)
	late := answer(200, "{}")
	tooMany := answer(429, "{}")
	tooMany.Header.Set("Retry-After", "30")
	if !g.note("b", tooMany, now) || g.note("b", late, now.Add(time.Second)) {
		t.Error("a long wait is final, a page is not")
	}
	if left := g.shut("b", now.Add(10*time.Second)); left != 20*time.Second {
		t.Errorf("shut for %v", left)
	}
	if left := g.shut("b", now.Add(-48*time.Hour)); left != 0 {
		t.Errorf("shut for %v after the clock was set back", left)
	}
}
