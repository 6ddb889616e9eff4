package atlas

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"restorewatch/internal/restore"
)

func TestRefusals(t *testing.T) {
	const address = "203.0.113.9"
	notListed := "IP address " + address + " is not allowed to access this resource."
	for name, tt := range map[string]struct {
		status     int
		code       string
		detail     string
		parameters []any
		kind       restore.FailureKind
		words      []string
		hint       string
	}{
		"wrong key":            {401, "UNEXPECTED_ERROR", "You are not authorized for this resource.", nil, restore.FailedCredentials, []string{"401 UNEXPECTED_ERROR", "not authorized"}, "both halves"},
		"no user":              {401, "NO_CURRENT_USER", "No current user.", nil, restore.FailedCredentials, []string{"NO_CURRENT_USER"}, "both halves"},
		"no role":              {401, "USER_UNAUTHORIZED", "Current user is not authorized.", nil, restore.FailedForbidden, []string{"USER_UNAUTHORIZED"}, "Project Read Only in project " + project},
		"not in the project":   {401, "NOT_IN_GROUP", "The user is not in the group, or the group does not exist.", nil, restore.FailedForbidden, []string{"NOT_IN_GROUP", "not in the group"}, "check the project id"},
		"bill":                 {402, "ACCOUNT_SUSPENDED", "Suspended.", nil, restore.FailedForbidden, []string{"402 ACCOUNT_SUSPENDED"}, "unpaid bill"},
		"payment":              {402, "OTHER", "", nil, restore.FailedForbidden, []string{"402 OTHER", "Payment Required"}, "Project Read Only"},
		"address":              {403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", notListed, []any{address}, restore.FailedAccessList, []string{"403 IP_ADDRESS_NOT_ON_ACCESS_LIST", address}, "Add " + address},
		"address in the words": {403, "IP_ADDRESS_NOT_ON_WHITELIST", notListed, nil, restore.FailedAccessList, []string{address}, "Add " + address},
		"address in brackets":  {403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "The address [2001:db8::1] is refused.", []any{nil}, restore.FailedAccessList, []string{"2001:db8::1"}, "Add 2001:db8::1 "},
		"address, no words":    {403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "", []any{address}, restore.FailedAccessList, []string{"seen from " + address}, "Add " + address},
		"list without address": {403, "ORG_REQUIRES_ACCESS_LIST", "This organization requires access through an access list.", []any{7}, restore.FailedAccessList, []string{"ORG_REQUIRES"}, "Add the address that"},
		"old name":             {403, "ORG_REQUIRES_WHITELIST", "", nil, restore.FailedAccessList, nil, "NAT gateway"},
		"plan":                 {403, "FEATURE_UNSUPPORTED", "Not in this plan.", nil, restore.FailedForbidden, []string{"FEATURE_UNSUPPORTED"}, "Project Read Only"},
		"project":              {404, "GROUP_NOT_FOUND", "No group with ID x exists.", nil, restore.FailedNotFound, []string{"404 GROUP_NOT_FOUND", "No group with ID x"}, "Check the project id in WATCH"},
		"404 of one code":      {404, "UNEXPECTED_ERROR", "", nil, restore.FailedNotFound, []string{"404"}, "WATCH"},
		"flex":                 {400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", "Flex.", nil, restore.FailedConfig, []string{"400"}, "source flex"},
		"bad request":          {400, "INVALID_QUERY_PARAMETER", "", nil, restore.FailedConfig, nil, "source fits the cluster"},
		"no such version":      {406, "", "", nil, restore.FailedConfig, []string{"406 Not Acceptable"}, "LEGACY_API"},
		"version gone":         {410, "VERSION_GONE", "Gone.", nil, restore.FailedConfig, []string{"410 VERSION_GONE"}, "LEGACY_API"},
		"time":                 {408, "", "", nil, restore.FailedUnavailable, nil, "next run"},
		"limit":                {429, "RATE_LIMITED", "Resource x is limited.", nil, restore.FailedRateLimited, []string{"429 RATE_LIMITED", "limited"}, "run less often"},
		"500":                  {500, "UNEXPECTED_ERROR", "Oops.", nil, restore.FailedUnavailable, []string{"500 UNEXPECTED_ERROR", "Oops."}, "status page"},
		"503":                  {503, "SERVICE_UNAVAILABLE", "", nil, restore.FailedUnavailable, []string{"503"}, "status page"},
		"204":                  {204, "", "", nil, restore.FailedInvalidResponse, []string{"204"}, "ATLAS_BASE_URL"},
		"304":                  {304, "", "", nil, restore.FailedInvalidResponse, []string{"304"}, "ATLAS_BASE_URL"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // some are tried again
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					refuse(w, tt.status, tt.code, tt.detail, tt.parameters...)
				})
				_, err := list(t.Context(), newClient(t, h), target, 100)
				e := failure(t, err, tt.kind, append(tt.words, "GET "+listPath)...)
				if !strings.Contains(e.Hint(), tt.hint) {
					t.Errorf("hint %q does not say %q", e.Hint(), tt.hint)
				}
				if e.Status != tt.status || e.Code != tt.code {
					t.Errorf("status %d, code %q", e.Status, e.Code)
				}
			})
		})
	}
}

