// Package hostiletest plays servers that send what no server should, over connections that count what is taken of it and
// need no time in a synctest bubble.
package hostiletest

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
)

// A Server answers requests over connections in memory.
type Server struct {
	// Answer writes the answer to a request. When it returns, the connection stays open for the next one if it returns
	// true.
	Answer func(w io.Writer, r *http.Request) (keep bool)

	mu       sync.Mutex
	taken    int64
	requests []*http.Request
	serving  sync.WaitGroup
}

// Transport returns base with its connections leading here, whatever the address. They end when the test does.
func (s *Server) Transport(t testing.TB, base *http.Transport) *http.Transport {
	transport := base.Clone()
	transport.Proxy = nil
	transport.ReadBufferSize = 32 << 10 // a pipe is slow by the piece
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		s.serving.Go(func() { s.serve(there) })
		return here, nil
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.serving.Wait()
	})
	return transport
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body) // the client may be gone
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.mu.Unlock()
		if !s.Answer(counted{c, s}, r) {
			return
		}
	}
}

// Taken returns how many bytes the clients have read, as their connections saw them.
func (s *Server) Taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// Requests returns the requests so far, without their bodies.
func (s *Server) Requests() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request(nil), s.requests...)
}

// counted counts what is read at the other end: a pipe holds nothing back.
type counted struct {
	net.Conn
	server *Server
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.server.mu.Lock()
	c.server.taken += int64(n)
	c.server.mu.Unlock()
	return n, err
}
