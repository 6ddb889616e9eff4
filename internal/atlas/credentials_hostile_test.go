package atlas

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"restorewatch/internal/restore"
)

// A witness records the requests that reach a server.
type witness struct {
	http.Handler
	mu    sync.Mutex
	asked []*http.Request
}

func (w *witness) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, req)
	w.mu.Unlock()
	w.Handler.ServeHTTP(res, req)
}

// onlyDigest asserts that of all requests none brought another credential than an answer of HTTP Digest, and none the
// private key, in whatever field.
func (w *witness) onlyDigest(t *testing.T) {
	t.Helper()
	for _, r := range w.asked {
		if a := r.Header.Get("Authorization"); a != "" && !strings.HasPrefix(a, "Digest ") {
			t.Errorf("%s brought %q", r.URL, a)
		}
		if sent := fmt.Sprint(r.URL, r.Header, r.Host); strings.Contains(sent, private) {
			t.Errorf("the key itself was sent: %s", sent)
		}
	}
}

// What a server may ask for in place of a Digest that can be answered. Nothing but a Digest is ever given, and not for
// ever.
func TestDowngrades(t *testing.T) {
	const digestOf = `Digest realm="x", nonce="n", qop="auth"`
	for name, tt := range map[string]struct {
		challenges []string // of each 401
		answered   int      // how many requests bring a Digest
	}{
		"basic":                        {[]string{`Basic realm="x"`}, 0},
		"basic, then digest":           {[]string{`Basic realm="x"`, digestOf}, 1},
		"digest, then basic":           {[]string{digestOf, `Basic realm="x"`}, 1},
		"in one field":                 {[]string{`Basic realm="x", ` + digestOf}, 0},
		"in one field, the other way":  {[]string{digestOf + `, Basic realm="x"`}, 0},
		"basic dressed up":             {[]string{`Digest`, `digest`, `Digest Basic realm="x"`}, 0},
		"bearer":                       {[]string{`Bearer error="invalid_token"`}, 0},
		"negotiate and ntlm":           {[]string{`Negotiate`, `NTLM`}, 0},
		"md5-sess":                     {[]string{`Digest realm="x", nonce="n", qop="auth", algorithm=MD5-sess`}, 0},
		"unknown algorithm":            {[]string{`Digest realm="x", nonce="n", qop="auth", algorithm=PLAIN`}, 0},
		"no algorithm worth its name":  {[]string{`Digest realm="x", nonce="n", qop="auth", algorithm="none"`}, 0},
		"unknown protection":           {[]string{`Digest realm="x", nonce="n", qop="none"`}, 0},
		"sha-256":                      {[]string{`Digest realm="x", nonce="n", qop="auth", algorithm=SHA-256`}, 1},
		"of the body":                  {[]string{`Digest realm="x", nonce="n", qop="auth-int"`}, 1},
		"nonce that is too long":       {[]string{`Digest realm="x", nonce="` + strings.Repeat("n", 40_000) + `", qop="auth"`}, 0},
		"realm that is too long":       {[]string{`Digest realm="` + strings.Repeat("x", 40_000) + `", nonce="n", qop="auth"`}, 0},
		"opaque that is too long":      {[]string{`Digest realm="x", nonce="n", qop="auth", opaque="` + strings.Repeat("o", 40_000) + `"`}, 0},
		"thousands of them":            {slicesOf(3000, `Basic realm="%d"`), 0},
		"thousands of digests":         {slicesOf(1000, `Digest realm="r%d", nonce="n%[1]d", algorithm=X`), 0},
		"domain of another host":       {[]string{`Digest realm="x", nonce="n", qop="auth", domain="https://evil.test/ /"`}, 1},
		"asks for the name as a hash":  {[]string{`Digest realm="x", nonce="n", qop="auth", userhash=true`}, 1},
		"a line break within":          {[]string{"Digest realm=\"x\\\r\n\", nonce=\"n\", qop=\"auth\""}, 1},
		"quotes that end the field":    {[]string{`Digest realm="x\", uri=\"/evil", nonce="n", qop="auth"`}, 1},
		"an empty nonce":               {[]string{`Digest realm="x", nonce="", qop="auth"`}, 0},
		"nothing but commas":           {[]string{`Digest ` + strings.Repeat(",", 30_000)}, 0},
		"a quote without its end":      {[]string{`Digest realm="` + strings.Repeat(`\"`, 15_000)}, 0},
		"bytes that are no text":       {[]string{"Digest realm=\"\xff\xfe\", nonce=\"\x80\", qop=\"auth\""}, 1},
		"parameters twice":             {[]string{`Digest realm="a", realm="b", nonce="1", nonce="2", qop="auth"`}, 1},
		"protection of the body alone": {[]string{`Digest realm="x", nonce="n", qop="auth-int, auth-conf"`}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := &witness{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, c := range tt.challenges {
					w.Header().Add("Www-Authenticate", c)
				}
				refuse(w, 401, "UNEXPECTED_ERROR", "no")
			})}
			_, err := list(t.Context(), newClient(t, w), target, 100)
			e := failure(t, err, restore.FailedCredentials)
			w.onlyDigest(t)
			if len(w.asked) != 1+tt.answered {
				t.Errorf("%d requests, want %d", len(w.asked), 1+tt.answered)
			}
			for _, r := range w.asked {
				if n := len(r.Header.Get("Authorization")); n > 2*maxChallenge {
					t.Errorf("a header of %d bytes", n)
				}
			}
			if len(e.Error()) > 1200 || strings.ContainsAny(e.Error(), "\r\n\x1b") {
				t.Errorf("not fit to be told: %q", e)
			}
		})
	}
}

