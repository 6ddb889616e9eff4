package killtest

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// A faultKind is what a proxy does to a request. "Before" means that the server never gets the request, "after" that it
// has answered and nobody hears of it.
type faultKind string

const (
	resetBefore   faultKind = "reset before"
	resetAfter    faultKind = "reset after"
	truncated     faultKind = "truncated" // so much of the answer, then the end of the connection
	delayed       faultKind = "delayed"   // on its way to the server
	swallowBefore faultKind = "blackhole before"
	swallowAfter  faultKind = "blackhole after"
	killBefore    faultKind = "kill before"
	killAfter     faultKind = "kill after"
	theClock      faultKind = "the clock"    // kills at a moment of its own
	killBetween   faultKind = "kill between" // the answer is there, and what comes next is not
)

// A fault meets some requests of one run.
type fault struct {
	kind     faultKind
	from     int           // the first request that it meets, of those that the run sends to this server, from 1
	requests int           // how many it meets, at least 1
	delay    time.Duration // of delayed
	share    float64       // of truncated: how much of the answer is passed on, 0 to less than 1
}

// A proxy stands between a program and one server. It passes on one HTTP request after another over plain TCP, and does
// to each what the script of the run says.
type proxy struct {
	name     string
	upstream string // host and port
	listener net.Listener
	journal  *journal
	up       *http.Transport
	underway sync.WaitGroup

	mu     sync.Mutex
	seen   int // requests of this run
	plan   []fault
	open   map[net.Conn]bool
	closed sync.Cond // a connection was
	ended  bool
}

// newProxy starts a proxy of the server at endpoint, an http URL, until the test ends.
func newProxy(t testing.TB, name, endpoint string, j *journal) *proxy {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		name: name, upstream: to.Host, listener: listener, journal: j, open: map[net.Conn]bool{},
		// A connection for each request: one that the server had closed meanwhile were a fault that nobody scripted.
		up: &http.Transport{DisableKeepAlives: true, DisableCompression: true},
	}
	p.closed.L = &p.mu
	p.underway.Go(p.accept)
	t.Cleanup(p.stop)
	return p
}

func (p *proxy) URL() string { return "http://" + p.listener.Addr().String() }

// script sets what the requests of the next run meet, and begins to count them anew.
func (p *proxy) script(faults []fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.seen = faults, 0
}

func (p *proxy) stop() {
	p.listener.Close()
	p.hangUp()
	p.underway.Wait()
}

// hangUp closes the connections, now and from now on.
func (p *proxy) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for c := range p.open {
		c.Close()
	}
}

// hold notes a connection that hangUp has to close; it returns false if that has been called.
func (p *proxy) hold(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = true
	return !p.ended
}

func (p *proxy) release(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
	c.Close()
	p.closed.Broadcast()
}

// rest waits until nothing is on its way any more. The programs that used the proxy must have ended: they keep
// connections open.
func (p *proxy) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.open) > 0 {
		p.closed.Wait()
	}
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.underway.Go(func() { p.serve(c) })
	}
}

// serve passes on the requests of one connection, one at a time, as HTTP/1.1 clients send them.
func (p *proxy) serve(client net.Conn) {
	defer p.release(client)
	if !p.hold(client) {
		return
	}
	in := bufio.NewReader(client)
	for {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return // killed in the middle of a request
		}
		call := p.journal.asked(p.name, operation(p.name, request, body))
		if !p.pass(client, in, request, body, call) {
			return
		}
	}
}

// next returns what the next request of the run meets.
func (p *proxy) next() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen++
	for _, f := range p.plan {
		if p.seen >= f.from && p.seen < f.from+f.requests {
			return f
		}
	}
	return fault{}
}

// pass makes one request meet its fate, and reports whether the connection goes on.
func (p *proxy) pass(client net.Conn, in io.Reader, request *http.Request, body []byte, call *call) bool {
	f := p.next()
	p.journal.struck(f.kind)
	switch f.kind {
	case resetBefore:
		return reset(client)
	case swallowBefore:
		return swallow(in)
	case killBefore:
		call.kill(f.kind)
		return false
	case delayed:
		time.Sleep(f.delay)
	}
	answer, last, err := p.forward(request, body)
	if err != nil {
		return reset(client)
	}
	call.arrived()
	switch f.kind {
	case resetAfter:
		return reset(client)
	case swallowAfter:
		return swallow(in)
	case killAfter:
		call.kill(f.kind)
		return false
	case truncated:
		client.Write(answer[:int(f.share*float64(len(answer)))]) // whoever hung up misses nothing
		return false
	}
	call.relayed()
	_, err = client.Write(answer)
	if f.kind == killBetween {
		call.kill(f.kind)
	}
	return err == nil && !last
}

// reset ends a connection with RST: what was not read yet is lost, and the other side sees an error.
func reset(client net.Conn) bool {
	if c, ok := client.(*net.TCPConn); ok {
		c.SetLinger(0)
	}
	client.Close()
	return false
}

// swallow says nothing until the other side gives up.
func swallow(in io.Reader) bool {
	io.Copy(io.Discard, in)
	return false
}

// forward gets the server's answer, byte by byte as it goes to the client, and whether the server ends the connection
// after it.
func (p *proxy) forward(request *http.Request, body []byte) (answer []byte, last bool, err error) {
	out := request.Clone(request.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", p.upstream
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	out.Close = false
	response, err := p.up.RoundTrip(out)
	if err != nil {
		return nil, false, err
	}
	defer response.Body.Close()
	unbounded := response.ContentLength < 0 && len(response.TransferEncoding) == 0
	response.Close = unbounded
	response.Header.Del("Connection")
	answer, err = httputil.DumpResponse(response, true)
	return answer, unbounded, err
}

// operation names a request: for AWS as a policy does, for the API by the end of its path.
func operation(server string, r *http.Request, body []byte) string {
	if _, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		return name
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		return form.Get("Action")
	}
	return r.Method + " " + r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
}
