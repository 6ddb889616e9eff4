package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Reason returns what may be told of an error of net/http: one whose text is known to repeat nothing that a server sent,
// or words of our own for it. Timeouts stay timeouts, and what errors.Is finds of the context, of io and of the operating
// system, it still finds.
func Reason(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, http.ErrSchemeMismatch, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return certificate
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network
	}
	if system, ok := errors.AsType[syscall.Errno](err); ok {
		return system
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return timedOut{}
	}
	if errors.Is(err, io.EOF) {
		return errClosed
	}
	for _, f := range fragments {
		if strings.Contains(err.Error(), f.of) {
			return f.told
		}
	}
	return errBroken
}

var (
	errClosed = errors.New("the connection was closed without an answer")
	errBroken = errors.New("the connection broke off, or the answer is no HTTP")
)

// fragments are of errors that net/http has no type for, beside what can be told of them.
var fragments = []struct {
	of   string
	told error
}{
	{"headers exceeded", errors.New("the header of the answer is longer than 64 KiB")},
	{"response header list larger", errors.New("the header of the answer is longer than 64 KiB")},
	{"bytes exhausted", errors.New("the header of the answer is longer than 64 KiB")},
	{"1xx informational", errors.New("the answer does not come to its end")},
	{"gzip: ", errors.New("the answer is not the gzip that it says it is")},
	{"flate: ", errors.New("the answer is not the gzip that it says it is")},
	{"chunked", errors.New("the answer ends within a chunk that is none")},
	{"GOAWAY", errors.New("the server is closing its connections")},
	{"Proxy Authentication Required", errors.New("the proxy asks for a password")},
}

// A timedOut is a timeout of the transport, on the way to an answer.
type timedOut struct{}

// Error says no more: which of the transport's timeouts it was depends on where the server stopped.
func (timedOut) Error() string { return "no answer in time" }

// Timeout implements net.Error.
func (timedOut) Timeout() bool { return true }

// Temporary implements net.Error.
func (timedOut) Temporary() bool { return true }
