package atlas

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

func TestLimitPerProject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := map[string][]time.Time{}
		l := &limiter{next: roundTrip(func(r *http.Request) (*http.Response, error) {
			p := projectOf(r.URL.Path)
			sent[p] = append(sent[p], time.Now())
			return answer(401, ""), nil
		})}
		get := func(ctx context.Context, path string) error {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "https://atlas.test"+path, nil)
			_, err := l.RoundTrip(req)
			return err
		}
		start := time.Now()
		for range 250 {
			if err := get(t.Context(), "/api/atlas/v1.0/groups/a/clusters/c/restoreJobs"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		times := sent["a"]
		for i := limitRequests; i < len(times); i++ {
			if gap := times[i].Sub(times[i-limitRequests]); gap < limitWindow {
				t.Fatalf("request %d came %v after the hundredth before it", i, gap)
			}
		}
		if took := times[249].Sub(start); took < 2*time.Minute || took > 3*time.Minute {
			t.Errorf("250 requests took %v", took)
		}

		now := time.Now()
		for range limitRequests {
			if err := get(t.Context(), "/api/atlas/v1.0/groups/b/clusters/c/restoreJobs"); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(now) != 0 {
			t.Errorf("another project waited for %v", time.Since(now))
		}
	})
}

func TestLimitNeverOutlivesTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, serve(pageJSON("")))
		for range limitRequests {
			if _, err := list(t.Context(), c, target, 100); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		start := time.Now()
		_, err := list(ctx, c, target, 100)
		e := failure(t, err, restore.FailedRateLimited, project, "100 requests", "after 1m0s")
		if time.Since(start) != 0 || e.RetryAfter != limitWindow-100*time.Millisecond {
			t.Errorf("failed after %v, to be tried again after %v", time.Since(start), e.RetryAfter)
		}
		if c.Requests() != limitRequests {
			t.Errorf("%d requests", c.Requests())
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = list(ctx, c, target, 100); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v, want cancelled after 1s", time.Since(start), err)
		}
		if _, err = list(t.Context(), c, target, 100); err != nil || time.Since(start) != limitWindow-100*time.Millisecond {
			t.Errorf("after %v: %v, want success once the window has moved", time.Since(start), err)
		}
	})
}

func TestLimitSurvivesAClockSetBack(t *testing.T) {
	l, now := &limiter{}, time.Now()
	for range limitRequests {
		l.take(project, now)
	}
	if pause := l.take(project, now.Add(time.Second)); pause != limitWindow-time.Second {
		t.Errorf("pause of %v within the window", pause)
	}
	if pause := l.take(project, now.Add(-time.Hour)); pause != 0 {
		t.Errorf("pause of %v after the clock was set back", pause)
	}
}

// Challenges and repeated requests count as the API counts them.
func TestLimitCountsWhatIsReallySent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{next: serve(pageJSON("")), uses: 1}
		c := newClient(t, g)
		start := time.Now()
		for range 51 { // each but the first needs a new nonce: two requests each
			if _, err := list(t.Context(), c, target, 100); err != nil {
				t.Fatal(err)
			}
		}
		if c.Requests() != 102 || time.Since(start) != limitWindow {
			t.Errorf("%d requests in %v, want 102 in %v", c.Requests(), time.Since(start), limitWindow)
		}
	})
}
