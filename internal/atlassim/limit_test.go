package atlassim_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

// v2 has a bucket for each project and set of endpoints, and tells how full it is.
func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.SetCluster("other", "C", "")
		sim.LimitRate, sim.NonceLife = true, time.Hour
		sim.CloudBackups = atlassim.Bucket{Capacity: 10, Refill: 4, Every: time.Minute}
		c := call(t, sim)
		c.accept = v2
		ask := func(uri string) (status int, left string) {
			resp, _ := c.get(uri)
			return resp.StatusCode, resp.Header.Get("RateLimit-Limit") + "/" + resp.Header.Get("RateLimit-Remaining")
		}
		for i := range 10 { // the legacy list by v2 drinks from the same bucket
			status, left := ask([]string{cloudJobs, legacyV2}[i%2])
			if want := fmt.Sprintf("10/%d", 9-i); status != 200 || left != want {
				t.Errorf("request %d: %d, %s, want %s", i, status, left, want)
			}
		}
		time.Sleep(5 * time.Second)
		resp, b := c.get(cloudJobs)
		e := decode[apiError](t, b)
		const resource = "api/atlas/v2/groups/{project}/clusters/{cluster}/backup/restoreJobs"
		if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "55" || resp.Header.Get("RateLimit-Remaining") != "0" ||
			e.ErrorCode != "RATE_LIMITED_TOKEN_BUCKET" || !slices.Equal(e.Parameters, []any{resource, 55.0, 10.0, 4.0, 60.0}) ||
			e.Detail != "Rate limit exceeded for "+resource+". Please retry after 55 seconds. Request capacity: 10. Refill rate: 4 per 60 seconds." {
			t.Errorf("%s %v: %s", resp.Status, resp.Header, b)
		}
		if status, left := ask("/api/atlas/v2/groups/other/clusters/C/backup/restoreJobs"); status != 200 || left != "10/9" {
			t.Errorf("another project: %d, %s", status, left)
		}
		if status, left := ask(inV2 + "/clusters/Missing"); status != 404 || left != "10000/9999" {
			t.Errorf("another set, and an error: %d, %s", status, left)
		}
		time.Sleep(55 * time.Second)
		if status, left := ask(cloudJobs); status != 200 || left != "10/3" {
			t.Errorf("after a minute: %d, %s", status, left)
		}
		time.Sleep(time.Hour)
		if status, left := ask(cloudJobs); status != 200 || left != "10/9" {
			t.Errorf("after an hour: %d, %s", status, left)
		}
	})
}

func TestDefaultBucket(t *testing.T) {
	sim := simulate(1)
	c := call(t, sim)
	c.accept = v2
	if resp, _ := c.get(cloudJobs); resp.Header.Get("RateLimit-Limit") != "" {
		t.Errorf("a limit is told that is not enforced: %v", resp.Header)
	}
	sim.Configure(func(s *atlassim.Server) { s.LimitRate = true })
	resp, _ := c.get(cloudJobs)
	if h := resp.Header; h.Get("RateLimit-Limit") != "1200" || h.Get("RateLimit-Remaining") != "1199" {
		t.Errorf("headers %v", h)
	}
	sim.Configure(func(s *atlassim.Server) { s.Keys = map[string]string{} })
	resp, err := c.try(cloudJobs)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("RateLimit-Limit") != "" {
		t.Errorf("a challenge, as recorded, tells of no limit: %s %v", resp.Status, resp.Header)
	}
}

// Version 1.0 and Cloud Manager count by the minute and project, each on its own.
func TestMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.LimitRate, sim.NonceLife = true, time.Hour
		c := call(t, sim)
		for range atlassim.RateLimit {
			c.list(managerJobs("Cluster0"))
		}
		if got := c.refusal("", inPublic+"/clusters"); got != "429 RATE_LIMITED" {
			t.Errorf("the clusters count too: %s", got)
		}
		if got := c.refusal("", jobs); got != "200" {
			t.Errorf("Atlas: %s", got)
		}
		if got := c.refusal("", "/api/public/v1.0/groups"); got != "200" {
			t.Errorf("the projects: %s", got)
		}
	})
}
