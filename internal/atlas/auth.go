package atlas

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"restorewatch/internal/restore"
)

// A signer sends a request with a credential. A 401 that it returns, or an *Error of the kind FailedCredentials, says
// that the credential itself was refused.
type signer interface {
	exchange(req *http.Request, key Key) (*http.Response, error)
}

// An authenticator gives each request the credential that the keyring has, in the way that is due to it: an API key
// answers challenges, a service account brings an access token. Nothing is ever given to another origin than the API's.
type authenticator struct {
	digest signer
	bearer signer
	keys   Keyring
	origin *url.URL

	renewing chan struct{} // holds one token: only one goroutine fetches a refused key again

	mu       sync.Mutex
	renewals int // how often that was done
}

// newAuthenticator returns an authenticator that sends requests by next, and those for access tokens by wire: the limits
// of projects are not theirs.
func newAuthenticator(next, wire http.RoundTripper, keys Keyring, origin *url.URL) *authenticator {
	return &authenticator{
		digest: &digester{next: next}, bearer: newBearer(next, wire, origin),
		keys: keys, origin: origin, renewing: make(chan struct{}, 1),
	}
}

// RoundTrip implements http.RoundTripper. A 401 that it returns has outlived a new challenge or token, and a renewed key.
func (a *authenticator) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != a.origin.Scheme || req.URL.Host != a.origin.Host {
		return nil, &Error{kind: restore.FailedInvalidResponse,
			Detail: "refused to authenticate to " + clean(req.URL.Host, 100) + ", which is not the API's host"}
	}
	renewals := a.renewed()
	key, err := a.key(req.Context(), a.keys.Key)
	if err != nil {
		return nil, err
	}
	res, err := a.signer(key).exchange(req, key)
	if !unauthorized(res, err) {
		return res, err
	}
	fresh, renewErr := a.renewKey(req.Context(), renewals)
	switch {
	case renewErr != nil && err != nil:
		return nil, err // the refusal says more
	case renewErr != nil:
		refusal := refused(res)
		refusal.err = renewErr
		return nil, refusal
	case fresh.equal(key):
		return res, err
	}
	return a.signer(fresh).exchange(req, fresh)
}

// unauthorized reports that the API refused the credential.
func unauthorized(res *http.Response, err error) bool {
	if err != nil {
		e, ok := errors.AsType[*Error](err)
		return ok && e.kind == restore.FailedCredentials
	}
	return res.StatusCode == http.StatusUnauthorized
}

func (a *authenticator) signer(key Key) signer {
	if key.ServiceAccount {
		return a.bearer
	}
	return a.digest
}

// key asks the keyring, and gives its errors a kind unless they have one.
func (a *authenticator) key(ctx context.Context, ask func(context.Context) (Key, error)) (Key, error) {
	key, err := ask(ctx)
	if err == nil {
		err = key.check()
	}
	if err == nil {
		return key, nil
	}
	failure := &Error{kind: restore.FailedCredentials, Detail: "fetch the API key", err: err}
	if cause, ok := errors.AsType[classified](err); ok {
		failure.kind, failure.hint = cause.FailureKind(), cause.Hint()
	}
	return Key{}, failure
}

// classified is an error that knows what kind of failure it is, as *Error does.
type classified interface {
	error
	FailureKind() restore.FailureKind
	Hint() string
}

func (a *authenticator) renewed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.renewals
}

// renewKey fetches the key again, unless another request has done so since before, when renewals was read.
func (a *authenticator) renewKey(ctx context.Context, before int) (Key, error) {
	select {
	case a.renewing <- struct{}{}:
		defer func() { <-a.renewing }()
	case <-ctx.Done():
		return Key{}, ctx.Err()
	}
	if a.renewed() != before {
		return a.key(ctx, a.keys.Key)
	}
	key, err := a.key(ctx, a.keys.Renew)
	if err == nil {
		a.mu.Lock()
		a.renewals++
		a.mu.Unlock()
	}
	return key, err
}

// maxSchemes bounds how many schemes an error names. A server can ask for thousands.
const maxSchemes = 4

// otherSchemes names the authentication that an answer asks for in place of HTTP Digest; "" if it is satisfied with that
// or was given a token.
func otherSchemes(res *http.Response) string {
	if res.Request != nil && strings.HasPrefix(res.Request.Header.Get("Authorization"), "Bearer ") {
		return ""
	}
	var names []string
	for _, challenge := range res.Header.Values("Www-Authenticate") {
		name, _, _ := strings.Cut(strings.TrimSpace(challenge), " ")
		if strings.EqualFold(name, "Digest") {
			return ""
		}
		if name = fmt.Sprintf("%q", clean(name, 40)); len(names) < maxSchemes && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
