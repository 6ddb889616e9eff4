package atlassim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"restorewatch/internal/atlassim"
)

var (
	problemForm = regexp.MustCompile(`^(line [0-9]+: .+|the scenario has no cluster)$`)
	idForm      = regexp.MustCompile(`^[0-9a-f]{24}$`)
)

// FuzzParseScenario reads anything as a scenario: it is refused, each problem in one line of people's with its number; or
// every moment of it looks the same twice, with each job once, newest first, and none before it was created.
func FuzzParseScenario(f *testing.F) {
	f.Add(small)
	f.Add("project 0123456789abcdef01234567\ncluster C\njob a batch=b\nat 36500d a created delivery=READY expires=-36500d\n")
	f.Add("at 1d1d a,,b x=\"\"\njob \"\ncluster\nproject\n")
	f.Add("project 0123456789abcdef01234567\ncluster C kind=flex\njob a max=1 hours=10000\nat -36500d a created status=\"\x1b\"\n")
	for _, name := range atlassim.BundledNames() {
		b, err := os.ReadFile("scenarios/" + name + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := atlassim.ParseScenario(strings.NewReader(text))
		if err != nil {
			for problem := range strings.SplitSeq(err.Error(), "\n") {
				unseen := strings.ContainsFunc(problem, func(r rune) bool { return !unicode.IsPrint(r) })
				if !problemForm.MatchString(problem) || unseen || len(problem) > 700 {
					t.Errorf("problem %q", problem)
				}
			}
			return
		}
		for _, elapsed := range []time.Duration{0, s.Length() / 2, s.Length()} {
			first := s.At(start, elapsed)
			if !reflect.DeepEqual(first, s.At(start, elapsed)) {
				t.Error("the same moment looks different")
			}
			for _, c := range first {
				checkCluster(t, c, start.Add(elapsed))
			}
		}
	})
}

func checkCluster(t *testing.T, c atlassim.Cluster, now time.Time) {
	t.Helper()
	ids := map[string]bool{}
	for _, j := range c.Jobs {
		if ids[j.ID] || !idForm.MatchString(j.ID) || j.Created.After(now) || j.StatusName == "" || j.Delivery.StatusName == "" {
			t.Errorf("job %+v at %s", j, now)
		}
		ids[j.ID] = true
	}
	newest := func(a, b atlassim.Job) int { return b.Created.Compare(a.Created) }
	if !slices.IsSortedFunc(c.Jobs, newest) {
		t.Errorf("not newest first: %+v", c.Jobs)
	}
	if _, err := json.Marshal(c.Jobs); err != nil {
		t.Error(err)
	}
}

// FuzzRequest sends anything to the simulator. Nobody is let in without the right key, everybody gets an answer, and an
// answer of JSON is JSON.
func FuzzRequest(f *testing.F) {
	const seen = `Digest username="abc", realm="MMS Public API", nonce="x", uri="/", algorithm=MD5, qop=auth, nc=00000001, cnonce="y", response="z"`
	for _, uri := range []string{jobs, jobs + "?pageNum=0&itemsPerPage=-1", "/api/oauth/token", "//", "/api/atlas/v2/groups/%2e%2e/clusters//backup/restoreJobs?%zz",
		"/api/atlas/v2/groups", "/api/public/v1.0/groups/" + project + "/clusters?envelope=true&pretty=1"} {
		f.Add("GET", uri, seen, v2, "")
		f.Add("POST", uri, "Basic Og==", "*/*", "grant_type=client_credentials")
		f.Add("GET", uri, "Bearer x", "application/vnd.atlas.9999-99-99+json;q=x", "")
	}
	f.Fuzz(func(t *testing.T, method, uri, authorization, accept, body string) {
		u, err := url.ParseRequestURI(uri)
		if err != nil || strings.Contains(authorization+body, atlassim.DefaultClientSecret) {
			return
		}
		sim := simulate(3)
		for _, signed := range []bool{false, true} {
			r := httptest.NewRequest("GET", host+"/", strings.NewReader(body))
			r.Method, r.URL, r.RequestURI = method, u, uri
			r.Header.Set("Accept", accept)
			r.Header.Set("Authorization", authorization)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if signed {
				c := call(nil, sim)
				w := httptest.NewRecorder()
				sim.ServeHTTP(w, httptest.NewRequest("GET", host+jobs, nil))
				if c.take(w.Result()); method != "GET" || strings.ContainsAny(uri, `\"`) {
					return // the caller signs nothing else, and escapes nothing
				}
				c.count++
				r.Header.Set("Authorization", c.authorization(uri))
			}
			checkReply(t, sim, r, signed)
		}
	})
}

func checkReply(t *testing.T, sim *atlassim.Server, r *http.Request, signed bool) {
	t.Helper()
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, r)
	res := w.Result()
	answer, _ := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusUnauthorized && signed && r.URL.Path != "/api/oauth/token" && r.URL.Path != "/api/oauth/revoke" {
		t.Errorf("%s was refused: %s", r.RequestURI, answer)
	}
	if res.StatusCode < 300 && !signed || res.StatusCode >= 500 {
		t.Errorf("%s %s with %q: %s %.300s", r.Method, r.RequestURI, r.Header.Get("Authorization"), res.Status, answer)
	}
	if strings.Contains(res.Header.Get("Content-Type"), "json") && !json.Valid(answer) {
		t.Errorf("no JSON: %s", answer)
	}
}
