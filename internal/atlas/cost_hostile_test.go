package atlas

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/outbound"
	"restorewatch/internal/outbound/hostiletest"
	"restorewatch/internal/restore"
)

// What one listing costs at the most, whatever the server does.
const (
	mostTime     = DefaultTimeout
	mostRequests = maxTries
	mostTaken    = maxBody + 1<<20 // bytes of the connections: the bound of a body, and what buffers ask for beyond
	mostMemory   = 12 * maxBody    // bytes allocated in all: a buffer that doubles as it grows, and what stands around it
	mostText     = 1200            // bytes of an error
)

func TestCostOfAnyAnswer(t *testing.T) {
	var logged lockedText
	outbound.GuardLog(&logged)
	t.Cleanup(func() {
		outbound.GuardLog(os.Stderr)
		if text := logged.String(); strings.Contains(text, hostiletest.Canary) || !strings.Contains(text, "sent more than its answer") {
			t.Errorf("logged %q", text)
		}
	})
	for _, account := range []bool{false, true} { // with an account, the token's endpoint is the one that is hostile
		for _, a := range hostiletest.Answers() {
			name := map[bool]string{false: "listing, ", true: "token, "}[account] + a.Name
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { costOf(t, a, account) })
			})
		}
	}
}

func costOf(t *testing.T, a hostiletest.Answer, account bool) {
	s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool { a.Write(w); return a.Keep }}
	c := newClient(t, nil, func(o *Options) {
		o.BaseURL, o.Base = "http://127.0.0.1", s.Transport(t, Transport())
		if account {
			withClient(o)
		}
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := list(t.Context(), c, target, 100)
	took := time.Since(start)
	runtime.ReadMemStats(&after)

	if err == nil {
		t.Fatal("no error")
	}
	uncanny(t, err)
	if n := len(err.Error()); n > mostText || strings.ContainsAny(err.Error(), "\r\n\x1b\x00\x07") {
		t.Errorf("%d bytes: %.500q", n, err)
	}
	most := int64(mostTaken)
	if account {
		most = mostRequests * (64<<10 + 6*maxTokenBody + 64<<10) // a header, a body in small chunks, buffers
	}
	if taken := s.Taken(); taken > most {
		t.Errorf("took %d bytes, want at most %d", taken, most)
	}
	if n := len(s.Requests()); n > mostRequests {
		t.Errorf("%d requests", n)
	}
	if took > mostTime || a.Slow != (took >= 10*time.Second) {
		t.Errorf("took %v", took)
	}
	grown := after.TotalAlloc - before.TotalAlloc
	if grown > mostMemory {
		t.Errorf("allocated %d KB", grown>>10)
	}
	t.Logf("%d requests, %d KB taken, %d KB allocated, %v", len(s.Requests()), s.Taken()>>10, grown>>10, took)
}

// A lockedText is written by goroutines of net/http.
type lockedText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A deadline cuts each of them short.
func TestCostWithinADeadline(t *testing.T) {
	for _, a := range hostiletest.Answers() {
		if !a.Slow {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool { a.Write(w); return a.Keep }}
			c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = "http://127.0.0.1", s.Transport(t, Transport()) })
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			start := time.Now()
			_, err := list(ctx, c, target, 100)
			failure(t, err, restore.FailedUnavailable)
			if took := time.Since(start); took != 3*time.Second {
				t.Errorf("%s: took %v", a.Name, took)
			}
		})
	}
}

// A handshake that never ends costs its own timeout, once.
func TestHandshakeWithoutEnd(t *testing.T) {
	for name, sent := range map[string]string{"silence": "", "half a record": "\x16\x03\x03\x40\x00\x02"} {
		synctest.Test(t, func(t *testing.T) {
			dials := 0
			transport := Transport()
			transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				dials++
				here, there := net.Pipe()
				go func() {
					defer there.Close()
					_, _ = there.Read(make([]byte, 4096))
					_, _ = io.WriteString(there, sent)
					_, _ = io.Copy(io.Discard, there) // until the client goes
				}()
				return here, nil
			}
			c := newClient(t, nil, func(o *Options) { o.Base = transport })
			start := time.Now()
			_, err := list(t.Context(), c, target, 100)
			failure(t, err, restore.FailedUnavailable, "no answer in time")
			if took := time.Since(start); took > mostTime || dials != 1 {
				t.Errorf("%s: %d connections in %v", name, dials, took)
			}
		})
	}
}

