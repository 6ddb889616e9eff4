package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// An Error is one reason why events were not accepted by a receiver.
type Error struct {
	Origin   string // the receiver's scheme and host
	Status   int    // of its answer, 0 when there was none
	Events   int    // how many events are concerned
	Total    int    // how many were to be published
	Event    string // the id of the first, "" when none was tried
	Delivery string // of the request with it: what to look for in the receiver's log
	err      error
}

// Error names the receiver, the count, the reason and the request.
func (e *Error) Error() string {
	text := fmt.Sprintf("webhook %s: %d of %d events not accepted: %v", e.Origin, e.Events, e.Total, e.err)
	if e.Event == "" {
		return text
	}
	return fmt.Sprintf("%s (event %s, delivery %s)", text, publish.Line(e.Event, 128), e.Delivery)
}

// Unwrap returns what went wrong on the way, as far as it can be told.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// Hint says what to do about the error.
func (e *Error) Hint() string {
	if hint, ok := hints[e.Status]; ok {
		return hint
	}
	switch {
	case e.Status == 0:
		return silence(e.err)
	case e.Status/100 == 3:
		return "redirects are not followed: set WEBHOOK_URL to the address where it leads"
	case e.Status/100 == 5:
		return "the receiver failed: look for the delivery in its log; " + later
	}
	return refused
}

const (
	later   = "the events stay in the outbox and are published by a later run"
	refused = "the receiver refuses the event: look for the delivery in its log; it must take CloudEvents 1.0 in structured mode"
	key     = "check that WEBHOOK_SECRET is the same on both sides, and the key in WEBHOOK_URL if there is one"
	place   = "nobody takes a POST at that address: check the path of WEBHOOK_URL"
)

// hints are by status.
var hints = map[int]string{
	http.StatusUnauthorized:          "the receiver refuses the signature: " + key,
	http.StatusForbidden:             "the receiver refuses the signature, or a firewall the event: " + key,
	http.StatusNotFound:              place,
	http.StatusMethodNotAllowed:      place,
	http.StatusGone:                  "the receiver is gone for good: set WEBHOOK_URL to another one, or unset it",
	http.StatusRequestEntityTooLarge: "the receiver takes no body of this size: an event has at most 65,536 bytes",
	http.StatusUnsupportedMediaType:  "the receiver must take Content-Type application/cloudevents+json",
	http.StatusTooManyRequests:       "the receiver refuses more requests for now: " + later,
	http.StatusServiceUnavailable:    "the receiver is not ready: " + later,
}

// What is told of a request without an answer.
var (
	errTimeout = errors.New("no answer within " + timeout.String())
	errAddress = errors.New("the address is not usable")
	errScheme  = errors.New("it speaks http and WEBHOOK_URL says https")
	errBroken  = errors.New("the connection broke off, or the answer is no HTTP")
	errClosed  = errors.New("the connection was closed without an answer")
	errDown    = errors.New("not tried: the receiver seems to be down")
)

func silence(err error) string {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the receiver's certificate is not trusted: give it one for its host name, of an authority that this machine trusts"
	}
	switch {
	case errors.Is(err, errScheme), errors.Is(err, errAddress):
		return "check the scheme and port of WEBHOOK_URL"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "the run had no time left: " + later
	}
	return "check that the receiver runs, that WEBHOOK_URL names its host and port, and that no firewall is in between; " + later
}

// reason returns what can be told of a request that failed. The client's own error holds the address, and some of what
// it may hold repeats the answer, which may repeat the address: only errors whose text is known are passed on.
func reason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	network, ok := errors.AsType[*net.OpError](err)
	switch {
	case ok && network.Op == "dial":
		return network
	case ok:
		return network.Err // without our port, which is another each time
	case errors.Is(err, http.ErrSchemeMismatch):
		return errScheme
	case errors.Is(err, io.EOF):
		return errClosed
	}
	return errBroken
}

// cause says in words what f is.
func (f *failure) cause() error {
	if f.status == 0 {
		return f.err
	}
	return fmt.Errorf("answered %d %s", f.status, http.StatusText(f.status))
}

// error returns one part for each reason, in the order in which they came up; nil if everything was delivered.
func (a *attempt) error(ctx context.Context) error {
	var parts []error
	byReason := make(map[string]*Error)
	for _, f := range a.failures {
		cause := f.why.cause()
		part, ok := byReason[cause.Error()]
		if !ok {
			part = &Error{Origin: a.origin, Status: f.why.status, Total: a.total, Event: f.event, Delivery: f.why.delivery, err: cause}
			byReason[cause.Error()] = part
			parts = append(parts, part)
		}
		part.Events++
	}
	if a.left > 0 {
		why := errDown
		if ctx.Err() != nil {
			why = fmt.Errorf("not tried: %w", context.Cause(ctx))
		}
		parts = append(parts, &Error{Origin: a.origin, Events: a.left, Total: a.total, err: why})
	}
	if a.waiting > 0 {
		parts = append(parts, fmt.Errorf("%d later events of the same subjects wait", a.waiting))
	}
	return errors.Join(parts...)
}
