package atlas

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

const (
	clientID     = "mdb_sa_id_0123456789abcdef"
	clientSecret = "mdb_sa_sk_CANARY-secret/+ %"
)

// An issuer gives access tokens and lets in who brings the last one.
type issuer struct {
	next   http.Handler
	secret string                                        // "" means the constant
	life   int                                           // seconds; 0 means an hour
	token  func(http.ResponseWriter, *http.Request) bool // answers in place of a token if it returns true

	mu      sync.Mutex
	issued  int
	asked   int
	valid   map[string]bool
	expires time.Time
	refused int
}

func (s *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if r.URL.Path == "/api/oauth/token" {
		defer s.mu.Unlock()
		s.serveToken(w, r)
		return
	}
	ok := s.valid[r.Header.Get("Authorization")] && time.Now().Before(s.expires)
	if !ok {
		s.refused++
	}
	s.mu.Unlock()
	if !ok {
		refuse(w, 401, "UNEXPECTED_ERROR", "You are not authorized; you sent "+r.Header.Get("Authorization"))
		return
	}
	s.next.ServeHTTP(w, r)
}

func (s *issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	s.asked++
	if s.token != nil && s.token(w, r) {
		return
	}
	id, secret, _ := r.BasicAuth()
	want := s.secret
	if want == "" {
		want = "mdb_sa_sk_CANARY-secret%2F%2B+%25" // escaped, as RFC 6749, 2.3.1 has it
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost || r.PostFormValue("grant_type") != "client_credentials" || id != clientID || secret != want ||
		r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		w.WriteHeader(401)
		sent, _ := url.QueryUnescape(secret)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"Invalid credentials provided: %s"}`, sent)
		return
	}
	s.issued++
	life := s.life
	if life == 0 {
		life = 3600
	}
	s.expires = time.Now().Add(time.Duration(life) * time.Second)
	token := fmt.Sprintf("CANARY-token-%d", s.issued)
	s.valid = map[string]bool{"Bearer " + token: true}
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"expires_in":%d,"token_type":"Bearer"}`, token, life)
}

func (s *issuer) revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.valid = nil
}

func withClient(o *Options) { o.Keys = StaticClient(clientID, clientSecret) }

func uncanny(t *testing.T, err error) {
	t.Helper()
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("got %T: %v", err, err)
	}
	out := e.Error() + e.Hint() + fmt.Sprintf("%+v %#v %v", *e, *e, e.Unwrap())
	if at := strings.Index(out, "CANARY"); at >= 0 {
		t.Errorf("leaks: %s", out[max(at-200, 0):])
	}
}

// 60 runs, a minute apart, of a program that stays warm: one token request. The next one needs another.
func TestWarmRunsShareAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{next: serve(pageJSON(""))}
		c := newClient(t, s, withClient)
		runs := 0
		run := func() {
			runs++
			for _, to := range []restore.Target{target, cloudTarget, flexTarget} {
				if _, err := list(t.Context(), c, to, 100); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Minute)
		}
		for range 60 {
			run()
		}
		if s.refused != 0 || s.asked != 1 || c.Requests() != 180+1 {
			t.Errorf("%d token requests, %d refusals, %d requests", s.asked, s.refused, c.Requests())
		}
		if run(); s.refused != 0 || s.asked != 2 {
			t.Errorf("in run %d: %d token requests, %d refusals", runs, s.asked, s.refused)
		}
	})
}

func TestTokensAtOnceAndCold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{next: serve(pageJSON(""))}
		c := newClient(t, nil, withClient, func(o *Options) {
			o.Base = roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(100 * time.Millisecond)
				return inproc{s}.RoundTrip(r)
			})
		})
		all := func() {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all()
		if s.asked != 1 {
			t.Errorf("%d token requests", s.asked)
		}
		for revoked := range 3 {
			s.revoke()
			all()
			if s.asked != revoked+2 || s.refused != 10*(revoked+1) {
				t.Errorf("after a 401: %d token requests, %d refused", s.asked, s.refused)
			}
		}
	})
}

func TestTokenLifetimes(t *testing.T) {
	for name, tt := range map[string]struct {
		life  int
		after time.Duration
		asked int
	}{
		"within":            {3600, 54 * time.Minute, 1},
		"shortly before":    {3600, 3580 * time.Second, 2},
		"after":             {3600, 61 * time.Minute, 2},
		"short, first half": {60, 29 * time.Second, 1},
		"short, later":      {60, 31 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &issuer{next: serve(pageJSON("")), life: tt.life}
				c := newClient(t, s, withClient)
				for range 2 {
					if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tt.after)
				}
				if s.asked != tt.asked || s.refused != 0 {
					t.Errorf("%d token requests, %d refused", s.asked, s.refused)
				}
			})
		})
	}
}

// A token refused for good is replaced once, and not again at every run: there are only 100.
func TestRefusedTokenIsReplacedSparingly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 401, "UNEXPECTED_ERROR", "You sent "+r.Header.Get("Authorization"))
		})}
		c := newClient(t, s, withClient)
		for range 60 {
			_, err := list(t.Context(), c, cloudTarget, 100)
			failure(t, err, restore.FailedCredentials, "401 UNEXPECTED_ERROR", "You sent Bearer REDACTED")
			uncanny(t, err)
			time.Sleep(50 * time.Second)
		}
		if s.asked != 1+tokenRenewals {
			t.Errorf("%d token requests in fifty minutes", s.asked)
		}
	})
}

