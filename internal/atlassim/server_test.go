package atlassim_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

// The page's example response is served as it is printed there.
func TestPageExample(t *testing.T) {
	printed, err := os.ReadFile("testdata/page.json")
	if err != nil {
		t.Fatal(err)
	}
	sim := new(atlassim.Server)
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	c := call(t, sim)
	c.host = "https://cloud.mongodb.com"
	_, served := c.get("/api/atlas/v1.0/groups/6b77777887d9d61443b41645/clusters/Cluster0/restoreJobs")
	if got, want := decode[any](t, served), decode[any](t, printed); !reflect.DeepEqual(got, want) {
		t.Errorf("served %s\nthe page has %s", served, printed)
	}
}

func TestPaging(t *testing.T) {
	c := call(t, simulate(250))
	tests := []struct {
		query      string
		n          int
		prev, next bool
	}{
		{"", 100, false, true},
		{"?pageNum=2", 100, true, true},
		{"?pageNum=3", 50, true, false},
		{"?pageNum=4", 0, true, false},
		{"?itemsPerPage=500", 250, false, false},
		{"?itemsPerPage=250", 250, false, false},
		{"?itemsPerPage=1&pageNum=250", 1, true, false},
	}
	for _, tt := range tests {
		l := c.list(jobs + tt.query)
		if len(l.Results) != tt.n || (l.link("previous") != "") != tt.prev || (l.link("next") != "") != tt.next || *l.TotalCount != 250 {
			t.Errorf("%q: %d of %d results, links %v", tt.query, len(l.Results), *l.TotalCount, l.Links)
		}
	}
}