// Not every answer is the API's.
func TestForeignAnswers(t *testing.T) {
	const html = "<html>\n<head>\x1b[31m<title>Login</title> <a href=\"https://CANARY-url/x\">here</a>"
	for name, tt := range map[string]struct {
		status      int
		contentType string
		body        string
		kind        restore.FailureKind
		words       []string
	}{
		"page of a proxy": {403, "text/html; charset=utf-8", html, restore.FailedForbidden, []string{"403 Forbidden", "text/html", "<title>Login</title>"}},
		"html as a page":  {200, "text/html", html, restore.FailedInvalidResponse, []string{"text/html instead of the API's JSON", "Login"}},
		"plain":           {502, "text/plain", "Bad gateway", restore.FailedUnavailable, []string{"502", `"Bad gateway"`}},
		"nothing":         {500, "", "", restore.FailedUnavailable, []string{"500 Internal Server Error", "empty answer"}},
		"empty page":      {200, "application/json", " \n", restore.FailedInvalidResponse, []string{"empty answer"}},
		"other json":      {404, "application/json", `{"message":"https://CANARY-url/"}`, restore.FailedNotFound, []string{"404 Not Found", "not in the API's form"}},
		"json, cut off":   {404, "application/json", `{"errorCode":"CLUSTER_NOT`, restore.FailedNotFound, []string{"not in the API's form"}},
		"types mixed up":  {404, "application/json", `{"errorCode":"CLUSTER_NOT_FOUND","detail":7,"parameters":"x"}`, restore.FailedNotFound, []string{"404 CLUSTER_NOT_FOUND"}},
		"error with 200":  {200, "application/json", `{"error":500,"errorCode":"UNEXPECTED_ERROR","detail":"Oops"}`, restore.FailedInvalidResponse, []string{"results is missing", "UNEXPECTED_ERROR Oops"}},
		"an array":        {200, "application/json", `[]`, restore.FailedInvalidResponse, []string{"the answer is an array"}},
		"a string":        {200, "application/json", `"https://CANARY-url/"`, restore.FailedInvalidResponse, []string{"not in the API's form"}},
		"null results":    {200, "application/json", `{"results":null}`, restore.FailedInvalidResponse, []string{"results is null"}},
		"object results":  {200, "application/json", `{"results":{"url":"https://CANARY-url/"}}`, restore.FailedInvalidResponse, []string{"results is an object"}},
		"truncated":       {200, "application/json", pageJSON("", jobJSON(id(1), "FINISHED"))[:400], restore.FailedInvalidResponse, []string{"cut off after 400 bytes"}},
		"broken":          {200, "application/json", `{"results":[CANARY-url`, restore.FailedInvalidResponse, []string{"not JSON from byte 13"}},
		"deep":            {200, "application/json", `{"results":` + strings.Repeat("[", 20000), restore.FailedInvalidResponse, []string{"not JSON"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", tt.contentType)
					w.WriteHeader(tt.status)
					_, _ = io.WriteString(w, tt.body)
				})
				_, err := list(t.Context(), newClient(t, h), target, 100)
				e := failure(t, err, tt.kind, tt.words...)
				if strings.ContainsAny(e.Error(), "\x1b\n") || strings.Contains(e.Error(), "CANARY") || len(e.Error()) > 600 {
					t.Errorf("not fit to be shown: %q", e)
				}
			})
		})
	}
}

