package atlassim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Fault answers a request in the server's place. It may call serve for the right answer, to spoil or delay it.
type Fault func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc)

// A scripted fault strikes a limited number of the requests that match.
type scripted struct {
	left  int
	match func(*http.Request) bool
	oauth bool // strikes requests for tokens, instead of those that show them
	fault Fault
}

// FailNext makes f strike the next n authenticated requests. Challenges (401) and requests for tokens do not count, so
// that a script does not depend on whether the client still had a nonce or a token. Scripts are tried in the order in
// which they were added.
func (s *Server) FailNext(n int, f Fault) {
	s.FailMatching(n, func(*http.Request) bool { return true }, f)
}

// FailPage makes f strike the next n authenticated requests for a page of a listing of jobs; the first page is 1.
func (s *Server) FailPage(page, n int, f Fault) {
	s.FailMatching(n, func(r *http.Request) bool {
		if p, ok := locate(r.URL); !ok || !p.listsJobs() {
			return false
		}
		asked := r.URL.Query().Get("pageNum")
		return asked == strconv.Itoa(page) || asked == "" && page == 1
	}, f)
}

// FailMatching makes f strike the next n authenticated requests that match. match must not call the server.
func (s *Server) FailMatching(n int, match func(*http.Request) bool, f Fault) {
	s.fail(&scripted{left: n, match: match, fault: f})
}

// FailTokens makes f strike the next n requests for a token, before their credentials are looked at.
func (s *Server) FailTokens(n int, f Fault) {
	s.fail(&scripted{left: n, match: isOAuth, oauth: true, fault: f})
}

func (s *Server) fail(f *scripted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, f)
}

// ClearFaults forgets every scripted fault that has not struck yet.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = nil
}

// nextFault uses up one strike. The caller has the lock.
func (s *Server) nextFault(r *http.Request) Fault {
	for _, f := range s.script {
		if f.left > 0 && f.oauth == isOAuth(r) && f.match(r) {
			f.left--
			return f.fault
		}
	}
	return nil
}

// Status answers with an error of the API's form and no useful code, as its servers do when they are in trouble.
func Status(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		problem{Status: status, Code: "UNEXPECTED_ERROR", Detail: "Unexpected error."}.write(w)
	}
}

// RateLimited answers 429. retryAfter is the header as it stands, seconds or an HTTP date; "" sends none.
func RateLimited(retryAfter string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		tooMany(r.URL.Path, RateLimit, retryAfter).write(w)
	}
}

// Slow waits before it answers, or until the client has gone.
func Slow(d time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		case <-timer.C:
			serve(w, r)
		}
	}
}

// Hangup closes the connection without an answer.
func Hangup() Fault {
	return func(http.ResponseWriter, *http.Request, http.HandlerFunc) { panic(http.ErrAbortHandler) }
}

// HTML answers with a web page, as a gateway in between would.
func HTML(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<!DOCTYPE html>\n<html><body><h1>%d %s</h1></body></html>\n", status, http.StatusText(status))
	}
}

// Redirect sends the client elsewhere.
func Redirect(location string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		http.Redirect(w, r, location, http.StatusFound)
	}
}

// Endless starts a listing and goes on with white space until the client has gone.
func Endless() Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.HandlerFunc) {
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"links":[],"results":[`)
		for blank := bytes.Repeat([]byte(" "), 32<<10); err == nil && r.Context().Err() == nil; {
			_, err = w.Write(blank)
		}
	}
}

// Truncated announces the whole body, sends its first half and closes the connection.
func Truncated() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		answer := capture(r, serve)
		send(w, answer, answer.body.Bytes(), answer.body.Len()/2)
	}
}

// Malformed sends the first half of the right answer as if that were all: not JSON, yet a whole body.
func Malformed() Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		answer := capture(r, serve)
		half := answer.body.Bytes()[:answer.body.Len()/2]
		send(w, answer, half, len(half))
	}
}

// Edited lets a test change the right answer, decoded from JSON, before it is sent.
func Edited(edit func(body map[string]any)) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		answer := capture(r, serve)
		var body map[string]any
		decoder := json.NewDecoder(&answer.body)
		decoder.UseNumber()
		if err := decoder.Decode(&body); err != nil {
			panic(fmt.Sprintf("atlassim: the answer to be edited is not a JSON object: %v", err))
		}
		edit(body)
		b, err := encode(body)
		if err != nil {
			panic(fmt.Sprintf("atlassim: the edited answer has no JSON form: %v", err))
		}
		send(w, answer, b, len(b))
	}
}

// WithoutID takes the id from the first job of a listing.
func WithoutID() Fault {
	return Edited(func(body map[string]any) {
		if jobs, _ := body["results"].([]any); len(jobs) > 0 {
			delete(jobs[0].(map[string]any), "id")
		}
	})
}

// A held answer is one that a fault may look at before the client does.
type held struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (h *held) Header() http.Header         { return h.header }
func (h *held) WriteHeader(code int)        { h.code = code }
func (h *held) Write(b []byte) (int, error) { return h.body.Write(b) }

func capture(r *http.Request, serve http.HandlerFunc) *held {
	answer := &held{header: http.Header{}, code: http.StatusOK}
	serve(answer, r)
	return answer
}

// send announces body in full and writes its first n bytes.
func send(w http.ResponseWriter, answer *held, body []byte, n int) {
	maps.Copy(w.Header(), answer.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(answer.code)
	_, _ = w.Write(body[:n]) // a client that has gone misses nothing
	if n < len(body) {
		_ = http.NewResponseController(w).Flush() // the client shall see the first half, not only a closed connection
		panic(http.ErrAbortHandler)
	}
}

// Chain applies faults from the outside in: Chain(Slow(time.Second), Status(503)) is a slow 503.
func Chain(faults ...Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, serve http.HandlerFunc) {
		for _, f := range slices.Backward(faults) {
			inner := serve
			serve = func(w http.ResponseWriter, r *http.Request) { f(w, r, inner) }
		}
		serve(w, r)
	}
}

// Authenticated reports whether r carries a digest or a token, right or wrong: what a Server.Faults function asks to leave
// challenges alone.
func Authenticated(r *http.Request) bool {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.EqualFold(scheme, "Digest") || strings.EqualFold(scheme, "Bearer")
}
