package atlassim_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/atlassim"
)

func TestChallengeHasTheFormOfTheAPI(t *testing.T) {
	resp, err := call(t, simulate(1)).try(jobs)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	form := regexp.MustCompile(`^Digest realm="MMS Public API", domain="", nonce="[^"]+", algorithm=MD5, qop="auth", stale=false$`)
	if got := resp.Header.Get("WWW-Authenticate"); !form.MatchString(got) {
		t.Errorf("challenge: %s", got)
	}
	if got := resp.Header.Get("X-Error-Code"); got != "UNEXPECTED_ERROR" {
		t.Errorf("X-Error-Code: %s", got)
	}
	body := make([]byte, 1024)
	n, _ := resp.Body.Read(body)
	const want = `{
  "error": 401,
  "reason": "Unauthorized",
  "detail": "You are not authorized for this resource.",
  "errorCode": "UNEXPECTED_ERROR"
}`
	if got := string(body[:n]); got != want {
		t.Errorf("body:\n%s", got)
	}
}

func TestNonceIsGoodForManyRequests(t *testing.T) {
	sim := simulate(1)
	c := call(t, sim)
	for range 5 {
		c.list(jobs)
	}
	if sim.Count(401) != 1 || sim.Count(200) != 5 {
		t.Errorf("%d challenges and %d answers, want 1 and 5", sim.Count(401), sim.Count(200))
	}
}

// status sends one request as c stands and says how it was taken.
func (c *caller) status() string {
	c.t.Helper()
	resp, err := c.try(jobs)
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
	switch challenge := resp.Header.Get("WWW-Authenticate"); {
	case strings.HasSuffix(challenge, "stale=true"):
		return "stale"
	case strings.HasSuffix(challenge, "stale=false"):
		return "refused"
	case resp.StatusCode == http.StatusOK:
		return "granted"
	}
	return resp.Status
}

func TestCountsMustGrow(t *testing.T) {
	c := call(t, simulate(1))
	c.list(jobs)
	steps := []struct {
		count int
		want  string
	}{
		{2, "granted"}, {2, "refused"}, {5, "granted"}, {4, "granted"}, {4, "refused"}, {1, "refused"},
		{80, "granted"}, {16, "refused"}, {17, "granted"}, {17, "refused"}, {0, "refused"},
	}
	for _, step := range steps {
		c.count = step.count - 1
		if got := c.status(); got != step.want {
			t.Errorf("count %d: %s, want %s", step.count, got, step.want)
		}
	}
}

// Requests sent at once overtake each other; each count is good once.
func TestConcurrentRequestsShareANonce(t *testing.T) {
	sim := simulate(1)
	c := callOver(t, sim)
	c.list(jobs)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			mine := *c
			mine.count += i
			if resp, err := mine.try(jobs); err != nil {
				t.Error(err)
			} else {
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
	if sim.Count(200) != 31 || sim.Count(401) != 1 {
		t.Errorf("%d answers and %d challenges, want 31 and 1", sim.Count(200), sim.Count(401))
	}
}

func TestNonceGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(1)
		sim.NonceLife = time.Hour
		c := call(t, sim)
		c.list(jobs)
		time.Sleep(time.Hour)
		if got := c.status(); got != "granted" {
			t.Errorf("at the end of its life: %s", got)
		}
		time.Sleep(time.Second)
		if got := c.status(); got != "stale" {
			t.Errorf("after its life: %s", got)
		}
		c.password = "wrong"
		if got := c.status(); got != "refused" {
			t.Errorf("after its life, with a wrong password: %s; stale would make the client try for ever", got)
		}
	})
}

func TestNonceIsUsedUp(t *testing.T) {
	sim := simulate(1)
	sim.NonceUses = 2
	c := call(t, sim)
	c.list(jobs)
	for _, want := range []string{"granted", "stale"} {
		if got := c.status(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	tests := map[string]func(*caller){
		"password":      func(c *caller) { c.password = "wrong" },
		"key":           func(c *caller) { c.key = "nobody" },
		"no such key":   func(c *caller) { c.key, c.password = "nobody", "" },
		"other letters": func(c *caller) { c.key = strings.ToUpper(c.key) },
	}
	for name, spoil := range tests {
		c := call(t, simulate(1))
		c.list(jobs)
		spoil(c)
		if got := c.status(); got != "refused" {
			t.Errorf("%s: %s, want refused", name, got)
		}
	}
	c := call(t, simulate(1))
	c.nonce = "mine"
	if got := c.status(); got != "stale" {
		t.Errorf("a nonce that was never issued: %s, want stale", got)
	}
}

func TestSpoiltAuthorization(t *testing.T) {
	c := call(t, simulate(1))
	c.list(jobs)
	swap := func(old, to string) func(string) string {
		return func(h string) string { return strings.Replace(h, old, to, 1) }
	}
	tests := map[string]struct {
		spoil func(string) string
		want  int
	}{
		"untouched":        {func(h string) string { return h }, 200},
		"qop quoted":       {swap(`qop=auth`, `qop="auth"`), 200},
		"no algorithm":     {swap(`algorithm=MD5, `, ``), 200},
		"other algorithm":  {swap(`algorithm=MD5`, `algorithm=SHA-256`), 401},
		"auth-int":         {swap(`qop=auth`, `qop=auth-int`), 401},
		"short count":      {swap(`nc=0000`, `nc=`), 401},
		"count not hex":    {swap(`nc=0000000`, `nc=xxxxxxx`), 401},
		"no cnonce":        {swap(`cnonce="0a4f113b"`, `cnonce=""`), 401},
		"other realm":      {swap(`realm="MMS Public API"`, `realm="elsewhere"`), 401},
		"half a header":    {func(h string) string { return h[:len(h)/2] }, 401},
		"scheme alone":     {func(string) string { return "Digest" }, 401},
		"response missing": {swap(`response=`, `reply=`), 401},
	}
	for name, tt := range tests {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, host+jobs, nil)
		c.count++
		r.Header.Set("Authorization", tt.spoil(c.authorization(jobs)))
		resp, err := c.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d", name, resp.Status, tt.want)
		}
	}
}

func TestDigestOfAnotherRequest(t *testing.T) {
	c := call(t, simulate(1))
	c.list(jobs)
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, host+jobs+"?pageNum=2", nil)
	c.count++
	r.Header.Set("Authorization", c.authorization(jobs))
	resp, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s, want 400 (RFC 7616 section 3.4.6)", resp.Status)
	}
}

func TestKeysAreChosen(t *testing.T) {
	sim := simulate(1)
	sim.Keys = map[string]string{"k": "p"}
	c := call(t, sim)
	c.key, c.password = "k", "p"
	c.list(jobs)
	sim.Configure(func(s *atlassim.Server) { s.Keys = map[string]string{} })
	if got := c.status(); got != "refused" {
		t.Errorf("after the key was withdrawn: %s", got)
	}
}
