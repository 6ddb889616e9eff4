package atlassim_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

const tokenPath = "/api/oauth/token"

// ask sends a request for a token.
func ask(t *testing.T, sim *atlassim.Server, change func(*http.Request)) (*http.Response, []byte) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, host+tokenPath, strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(atlassim.DefaultClientID, atlassim.DefaultClientSecret)
	change(r)
	resp, err := sim.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

// A grant is the answer to a request for a token.
type grant struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

func asked(*http.Request) {}

func mint(t *testing.T, sim *atlassim.Server) string {
	t.Helper()
	resp, b := ask(t, sim, asked)
	if resp.StatusCode != 200 {
		t.Fatalf("no token: %s %s", resp.Status, b)
	}
	return decode[grant](t, b).AccessToken
}

func TestToken(t *testing.T) {
	sim := simulate(1)
	sim.Secret = "c4n4ry"
	resp, b := ask(t, sim, asked)
	g := decode[grant](t, b)
	if g.ExpiresIn != 3600 || g.TokenType != "Bearer" || !strings.HasPrefix(g.AccessToken, "c4n4ry-token-") {
		t.Errorf("%s %s", resp.Status, b)
	}
	if h := resp.Header; h.Get("Cache-Control") != "no-store" || h.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", h)
	}
	c := call(t, sim)
	c.bearer = g.AccessToken
	for uri, accept := range map[string]string{cloudJobs: v2, flexJobs: v2Flex, jobs: "", inV2 + "/clusters": v2Cluster} {
		if got := c.refusal(accept, uri); got != "200" {
			t.Errorf("%s by token: %s", uri, got)
		}
	}
	if sim.TokenRequests() != 1 || sim.Count(401) != 0 {
		t.Errorf("%d requests for tokens, %d challenges", sim.TokenRequests(), sim.Count(401))
	}
}

func TestTokenRefusals(t *testing.T) {
	body := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s)) }
	}
	tests := map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"wrong secret":     {func(r *http.Request) { r.SetBasicAuth(atlassim.DefaultClientID, "wrong") }, "401 invalid_client"},
		"wrong client":     {func(r *http.Request) { r.SetBasicAuth("nobody", "") }, "401 invalid_client"},
		"no credentials":   {func(r *http.Request) { r.Header.Del("Authorization") }, "401 invalid_client"},
		"not form encoded": {func(r *http.Request) { r.SetBasicAuth("%zz", "x") }, "401 invalid_client"},
		"in the body": {func(r *http.Request) {
			r.Header.Del("Authorization")
			body("grant_type=client_credentials&client_id=" + atlassim.DefaultClientID + "&client_secret=" + atlassim.DefaultClientSecret)(r)
		}, "401 invalid_client"},
		"no grant":           {body(""), "400 invalid_request"},
		"another grant":      {body("grant_type=password"), "400 unsupported_grant_type"},
		"JSON":               {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, "400 invalid_request"},
		"by GET":             {func(r *http.Request) { r.Method = http.MethodGet }, "405 405"},
		"grant in the query": {func(r *http.Request) { r.URL.RawQuery = "grant_type=client_credentials"; body("")(r) }, "400 invalid_request"},
		"too long":           {body("grant_type=client_credentials&x=" + strings.Repeat("x", 1<<20)), "400 invalid_request"},
	}
	for name, tt := range tests {
		resp, b := ask(t, simulate(1), tt.change)
		got := fmt.Sprint(resp.StatusCode, " ", decode[fields](t, b)["error"])
		if got != tt.want {
			t.Errorf("%s: %s, want %s: %s", name, got, tt.want, b)
		}
		if resp.StatusCode == 401 && (resp.Header.Get("WWW-Authenticate") != "Basic" || decode[fields](t, b)["error_description"] != "Invalid credentials provided.") {
			t.Errorf("%s: form: %v %s", name, resp.Header, b)
		}
	}
}

// A client encodes its id and secret as in a form before it encodes them for Basic (RFC 6749 section 2.3.1).
func TestTokenCredentialsAreFormEncoded(t *testing.T) {
	sim := simulate(1)
	sim.Clients = map[string]string{"a b": "p+q%"}
	resp, b := ask(t, sim, func(r *http.Request) { r.SetBasicAuth(url.QueryEscape("a b"), url.QueryEscape("p+q%")) })
	if resp.StatusCode != 200 {
		t.Errorf("%s %s", resp.Status, b)
	}
}

func TestTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.TokenLife = 10 * time.Minute
		c := call(t, sim)
		c.bearer = mint(t, sim)
		time.Sleep(10*time.Minute - time.Second)
		if got := c.refusal("", jobs); got != "200" {
			t.Errorf("at the end of its life: %s", got)
		}
		time.Sleep(time.Second)
		resp, err := c.try(jobs)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` {
			t.Errorf("after its life: %s %v", resp.Status, resp.Header)
		}
	})
}

func TestTokensAreRevoked(t *testing.T) {
	sim := simulate(1)
	c := call(t, sim)
	all := func() { sim.RevokeTokens() }
	one := func() {
		ask(t, sim, func(r *http.Request) {
			r.URL.Path = "/api/oauth/revoke"
			form := "token=" + c.bearer
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
		})
	}
	withdraw := func() { sim.Configure(func(s *atlassim.Server) { s.Clients = map[string]string{} }) }
	for name, revoke := range map[string]func(){"all": all, "one": one} {
		c.bearer = mint(t, sim)
		revoke()
		if got := c.refusal("", jobs); got != "401 UNEXPECTED_ERROR" {
			t.Errorf("%s revoked: %s", name, got)
		}
	}
	c.bearer = mint(t, sim)
	withdraw()
	if got := c.refusal("", jobs); got != "401 UNEXPECTED_ERROR" {
		t.Errorf("of a client that was withdrawn: %s", got)
	}
	if sim.TokenRequests() != 3 {
		t.Errorf("%d requests for tokens, want 3", sim.TokenRequests())
	}
}

func TestTooManyTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.Clients = map[string]string{atlassim.DefaultClientID: atlassim.DefaultClientSecret, "other": "o"}
		for range atlassim.MaxTokens {
			mint(t, sim)
		}
		resp, b := ask(t, sim, asked)
		if resp.StatusCode != 403 || decode[fields](t, b)["error"] != "access_denied" {
			t.Errorf("%s %s", resp.Status, b)
		}
		if resp, _ := ask(t, sim, func(r *http.Request) { r.SetBasicAuth("other", "o") }); resp.StatusCode != 200 {
			t.Errorf("another service account: %s", resp.Status)
		}
		time.Sleep(atlassim.DefaultTokenLife)
		mint(t, sim)
	})
}

// The limit of the token endpoint is told in the form of the API, not in that of OAuth.
func TestTokenRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.LimitRate = true
		for range 50 {
			mint(t, sim)
		}
		resp, b := ask(t, sim, asked)
		e := decode[apiError](t, b)
		if resp.StatusCode != 429 || e.ErrorCode != "RATE_LIMITED" || e.Detail != "Resource /api/oauth/token is limited to 50 requests every 1 minutes." ||
			!slices.Equal(e.Parameters, []any{"/api/oauth/token", 50.0, 1.0}) {
			t.Errorf("%s %s", resp.Status, b)
		}
		time.Sleep(time.Minute)
		mint(t, sim)
	})
}

// A token can be had from anywhere; using it is another matter.
func TestTokenAndAccessList(t *testing.T) {
	sim := simulate(1)
	sim.AccessList = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	sim.Access = map[string][]string{atlassim.DefaultClientID: {"other"}}
	c := call(t, sim)
	c.bearer = mint(t, sim)
	if got := c.refusal(v2, cloudJobs); got != "403 IP_ADDRESS_NOT_ON_ACCESS_LIST" {
		t.Errorf("from an address that is not on the list: %s", got)
	}
	sim.Configure(func(s *atlassim.Server) { s.AccessList = nil })
	if got := c.refusal(v2, cloudJobs); got != "401 NOT_IN_GROUP" {
		t.Errorf("a project that is not the service account's: %s", got)
	}
}

func TestFaultsOfTokens(t *testing.T) {
	sim := simulate(1)
	sim.FailNext(1, atlassim.Status(500))
	sim.FailTokens(1, atlassim.Status(503))
	if resp, _ := ask(t, sim, asked); resp.StatusCode != 503 {
		t.Errorf("the first request for a token: %s", resp.Status)
	}
	c := call(t, sim)
	c.bearer = mint(t, sim)
	if got := c.refusal("", jobs); got != "500 UNEXPECTED_ERROR" {
		t.Errorf("the first request with a token: %s", got)
	}
	if got := c.refusal("", jobs); got != "200" {
		t.Errorf("the second: %s", got)
	}
}

// The requests that the documents show for service accounts, by the real program.
func TestCurlWithAToken(t *testing.T) {
	sim := simulate(2)
	base := serve(t, sim)
	account := atlassim.DefaultClientID + ":" + atlassim.DefaultClientSecret
	token := func(user string) string {
		return curl(t, "--user", user, "--header", "Accept: application/json", "--data", "grant_type=client_credentials",
			"--request", "POST", "--write-out", "\n%{http_code}", base+tokenPath)
	}
	body, status, _ := strings.Cut(token(account), "\n")
	if status != "200" {
		t.Fatalf("curl gets %s %s", status, body)
	}
	list := func() string {
		return curl(t, "--oauth2-bearer", decode[grant](t, []byte(body)).AccessToken, "--header", "Accept: "+v2,
			"--write-out", "\n%{http_code}", base+cloudJobs)
	}
	if out, status, _ := strings.Cut(list(), "\n"); status != "200" || len(decode[listing](t, []byte(out)).Results) != 2 {
		t.Errorf("with the token curl gets %s %s", status, out)
	}
	sim.RevokeTokens()
	if out := list(); !strings.HasSuffix(out, "\n401") {
		t.Errorf("with the token revoked curl gets %s", out)
	}
	const refused = `{"error":"invalid_client","error_description":"Invalid credentials provided."}`
	if out := token(atlassim.DefaultClientID + ":wrong"); out != refused+"\n401" {
		t.Errorf("with a wrong secret curl gets %s", out)
	}
	if want := []int{200, 200, 401, 401}; !slices.Equal(statuses(sim), want) {
		t.Errorf("statuses %v, want %v", statuses(sim), want)
	}
}
