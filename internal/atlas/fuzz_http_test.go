package atlas

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"restorewatch/internal/restore"
)

// FuzzChallenge answers challenges as a hostile or broken server writes them, the first to an unsigned request and the
// second to the first answer. Only Digest is ever answered, with the arithmetic of RFC 7616 and without the key, in a
// header that can be sent, and a bounded number of times.
func FuzzChallenge(f *testing.F) {
	const atlas = `Digest realm="MMS Public API", domain="", nonce="n1", algorithm=MD5, qop="auth", stale=false`
	for _, c := range []string{
		`Digest realm="MMS Public API", domain="", nonce="n2", algorithm=MD5, qop="auth", stale=true`,
		`Basic realm="x"`, `Bearer error="invalid_token"`, `Digest`, `Digest nonce=`, `Digest nonce=""`, `digest nonce=a`,
		`Digest nonce="a",qop="auth-int, auth",algorithm=SHA-512-256,userhash=true,charset=UTF-8`,
		`Digest nonce="a",algorithm=SHA-256-sess`, `Digest nonce="a\"b\\",opaque="\x7f",realm="ü"`, `Digest nonce="a`,
		`Basic realm="x", Digest nonce="a"`, `Digest nonce="a", nonce="b", qop=auth`, `Digest nonce="a"; qop=auth`,
	} {
		f.Add(atlas, c)
		f.Add(c, atlas)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		signed := 0
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(req *http.Request) (*http.Response, error) {
				res := answer(http.StatusUnauthorized, `{"errorCode":"UNEXPECTED_ERROR"}`)
				switch shown := req.Header.Get("Authorization"); {
				case shown == "":
					res.Header["Www-Authenticate"] = []string{first}
				case signed == 0:
					checkAnswer(t, shown, req)
					res.Header["Www-Authenticate"] = []string{second, first}
					signed++
				default:
					checkAnswer(t, shown, req)
					signed++
					return answer(http.StatusOK, pageJSON("")), nil
				}
				return res, nil
			})
		})
		_, err := list(t.Context(), c, target, 100)
		if err != nil {
			uncanny(t, err)
			checkText(t, err.Error(), 1500)
		}
		if c.Requests() > 4 || signed > 3 {
			t.Errorf("%d requests, %d of them signed", c.Requests(), signed)
		}
	})
}