// What a connection holds behind an answer is not taken for the answer to the next request.
func TestPoisonedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		true1, true2 := pageJSON("", jobJSON(id(1), "FINISHED")), pageJSON("", jobJSON(id(2), "FINISHED"))
		s := &hostiletest.Server{}
		s.Answer = func(w io.Writer, _ *http.Request) bool {
			page := true1
			if len(s.Requests()) > 1 {
				page = true2
			}
			res := answer(200, page)
			res.ProtoMajor, res.ProtoMinor, res.ContentLength = 1, 1, int64(len(page))
			forged := answer(200, pageJSON("", jobJSON(id(666), "BROKEN")))
			forged.ProtoMajor, forged.ProtoMinor = 1, 1
			return res.Write(w) == nil && forged.Write(w) == nil
		}
		c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = "http://127.0.0.1", s.Transport(t, Transport()) })
		for _, want := range []string{"0001", "0002"} {
			got, err := list(t.Context(), c, target, 100)
			if err != nil || ids(got) != want {
				t.Errorf("got %s, %v; want %s", ids(got), err, want)
			}
			synctest.Wait()
		}
	})
}

// Cookies are not kept: they would tie a run to what a server once said.
func TestCookiesAreNotSentBack(t *testing.T) {
	w := &witness{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=CANARY; Path=/")
		if !strings.Contains(r.URL.RawQuery, "again") {
			http.Redirect(w, r, r.URL.Path+"?again", http.StatusFound)
			return
		}
		serve(pageJSON("")).ServeHTTP(w, r)
	})}
	c := newClient(t, w)
	for range 2 {
		if _, err := list(t.Context(), c, target, 100); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.asked {
		if r.Header.Get("Cookie") != "" {
			t.Errorf("sent %q", r.Header.Get("Cookie"))
		}
	}
}

// The same bounds hold over HTTP/2, whose headers and bodies net/http reads by other code.
func TestCostOverHTTP2(t *testing.T) {
	for name, tt := range map[string]struct {
		serve func(http.ResponseWriter)
		kind  restore.FailureKind
	}{
		"10 MB of header": {func(w http.ResponseWriter) {
			for i := range 10_000 {
				w.Header().Add("X", strings.Repeat(string(rune('a'+i%26)), 1000))
			}
		}, restore.FailedUnavailable},
		"103 without end": {func(w http.ResponseWriter) {
			w.Header().Set("Link", "</"+strings.Repeat("CANARY", 200)+">")
			for range 10_000 {
				w.WriteHeader(http.StatusEarlyHints)
			}
		}, restore.FailedUnavailable},
		"a body without end": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			for range 64 << 10 {
				if _, err := io.WriteString(w, strings.Repeat(" ", 1024)); err != nil {
					return
				}
			}
		}, restore.FailedInvalidResponse},
		"a trailer of megabytes": {func(w http.ResponseWriter) {
			w.Header().Set("Trailer", "X")
			_, _ = io.WriteString(w, `{"CANARY":`) // the client may be gone
			w.(http.Flusher).Flush()
			w.Header().Set("X", strings.Repeat("CANARY", 1<<20))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each waits between its tries
			var protocol string
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				protocol = r.Proto
				tt.serve(w)
			}))
			srv.EnableHTTP2 = true
			srv.StartTLS()
			defer srv.Close()
			transport := Transport()
			transport.TLSClientConfig = srv.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
			c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, transport })
			_, err := list(t.Context(), c, target, 100)
			transport.CloseIdleConnections()
			if err == nil {
				t.Fatal("no error")
			}
			uncanny(t, err)
			if tt.kind != "" {
				failure(t, err, tt.kind)
			}
			if protocol != "HTTP/2.0" || c.Requests() > mostRequests || len(err.Error()) > mostText {
				t.Errorf("%s: %d requests, %v", protocol, c.Requests(), err)
			}
		})
	}
}
