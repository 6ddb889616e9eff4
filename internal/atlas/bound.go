package atlas

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"restorewatch/internal/outbound"
	"restorewatch/internal/restore"
)

const (
	maxBody      = 16 << 20 // a full page of 500 jobs is about 540 KB
	maxErrorBody = 64 << 10 // an error in the API's form is under 1 KB; what is longer is a page of a proxy
	maxAgain     = 1 << 20  // an answer that is cut off behind this is not asked for again: no page is so long
	maxTokenBody = 64 << 10 // an access token with what is told of it
)

// errTimeout is the cause of a request that ran out of its own time while the caller still had some.
var errTimeout = errors.New("request timed out")

// A bound is the innermost layer: it counts the real requests, gives each one its time, and reads the whole answer,
// decompressed, up to a limit. A connection that breaks halfway is thereby an error of the round trip, which the
// retry above can mend, and the layers above may close a body and read it again.
type bound struct {
	next     http.RoundTripper
	timeout  time.Duration // for one request, from dialling to the last byte of the answer
	requests atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeoutCause(req.Context(), b.timeout, errTimeout)
	defer cancel()
	b.requests.Add(1)
	res, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, b.explain(ctx, err)
	}
	body, err := readBody(res, limitOf(req, res))
	if err != nil {
		return nil, b.explain(ctx, err)
	}
	if _, err := req.URL.Parse(res.Header.Get("Location")); err != nil { // net/http would quote it
		return nil, &Error{kind: restore.FailedInvalidResponse, Status: res.StatusCode,
			Detail: "the answer leads to something that is no address"}
	}
	res.Body = body
	res.Request = req
	return res, nil
}

// explain tells the request's own timeout from the caller's deadline, and keeps back what net/http quotes of an answer.
func (b *bound) explain(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return &Error{kind: restore.FailedUnavailable, err: context.DeadlineExceeded,
			Detail: fmt.Sprintf("no complete answer within %v", b.timeout)}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return outbound.Reason(err)
}

// limitOf returns how many bytes are read of an answer.
func limitOf(req *http.Request, res *http.Response) int64 {
	switch {
	case res.StatusCode >= 400:
		return maxErrorBody
	case req.Method == http.MethodPost: // only tokens are asked for in this way
		return maxTokenBody
	}
	return maxBody
}

func readBody(res *http.Response, limit int64) (*buffered, error) {
	defer func() { _ = res.Body.Close() }() // read to its end or given up: an error of Close says nothing more
	var buf bytes.Buffer
	if 0 < res.ContentLength && res.ContentLength <= limit {
		buf.Grow(int(res.ContentLength) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(res.Body, limit+1))
	switch tooLong := int64(buf.Len()) > limit; {
	case tooLong && res.StatusCode >= 400:
		buf.Truncate(int(limit)) // enough to say what it was
	case tooLong:
		return nil, &Error{kind: restore.FailedInvalidResponse, Status: res.StatusCode,
			Detail: "the answer is larger than " + size(limit)}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &Error{kind: restore.FailedInvalidResponse, Status: res.StatusCode, passing: buf.Len() < maxAgain, err: io.ErrUnexpectedEOF,
			Detail: fmt.Sprintf("the answer was cut off after %d bytes", buf.Len())}
	case err != nil:
		return nil, err
	}
	return &buffered{Reader: bytes.NewReader(buf.Bytes()), bytes: buf.Bytes()}, nil
}

// size writes a limit.
func size(limit int64) string {
	if limit < 1<<20 {
		return fmt.Sprintf("%d KiB", limit>>10)
	}
	return fmt.Sprintf("%d MiB", limit>>20)
}

// A buffered is a body that is in memory already.
type buffered struct {
	*bytes.Reader
	bytes []byte
}

// Close implements io.Closer.
func (*buffered) Close() error { return nil }

// bodyOf returns what res carries, without a copy. Every response of the chain is buffered; it may have been closed.
func bodyOf(res *http.Response) []byte {
	if b, ok := res.Body.(*buffered); ok {
		return b.bytes
	}
	return nil
}

// hide takes a secret out of an answer, which errors quote: a server may repeat what it was sent.
func hide(res *http.Response, secret string) {
	if secret == "" {
		return
	}
	for _, values := range res.Header {
		for i := range values {
			values[i] = strings.ReplaceAll(values[i], secret, redacted)
		}
	}
	body := bodyOf(res)
	if !bytes.Contains(body, []byte(secret)) {
		return
	}
	body = bytes.ReplaceAll(body, []byte(secret), []byte(redacted))
	res.Body = &buffered{Reader: bytes.NewReader(body), bytes: body}
}
