package atlas

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

// zeros is a body without end that counts what is read of it.
type zeros struct{ read, closed int }

func (z *zeros) Read(p []byte) (int, error) { z.read += len(p); clear(p); return len(p), nil }
func (z *zeros) Close() error               { z.closed++; return nil }

func TestEndlessBody(t *testing.T) {
	for code, most := range map[int]int{200: maxBody, 302: maxBody, 401: maxErrorBody, 500: maxErrorBody} {
		body := &zeros{}
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: code, Header: http.Header{}, Body: body, ContentLength: -1}, nil
			})
		})
		_, err := list(t.Context(), c, target, 100)
		if code < 400 {
			failure(t, err, restore.FailedInvalidResponse, "larger than 16 MiB")
		} else if err == nil {
			t.Errorf("%d: no error", code)
		}
		if body.read > most+1 || body.closed == 0 {
			t.Errorf("%d: read %d bytes, closed %d times", code, body.read, body.closed)
		}
	}
}

// A gzip bomb counts by what it unpacks to; a small packed page is read.
func TestGzip(t *testing.T) {
	size := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.CopyN(z, &zeros{}, int64(size))
		_, _ = io.WriteString(z, pageJSON("", jobJSON(id(1), "FINISHED")))
		_ = z.Close()
	}))
	defer srv.Close()
	c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, nil })
	if pages, err := list(t.Context(), c, target, 100); err != nil || ids(pages) != "0001" {
		t.Errorf("got %s, %v", ids(pages), err)
	}
	size = 20 << 20
	_, err := list(t.Context(), c, target, 100)
	failure(t, err, restore.FailedInvalidResponse, "larger than 16 MiB")
}

func TestCutOffBody(t *testing.T) {
	tries := 0
	page := pageJSON("", jobJSON(id(1), "FINISHED"))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		if tries == 1 {
			w.Header().Set("Content-Length", "99999")
		}
		_, _ = io.WriteString(w, page)
	}))
	defer srv.Close()
	c := newClient(t, nil, func(o *Options) { o.BaseURL, o.Base = srv.URL, nil })
	if pages, err := list(t.Context(), c, target, 100); err != nil || ids(pages) != "0001" || tries != 2 {
		t.Errorf("got %s, %v after %d tries", ids(pages), err, tries)
	}

	cut := roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: io.NopCloser(io.MultiReader(strings.NewReader(page[:100]), failing{}))}, nil
	})
	res, err := (&bound{next: cut, timeout: DefaultTimeout}).RoundTrip(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	e, ok := errors.AsType[*Error](err)
	if res != nil || !ok || !errors.Is(err, io.ErrUnexpectedEOF) || e.FailureKind() != restore.FailedInvalidResponse {
		t.Errorf("got %v, %v", res, err)
	}
	if !strings.Contains(err.Error(), "cut off after 100 bytes") {
		t.Errorf("error %q", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
