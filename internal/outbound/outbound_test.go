package outbound_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"restorewatch/internal/outbound"
)

// Each way in which net/http quotes what it cannot read.
func TestReasonRepeatsNothing(t *testing.T) {
	for name, answer := range map[string]string{
		"no HTTP at all":       "CANARY of a listing\r\n\r\n",
		"version":              "HTTP/CANARY 200 OK\r\n\r\n",
		"status":               "HTTP/1.1 CANARY OK\r\n\r\n",
		"header line":          "HTTP/1.1 200 OK\r\nCANARY\r\n\r\n",
		"header name":          "HTTP/1.1 200 OK\r\nCAN\x00ARY: CANARY\r\n\r\n",
		"header folded":        "HTTP/1.1 200 OK\r\n CANARY\r\n\r\n",
		"length":               "HTTP/1.1 200 OK\r\nContent-Length: CANARY\r\n\r\n",
		"two lengths":          "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2CANARY\r\n\r\n",
		"transfer encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: CANARY\r\n\r\n",
		"chunk":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nCANARY\r\n",
		"gzip":                 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nCANARY",
		"redirect":             "HTTP/1.1 302 Found\r\nLocation: /CANARY%zz\r\n\r\n",
		"endless header":       "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("CANARY", 20_000),
		"endless header names": "HTTP/1.1 200 OK\r\n" + strings.Repeat("CANARY: x\r\n", 20_000),
		"nothing":              "",
		"half a status":        "HTTP/1.1 200 CANARY",
	} {
		t.Run(name, func(t *testing.T) {
			transport := outbound.Transport()
			transport.DisableCompression = false
			transport.DialContext = dialling(answer)
			client := &http.Client{Transport: transport}
			res, err := client.Get("http://hooks.test/CANARY")
			if err == nil {
				_, err = io.ReadAll(res.Body)
			}
			if text := fmt.Sprintf("%+v", limitedError(t, client)); strings.Contains(text, "CANARY") {
				t.Errorf("told by a Doer: %s", text)
			}
			told := outbound.Reason(err)
			if err == nil || told == nil {
				t.Fatalf("no error: %v", err)
			}
			if text := fmt.Sprintf("%v %+v %#v", told, told, told); strings.Contains(text, "CANARY") || len(told.Error()) > 100 {
				t.Errorf("told: %s", text)
			}
		})
	}
}

// limitedError asks once more by a Doer, and returns its error or that of the body.
func limitedError(t *testing.T, client *http.Client) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://hooks.test/CANARY", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := outbound.Limited(client, 1000).Do(req)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(res.Body)
	return err
}

// dialling returns connections that answer anything in the same way and then end.
func dialling(answer string) func(context.Context, string, string) (net.Conn, error) {
	return func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			_, _ = there.Read(make([]byte, 4096))
			_, _ = io.WriteString(there, answer) // the client may be gone
		}()
		return here, nil
	}
}

// What a person needs, and what decides whether to try again, stays.
func TestReasonKeeps(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, kept := range []error{
		context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, syscall.ECONNRESET, refused, http.ErrSchemeMismatch,
	} {
		wrapped := &url.Error{Op: "Get", URL: "https://hooks.test/CANARY", Err: fmt.Errorf("CANARY: %w", kept)}
		if told := outbound.Reason(wrapped); !errors.Is(told, kept) || strings.Contains(told.Error(), "CANARY") {
			t.Errorf("of %v is told %v", kept, told)
		}
	}
	slow := &url.Error{Op: "Get", URL: "https://hooks.test/CANARY", Err: timeout{}}
	told, ok := errors.AsType[net.Error](outbound.Reason(slow))
	if !ok || !told.Timeout() || strings.Contains(told.Error(), "CANARY") {
		t.Errorf("of a timeout is told %v", told)
	}
}

type timeout struct{}

func (timeout) Error() string   { return "CANARY" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// A server whose Content-Length is too small leaves the rest of its answer in the connection, which net/http logs.
func TestRestOfAnAnswerIsNotLogged(t *testing.T) {
	var written buffer
	outbound.GuardLog(&written)
	t.Cleanup(func() { log.SetOutput(io.Discard) })
	synctest.Test(t, func(t *testing.T) {
		transport := outbound.Transport()
		transport.DialContext = dialling("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}{\"url\":\"https://CANARY/\"}")
		client := &http.Client{Transport: transport}
		res, err := client.Get("http://api.test/")
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "{}" {
			t.Errorf("got %q, %v", body, err)
		}
		synctest.Wait()
	})
	log.Print("runtime API is gone")
	text := written.String()
	if strings.Contains(text, "CANARY") || !strings.Contains(text, "a server sent more than its answer") {
		t.Errorf("logged %q", text)
	}
	if !strings.HasSuffix(text, "runtime API is gone\n") {
		t.Errorf("what others log is lost: %q", text)
	}
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A doer answers with a body that never ends.
type doer struct{ read int }

func (d *doer) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(d)}, nil
}

func (d *doer) Read(p []byte) (int, error) { d.read += len(p); return len(p), nil }

func TestLimited(t *testing.T) {
	for _, chunk := range []int{1, 7, 100, 101, 4096} {
		endless := &doer{}
		res, err := outbound.Limited(endless, 100).Do(nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{res.Body}, make([]byte, chunk))
		if err == nil || n != 100 || endless.read != 101 {
			t.Errorf("in chunks of %d: %d bytes, %v; %d were read", chunk, n, err, endless.read)
		}
		if n, err := res.Body.Read(make([]byte, 9)); n != 0 || err == nil {
			t.Errorf("after the end: %d, %v", n, err)
		}
	}
	whole, err := outbound.Limited(exactly{"0123456789"}, 10).Do(nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(whole.Body); err != nil || string(body) != "0123456789" {
		t.Errorf("an answer of just the size: %q, %v", body, err)
	}
}

type exactly struct{ body string }

func (e exactly) Do(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(e.body))}, nil
}

// onlyReader and onlyWriter keep io.Copy from taking a shortcut.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)