// An account without the role is told so by a 401 too: its token is as good as any.
func TestMissingRoleCostsNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 401, "USER_UNAUTHORIZED", "Current user is not authorized.")
		})}
		c := newClient(t, s, withClient)
		for range 10 {
			_, err := list(t.Context(), c, cloudTarget, 100)
			e := failure(t, err, restore.FailedForbidden)
			if !strings.Contains(e.Hint(), "Project Backup Manager") {
				t.Errorf("hint %q", e.Hint())
			}
			time.Sleep(time.Minute)
		}
		if s.asked != 1 || c.Requests() != 11 {
			t.Errorf("%d token requests, %d requests", s.asked, c.Requests())
		}
	})
}

// Without an answer from the token endpoint, a token that is about to end is used to its end.
func TestTokenEndpointDownNearTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &issuer{next: serve(pageJSON(""))}
		c := newClient(t, s, withClient)
		if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
			t.Fatal(err)
		}
		s.token = said(500, `{}`)
		time.Sleep(time.Hour - 20*time.Second)
		for range 3 {
			if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		_, err := list(t.Context(), c, cloudTarget, 100)
		failure(t, err, restore.FailedUnavailable, "fetch an access token")
		if s.asked != 3 || s.refused != 0 {
			t.Errorf("%d token requests, %d refused", s.asked, s.refused)
		}
	})
}

// clients is a keyring whose credential changes when it is renewed.
type clients struct {
	now, next Key
	renewed   int
}

func (k *clients) Key(context.Context) (Key, error) { return k.now, nil }
func (k *clients) Renew(context.Context) (Key, error) {
	k.renewed++
	k.now = k.next
	return k.now, nil
}

func client(secret string) Key {
	return Key{Public: clientID, Private: func() string { return secret }, ServiceAccount: true}
}

func TestSecretIsFetchedAgainOnce(t *testing.T) {
	right := client(clientSecret)
	apiKey := Key{Public: publicKey, Private: func() string { return private }}
	for name, tt := range map[string]struct {
		keys    clients
		renewed int
		kind    restore.FailureKind
	}{
		"right":                {clients{now: right}, 0, ""},
		"changed":              {clients{now: client("old-CANARY"), next: right}, 1, ""},
		"unchanged":            {clients{now: client("old-CANARY"), next: client("old-CANARY")}, 1, restore.FailedCredentials},
		"now an API key":       {clients{now: client("old-CANARY"), next: apiKey}, 1, ""},
		"was an API key":       {clients{now: Key{Public: publicKey, Private: func() string { return "old" }}, next: right}, 1, ""},
		"without a secret":     {clients{now: client("")}, 0, restore.FailedCredentials},
		"changed to a bad one": {clients{now: client("old-CANARY"), next: client("older-CANARY")}, 1, restore.FailedCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			s := &issuer{next: serve(pageJSON(""))}
			g := &guard{next: serve(pageJSON(""))}
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // takes both sorts
				if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || strings.HasPrefix(r.URL.Path, "/api/oauth") {
					s.ServeHTTP(w, r)
					return
				}
				g.ServeHTTP(w, r)
			})
			_, err := list(t.Context(), newClient(t, h, func(o *Options) { o.Keys = &tt.keys }), cloudTarget, 100)
			if tt.kind != "" {
				failure(t, err, tt.kind)
				uncanny(t, err)
			} else if err != nil {
				t.Error(err)
			}
			if tt.keys.renewed != tt.renewed {
				t.Errorf("renewed %d times", tt.keys.renewed)
			}
		})
	}
}

func TestTokenEndpointThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, nil, withClient, func(o *Options) { o.Base = hang })
		start := time.Now()
		for range 3 { // the first waits, and the others are spared
			_, err := list(t.Context(), c, cloudTarget, 100)
			failure(t, err, restore.FailedUnavailable, "fetch an access token: no complete answer within 30s")
		}
		if time.Since(start) > DefaultTimeout || c.Requests() != 1 {
			t.Errorf("%d requests in %v", c.Requests(), time.Since(start))
		}
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err := list(ctx, c, cloudTarget, 100)
		if e := failure(t, err, restore.FailedUnavailable); !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("got %v", e)
		}
	})
}

// The library on a real connection, and a token that goes nowhere else.
func TestTokenOverTheWire(t *testing.T) {
	s := &issuer{next: serve(pageJSON(""))}
	srv := httptest.NewTLSServer(s)
	defer srv.Close()
	c := newClient(t, nil, withClient, func(o *Options) { o.BaseURL, o.Base = srv.URL, srv.Client().Transport })
	for range 3 {
		if _, err := list(t.Context(), c, cloudTarget, 100); err != nil {
			t.Fatal(err)
		}
	}
	if s.asked != 1 || c.Requests() != 4 {
		t.Errorf("%d token requests, %d requests", s.asked, c.Requests())
	}
	next := roundTrip(func(r *http.Request) (*http.Response, error) {
		t.Errorf("sent to %s", r.URL)
		return nil, errors.New("no")
	})
	a := newAuthenticator(next, next, StaticClient(clientID, clientSecret), c.base)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://elsewhere.test/", nil)
	if _, err := a.RoundTrip(req); err == nil {
		t.Error("a request to another host went out")
	}
}
