package atlas

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icholy/digest"

	"restorewatch/internal/restore"
)

func TestChallengeIsShared(t *testing.T) {
	t.Run("in a row and across targets", func(t *testing.T) {
		g := &guard{next: serve(pageJSON("", jobJSON(id(1), "FINISHED")))}
		c := newClient(t, g)
		other := target
		other.Cluster = "Cluster1"
		for _, to := range []restore.Target{target, other, target, other} {
			if _, err := list(t.Context(), c, to, 100); err != nil {
				t.Fatal(err)
			}
		}
		if g.requests != 5 || g.refusals != 1 || c.Requests() != 5 {
			t.Errorf("4 listings: %d requests, %d refused, counted %d; want 5, 1, 5", g.requests, g.refusals, c.Requests())
		}
	})
	t.Run("at once and cold", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := &guard{next: serve(pageJSON(""))}
			slow := roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(100 * time.Millisecond)
				return inproc{g}.RoundTrip(r)
			})
			c := newClient(t, nil, func(o *Options) { o.Base = slow })
			var failed atomic.Int64
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if _, err := list(t.Context(), c, target, 100); err != nil {
						failed.Add(1)
					}
				})
			}
			wg.Wait()
			if failed.Load() != 0 || g.requests != 11 || g.refusals != 1 {
				t.Errorf("%d failed, %d requests, %d refused; want 0, 11, 1", failed.Load(), g.requests, g.refusals)
			}
		})
	})
	t.Run("renewed when stale", func(t *testing.T) {
		g := &guard{next: serve(pageJSON("")), uses: 3}
		c := newClient(t, g)
		for range 10 {
			if _, err := list(t.Context(), c, target, 100); err != nil {
				t.Fatal(err)
			}
		}
		if g.requests != 14 || g.refusals != 4 {
			t.Errorf("%d requests, %d refused; want 14, 4", g.requests, g.refusals)
		}
	})
}

// A request that waits for another's challenge gives up with its own context, and takes over when that one fails.
func TestWaitingForTheChallenge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{next: serve(pageJSON(""))}
		first := true
		hang := roundTrip(func(r *http.Request) (*http.Response, error) {
			if first {
				first = false
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return inproc{g}.RoundTrip(r)
		})
		c := newClient(t, nil, func(o *Options) { o.Base = hang })
		result := func(limit time.Duration) <-chan error {
			ch := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				_, err := list(ctx, c, target, 100)
				ch <- err
			}()
			synctest.Wait()
			return ch
		}
		leader, impatient, patient := result(10*time.Second), result(2*time.Second), result(20*time.Second)
		start := time.Now()
		e := failure(t, <-impatient, restore.FailedUnavailable)
		if waited := time.Since(start); waited != 2*time.Second || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("gave up after %v with %v, want 2s and the deadline", waited, e)
		}
		failure(t, <-leader, restore.FailedUnavailable)
		if err := <-patient; err != nil {
			t.Errorf("the next in line: %v", err)
		}
	})
}

// One request that hangs before there is a challenge holds up the others for a moment, not for as long as it hangs.
func TestHangingChallengeHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{next: serve(pageJSON(""))}
		hanging := target
		hanging.Cluster = "Hanging"
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.URL.Path, hanging.Cluster) {
					<-r.Context().Done()
					return nil, r.Context().Err()
				}
				return inproc{g}.RoundTrip(r)
			})
		})
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := list(t.Context(), c, hanging, 100)
			failure(t, err, restore.FailedUnavailable)
		})
		synctest.Wait()
		for range 7 {
			wg.Go(func() {
				if _, err := list(t.Context(), c, target, 100); err != nil || time.Since(start) > challengePatience {
					t.Errorf("%v after %v", err, time.Since(start))
				}
			})
		}
		wg.Wait()
	})
}

// A ring is a keyring whose key can change.
type ring struct {
	now, next string
	err       error
	renewed   int
}

func (r *ring) Key(context.Context) (Key, error) { return r.key(), nil }
func (r *ring) key() Key {
	now := r.now
	return Key{Public: publicKey, Private: func() string { return now }}
}

func (r *ring) Renew(context.Context) (Key, error) {
	r.renewed++
	if r.err != nil {
		return Key{}, r.err
	}
	r.now = r.next
	return r.key(), nil
}

func TestRefusedKeyIsFetchedAgainOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		ring     ring
		requests int
		kind     restore.FailureKind // "" means that it works
		words    []string
	}{
		"right":                {ring{now: private}, 2, "", nil},
		"changed":              {ring{now: "old", next: private}, 3, "", nil},
		"unchanged":            {ring{now: "old", next: "old"}, 2, restore.FailedCredentials, []string{"401 UNEXPECTED_ERROR", "not authorized"}},
		"changed to a bad one": {ring{now: "old", next: "older"}, 4, restore.FailedCredentials, []string{"401"}},
		"cannot be fetched": {ring{now: "old", err: errors.New("secret is gone")}, 2, restore.FailedCredentials,
			[]string{"401", "secret is gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guard{next: serve(pageJSON(""))}
			c := newClient(t, g, func(o *Options) { o.Keys = &tt.ring })
			_, err := list(t.Context(), c, target, 100)
			if tt.kind != "" {
				failure(t, err, tt.kind, append(tt.words, listPath)...)
			} else if err != nil {
				t.Error(err)
			}
			wantRenewed := 1
			if name == "right" {
				wantRenewed = 0
			}
			if tt.ring.renewed != wantRenewed || g.requests != tt.requests {
				t.Errorf("renewed %d times in %d requests, want %d in %d", tt.ring.renewed, g.requests, wantRenewed, tt.requests)
			}
		})
	}
}