func slicesOf(n int, format string) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

// A server that changes its mind at every answer: the realm, the nonce, the algorithm, the scheme.
func TestChallengesThatChange(t *testing.T) {
	for name, next := range map[string]func(n int) string{
		"realm":     func(n int) string { return fmt.Sprintf(`Digest realm="r%d", nonce="n", qop="auth", stale=true`, n) },
		"nonce":     func(n int) string { return fmt.Sprintf(`Digest realm="r", nonce="n%d", qop="auth", stale=true`, n) },
		"old nonce": func(int) string { return `Digest realm="r", nonce="n", qop="auth", stale=true` },
		"to basic": func(n int) string {
			return []string{`Digest realm="r", nonce="n", qop="auth"`, `Basic realm="r"`}[min(n, 2)-1]
		},
		"algorithm": func(n int) string {
			return `Digest realm="r", nonce="n", stale=true, algorithm=` + []string{"SHA-256", "MD5", "MD5-sess"}[min(n, 3)-1]
		},
		"to no qop": func(n int) string {
			return `Digest realm="r", nonce="n", stale=true` + []string{`, qop="auth"`, ""}[min(n, 2)-1]
		},
		"to nothing":  func(n int) string { return []string{`Digest realm="r", nonce="n", qop="auth"`, ""}[min(n, 2)-1] },
		"and is fast": func(n int) string { return fmt.Sprintf(`Digest realm="r", nonce="%d", qop="auth"`, n) },
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			w := &witness{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n++
				w.Header().Set("Www-Authenticate", next(n))
				refuse(w, 401, "UNEXPECTED_ERROR", "no")
			})}
			c := newClient(t, w)
			for run := range 3 {
				before := len(w.asked)
				_, err := list(t.Context(), c, target, 100)
				failure(t, err, restore.FailedCredentials)
				if asked := len(w.asked) - before; asked > 2+maxRenewals {
					t.Errorf("run %d: %d requests", run+1, asked)
				}
			}
			w.onlyDigest(t)
			counts := map[string]bool{}
			for _, r := range w.asked { // the same answer twice could be replayed by whoever listens; without qop it cannot be another
				a := r.Header.Get("Authorization")
				if strings.Contains(a, "qop=") && counts[a] {
					t.Errorf("sent twice: %s", a)
				}
				counts[a] = true
			}
		})
	}
}