func TestFollowingNextFindsEveryJobOnceNewestFirst(t *testing.T) {
	c := call(t, simulate(25))
	var got []string
	for uri := jobs + "?itemsPerPage=10&includeCount=false"; uri != ""; {
		l := c.list(uri)
		if l.TotalCount != nil {
			t.Errorf("totalCount %d although includeCount=false", *l.TotalCount)
		}
		got = append(got, l.ids()...)
		uri = strings.TrimPrefix(l.link("next"), host)
	}
	var want []string
	for _, j := range slices.Backward(someJobs(25)) {
		want = append(want, j.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestSelfRepeatsWhatWasGiven(t *testing.T) {
	l := call(t, simulate(1)).list(jobs + "?itemsPerPage=7&pretty=true&pageNum=1&batchId=a%26b")
	if got, want := l.link("self"), host+jobs+"?batchId=a%26b&pretty=true&pageNum=1&itemsPerPage=7"; got != want {
		t.Errorf("self %s\nwant %s", got, want)
	}
}

func TestBaseURLBeginsLinks(t *testing.T) {
	sim := simulate(2)
	sim.BaseURL = "https://elsewhere.example/"
	l := call(t, sim).list(jobs + "?itemsPerPage=1")
	if got := l.link("next"); !strings.HasPrefix(got, "https://elsewhere.example/api/atlas/") {
		t.Errorf("next %s", got)
	}
}

func TestBadParameters(t *testing.T) {
	c := call(t, simulate(1))
	for _, q := range []string{
		"pageNum=0", "pageNum=-1", "pageNum=x", "pageNum=", "pageNum=9999999999999999999", "itemsPerPage=0",
		"itemsPerPage=501", "includeCount=yes", "pretty=1", "envelope=",
	} {
		resp, b := c.get(jobs + "?" + q)
		name, _, _ := strings.Cut(q, "=")
		e := decode[apiError](t, b)
		if resp.StatusCode != 400 || e.ErrorCode != "INVALID_QUERY_PARAMETER" || !slices.Equal(e.Parameters, []any{name}) {
			t.Errorf("%s: %s %s", q, resp.Status, b)
		}
	}
}

type apiError struct {
	Detail     string `json:"detail"`
	Error      int    `json:"error"`
	ErrorCode  string `json:"errorCode"`
	Parameters []any  `json:"parameters"`
	Reason     string `json:"reason"`
}

func TestBatch(t *testing.T) {
	listed := someJobs(3)
	listed[0].BatchID, listed[2].BatchID = "b1", "b1"
	sim := new(atlassim.Server)
	sim.SetJobs(project, "Cluster0", listed)
	c := call(t, sim)
	if got, want := c.list(jobs+"?batchId=b1").ids(), []string{listed[2].ID, listed[0].ID}; !slices.Equal(got, want) {
		t.Errorf("batch b1: %v, want %v", got, want)
	}
	if l := c.list(jobs + "?batchId=b2"); len(l.Results) != 0 || *l.TotalCount != 0 {
		t.Errorf("batch b2: %v, count %d", l.ids(), *l.TotalCount)
	}
}

func TestPrettyAndEnvelope(t *testing.T) {
	c := call(t, simulate(1))
	_, plain := c.get(jobs)
	_, pretty := c.get(jobs + "?pretty=true")
	if bytes.Contains(plain, []byte("\n")) || !bytes.HasPrefix(pretty, []byte("{\n  \"links\": [\n")) {
		t.Errorf("plain %s\npretty %s", plain, pretty)
	}
	if l := c.list(jobs + "?envelope=true"); l.Status != 200 || len(l.Results) != 1 {
		t.Errorf("a listing in an envelope: status %d, %d results", l.Status, len(l.Results))
	}
	_, b := c.get(jobs + "/" + someJobs(1)[0].ID + "?envelope=true")
	one := decode[struct {
		Status  int
		Content atlassim.Job
	}](t, b)
	if one.Status != 200 || one.Content.ID != someJobs(1)[0].ID {
		t.Errorf("a job in an envelope: %s", b)
	}
}

func TestOneJob(t *testing.T) {
	want := someJobs(3)[1].ID
	resp, b := call(t, simulate(3)).get(jobs + "/" + want)
	one := decode[atlassim.Job](t, b)
	var rels []string
	for _, l := range one.Links {
		rels = append(rels, l.Rel)
	}
	const mms = "http://mms.mongodb.com/"
	if resp.StatusCode != 200 || one.ID != want || !slices.Equal(rels, []string{"self", mms + "cluster", mms + "snapshot", mms + "group"}) {
		t.Errorf("%s %s", resp.Status, b)
	}
	if got := one.Links[3].Href; got != host+"/api/atlas/v1.0/groups/"+project {
		t.Errorf("group link %s", got)
	}
}

func TestRefusals(t *testing.T) {
	sim := simulate(1)
	sim.SetJobs("other", "C", nil)
	sim.Access = map[string][]string{"guest": {"other"}}
	sim.Keys = map[string]string{"guest": "g", "owner": "o"}
	const groups = "/api/atlas/v1.0/groups/"
	tests := []struct {
		key, uri   string
		status     int
		code       string
		parameters []any
	}{
		{"owner", groups + "none/clusters/C/restoreJobs", 404, "GROUP_NOT_FOUND", []any{"none"}},
		{"owner", groups + "other/clusters/D/restoreJobs", 404, "CLUSTER_NOT_FOUND", []any{"D", "other"}},
		{"owner", jobs + "/5a66", 404, "RESTORE_JOB_NOT_FOUND", []any{"5a66"}},
		{"owner", "/api/atlas/v2/orgs", 404, "RESOURCE_NOT_FOUND", []any{"/api/atlas/v2/orgs"}},
		{"owner", groups + "other/clusters//restoreJobs", 404, "RESOURCE_NOT_FOUND", []any{groups + "other/clusters//restoreJobs"}},
		{"guest", jobs, 401, "NOT_IN_GROUP", []any{project}},
		{"guest", groups + "none/clusters/C/restoreJobs", 401, "NOT_IN_GROUP", []any{"none"}},
	}
	for _, tt := range tests {
		c := call(t, sim)
		c.key, c.password = tt.key, tt.key[:1]
		resp, b := c.get(tt.uri)
		e := decode[apiError](t, b)
		if resp.StatusCode != tt.status || e.Error != tt.status || e.ErrorCode != tt.code || !slices.Equal(e.Parameters, tt.parameters) {
			t.Errorf("%s %s: %s %s", tt.key, tt.uri, resp.Status, b)
		}
		if e.Reason != http.StatusText(tt.status) || e.Detail == "" || resp.Header.Get("X-Error-Code") != tt.code {
			t.Errorf("%s: form: %s, X-Error-Code %s", tt.uri, b, resp.Header.Get("X-Error-Code"))
		}
		if resp.Header.Get("WWW-Authenticate") != "" {
			t.Errorf("%s: a refusal that no other credentials would mend has a challenge", tt.uri)
		}
	}
	c := call(t, sim)
	c.key, c.password = "guest", "g"
	if _, b := c.get(groups + "other/clusters/C/restoreJobs"); !bytes.Contains(b, []byte(`"results":[],"totalCount":0`)) {
		t.Errorf("a cluster without jobs: %s", b)
	}
	sim.DeleteCluster("other", "C")
	if resp, b := c.get(groups + "other/clusters/C/restoreJobs"); decode[apiError](t, b).ErrorCode != "CLUSTER_NOT_FOUND" {
		t.Errorf("a deleted cluster: %s", resp.Status)
	}
}

func TestWrongMethod(t *testing.T) {
	sim := simulate(1)
	c := call(t, sim)
	c.list(jobs)
	c.count++
	ha1, ha2 := md5hex("%s:MMS Public API:%s", c.key, c.password), md5hex("POST:%s", jobs)
	response := md5hex("%s:%s:%08x:c:auth:%s", ha1, c.nonce, c.count, ha2)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, host+jobs, strings.NewReader("{}"))
	r.Header.Set("Authorization", fmt.Sprintf(`Digest username="%s", realm="MMS Public API", nonce="%s", uri="%s", qop=auth, nc=%08x, cnonce="c", response="%s"`,
		c.key, c.nonce, jobs, c.count, response))
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET" {
		t.Errorf("%s, Allow %q", resp.Status, resp.Header.Get("Allow"))
	}
}

func TestAccessList(t *testing.T) {
	sim := simulate(1)
	sim.AccessList = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	sim.Caller = netip.MustParseAddr("203.0.113.9")
	c := call(t, sim)
	resp, b := c.get(jobs)
	e := decode[apiError](t, b)
	if resp.StatusCode != 403 || e.ErrorCode != "IP_ADDRESS_NOT_ON_ACCESS_LIST" || !slices.Equal(e.Parameters, []any{"203.0.113.9"}) ||
		e.Detail != "IP address 203.0.113.9 is not allowed to access this resource." {
		t.Errorf("%s %s", resp.Status, b)
	}
	sim.Configure(func(s *atlassim.Server) { s.Caller = netip.MustParseAddr("198.51.100.7") })
	c.list(jobs)
	sim.Configure(func(s *atlassim.Server) { s.Caller = netip.Addr{} })
	if _, b := c.get(jobs); !slices.Equal(decode[apiError](t, b).Parameters, []any{"192.0.2.1"}) {
		t.Errorf("the peer's own address: %s", b)
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.LimitRate, sim.NonceLife = true, time.Hour
		sim.SetJobs("other", "C", nil)
		c := call(t, sim)
		time.Sleep(48*time.Second + time.Millisecond) // the bubble's clock begins at midnight
		for range atlassim.RateLimit {
			c.list(jobs)
		}
		resp, b := c.get(jobs)
		if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "12" || decode[apiError](t, b).ErrorCode != "RATE_LIMITED" {
			t.Errorf("%s, Retry-After %q: %s", resp.Status, resp.Header.Get("Retry-After"), b)
		}
		c.list("/api/atlas/v1.0/groups/other/clusters/C/restoreJobs") // has a limit of its own
		time.Sleep(12 * time.Second)
		c.list(jobs)
	})
}

