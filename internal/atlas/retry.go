package atlas

import (
	"context"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxTries     = 4
	firstBackoff = 500 * time.Millisecond // the upper end of the first pause; it doubles with each try
	maxPause     = time.Minute            // who asks for more is left alone until the next run
)

// A retrier sends a GET again when the failure may pass by itself: 429, 502, 503, 504 and broken connections. It stands
// outside digest, because an answer may fail on either side of the challenge.
type retrier struct {
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper. It returns the last answer; it never waits past the deadline of the
// request's context, nor for longer than a minute, but gives up at once.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		res, err := r.next.RoundTrip(req)
		if req.Method != http.MethodGet || try == maxTries || !mayPass(req.Context(), res, err) {
			return res, err
		}
		pause := backoff(try)
		if res != nil {
			pause += retryAfter(res.Header, time.Now())
		}
		if pause > maxPause || pastDeadline(req.Context(), pause) {
			return res, err
		}
		if res != nil {
			_ = res.Body.Close() // buffered below: nothing to drain
		}
		if err := sleep(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

// mayPass reports whether the same request may fare better in a moment.
func mayPass(ctx context.Context, res *http.Response, err error) bool {
	if err == nil {
		switch res.StatusCode {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if ctx.Err() != nil {
		return false
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.passing
	}
	return !certificate(err) && !slow(err)
}

// certificate reports a server whose certificate is not believed.
func certificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}

// slow reports a server that took the connection and then its whole time. Waiting for it again would eat the run.
func slow(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// backoff returns a pause after the given try: "full jitter", anything between nothing and a doubling limit, so that
// clients that failed together do not come back together.
func backoff(try int) time.Duration {
	return time.Duration(rand.Int64N(int64(firstBackoff << (try - 1)))) //nolint:gosec // a pause is no secret
}

func pastDeadline(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Now().Add(pause).After(deadline)
}

// retryAfter reads the Retry-After header (RFC 9110, 10.2.3): seconds or a date. 0 means that there is none, or none
// that makes sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	const most = 24 * time.Hour // beyond that the exact figure helps nobody
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 0), int64(most/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), most)
	}
	return 0
}