// Where a redirect may lead. Nothing but the same origin is asked, and with nothing that the server chose as credentials.
func TestRedirectsCarryNoCredentials(t *testing.T) {
	for _, to := range []string{
		"https://evil.test/", "//evil.test/", "http://atlas.test/", "https://atlas.test:444/", "https://atlas.test:443/",
		"https://atlas.test./", "https://atlas.test.evil.test/", "https://atlas.test%2eevil.test/", "https://atlas.test@evil.test/",
		"https://user:CANARY@atlas.test/", "https://CANARY@atlas.test/", "https://\u0430tlas.test/", "https://xn--tlas-53d.test/",
		"https://ATLAS.test/", "https://atlas.test\\@evil.test/", "https:///evil.test/", "https:evil.test", "file:///etc/passwd",
		"ftp://atlas.test/", "javascript:alert(1)", "data:,x", "https://[::1]/", "https://127.0.0.1/", "gopher://atlas.test/_x",
		"/CANARY%zz", "http://[CANARY", "https://atlas.test:CANARY/", "\x00", "https://evil.test\t/", "/ok\r\nX-CANARY: 1",
	} {
		t.Run(to, func(t *testing.T) {
			g := &guard{}
			w := &witness{Handler: g}
			g.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Location"] = []string{to}
				w.WriteHeader(http.StatusFound)
			})
			_, err := list(t.Context(), newClient(t, w), target, 100)
			e := failure(t, err, restore.FailedInvalidResponse)
			if strings.Contains(e.Error(), "CANARY") || strings.Contains(e.Error(), "passwd") {
				t.Errorf("tells where it led: %v", e)
			}
			w.onlyDigest(t)
			for _, r := range w.asked {
				if r.URL.Host != "atlas.test" || r.URL.Scheme != "https" || r.URL.User != nil {
					t.Errorf("asked %s", r.URL)
				}
			}
			if len(w.asked) > 2+maxRedirects {
				t.Errorf("%d requests", len(w.asked))
			}
		})
	}
}

// A Location beside a 401, a 200 or a 407 is no redirect; and what a proxy asks for is not ours to give.
func TestLocationWithoutRedirect(t *testing.T) {
	for _, status := range []int{200, 201, 300, 304, 305, 306, 401, 407, 429, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &witness{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Location", "https://evil.test/CANARY")
					w.Header().Set("Proxy-Authenticate", `Basic realm="x"`)
					w.Header().Set("Refresh", "0; url=https://evil.test/CANARY")
					w.Header().Set("Alt-Svc", `h2="evil.test:443"`)
					w.Header().Set("Www-Authenticate", `Digest realm="x", nonce="n", qop="auth"`)
					refuse(w, status, "CODE", "no")
				})}
				_, err := list(t.Context(), newClient(t, w), target, 100)
				if err == nil || strings.Contains(err.Error(), "CANARY") {
					t.Errorf("error %v", err)
				}
				w.onlyDigest(t)
				for _, r := range w.asked {
					if r.URL.Host != "atlas.test" || r.Header.Get("Proxy-Authorization") != "" {
						t.Errorf("asked %s with %v", r.URL, r.Header)
					}
				}
				if len(w.asked) > maxTries {
					t.Errorf("%d requests", len(w.asked))
				}
			})
		})
	}
}

// A challenge at the end of a redirect on the same host is the same host's; at the end of one elsewhere there is none.
func TestChallengeAfterRedirect(t *testing.T) {
	elsewhere := &witness{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Www-Authenticate", `Digest realm="MMS Public API", nonce="n", qop="auth"`)
		w.WriteHeader(http.StatusUnauthorized)
	})}
	evil := httptest.NewTLSServer(elsewhere)
	defer evil.Close()
	g := &guard{next: serve(pageJSON(""))}
	api := &witness{}
	api.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == listPath && r.URL.Query().Get("again") == "" {
			http.Redirect(w, r, listPath+"?again=1", http.StatusTemporaryRedirect)
			return
		}
		g.ServeHTTP(w, r)
	})
	srv := httptest.NewTLSServer(api)
	defer srv.Close()
	c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, srv.Client().Transport })
	if _, err := list(t.Context(), c, target, 100); err != nil {
		t.Errorf("on the same host: %v", err)
	}
	api.onlyDigest(t)
	api.Handler = http.RedirectHandler(evil.URL, http.StatusFound)
	_, err := list(t.Context(), c, target, 100)
	failure(t, err, restore.FailedInvalidResponse, "refused a redirect")
	if len(elsewhere.asked) != 0 {
		t.Errorf("asked elsewhere: %v", elsewhere.asked[0].Header)
	}
}

