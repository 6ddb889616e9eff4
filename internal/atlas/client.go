package atlas

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"restorewatch/internal/outbound"
	"restorewatch/internal/restore"
)

// DefaultTimeout is how long one request may take, from dialling to the last byte of its answer.
const DefaultTimeout = 30 * time.Second

// maxRedirects is how many redirects on the API's own host are followed.
const maxRedirects = 3

// Options are what a Client needs to know.
type Options struct {
	BaseURL   string            // scheme and host of the API: https, or http on loopback only
	Keys      Keyring           // where the credentials come from
	LegacyAPI string            // the path that serves the source legacy: v1, which "" means, or v2
	CA        CA                // a certificate authority beside the system's; not together with Base
	Base      http.RoundTripper // makes the connections; nil means Transport()
	Timeout   time.Duration     // for one request; 0 means DefaultTimeout
}

// A Client reads restore jobs. It is safe for use from several goroutines, and meant to live as long as the program:
// it remembers the API's challenge or the access token, what is left of the API's limits, the names of clusters and the
// pages last read.
type Client struct {
	apis    map[restore.Source]*api
	base    *url.URL
	http    *http.Client
	bound   *bound
	agent   string
	pages   *cache
	names   names
	notices notices
	skew    skew
}

// New returns a client. The error says which option is wrong.
func New(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("API address: %w", err)
	}
	apis, err := apisOf(o.LegacyAPI)
	if err != nil {
		return nil, err
	}
	if o.Keys == nil {
		return nil, errors.New("API key: none is given")
	}
	if o.Base, err = o.transport(); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	wire := &bound{next: o.Base, timeout: o.Timeout}
	auth := newAuthenticator(&gatekeeper{next: &limiter{next: wire}}, wire, o.Keys, base)
	return &Client{
		apis:  apis,
		base:  base,
		http:  &http.Client{Transport: &retrier{next: auth}, CheckRedirect: checkRedirect},
		bound: wire,
		agent: userAgent(),
		pages: newCache(),
	}, nil
}

// Transport returns the transport that a Client uses by default.
func Transport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		ResponseHeaderTimeout:  20 * time.Second,
		IdleConnTimeout:        5 * time.Minute, // outlives the pause between two runs of a warm function
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: outbound.MaxHeader,
		ForceAttemptHTTP2:      true,
	}
}

// Requests returns how many requests have really been sent so far: challenges, repeated ones and requests for tokens
// included.
func (c *Client) Requests() int64 { return c.bound.requests.Load() }

// String keeps what a client holds out of logs.
func (c *Client) String() string { return "atlas client of " + c.base.String() }

func parseBase(s string) (*url.URL, error) {
	if s == "" {
		return nil, errors.New("it is empty, want something like https://cloud.mongodb.com")
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, errors.New("it is not a URL, want something like https://cloud.mongodb.com") // err quotes it whole
	}
	shown := u.Redacted()
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("%q: the scheme must be https", shown)
	case u.Hostname() == "":
		return nil, fmt.Errorf("%q: it has no host", shown)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("%q: http is allowed on loopback only, use https", shown)
	case u.User != nil:
		return nil, fmt.Errorf("%q: it must not hold credentials", shown)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("%q: want scheme and host only", shown)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// checkRedirect keeps requests on the API's own origin: elsewhere the answer to a challenge would be worth stealing.
func checkRedirect(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case next.URL.Scheme != first.Scheme || next.URL.Host != first.Host:
		to := clean(next.URL.Host, 100)
		return &Error{kind: restore.FailedInvalidResponse,
			Detail: fmt.Sprintf("refused a redirect to another host or scheme (%s on %s)", clean(next.URL.Scheme, 20), to),
			hint:   "ATLAS_BASE_URL should name the API's final address, and no proxy should stand in for it."}
	case next.URL.User != nil: // net/http would send them as HTTP Basic
		return &Error{kind: restore.FailedInvalidResponse, Detail: "refused a redirect that brings credentials"}
	case len(via) > maxRedirects:
		return &Error{kind: restore.FailedInvalidResponse, Detail: fmt.Sprintf("gave up after %d redirects", maxRedirects)}
	}
	return nil
}

func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		version = strings.Trim(info.Main.Version, "()")
	}
	return "restorewatch/" + version
}

// A call is one request for t; what tells its errors apart from those of other calls.
type call struct {
	target restore.Target
	api    *api
	verb   string
	accept string
	url    *url.URL
	page   int // of a listing, from 1
}

// fail completes err with what the call was about. Errors of the layers below know only what happened to them.
func (c call) fail(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		e = &Error{kind: restore.FailedUnavailable, err: err}
	}
	e.Target, e.Verb, e.Page, e.api = c.target, c.verb, c.page, c.api
	e.Method, e.Path = http.MethodGet, c.url.EscapedPath()
	return e
}

// invalid is an answer that came well and makes no sense.
func (c call) invalid(err error) *Error {
	return c.fail(&Error{kind: restore.FailedInvalidResponse, Status: http.StatusOK, Detail: clean(err.Error(), 300)})
}

// get returns the body of a 200 answer. Every error is an *Error.
func (c *Client) get(ctx context.Context, what call) ([]byte, error) {
	req := (&http.Request{
		Method: http.MethodGet, URL: what.url, Host: what.url.Host, Header: http.Header{},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}).WithContext(ctx)
	req.Header.Set("Accept", what.accept)
	req.Header.Set("User-Agent", c.agent)
	res, err := c.http.Do(req)
	if err != nil {
		// url.Error quotes the whole address, which after a redirect is one that the server chose.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, what.fail(err)
	}
	c.notices.take(what, res.Header)
	c.skew.take(res.Header, wallClock())
	if res.StatusCode != http.StatusOK {
		return nil, what.fail(refused(res))
	}
	if body := bodyOf(res); looksLikeJSON(body) {
		return body, nil
	}
	return nil, what.invalid(errors.New(describeForeign(res.Header.Get("Content-Type"), bodyOf(res))))
}
