// Package webhook publishes events by HTTP to one receiver: CloudEvents 1.0 in structured mode (CloudEvents HTTP
// Protocol Binding 1.0.2, section 3.2), one POST for each event, signed.
//
// # The signature
//
// Every request carries
//
//	X-Hub-Signature-256: sha256=<hex of the HMAC-SHA256 of the body under WEBHOOK_SECRET>
//
// the header that GitHub's webhooks have, so that the middleware of nearly every framework verifies it as it is, and
// any receiver does in one line over the bytes that it got. It covers no time stamp. A receiver has to know repeats
// anyway, because events come at least once: by source and id, which stand in the signed body and never change. A
// replay is one more repeat and does no harm, whereas a signed time would refuse events from a sender whose clock is
// wrong, and those that waited in the outbox while the receiver was down.
//
// # Secrets
//
// The address of a webhook is often a secret itself, in its path or query. Errors name its scheme and host only, never
// what the receiver answered beyond the status (many repeat the path there), and never where it redirected to.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"restorewatch/internal/outbound"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// The headers of every request beside Content-Type and Content-Length. Event id and type save a receiver from parsing
// the body to route it; they are not signed, so trust the body.
const (
	SignatureHeader = "X-Hub-Signature-256"
	EventIDHeader   = "Restorewatch-Event-Id"
	EventTypeHeader = "Restorewatch-Event-Type"
	DeliveryHeader  = "Restorewatch-Delivery" // names the request, in errors too: new each time, also for the same event
)

// ContentType is that of a CloudEvent in structured mode.
const ContentType = "application/cloudevents+json; charset=UTF-8"

// The bounds of one request. The status is the whole answer; the body is read only so that the connection can be used
// again.
const (
	timeout   = 10 * time.Second
	maxAnswer = 64 << 10 // bytes of an answer's body
)

// Options are what New needs. URL and Secret are functions, such as the Reveal of a config.Secret, because a value
// would be printed with whatever holds it.
type Options struct {
	URL       func() string // https, or http on loopback only; may hold a user name and password
	Secret    func() string // the key of the signature
	Renderer  publish.Renderer
	Transport http.RoundTripper // nil: the network
}

// A Publisher publishes to one receiver. It implements watch.Publisher and keeps no state.
type Publisher struct {
	address func() string
	secret  func() string
	origin  string // the address's scheme and host: what may be told of it
	render  publish.Renderer
	client  *http.Client
}

// New returns a publisher, or an error that says what is wrong with the address or the secret without telling either.
// Nothing is dialled until there is something to say.
func New(o Options) (*Publisher, error) {
	origin, err := originOf(o.URL())
	if err != nil {
		return nil, err
	}
	if o.Secret() == "" {
		return nil, errors.New("WEBHOOK_SECRET is not set, and a receiver cannot tell who sent an event without a signature: " +
			"set it to a long random text on both sides, such as that of openssl rand -hex 32")
	}
	transport := o.Transport
	if transport == nil {
		transport = outbound.Transport()
	}
	client := &http.Client{
		Transport: transport,
		// A redirect would carry events, and the secret in the address, to somewhere that nobody configured.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Publisher{address: o.URL, secret: o.Secret, origin: origin, render: o.Renderer, client: client}, nil
}

// originOf returns what may be told of an address. Its errors repeat nothing of it but the scheme.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "":
		return "", errors.New("WEBHOOK_URL is no address of a host: want https://HOST/PATH")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u.Scheme + "://" + u.Host, nil
	}
	return "", errors.New("WEBHOOK_URL is not safe with scheme " + publish.Line(u.Scheme, 20) +
		": want https, or http on loopback only")
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// post makes one request and returns why it did not deliver e, or nil.
func (p *Publisher) post(ctx context.Context, e restore.Event, body []byte) *failure {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, errTimeout)
	defer cancel()
	delivery := rand.Text()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.address(), bytes.NewReader(body))
	if err != nil {
		return &failure{delivery: delivery, err: errAddress}
	}
	request.Header = http.Header{
		"Content-Type":  {ContentType},
		"User-Agent":    {"restorewatch"},
		EventIDHeader:   {publish.Line(e.ID, 200)},
		EventTypeHeader: {publish.TypePrefix + string(e.Type)},
		DeliveryHeader:  {delivery},
		SignatureHeader: {Sign(body, p.secret())},
	}
	answer, err := p.client.Do(request)
	if err != nil {
		return &failure{delivery: delivery, err: reason(ctx, err)}
	}
	defer answer.Body.Close()
	// Whatever becomes of the body, the status stands.
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return &failure{delivery: delivery, status: answer.StatusCode, retryAfter: answer.Header.Get("Retry-After")}
}

// Sign returns the value of SignatureHeader for a body.
func Sign(body []byte, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body) // a hash returns no error
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}