// checkAnswer wants a header that answers a Digest challenge, and can be sent.
func checkAnswer(t *testing.T, header string, req *http.Request) {
	t.Helper()
	if !strings.HasPrefix(header, "Digest ") || strings.Contains(header, "CANARY") || len(header) > 64<<10 {
		t.Errorf("answered by %.300q", header)
	}
	if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		t.Errorf("a header that cannot be sent: %q", header)
	}
	if strings.Contains(header, `\`) {
		return // the expression below knows no escapes
	}
	p := map[string]string{}
	for _, m := range authParams.FindAllStringSubmatch(header, -1) {
		p[m[1]] = m[2] + m[3]
	}
	if p["uri"] != req.URL.RequestURI() || p["nonce"] == "" || p["response"] != responseTo(p, req) {
		t.Errorf("a wrong answer, want the response %s: %s", responseTo(p, req), header)
	}
}

// responseTo computes the response of RFC 7616, 3.4.1.
func responseTo(p map[string]string, req *http.Request) string {
	made := map[string]func() hash.Hash{"SHA-256": sha256.New, "SHA-512": sha512.New, "SHA-512-256": sha512.New512_256}
	h := func(parts ...string) string {
		sum := md5.New
		if other := made[strings.ToUpper(p["algorithm"])]; other != nil {
			sum = other
		}
		s := sum()
		_, _ = s.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(s.Sum(nil))
	}
	ha1, a2 := h(publicKey, p["realm"], private), []string{req.Method, p["uri"]}
	if p["qop"] == "" {
		return h(ha1, p["nonce"], h(a2...))
	}
	if p["qop"] == "auth-int" {
		a2 = append(a2, h(""))
	}
	return h(ha1, p["nonce"], p["nc"], p["cnonce"], p["qop"], h(a2...))
}

// FuzzHeaders reads the headers of an answer that tell times: no wait is longer than a day, no gate is shut for longer
// than ten minutes, no date is one that cannot be written, and a deprecation is told once.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "0", "7", "-5", "9223372036854775808", "1e9", "Mon, 5 Aug 2024 00:00:00 GMT", "@1688169599", "@0x1p60",
		"Monday, 05-Aug-24 00:00:00 XYZ", "Mon Aug  5 00:00:00 2024", "true", "Thu, 01 Jan 0000 00:00:00 GMT", " 60 ", "12:00"} {
		f.Add(s, s, s, "0", 429)
		f.Add("1", s, "@1688169599", s, 200)
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after, deprecation, sunset, remaining string, status int) {
		h := http.Header{"Retry-After": {after}, "Deprecation": {deprecation}, "Sunset": {sunset}, "Date": {after},
			"Ratelimit-Remaining": {remaining}}
		if d := retryAfter(h, now); d < 0 || d > 24*time.Hour {
			t.Errorf("Retry-After %q is %v", after, d)
		}
		var g gatekeeper
		g.note("bucket", &http.Response{StatusCode: status, Header: h}, now)
		if left := g.shut("bucket", now); left < 0 || left > longestShut {
			t.Errorf("shut for %v by %q, %q", left, after, remaining)
		}
		for _, s := range []string{deprecation, sunset} {
			if at := headerDate(s); !at.IsZero() && (at.Location() != time.UTC || at.Year() < 0 || at.Year() > 9999) {
				t.Errorf("%q is %v", s, at)
			}
		}
		checkNotices(t, h)
		var s skew
		s.take(h, now)
	})
}

func checkNotices(t *testing.T, h http.Header) {
	t.Helper()
	var n notices
	what := call{target: target, verb: listing, url: &url.URL{Path: listPath}}
	n.take(what, h)
	n.take(what, h)
	told := n.drain()
	if said := h.Get("Deprecation")+h.Get("Sunset") != ""; len(told) > 1 || said != (len(told) == 1) {
		t.Errorf("told %d times: %v", len(told), told)
	}
	for _, d := range told {
		checkText(t, d.String(), 300)
	}
}

// kinds are the failures that an answer can be.
var kinds = []restore.FailureKind{
	restore.FailedCredentials, restore.FailedAccessList, restore.FailedForbidden, restore.FailedNotFound, restore.FailedRateLimited,
	restore.FailedUnavailable, restore.FailedInvalidResponse, restore.FailedConfig,
}

// FuzzRefusal reads answers that are not 200: in the API's form with an address within its words, and in any other. What
// is told of them is one bounded line that people can read, without the address, and says what to do.
func FuzzRefusal(f *testing.F) {
	f.Add(404, "CLUSTER_NOT_FOUND", "No cluster named ", " exists.", "")
	f.Add(403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "IP address 203.0.113.9 ", "[2001:db8::1]", "")
	f.Add(429, "RATE_LIMITED", "\x1b[31m\u202e", "\n", "<html>\n<a href=\"https://elsewhere.test/?x\">")
	f.Add(500, "", "ftp", "\xff", `{"errorCode":7,"detail":["x"],"parameters":"y"}`)
	f.Add(401, "NOT_IN_GROUP", "x:", "://", `"a string"`)
	f.Fuzz(func(t *testing.T, status int, code, before, after, body string) {
		if status < 300 || status > 599 || strings.Contains(before+after+code+body, "CANARY") {
			return
		}
		if body == "" {
			said, _ := json.Marshal(refusal{Code: code, Detail: before + "https://CANARY-url/CANARY-path" + after, Reason: before,
				Parameters: []any{after, before}})
			body = string(said)
		}
		res := answer(status, "")
		res.Header.Set("X-Error-Code", code)
		res.Header.Set("Content-Type", before)
		res.Header.Set("Www-Authenticate", after)
		res.Body = &buffered{bytes: []byte(body)}
		e := call{target: target, verb: listing, api: &legacyV1, url: &url.URL{Path: listPath}}.fail(refused(res))
		uncanny(t, e)
		checkText(t, e.Error(), 1500)
		checkText(t, e.Hint(), 1500)
		if !slices.Contains(kinds, e.FailureKind()) {
			t.Errorf("status %d, code %q is of kind %q", status, code, e.FailureKind())
		}
	})
}

// FuzzTokenEndpoint reads what the token endpoint answers, which may repeat what it was sent, as it came or unpacked:
// either there is a token that fits a header, or an error without the secret.
func FuzzTokenEndpoint(f *testing.F) {
	for _, body := range []string{`{"access_token":"x","expires_in":"60","token_type":"bearer"}`, `{"error":429,"errorCode":"X","detail":"d"}`,
		`{"error":"access_denied","error_description":"limit"}`, `access_token=x&expires_in=60`, `{"access_token":"a\nb","expires_in":-1}`, ``,
		`{"error":"{secret}","error_description":"you sent {basic}"}`, `{"errorCode":"{secret}","detail":"x{basic}y{secret}"}`,
		`{"access_token":"{secret}","token_type":"{basic}"}`, `{"access_token":"x","expires_in":1e300}`,
	} {
		f.Add(200, "application/json", body)
		f.Add(401, "text/plain", body)
		f.Add(503, "application/x-www-form-urlencoded", body)
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(clientID) + ":" + url.QueryEscape(clientSecret)))
	sent := strings.NewReplacer("{secret}", clientSecret, "{basic}", basic)
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 200 || status > 599 || strings.Contains(body, "CANARY") {
			return
		}
		wire := &bound{timeout: time.Minute, next: roundTrip(func(*http.Request) (*http.Response, error) {
			res := answer(status, sent.Replace(body))
			res.Header.Set("Content-Type", contentType)
			return res, nil
		})}
		b := newBearer(nil, wire, newClient(t, nil).base)
		held, err := b.token(t.Context(), client(clientSecret), nil)
		switch {
		case (held == nil) == (err == nil):
			t.Fatalf("token %v, error %v", held, err)
		case err == nil && (held.text == "" || len(held.text) > maxToken):
			t.Errorf("a token of %d bytes", len(held.text))
		case err != nil:
			uncanny(t, err)
			checkText(t, call{target: target, verb: listing, url: &url.URL{Path: listPath}}.fail(err).Error(), 1500)
			if e := err.(*Error); strings.Contains(fmt.Sprintf("%v %+v", e, *e), basic) {
				t.Errorf("leaks what was sent: %v", e)
			}
		}
	})
}

// FuzzBase reads addresses of the API: one that is taken is safe for a key, and nothing but a scheme and a host.
func FuzzBase(f *testing.F) {
	for _, s := range []string{"https://cloud.mongodb.com", "http://[::1]:80/", "http://localhost.evil.test", "https://u:CANARY@h", "https://%9b/x",
		"HTTPS://H", "http://127.0.0.1.evil.test", "https:h", "http://0x7f000001", "https://h#", "https://h?", "http://[::ffff:127.0.0.1%25en0]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseBase(s)
		if err != nil {
			checkText(t, err.Error(), 200+10*utf8.RuneCountInString(s))
			return
		}
		rest := *u
		rest.Scheme, rest.Host = "", ""
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) || u.Hostname() == "" || rest != (url.URL{}) {
			t.Errorf("%q was taken as %+v", s, u)
		}
	})
}

// FuzzCA reads files that should hold certificates. What is wrong with one is told without the file.
func FuzzCA(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nQ0FOQVJZ\n-----END PRIVATE KEY-----\n"))
	f.Add([]byte("\x1b[2J"))
	f.Fuzz(func(t *testing.T, pem []byte) {
		transport, err := Options{CA: CA{Name: "ca.pem", PEM: pem}}.transport()
		if len(pem) > 0 && (transport == nil) == (err == nil) {
			t.Errorf("transport %v, error %v", transport, err)
		}
		if err != nil {
			checkText(t, err.Error(), 500)
		}
	})
}

// FuzzRetries meets a run of answers with any status and Retry-After: at most four requests in four minutes, and an error
// that says something.
func FuzzRetries(f *testing.F) {
	f.Add(503, "7", 429, "")
	f.Add(429, "61", 200, "")
	f.Add(302, "Mon, 23 Nov 2026 09:00:00 GMT", 502, "-1")
	f.Fuzz(func(t *testing.T, first int, after string, second int, later string) {
		if first < 200 || first > 599 || second < 200 || second > 599 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			s := &script{answers: []attempt{status(first, after), status(second, later), page200}}
			c := newClient(t, nil, func(o *Options) { o.Base = s })
			start := time.Now()
			_, err := list(t.Context(), c, target, 100)
			if took := time.Since(start); c.Requests() > maxTries || took > time.Duration(maxTries)*maxPause {
				t.Errorf("%d requests in %v", c.Requests(), took)
			}
			if err != nil {
				checkText(t, err.Error(), 1500)
			}
		})
	})
}