// Requests that fail together fetch the key again together.
func TestRefusedKeyIsFetchedAgainTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &guard{next: serve(pageJSON(""))}
		keys := &ring{now: "old", next: "old"}
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			return inproc{g}.RoundTrip(r)
		})
		c := newClient(t, nil, func(o *Options) { o.Base, o.Keys = slow, keys })
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, err := list(t.Context(), c, target, 100); err == nil {
					t.Error("a wrong key was let in")
				}
			})
		}
		wg.Wait()
		if keys.renewed != 1 {
			t.Errorf("fetched %d times again, want once", keys.renewed)
		}
	})
}

type keyFailure struct{ error }

func (keyFailure) FailureKind() restore.FailureKind { return restore.FailedConfig }
func (keyFailure) Hint() string                     { return "name the secret" }

type noKey struct{ err error }

func (n noKey) Key(context.Context) (Key, error)   { return Key{}, n.err }
func (n noKey) Renew(context.Context) (Key, error) { return Key{}, n.err }

func TestKeyThatCannotBeHad(t *testing.T) {
	for name, tt := range map[string]struct {
		keys Keyring
		kind restore.FailureKind
		word string
	}{
		"error":         {noKey{errors.New("access denied to secret atlas-key")}, restore.FailedCredentials, "access denied to secret atlas-key"},
		"error of kind": {noKey{keyFailure{errors.New("no secret named")}}, restore.FailedConfig, "no secret named"},
		"no public":     {StaticKey("", private), restore.FailedCredentials, "no public part"},
		"no private":    {StaticKey(publicKey, ""), restore.FailedCredentials, "no private part"},
		"empty":         {noKey{}, restore.FailedCredentials, "no public part"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, serve("{}"), func(o *Options) { o.Keys = tt.keys })
			_, err := list(t.Context(), c, target, 100)
			failure(t, err, tt.kind, tt.word)
			if c.Requests() != 0 {
				t.Errorf("%d requests without a key", c.Requests())
			}
		})
	}
}

func TestOnlyDigestIsAnswered(t *testing.T) {
	for name, header := range map[string]string{
		"basic":         `Basic realm="x"`,
		"unknown hash":  `Digest realm="x", nonce="n", algorithm=ROT13, qop="auth"`,
		"malformed":     `Digest realm=`,
		"no challenge":  "",
		"bearer":        `Bearer`,
		"control bytes": "Basic\x01\x1b[2J realm",
	} {
		t.Run(name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Errorf("answered %q", header)
				}
				if header != "" {
					w.Header().Set("Www-Authenticate", header)
				}
				refuse(w, 401, "NOT_IN_GROUP", "The user is not in the group.")
			})
			_, err := list(t.Context(), newClient(t, h), target, 100)
			e := failure(t, err, restore.FailedForbidden, "401 NOT_IN_GROUP", "not in the group")
			if strings.HasPrefix(header, "B") && !strings.Contains(e.Error(), "only HTTP Digest") {
				t.Errorf("error %q does not say what the server asks for", e)
			}
		})
	}
}

// Requests that are refused for one old nonce go on together with the first new one, and count on under it.
func TestManyRefusalsEndInOneChallenge(t *testing.T) {
	d := &digester{}
	old := d.adopt(nil, &digest.Challenge{Nonce: "old"})
	first := d.adopt(old, &digest.Challenge{Nonce: "first"})
	first.answered = 7
	if second := d.adopt(old, &digest.Challenge{Nonce: "second"}); second != first {
		t.Errorf("went on with %q", second.challenge.Nonce)
	}
	if again := d.adopt(first, &digest.Challenge{Nonce: "first", Stale: true}); again.answered != 7 {
		t.Errorf("the count of a nonce given again fell back to %d", again.answered)
	}
}

// A server that calls every nonce stale is not asked for ever.
func TestEndlesslyStale(t *testing.T) {
	requests := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		w.Header().Set("Www-Authenticate", `Digest realm="x", nonce="n", qop="auth", stale=true`)
		refuse(w, 401, "UNEXPECTED_ERROR", "no")
	})
	_, err := list(t.Context(), newClient(t, h), target, 100)
	failure(t, err, restore.FailedCredentials)
	if requests != 2+maxRenewals {
		t.Errorf("%d requests", requests)
	}
}

func TestNoCredentialsElsewhere(t *testing.T) {
	sent := false
	next := roundTrip(func(*http.Request) (*http.Response, error) {
		sent = true
		return answer(200, ""), nil
	})
	a := newAuthenticator(next, next, StaticKey(publicKey, private), newClient(t, nil).base)
	for _, url := range []string{"http://atlas.test/", "https://atlas.test.evil/", "https://atlas.test:444/"} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if _, err := a.RoundTrip(req); err == nil || sent {
			t.Errorf("%s: sent %t, error %v", url, sent, err)
		}
	}
}
