package atlas

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"restorewatch/internal/restore"
)

const (
	// tokenMargin is how long before its end a token is given up. Tokens live for an hour: with less than the minute
	// between two runs, sixty runs need one. One that ends in the middle of a run costs a 401 and a new token.
	tokenMargin = 30 * time.Second
	// tokenRenewals is how many tokens are fetched in an hour because of a 401. A service account has at most 100 live
	// tokens, each for an hour: requests refused for good, run after run, must not use them up.
	tokenRenewals = 10
	tokenLife     = time.Hour
	// tokenPause is how long a refusal of the token endpoint stands for all requests: it takes 50 a minute, and a run
	// has more targets than that.
	tokenPause    = 30 * time.Second
	maxTokenPause = 10 * time.Minute // if it asks for more
	// maxToken bounds what is believed to be a token, in bytes. It has to fit a header.
	maxToken = 16 << 10
)

// A bearer sends requests with the access token of a service account (RFC 6749, 4.4: client credentials). One token
// serves all requests until shortly before it expires, or until the API refuses it.
type bearer struct {
	next     http.RoundTripper
	wire     http.RoundTripper // for the token endpoint
	endpoint string

	turn chan struct{} // holds one token: who has it may look at what follows

	held    *held
	key     Key         // that held and failed belong to
	renewed []time.Time // when tokens were fetched because of a 401, in the last hour
	failed  *Error      // of the token endpoint; nil after a success
	asked   time.Time   // when it failed
}

// A held is an access token in use.
type held struct {
	text  string
	renew time.Time // when it is time for another; zero if the endpoint did not say how long this one lives
	ends  time.Time
}

// holding returns the token that was got at now. One that lives for less than two margins is used for half of its life.
func holding(token *oauth2.Token, now time.Time) *held {
	h := &held{text: token.AccessToken, ends: token.Expiry.Round(0)}
	if !h.ends.IsZero() {
		h.renew = h.ends.Add(-min(tokenMargin, h.ends.Sub(now)/2))
	}
	return h
}

func (h *held) fresh(now time.Time) bool { return h.renew.IsZero() || now.Before(h.renew) }

// alive reports whether it would still do, if no other can be had.
func (h *held) alive(now time.Time) bool { return h.renew.IsZero() || now.Before(h.ends) }

func newBearer(next, wire http.RoundTripper, origin *url.URL) *bearer {
	return &bearer{
		next: next, wire: wire, turn: make(chan struct{}, 1),
		endpoint: (&url.URL{Scheme: origin.Scheme, Host: origin.Host, Path: "/api/oauth/token"}).String(),
	}
}

// exchange implements signer with the client pair of a service account. Atlas says 401 also to an account without a
// role, and then says so by a code: a new token would not help.
func (b *bearer) exchange(req *http.Request, key Key) (*http.Response, error) {
	token, err := b.token(req.Context(), key, nil)
	if err != nil {
		return nil, err
	}
	res, err := b.send(req, token)
	if err != nil || res.StatusCode != http.StatusUnauthorized || lacksRole(res) {
		return res, err
	}
	fresh, err := b.token(req.Context(), key, token)
	if err != nil {
		return nil, err
	}
	if fresh == token {
		return res, nil
	}
	return b.send(req, fresh)
}

// lacksRole reports a 401 that is about a role and not about the credential.
func lacksRole(res *http.Response) bool {
	e := refused(res)
	return e.kind != restore.FailedCredentials
}

func (b *bearer) send(req *http.Request, token *held) (*http.Response, error) {
	signed := req.Clone(req.Context())
	signed.Header.Set("Authorization", "Bearer "+token.text)
	res, err := b.next.RoundTrip(signed)
	if err == nil {
		hide(res, token.text)
	}
	return res, err
}

// token returns the token to use with key, fetching one if there is none. bad is one that the API has just refused: it
// is replaced, unless that was done for another request meanwhile, or too often.
func (b *bearer) token(ctx context.Context, key Key, bad *held) (*held, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := wallClock()
	if b.key.Private == nil || !b.key.equal(key) {
		b.key, b.held, b.failed, b.renewed = key, nil, nil, nil
	}
	b.renewed = slices.DeleteFunc(b.renewed, func(at time.Time) bool { return !recent(at, now, tokenLife) })
	switch {
	case b.held != nil && b.held != bad && b.held.fresh(now):
		return b.held, nil
	case b.held != nil && b.held == bad && len(b.renewed) >= tokenRenewals:
		return b.held, nil
	case b.failed == nil || !recent(b.asked, now, max(tokenPause, min(b.failed.RetryAfter, maxTokenPause))):
		b.fetch(ctx, now, bad != nil)
	}
	if b.failed == nil {
		return b.held, nil
	}
	failed := *b.failed // who gets it completes it with what was asked for
	if failed.passing || ctx.Err() != nil {
		b.failed = nil // nobody has answered: the next request may ask again
	}
	if b.held != nil && b.held != bad && b.held.alive(now) {
		return b.held, nil
	}
	return nil, &failed
}

// recent reports whether less than d has passed since then. With a clock set back, more has.
func recent(then, now time.Time, d time.Duration) bool {
	age := now.Sub(then)
	return age >= 0 && age < d
}

