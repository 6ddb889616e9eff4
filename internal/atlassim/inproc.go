package atlassim

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Client returns a client whose requests the server answers in-process, whatever host they name: no socket, so time
// inside a testing/synctest bubble goes on while it waits.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.Transport()} }

// Transport is what Client is made of. Closed connections, short bodies and clients that give up look as they do over
// a socket. A caller has to close the bodies it gets.
func (s *Server) Transport() http.RoundTripper { return inproc{s} }

type inproc struct{ handler http.Handler }

func (t inproc) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx, cancel := context.WithCancel(r.Context())
	body, pipe := io.Pipe()
	w := &wire{header: http.Header{}, pipe: pipe, length: -1, begun: make(chan struct{})}
	over := make(chan struct{})
	// A client that gives up in the middle of a body gets the reason from its next read.
	stop := context.AfterFunc(r.Context(), func() { pipe.CloseWithError(context.Cause(r.Context())) })
	go func() {
		defer close(over)
		defer stop()
		w.serve(t.handler, received(ctx, r))
	}()
	select {
	case <-w.begun:
	case <-over:
	case <-r.Context().Done():
	}
	select {
	case <-w.begun:
		return w.response(r, hungUp{body, cancel}), nil
	default:
		cancel()
		return nil, cmp.Or(context.Cause(r.Context()), io.ErrUnexpectedEOF) // given up, or closed without an answer
	}
}

// received is r as a server gets it.
func received(ctx context.Context, r *http.Request) *http.Request {
	in := r.Clone(ctx)
	in.Method = cmp.Or(r.Method, http.MethodGet)
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "192.0.2.1:40000", cmp.Or(r.Host, r.URL.Host)
	if in.Body == nil {
		in.Body = http.NoBody
	}
	if r.URL.Scheme == "https" {
		in.TLS = new(tls.ConnectionState)
	}
	return in
}

// hungUp is a body that tells the handler when the client has closed it.
type hungUp struct {
	*io.PipeReader
	tell context.CancelFunc
}

func (h hungUp) Close() error {
	h.tell()
	return h.PipeReader.Close()
}

// A wire is the response writer of one request in-process.
type wire struct {
	header http.Header
	sent   http.Header // header as it was when the answer began
	status int
	length int // announced, or -1
	wrote  int
	pipe   *io.PipeWriter
	once   sync.Once
	begun  chan struct{}
}

func (w *wire) Header() http.Header { return w.header }

func (w *wire) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		if n, err := strconv.Atoi(w.header.Get("Content-Length")); err == nil {
			w.length = n
		}
		close(w.begun)
	})
}

func (w *wire) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	n, err := w.pipe.Write(b)
	w.wrote += n
	return n, err
}

// Flush has nothing to do: every write goes to the client at once.
func (w *wire) Flush() {}

// serve runs the handler and ends the body as net/http does: a handler that aborts, or writes less than it announced,
// closes the connection.
func (w *wire) serve(h http.Handler, r *http.Request) {
	whole := completes(h, w, r)
	if gone := context.Cause(r.Context()); gone != nil {
		w.pipe.CloseWithError(gone) // before the handler ended: the client shall not take what it has for the whole
		return
	}
	if !whole {
		w.pipe.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	w.WriteHeader(http.StatusOK)
	if w.length > w.wrote {
		w.pipe.CloseWithError(io.ErrUnexpectedEOF)
		return
	}
	w.pipe.Close()
}

func completes(h http.Handler, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			if err, isErr := p.(error); !isErr || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

func (w *wire) response(r *http.Request, body io.ReadCloser) *http.Response {
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: int64(w.length), Request: r,
	}
}
