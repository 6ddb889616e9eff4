package atlassim_test

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

const (
	host    = "https://sim.example"
	project = "0123456789abcdef01234567"
	jobs    = "/api/atlas/v1.0/groups/" + project + "/clusters/Cluster0/restoreJobs"
)

// A caller is a client as small as RFC 7616 allows: it asks, takes the challenge, asks again, and keeps the nonce.
type caller struct {
	t             *testing.T
	http          *http.Client
	host          string
	accept        string
	bearer        string // a token to be shown instead of a digest
	key, password string
	nonce         string
	count         int
}

func call(t *testing.T, sim *atlassim.Server) *caller {
	return &caller{t: t, http: sim.Client(), host: host, key: atlassim.DefaultPublicKey, password: atlassim.DefaultPrivateKey}
}

// callOver is call over a socket.
func callOver(t *testing.T, sim *atlassim.Server) *caller {
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	c := call(t, sim)
	c.http, c.host = server.Client(), server.URL
	return c
}

func md5hex(format string, args ...any) string {
	return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, format, args...)))
}

// authorization signs a GET of uri.
func (c *caller) authorization(uri string) string {
	const cnonce, realm = "0a4f113b", "MMS Public API"
	ha1, ha2 := md5hex("%s:%s:%s", c.key, realm, c.password), md5hex("GET:%s", uri)
	response := md5hex("%s:%s:%08x:%s:auth:%s", ha1, c.nonce, c.count, cnonce, ha2)
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=MD5, qop=auth, nc=%08x, cnonce="%s", response="%s"`,
		c.key, realm, c.nonce, uri, c.count, cnonce, response)
}

// try sends one request, with credentials once there is a nonce.
func (c *caller) try(uri string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.host+uri, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.accept != "" {
		r.Header.Set("Accept", c.accept)
	}
	switch {
	case c.bearer != "":
		r.Header.Set("Authorization", "Bearer "+c.bearer)
	case c.nonce != "":
		c.count++
		r.Header.Set("Authorization", c.authorization(uri))
	}
	return c.http.Do(r)
}

var nonceForm = regexp.MustCompile(`nonce="([^"]+)"`)

// take remembers the nonce of a challenge.
func (c *caller) take(resp *http.Response) bool {
	m := nonceForm.FindStringSubmatch(resp.Header.Get("WWW-Authenticate"))
	if m == nil {
		return false
	}
	c.nonce, c.count = m[1], 0
	return true
}

// do sends a request as a well-behaved client does.
func (c *caller) do(uri string) (*http.Response, error) {
	resp, err := c.try(uri)
	if err == nil && resp.StatusCode == http.StatusUnauthorized && c.take(resp) {
		resp.Body.Close()
		resp, err = c.try(uri)
	}
	return resp, err
}

// get is do for an answer that has to come, with its body.
func (c *caller) get(uri string) (*http.Response, []byte) {
	c.t.Helper()
	resp, err := c.do(uri)
	if err != nil {
		c.t.Fatalf("GET %s: %v", uri, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("GET %s: read body: %v", uri, err)
	}
	return resp, b
}

type listing struct {
	Links   []atlassim.Link `json:"links"`
	Results []struct {
		ID       string `json:"id"`
		Delivery struct {
			URL       string `json:"url"`
			URLV2     string `json:"urlV2"`
			AuthValue string `json:"authValue"`
		} `json:"delivery"`
		StatusName string `json:"statusName"`
	} `json:"results"`
	Status     int  `json:"status"`
	TotalCount *int `json:"totalCount"`
}

func (l listing) ids() (ids []string) {
	for _, j := range l.Results {
		ids = append(ids, j.ID)
	}
	return ids
}

func (l listing) link(rel string) string {
	for _, k := range l.Links {
		if k.Rel == rel {
			return k.Href
		}
	}
	return ""
}

func (c *caller) list(uri string) listing {
	c.t.Helper()
	resp, b := c.get(uri)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("GET %s: %s %s", uri, resp.Status, b)
	}
	return decode[listing](c.t, b)
}

// The versions of the resources of v2.
const (
	v2        = "application/vnd.atlas.2023-01-01+json"
	v2Cluster = "application/vnd.atlas.2024-08-05+json"
	v2Flex    = "application/vnd.atlas.2024-11-13+json"
)

// fields is a JSON object of any shape.
type fields = map[string]any

// results is the entries of a listing, in the version that accept asks for.
func (c *caller) results(accept, uri string) []fields {
	c.t.Helper()
	c.accept = accept
	resp, b := c.get(uri)
	if resp.StatusCode != http.StatusOK {
		c.t.Fatalf("GET %s: %s %s", uri, resp.Status, b)
	}
	return decode[struct{ Results []fields }](c.t, b).Results
}

// refusal is the status and the code of an error.
func (c *caller) refusal(accept, uri string) string {
	c.t.Helper()
	c.accept = accept
	resp, b := c.get(uri)
	if resp.StatusCode == http.StatusOK {
		return "200"
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		c.t.Errorf("GET %s: an error of type %s", uri, got)
	}
	return fmt.Sprint(resp.StatusCode, " ", decode[apiError](c.t, b).ErrorCode)
}

func decode[T any](t *testing.T, b []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("not JSON as expected: %v\n%s", err, b)
	}
	return v
}

// someJobs makes n jobs, one a minute, of which the last is the newest.
func someJobs(n int) []atlassim.Job {
	made := make([]atlassim.Job, n)
	for i := range made {
		created := time.Date(2026, 11, 1, 0, i, 0, 0, time.UTC)
		made[i] = atlassim.Job{
			ID: atlassim.ObjectID(created, fmt.Sprint(i)), Created: created, GroupID: project, ClusterName: "Cluster0",
			StatusName: "FINISHED", Delivery: atlassim.Delivery{MethodName: "HTTP", StatusName: "READY"},
		}
	}
	return made
}

func simulate(n int) *atlassim.Server {
	sim := new(atlassim.Server)
	sim.SetJobs(project, "Cluster0", someJobs(n))
	return sim
}
