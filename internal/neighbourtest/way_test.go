package neighbourtest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// An ending is how a request ends for whoever made it.
type ending int

const (
	answered ending = iota // as the receiver answers
	tooMany                // 429, to come back in a minute
	broken                 // 500
	dropped                // the connection is closed without an answer
	killed                 // whoever made the request is killed
)

// A fate is what becomes of a request: faults come in pairs, without effect and after it.
type fate struct {
	applied bool
	ending  ending
}

// A way leads to a receiver, and fate may strike on it.
type way struct {
	next http.Handler
	met  func(r *http.Request, body []byte) bool // which requests a fate can strike
	kill func()                                  // kills whoever makes the requests

	mu     sync.Mutex
	fate   fate
	after  int // requests that pass before fate strikes
	struck int
	busy   sync.WaitGroup // requests on their way
}

func anyRequest(*http.Request, []byte) bool { return true }

// serve puts the way on loopback.
func (w *way) serve(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	return server.URL
}

// is sets the fate of all requests from now on but for the first few, once those before them have arrived.
func (w *way) is(f fate, after int) {
	w.busy.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fate, w.after, w.struck = f, after, 0
}

func (w *way) strikes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.struck
}

func (w *way) of(r *http.Request, body []byte) fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.fate.ending == answered || !w.met(r, body):
		return fate{applied: true}
	case w.after > 0:
		w.after--
		return fate{applied: true}
	}
	w.struck++
	return w.fate
}

func (w *way) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.busy.Add(1)
	defer w.busy.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	f := w.of(r, body)
	if f.ending == answered {
		w.next.ServeHTTP(rw, r)
		return
	}
	if f.applied { // also if whoever made the request is killed meanwhile
		w.next.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	}
	switch f.ending {
	case tooMany:
		rw.Header().Set("Retry-After", "60")
		rw.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(rw, throttled)
	case broken:
		http.Error(rw, "internal error", http.StatusInternalServerError)
	case killed:
		w.kill()
		fallthrough
	default:
		panic(http.ErrAbortHandler)
	}
}

// throttled is how SNS says 429 (API reference, "Common errors"); other receivers say it by the status alone.
const throttled = `<ErrorResponse><Error><Type>Sender</Type><Code>Throttled</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`

// An inbox is a receiver of posts that takes all that comes through to it.
type inbox struct {
	mu   sync.Mutex
	read func(r *http.Request, body string) told
	all  []told
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	i.all = append(i.all, i.read(r, string(body)))
	i.mu.Unlock()
	_, _ = io.WriteString(w, "ok")
}

// take returns what has come since the last take.
func (i *inbox) take() []told {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.all
	i.all = nil
	return all
}
