package atlas

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/icholy/digest"

	"restorewatch/internal/restore"
)

// maxRenewals bounds how often one request takes up a new challenge. One is enough for a nonce that has expired; the
// second is for requests that overtook each other under a nonce whose count must grow.
const maxRenewals = 2

// maxChallenge bounds what is repeated of a challenge, in bytes, because every request repeats it. Those of Atlas have
// some sixty, and few servers take a request whose header has more than 8 KiB.
const maxChallenge = 4 << 10

// challengePatience is how long a request waits for another one to fetch the first challenge. One cluster whose listing
// hangs must not take the run's time from all others.
const challengePatience = 3 * time.Second

// A digester answers HTTP Digest challenges (RFC 7616) with the arithmetic of github.com/icholy/digest. The library's
// own Transport is not used: it asks for a challenge per request when several start cold, reads the body of a 401 to
// its end and closes it, and cannot change its key.
//
// One challenge serves all requests until the API refuses it. Only a Digest challenge is ever answered.
type digester struct {
	next http.RoundTripper

	mu      sync.Mutex
	session *session      // nil while cold
	asking  chan struct{} // closed when the one request that fetches the first challenge is over; nil if none does
}

// A session is one challenge and how often it has been answered.
type session struct {
	challenge *digest.Challenge
	answered  int
}

// exchange implements signer with the key pair of an API key, taking up new challenges as the API gives them.
func (d *digester) exchange(req *http.Request, key Key) (*http.Response, error) {
	s, res, err := d.begin(req)
	if s == nil {
		return res, err
	}
	// A challenge fetched just now cannot have expired: if its answer is refused, the key is.
	fresh := res != nil
	for renewals := 0; ; renewals++ {
		res, err := d.send(req, s, key)
		if err != nil || res.StatusCode != http.StatusUnauthorized {
			return res, err
		}
		challenge, err := findChallenge(res.Header)
		if err != nil {
			return res, nil //nolint:nilerr // nothing left to answer: the refusal itself is the news
		}
		next := d.adopt(s, challenge)
		if renewals == maxRenewals || fresh && !challenge.Stale {
			return res, nil
		}
		s, fresh = next, true
	}
}

// begin returns the session to answer. While there is none, one request at a time goes out unsigned to fetch the
// challenge, and the others wait a while for what it finds; that request gets the 401 back too. Without a session, what
// came instead of a challenge is the answer to req.
func (d *digester) begin(req *http.Request) (*session, *http.Response, error) {
	s, first, err := d.await(req.Context())
	if s != nil || err != nil {
		return s, nil, err
	}
	if first {
		defer d.settle() // also when the round trip panics, or the others would wait for nothing
	}
	res, err := d.next.RoundTrip(req.Clone(req.Context()))
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return nil, res, err
	}
	challenge, err := findChallenge(res.Header)
	if err != nil {
		return nil, res, nil // the refusal is the answer
	}
	return d.adopt(nil, challenge), res, nil
}

// await returns the session, or nil when the caller is to fetch a challenge. first says that the others wait for it: it
// must then call settle.
func (d *digester) await(ctx context.Context) (s *session, first bool, err error) {
	waiting, cancel := context.WithTimeout(ctx, challengePatience)
	defer cancel()
	for {
		d.mu.Lock()
		s, asking := d.session, d.asking
		if s == nil && asking == nil {
			d.asking = make(chan struct{})
		}
		d.mu.Unlock()
		if s != nil || asking == nil {
			return s, s == nil, nil
		}
		select {
		case <-asking:
		case <-waiting.Done():
			return nil, false, ctx.Err()
		}
	}
}

// settle lets the waiting requests go on: with the session if there is one now, else one of them asks next.
func (d *digester) settle() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.asking)
	d.asking = nil
}

// adopt replaces the session old by one for challenge and returns the session to use now: that of another request if
// it was faster, so that many refusals of one old nonce end in one new one.
func (d *digester) adopt(old *session, challenge *digest.Challenge) *session {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.session != old {
		return d.session
	}
	d.session = &session{challenge: challenge}
	if old != nil && old.challenge.Nonce == challenge.Nonce {
		d.session.answered = old.answered // the count must grow for as long as the nonce stays
	}
	return d.session
}

// findChallenge returns the first Digest challenge that can be answered; the error says why there is none.
func findChallenge(h http.Header) (*digest.Challenge, error) {
	c, err := digest.FindChallenge(h)
	switch {
	case err != nil:
	case c.Nonce == "":
		err = errors.New("the challenge has no nonce")
	case len(c.Realm)+len(c.Nonce)+len(c.Opaque) > maxChallenge:
		err = errors.New("the challenge is longer than any that is foreseen")
	}
	return c, err
}

func (d *digester) send(req *http.Request, s *session, key Key) (*http.Response, error) {
	d.mu.Lock()
	s.answered++
	count := s.answered
	d.mu.Unlock()
	answer, err := digest.Digest(s.challenge, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), Count: count,
		Username: key.Public, Password: key.Private(),
	})
	if err != nil {
		return nil, &Error{kind: restore.FailedInvalidResponse, Detail: "answer the API's challenge", err: err}
	}
	signed := req.Clone(req.Context())
	signed.Header.Set("Authorization", answer.String())
	return d.next.RoundTrip(signed)
}