func TestCodeFromHeader(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Error-Code", "IP_ADDRESS_NOT_ON_ACCESS_LIST")
		w.WriteHeader(403)
	})
	_, err := list(t.Context(), newClient(t, h), target, 100)
	failure(t, err, restore.FailedAccessList, "403 IP_ADDRESS_NOT_ON_ACCESS_LIST")
}

func TestErrorTextIsBounded(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, 404, strings.Repeat("C", 9000), strings.Repeat("d\n\x1b[1m ü", 9000))
	})
	_, err := list(t.Context(), newClient(t, h), target, 100)
	e := failure(t, err, restore.FailedNotFound)
	if len(e.Error()) > 1200 || strings.ContainsAny(e.Error(), "\n\x1b") {
		t.Errorf("%d bytes: %q", len(e.Error()), e)
	}
}

func TestNetworkErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("proxy https://user:CANARY-password@proxy.test: %w", cause)
			})
		})
		_, err := list(t.Context(), c, target, 100)
		e := failure(t, err, restore.FailedUnavailable, "connection refused", "GET "+listPath)
		if !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(e.Error(), "CANARY") {
			t.Errorf("got %v", err)
		}
		if _, ok := errors.AsType[*url.Error](err); ok || c.Requests() != maxTries {
			t.Errorf("%d requests, %#v", c.Requests(), err)
		}
	})
}

func TestRedirects(t *testing.T) {
	for name, tt := range map[string]struct {
		to   func(self string) string
		word string // "" means that it works
		asks int
	}{
		"same host":    {func(self string) string { return "/moved?" }, "", 2},
		"another host": {func(string) string { return "https://CANARY-path.test/secret" }, "refused a redirect to another host", 1},
		"plain http":   {func(self string) string { return strings.Replace(self, "https", "http", 1) }, "refused a redirect to another host or scheme (http", 1},
		"another port": {func(string) string { return "https://127.0.0.1:1/" }, "refused a redirect", 1},
		"for ever":     {func(string) string { return "/again" }, "gave up after 3 redirects", 4},
	} {
		t.Run(name, func(t *testing.T) {
			asks := 0
			var srv *httptest.Server
			srv = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asks++
				if r.URL.Path == "/moved" {
					_, _ = io.WriteString(w, pageJSON(""))
					return
				}
				http.Redirect(w, r, tt.to(srv.URL), http.StatusFound)
			}))
			defer srv.Close()
			c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, srv.Client().Transport })
			_, err := list(t.Context(), c, target, 100)
			if tt.word == "" && err != nil {
				t.Error(err)
			}
			if tt.word != "" {
				e := failure(t, err, restore.FailedInvalidResponse, tt.word)
				if strings.Contains(e.Error(), "/secret") {
					t.Errorf("error %q shows where the redirect led", e)
				}
			}
			if asks != tt.asks || c.Requests() != int64(asks) {
				t.Errorf("%d requests, counted %d, want %d", asks, c.Requests(), tt.asks)
			}
		})
	}
}

func TestUntrustedCertificateIsNotTriedAgain(t *testing.T) {
	srv := httptest.NewUnstartedServer(serve("{}"))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	srv.StartTLS()
	defer srv.Close()
	c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, nil })
	_, err := list(t.Context(), c, target, 100)
	failure(t, err, restore.FailedUnavailable, "certificate")
	if c.Requests() != 1 {
		t.Errorf("%d requests", c.Requests())
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                               "",
		" a\r\n\tb  c ":                  "a b c",
		"\x1b[31mred\u202e\u0085":        "[31mred",
		"see https://h/p?q=1 now":        "see [URL] now",
		`<a href="HTTPS://h/p">x</a>`:    `<a href="[URL]">x</a>`,
		"x=mongodb+srv://u:p@h,https://": "x=[URL]",
		"://":                            "[URL]",
		"0123456789012345678901234567":   "0123456789012345678901234…",
		"ääääääääääääääääääääääääääääää": "äääääääääääääääääääääääää…",
		"\xff\xfe": "\ufffd\ufffd",
	} {
		if got := clean(in, 25); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestHintsOfNetworkTrouble(t *testing.T) {
	e := call{target: target, url: &url.URL{Path: "/"}}.fail(io.ErrUnexpectedEOF)
	if !strings.Contains(e.Hint(), "NAT gateway") {
		t.Errorf("hint %q", e.Hint())
	}
}