// The next link names a page. Where its host is does not matter, because it is never asked.
func TestNextLinkLeadsNowhereElse(t *testing.T) {
	for _, next := range []string{
		"https://evil.test/steal?pageNum=2", "//evil.test/?pageNum=2", "http://atlas.test/?pageNum=2", "https://user:pw@evil.test/x?pageNum=2",
		"file:///etc/passwd?pageNum=2", "?pageNum=2", "https://evil.test/../../api/oauth/token?pageNum=2",
	} {
		pages := 0
		g := &guard{}
		w := &witness{Handler: g}
		g.next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if pages++; pages == 1 {
				serve(pageJSON(next, jobJSON(id(1), "FINISHED"))).ServeHTTP(w, r)
				return
			}
			serve(pageJSON("", jobJSON(id(2), "FINISHED"))).ServeHTTP(w, r)
		})
		got, err := list(t.Context(), newClient(t, w), target, 100)
		if err != nil || ids(got) != "0001 | 0002" {
			t.Errorf("%s: %s, %v", next, ids(got), err)
		}
		for _, r := range w.asked {
			if r.URL.Host != "atlas.test" || r.URL.Path != listPath || r.URL.User != nil {
				t.Errorf("%s: asked %s", next, r.URL)
			}
		}
		w.onlyDigest(t)
	}
}

// Plain HTTP is for loopback alone; and what only looks like it is not.
func TestPlainHTTPOnLoopbackOnly(t *testing.T) {
	for _, base := range []string{
		"http://cloud.mongodb.com", "http://localhost.evil.test", "http://localhost.", "http://127.0.0.1.evil.test", "http://127.1",
		"http://0x7f.1", "http://2130706433", "http://0.0.0.0", "http://10.0.0.1", "http://[::]", "http://[fe80::1]", "http://[::1%25eth0].evil.test",
		"http://127.0.0.1@evil.test", "HTTP://evil.test", "http://\u0440localhost", "//cloud.mongodb.com", "https://u:p@cloud.mongodb.com",
	} {
		if c, err := New(Options{BaseURL: base, Keys: StaticKey(publicKey, private)}); err == nil {
			t.Errorf("%s: taken as %s", base, c)
		}
	}
	for _, base := range []string{"http://localhost:1", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1", "https://cloud.mongodb.com"} {
		if _, err := New(Options{BaseURL: base, Keys: StaticKey(publicKey, private)}); err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

// A proxy in between is asked for a tunnel to the API and gets no credential of the API's, whatever it answers.
func TestProxyGetsNoCredentials(t *testing.T) {
	for name, answer := range map[string]string{
		"407":            "HTTP/1.1 407 CANARY\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
		"407 digest":     "HTTP/1.1 407 CANARY\r\nProxy-Authenticate: Digest realm=\"MMS Public API\", nonce=\"n\", qop=\"auth\"\r\n\r\n",
		"a redirect":     "HTTP/1.1 302 CANARY\r\nLocation: https://evil.test/\r\n\r\n",
		"garbage":        "CANARY\r\n\r\n",
		"no TLS":         "HTTP/1.1 200 OK\r\n\r\nCANARY is no TLS record at all",
		"endless header": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("CANARY", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits between its tries
			var mu sync.Mutex
			var sent strings.Builder
			proxy := listen(t, func(c net.Conn) {
				b := make([]byte, 4096)
				n, _ := c.Read(b)
				mu.Lock()
				sent.Write(b[:n])
				mu.Unlock()
				_, _ = io.WriteString(c, answer) // the client may be gone
			})
			c := newClient(t, nil, func(o *Options) {
				transport := Transport()
				transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
				o.Base = transport
			})
			_, err := list(t.Context(), c, target, 100)
			e := failure(t, err, restore.FailedUnavailable)
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(e.Error(), "CANARY") || c.Requests() > maxTries {
				t.Errorf("%d requests: %v", c.Requests(), e)
			}
			if text := sent.String(); !strings.HasPrefix(text, "CONNECT atlas.test:443") || strings.Contains(text, "uthorization") ||
				strings.Contains(text, publicKey) {
				t.Errorf("the proxy got %q", text)
			}
		})
	}
}

// listen answers each connection by serve, and ends it then.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { defer c.Close(); serve(c) })
		}
	})
	return l.Addr().String()
}
