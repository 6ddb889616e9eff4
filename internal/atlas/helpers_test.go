package atlas

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var (
	_ watch.Lister = (*Client)(nil)
	_ watch.Finder = (*Client)(nil)
)

const (
	project   = "6b77777887d9d61443b41645"
	listPath  = "/api/atlas/v1.0/groups/" + project + "/clusters/Cluster0/restoreJobs"
	publicKey = "abcdefgh"
	private   = "CANARY-private-key"
)

var target = restore.Target{Source: restore.Legacy, Project: project, Cluster: "Cluster0"}

// inproc serves requests without a socket, so that it works in a synctest bubble.
type inproc struct{ http.Handler }

func (p inproc) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, req)
	return rec.Result(), nil
}

// roundTrip is a function as an http.RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

// A guard is a server that lets pass only who answers its Digest challenge with the right key.
type guard struct {
	next    http.Handler
	private string // "" means the constant
	uses    int    // of one nonce before it is stale; 0 means no end

	mu       sync.Mutex
	nonce    int
	count    map[string]bool // nonce and count, each good for once
	used     int
	requests int
	refusals int
}

var authParams = regexp.MustCompile(`(\w+)=(?:"([^"]*)"|([^\s,]+))`)

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ok, stale := g.admits(r); !ok {
		w.Header().Set("Www-Authenticate", fmt.Sprintf(
			`Digest realm="MMS Public API", domain="", nonce="n%d", algorithm=MD5, qop="auth", stale=%t`, g.nonce, stale))
		refuse(w, 401, "UNEXPECTED_ERROR", "You are not authorized for this resource.")
		return
	}
	g.next.ServeHTTP(w, r)
}

func (g *guard) admits(r *http.Request) (ok, stale bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests++
	p := map[string]string{}
	for _, m := range authParams.FindAllStringSubmatch(r.Header.Get("Authorization"), -1) {
		p[m[1]] = m[2] + m[3]
	}
	secret := g.private
	if secret == "" {
		secret = private
	}
	ha1 := sum(publicKey + ":MMS Public API:" + secret)
	ha2 := sum(r.Method + ":" + r.URL.RequestURI())
	want := sum(strings.Join([]string{ha1, p["nonce"], p["nc"], p["cnonce"], "auth", ha2}, ":"))
	right := p["username"] == publicKey && p["uri"] == r.URL.RequestURI() && p["response"] == want
	current := p["nonce"] == fmt.Sprintf("n%d", g.nonce) && !g.count[p["nonce"]+p["nc"]] && (g.uses == 0 || g.used < g.uses)
	if right && current {
		if g.count == nil {
			g.count = map[string]bool{}
		}
		g.count[p["nonce"]+p["nc"]] = true
		g.used++
		return true, false
	}
	g.refusals++
	if right || g.nonce == 0 {
		g.nonce++
		g.used = 0
	}
	return false, right
}

func sum(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }

func refuse(w http.ResponseWriter, status int, code, detail string, parameters ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{
		"error": status, "errorCode": code, "detail": detail, "reason": http.StatusText(status), "parameters": parameters,
	})
}

// newClient returns a client of h; with a nil transport, of h in process.
func newClient(t testing.TB, h http.Handler, mend ...func(*Options)) *Client {
	t.Helper()
	o := Options{BaseURL: "https://atlas.test", Keys: StaticKey(publicKey, private), Base: inproc{h}}
	for _, f := range mend {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// list reads a whole listing.
func list(ctx context.Context, c *Client, t restore.Target, perPage int) (pages [][]restore.Job, err error) {
	for jobs, e := range c.RestoreJobs(ctx, t, perPage) {
		if e != nil {
			return pages, e
		}
		pages = append(pages, jobs)
	}
	return pages, nil
}

// failure asserts that err is an *Error of a kind and that its text has all of the words.
func failure(t *testing.T, err error, kind restore.FailureKind, words ...string) *Error {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("got error %T (%v), want *Error of kind %s", err, err, kind)
	}
	if e.FailureKind() != kind {
		t.Errorf("kind %s, want %s: %v", e.FailureKind(), kind, e)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("error %q does not say %q", e, w)
		}
	}
	if e.Hint() == "" {
		t.Errorf("no hint with %v", e)
	}
	return e
}

// jobJSON is a job as the API's page shows one, with secrets where the API has them.
func jobJSON(id, status string) string {
	return fmt.Sprintf(`{"id":%q,"groupId":%q,"clusterId":"7c88887880eef52e5f4d0e2d","clusterName":"Cluster0",
"batchId":"5a66783b80eef5354c77ee13","snapshotId":"5a6669d5e2bfb3461861360c","created":"2018-01-22T23:48:11Z",
"statusName":%q,"encryptionEnabled":false,"pointInTime":false,"links":[{"rel":"self","href":"https://x/y"}],
"delivery":{"expirationHours":48,"expires":"2018-01-22T23:49:38Z","maxDownloads":2147483647,"methodName":"HTTP",
"statusName":"EXPIRED","url":"https://CANARY-url/CANARY-path","urlV2":"https://CANARY-urlV2/","authHeader":"Authorization",
"authValue":"CANARY-auth","authBearer":"CANARY-bearer"},
"hashes":[{"fileName":"b.tar.gz","hash":"a98af3c1","typeName":"SHA1"},{"fileName":"a.tar.gz","hash":"86bc2f50","typeName":"SHA1"}],
"timestamp":{"date":"2018-01-22T22:44:54Z","increment":1}}`, id, project, status)
}

func pageJSON(next string, jobs ...string) string {
	links := `{"rel":"self","href":"https://elsewhere.test/self?pageNum=9"}`
	if next != "" {
		links += fmt.Sprintf(`,{"rel":"next","href":%q}`, next)
	}
	return `{"links":[` + links + `],"results":[` + strings.Join(jobs, ",") + `],"totalCount":7}`
}

func serve(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
	})
}

func id(n int) string { return fmt.Sprintf("5a66783b80eef5354c77%04x", n) }

func ids(pages [][]restore.Job) string {
	var out []string
	for _, p := range pages {
		var page []string
		for _, j := range p {
			page = append(page, strings.TrimPrefix(string(j.ID), "5a66783b80eef5354c77"))
		}
		out = append(out, strings.Join(page, " "))
	}
	return strings.Join(out, " | ")
}
