package slack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/outbound"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

const (
	timeout  = 10 * time.Second // for one request, from dialling to the last byte of the answer
	patience = time.Minute      // for one message with all its waiting
	maxTries = 3                // of a request that may fare better in a moment
	maxBody  = 4 << 10          // Slack answers with a word
)

// An Addressee knows the address of the webhook. Renew is asked after Slack said that the address it has is none: the
// secret may have been rotated.
type Addressee interface {
	Address(ctx context.Context) (config.Secret, error)
	Renew(ctx context.Context) (config.Secret, error)
}

// Fixed is an Addressee whose address is known from the start and never changes.
type Fixed struct{ URL config.Secret }

// Address implements Addressee.
func (f Fixed) Address(context.Context) (config.Secret, error) { return f.URL, nil }

// Renew implements Addressee.
func (f Fixed) Renew(context.Context) (config.Secret, error) { return f.URL, nil }

// CheckURL says what is wrong with the address of a webhook, or "". It repeats nothing of it.
func CheckURL(address config.Secret) string {
	u, err := url.Parse(address.Reveal())
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return "it is no URL; want https://hooks.slack.com/services/…"
	case u.User != nil:
		return "it has a user name in it; want https://hooks.slack.com/services/…"
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return ""
	}
	return "it is not safe for a secret; want https, or http on loopback"
}

func loopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }

// A Webhook posts messages to one incoming webhook, about one a second. It is safe for concurrent use.
type Webhook struct {
	to     Addressee
	least  restore.Severity
	client *http.Client
	pace   pace
}

// New returns a webhook that gets the events of severity least and above; "" stands for all. The transport is the
// network when it is nil. Nothing is dialled until there is something to say.
func New(to Addressee, least restore.Severity, transport http.RoundTripper) *Webhook {
	if transport == nil {
		transport = outbound.Transport()
	}
	return &Webhook{to: to, least: least, client: &http.Client{
		Transport: transport,
		Timeout:   timeout,
		// A redirect would carry the message, and on its way the address, to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// ranks order the severities. One that is unknown ranks above all: it is told rather than dropped.
var ranks = map[restore.Severity]int{restore.Info: 1, restore.Warning: 2, restore.Critical: 3}

// Wants reports whether e is severe enough to be posted.
func (w *Webhook) Wants(e restore.Event) bool {
	rank, known := ranks[e.Severity]
	return !known || rank >= ranks[w.least]
}

// Post posts e as one message and returns once Slack has taken it, or at once if e is not severe enough. It waits as
// Slack asks it to and tries again what may pass by itself, but never past the deadline of ctx, nor for more than a
// minute. The error is an *Error; the message may have been taken all the same when the answer was lost.
func (w *Webhook) Post(ctx context.Context, r publish.Renderer, e restore.Event) error {
	if !w.Wants(e) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address, err := w.to.Address(ctx)
	if err != nil {
		return &Error{Event: e.ID, what: "its address is not known", err: err, stop: true}
	}
	body := Message(r, e)
	failure := w.try(ctx, address, body)
	if failure != nil && failure.gone() {
		renewed, err := w.to.Renew(ctx)
		if err == nil && renewed.Reveal() != address.Reveal() {
			failure = w.try(ctx, renewed, body)
		}
	}
	if failure == nil {
		return nil
	}
	failure.Event = e.ID
	return failure
}

// try sends a message to an address until it is taken, refused for good, or out of time.
func (w *Webhook) try(ctx context.Context, address config.Secret, body []byte) *Error {
	if why := CheckURL(address); why != "" {
		return &Error{what: "the address of the webhook is wrong", hint: "correct it: " + why, stop: true}
	}
	for failed := 0; ; {
		if err := w.pace.wait(ctx); err != nil {
			return err
		}
		failure := w.send(ctx, address, body)
		if failure == nil {
			return nil
		}
		if failure.Status == http.StatusTooManyRequests {
			w.pace.hold(failure.after) // the next turn waits for it, and so does every other message
			continue
		}
		if failed++; !failure.passing || failed == maxTries || !sleep(ctx, backoff(failed)) {
			return failure
		}
	}
}

// send makes one request.
func (w *Webhook) send(ctx context.Context, address config.Secret, body []byte) *Error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return &Error{what: "the address of the webhook is wrong", hint: "correct it", stop: true}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "restorewatch")
	res, err := w.client.Do(req)
	if err != nil {
		return unanswered(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return unanswered(err)
	}
	if taken(res.StatusCode, answer) {
		return nil
	}
	return refused(res, answer, address)
}

// taken reports whether an answer is Slack's way to say that it has the message: "ok". Products that imitate its webhooks
// answer with nothing or with JSON. Anything else with a status of success is no acceptance: a proxy's page for instance.
func taken(status int, answer []byte) bool {
	if status < 200 || status > 299 {
		return false
	}
	switch text := strings.ToLower(strings.TrimSpace(string(answer))); {
	case text == "", text == "ok":
		return true
	case strings.HasPrefix(text, "{"):
		return imitated.MatchString(text)
	}
	return false
}

// unanswered explains a request without a complete answer.
func unanswered(err error) *Error {
	timeout, ok := errors.AsType[net.Error](err)
	slow := errors.Is(err, context.DeadlineExceeded) || ok && timeout.Timeout()
	failure := &Error{
		what: "no answer", err: outbound.Reason(err), passing: !slow && !errors.Is(err, context.Canceled), stop: true,
		hint: "check the way out to hooks.slack.com (a Lambda function in a VPC needs a NAT gateway) and the status of Slack",
	}
	if slow {
		failure.what = "no answer in time"
	}
	return failure
}