// fetch sets held or failed. refused says that it is because of a 401.
func (b *bearer) fetch(ctx context.Context, now time.Time, refused bool) {
	if refused {
		b.renewed = append(b.renewed, now)
	}
	client := &http.Client{
		Transport:     tokenTransport{b.wire},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	config := clientcredentials.Config{
		ClientID: b.key.Public, ClientSecret: b.key.Private(), TokenURL: b.endpoint, AuthStyle: oauth2.AuthStyleInHeader,
	}
	token, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	b.failed, b.asked = nil, wallClock() // it may have taken long
	switch {
	case err != nil:
		b.failed = tokenError(err, b.key)
	case len(token.AccessToken) > maxToken || !strings.EqualFold(token.Type(), "Bearer") || strings.ContainsFunc(token.AccessToken, unwritten):
		b.failed = invalidToken("it is none of the type Bearer, or too long")
	default:
		b.held = holding(token, now)
	}
}

// unwritten reports whether no token is written with c (RFC 6750, 2.1). Such a one could break the header that carries it.
func unwritten(c rune) bool { return c <= ' ' || c > '~' }

// tokenTransport asks for the form that the endpoint is documented to answer in.
type tokenTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t tokenTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	asked := req.Clone(req.Context())
	asked.Header.Set("Accept", "application/json")
	asked.Header.Set("User-Agent", userAgent())
	return t.next.RoundTrip(asked)
}

// tokenError classifies what the library returned. Its own text is not used: it quotes answers.
func tokenError(err error, key Key) *Error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Detail = fetchingToken + ": " + e.Detail
			return e
		}
		if broken, ok := errors.AsType[*url.Error](err); ok {
			return &Error{kind: restore.FailedUnavailable, Detail: fetchingToken, err: broken.Err, passing: !slow(broken.Err)}
		}
		return invalidToken("the answer is not in the form of RFC 6749")
	}
	return refusedToken(refusal, asSent(key))
}

const fetchingToken = "fetch an access token"

func invalidToken(why string) *Error {
	return &Error{kind: restore.FailedInvalidResponse, Status: http.StatusOK, Detail: fetchingToken + ": " + why}
}

// asSent takes the client secret out of what a server repeats of a request: as it is, escaped, and as HTTP Basic has it.
func asSent(key Key) *strings.Replacer {
	id, secret := url.QueryEscape(key.Public), url.QueryEscape(key.Private())
	basic := base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
	return strings.NewReplacer(key.Private(), redacted, secret, redacted, basic, redacted)
}

// refusedToken reads an answer of the token endpoint: in the form of RFC 6749, or, when a limit or the access list stands
// before it, in the form of the API.
func refusedToken(r *oauth2.RetrieveError, sent *strings.Replacer) *Error {
	said, _ := decodeRefusal(r.Body)
	e := &Error{
		Status:     r.Response.StatusCode,
		Code:       clean(sent.Replace(cmp.Or(said.Code, tokenCode(r))), 100),
		RetryAfter: retryAfter(r.Response.Header, wallClock()),
	}
	words := cmp.Or(said.Detail, r.ErrorDescription, said.Reason)
	words = sent.Replace(words)
	if e.Status == http.StatusOK { // which the text of an error leaves out, with the code
		words = strings.TrimSpace(e.Code + " " + words)
	}
	e.Detail = strings.TrimSuffix(fetchingToken+": "+clean(words, 300), ": ")
	e.kind, e.hint = kindOfToken(e.Status, e.Code, words)
	if e.kind == restore.FailedAccessList {
		e.Address = addressIn(said.Parameters, words)
	}
	e.passing = e.Status == http.StatusBadGateway || e.Status == http.StatusServiceUnavailable || e.Status == http.StatusGatewayTimeout
	return e
}

// tokenCode returns the error code of RFC 6749, 5.2. The library has none when error is the number that the API puts there.
func tokenCode(r *oauth2.RetrieveError) string {
	if r.ErrorCode != "" {
		return r.ErrorCode
	}
	var said struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(r.Body, &said) // what is no such object says nothing
	return said.Error
}

const (
	secretHint = "The service account is not accepted: check the client id and the secret, that the secret has not expired " +
		"(its page in Atlas tells when it does; make a new one there), and that it belongs to the host in ATLAS_BASE_URL."
	tokensHint = "A service account has at most 100 live access tokens, each for an hour, and something else makes them too: " +
		"give restorewatch a service account of its own. It takes up to an hour until one is free."
	noTokensHint = "This host gives no access tokens: use an API key (publicKey and privateKey) instead of a service account, " +
		"or correct ATLAS_BASE_URL."
)

// kindOfToken classifies a refusal of the token endpoint, and says what to do where kindOf's hints would mislead.
func kindOfToken(status int, code, words string) (restore.FailureKind, string) {
	switch {
	case code == "invalid_client", code == "invalid_grant", code == "unauthorized_client":
		return restore.FailedCredentials, secretHint
	case code == "access_denied" && strings.Contains(strings.ToLower(words), "limit"):
		return restore.FailedRateLimited, tokensHint
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, status == http.StatusGone:
		return restore.FailedConfig, noTokensHint
	case status == http.StatusUnauthorized:
		return restore.FailedCredentials, secretHint
	case status/100 == 3:
		return restore.FailedInvalidResponse, noTokensHint
	}
	return kindOf(status, code), ""
}
