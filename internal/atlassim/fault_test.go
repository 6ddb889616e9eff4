package atlassim_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

// Faults look the same over a socket and in-process.
func TestFaults(t *testing.T) {
	retryAt := atlassim.RetryAt(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	tests := map[string]struct {
		fault  atlassim.Fault
		status int
		retry  string
		broken bool // the body ends early
		json   bool
	}{
		"unavailable":    {fault: atlassim.Status(503), status: 503, json: true},
		"retry seconds":  {fault: atlassim.RateLimited(atlassim.RetryIn(90 * time.Second)), status: 429, retry: "90", json: true},
		"retry date":     {fault: atlassim.RateLimited(retryAt), status: 429, retry: "Sun, 01 Nov 2026 12:00:00 GMT", json: true},
		"no retry":       {fault: atlassim.RateLimited(""), status: 429, json: true},
		"web page":       {fault: atlassim.HTML(502), status: 502},
		"web page as ok": {fault: atlassim.HTML(200), status: 200},
		"truncated":      {fault: atlassim.Truncated(), status: 200, broken: true},
		"malformed":      {fault: atlassim.Malformed(), status: 200},
		"without id":     {fault: atlassim.WithoutID(), status: 200, json: true},
		"redirect":       {fault: atlassim.Redirect("https://elsewhere.example/"), status: 302},
		"two in one":     {fault: atlassim.Chain(atlassim.Slow(time.Millisecond), atlassim.Status(500)), status: 500, json: true},
	}
	for via, connect := range map[string]func(*testing.T, *atlassim.Server) *caller{"in-process": call, "socket": callOver} {
		for name, tt := range tests {
			t.Run(via+"/"+name, func(t *testing.T) {
				sim := simulate(2)
				c := connect(t, sim)
				c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
				sim.FailNext(1, tt.fault)
				resp, err := c.do(jobs)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != tt.status || resp.Header.Get("Retry-After") != tt.retry {
					t.Errorf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
				}
				if errors.Is(err, io.ErrUnexpectedEOF) != tt.broken || json.Valid(b) != tt.json || len(b) == 0 && name != "redirect" {
					t.Errorf("error %v, body %q", err, b)
				}
				c.list(jobs) // the fault has struck once
			})
		}
	}
}

func TestHangup(t *testing.T) {
	for via, connect := range map[string]func(*testing.T, *atlassim.Server) *caller{"in-process": call, "socket": callOver} {
		sim := simulate(1)
		c := connect(t, sim)
		c.list(jobs)
		sim.FailNext(10, atlassim.Hangup()) // net/http tries again on a connection that it had in stock
		if resp, err := c.do(jobs); err == nil {
			resp.Body.Close()
			t.Errorf("%s: %s, want an error", via, resp.Status)
		}
		sim.ClearFaults()
		c.list(jobs)
	}
}

func TestWithoutIDTakesOneID(t *testing.T) {
	sim := simulate(3)
	sim.FailNext(1, atlassim.WithoutID())
	if got := call(t, sim).list(jobs).ids(); got[0] != "" || got[1] == "" || len(got) != 3 {
		t.Errorf("ids %q", got)
	}
}

func TestEndlessGoesOnUntilTheClientHasGone(t *testing.T) {
	for via, connect := range map[string]func(*testing.T, *atlassim.Server) *caller{"in-process": call, "socket": callOver} {
		sim := simulate(1)
		c := connect(t, sim)
		sim.FailNext(1, atlassim.Endless())
		resp, err := c.do(jobs)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyN(io.Discard, resp.Body, 10<<20)
		resp.Body.Close()
		if n != 10<<20 || err != nil {
			t.Errorf("%s: the body ended after %d bytes: %v", via, n, err)
		}
	}
}

func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.NonceLife = time.Hour
		c := call(t, sim)
		sim.FailNext(1, atlassim.Slow(30*time.Second))
		begin := time.Now()
		c.list(jobs)
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("took %s", took)
		}
	})
}

// A client that gives up gets its own deadline, at once, before and within the body.
func TestClientGivesUp(t *testing.T) {
	for name, fault := range map[string]atlassim.Fault{"waiting": atlassim.Slow(time.Hour), "reading": atlassim.Endless()} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := simulate(1)
				c := call(t, sim)
				c.list(jobs)
				sim.FailNext(1, fault)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, host+jobs, nil)
				c.count++
				r.Header.Set("Authorization", c.authorization(jobs))
				begin := time.Now()
				resp, err := c.http.Do(r)
				if err == nil {
					time.Sleep(5 * time.Second)
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
					t.Errorf("after %s: %v", time.Since(begin), err)
				}
			})
		})
	}
}

func TestFaultsAreScriptedByPage(t *testing.T) {
	sim := simulate(30)
	sim.FailPage(2, 2, atlassim.Status(500))
	sim.FailPage(1, 1, atlassim.Status(502))
	c := call(t, sim)
	var got []int
	for _, page := range []string{"1", "1", "2", "3", "2", "2"} {
		resp, _ := c.get(jobs + "?itemsPerPage=10&pageNum=" + page)
		got = append(got, resp.StatusCode)
	}
	if want := []int{502, 200, 500, 200, 500, 200}; !slices.Equal(got, want) {
		t.Errorf("statuses %v, want %v", got, want)
	}
	sim.FailPage(1, 1, atlassim.Status(500))
	if resp, _ := c.get(jobs + "/" + someJobs(1)[0].ID); resp.StatusCode != 200 {
		t.Errorf("one job is no page: %s", resp.Status)
	}
	if got := c.refusal("", inV1+"/clusters"); got != "200" {
		t.Errorf("the list of clusters is none of jobs: %s", got)
	}
	if resp, _ := c.get(jobs); resp.StatusCode != 500 {
		t.Errorf("a request that names no page is for the first: %s", resp.Status)
	}
}

func TestFaultsFunctionSeesChallengesToo(t *testing.T) {
	sim := simulate(1)
	sim.Faults = func(r *http.Request) atlassim.Fault {
		if !atlassim.Authenticated(r) {
			return atlassim.Status(503)
		}
		return nil
	}
	c := call(t, sim)
	if resp, _ := c.get(jobs); resp.StatusCode != 503 {
		t.Errorf("the challenge: %s", resp.Status)
	}
	sim.Configure(func(s *atlassim.Server) { s.Faults = nil })
	c.list(jobs)
}

func TestEdited(t *testing.T) {
	sim := simulate(1)
	sim.FailNext(1, atlassim.Edited(func(body map[string]any) { body["totalCount"] = 7 }))
	if got := *call(t, sim).list(jobs).TotalCount; got != 7 {
		t.Errorf("totalCount %d, want the edited 7", got)
	}
}

func TestEndlessBeginsLikeAListing(t *testing.T) {
	sim := simulate(1)
	sim.FailNext(1, atlassim.Endless())
	resp, err := call(t, sim).do(jobs)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 20)
	if _, err := io.ReadFull(resp.Body, b); err != nil || !strings.HasPrefix(string(b), `{"links":[],"results`) {
		t.Errorf("%q, %v", b, err)
	}
}