func TestOrder(t *testing.T) {
	sim := simulate(3)
	sim.Order = func([]atlassim.Job) {} // as set: oldest first
	if got, want := call(t, sim).list(jobs).ids()[0], someJobs(3)[0].ID; got != want {
		t.Errorf("first %s, want %s", got, want)
	}
}

func TestSecretsStandInEveryLink(t *testing.T) {
	sim := simulate(1)
	sim.Secret = "c4n4ry"
	d := call(t, sim).list(jobs).Results[0].Delivery
	for _, secret := range []string{d.URL, d.URLV2, d.AuthValue} {
		if !strings.Contains(secret, "c4n4ry") {
			t.Errorf("%q has no canary", secret)
		}
	}
	given := someJobs(1)
	given[0].Delivery.URL = "https://mine.example/"
	sim.SetJobs(project, "Cluster0", given)
	if d := call(t, sim).list(jobs).Results[0].Delivery; d.URL != "https://mine.example/" || d.AuthValue != "" {
		t.Errorf("a link of the test's own was touched: %+v", d)
	}
}

func TestExtra(t *testing.T) {
	given := someJobs(1)
	given[0].Extra = map[string]any{"created": nil, "news": []int{1}, "timestamp": map[string]any{"increment": "1"}}
	given[0].Delivery.Extra = map[string]any{"authBearer": "Bearer"}
	sim := new(atlassim.Server)
	sim.SetJobs(project, "Cluster0", given)
	_, b := call(t, sim).get(jobs)
	for _, want := range []string{`"created":null`, `"news":[1]`, `"timestamp":{"increment":"1"}`, `"authBearer":"Bearer"`, `"id":"` + given[0].ID} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("no %s in %s", want, b)
		}
	}
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		c := call(t, sim)
		c.list(jobs + "?pageNum=2")
		time.Sleep(time.Minute)
		sim.FailNext(1, atlassim.Hangup())
		if _, err := c.do(jobs); err == nil {
			t.Error("no error although the connection was closed")
		}
		begin := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
		want := []atlassim.Request{
			{Method: "GET", Path: jobs, Query: "pageNum=2", API: atlassim.LegacyAPI, Project: project, Status: 401, At: begin},
			{Method: "GET", Path: jobs, Query: "pageNum=2", API: atlassim.LegacyAPI, Project: project, Status: 200, At: begin},
			{Method: "GET", Path: jobs, API: atlassim.LegacyAPI, Project: project, At: begin.Add(time.Minute)},
		}
		same := func(a, b atlassim.Request) bool {
			a.At, b.At = a.At.UTC(), b.At.UTC()
			return a == b
		}
		if got := sim.Requests(); !slices.EqualFunc(got, want, same) {
			t.Errorf("log %v\nwant %v", got, want)
		}
		sim.ResetRequests()
		if len(sim.Requests()) != 0 {
			t.Error("the log is not empty after ResetRequests")
		}
	})
}
