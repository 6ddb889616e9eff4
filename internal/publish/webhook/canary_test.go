package webhook_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/webhook"
)

// The address's path, query and password, and the secret, in every way to fail that could tell them.
func TestNoSecretIsTold(t *testing.T) {
	plain := &receiver{answer: func(w http.ResponseWriter, r *http.Request, _ string) {
		http.Error(w, "Cannot POST "+r.URL.String(), http.StatusNotFound) // as Express says it
	}}
	redirecting := &receiver{answer: func(w http.ResponseWriter, r *http.Request, _ string) {
		http.Redirect(w, r, "/elsewhere"+r.URL.String(), http.StatusTemporaryRedirect)
	}}
	badRedirect := &receiver{answer: func(w http.ResponseWriter, r *http.Request, _ string) {
		w.Header().Set("Location", "http://[CANARY"+r.URL.String())
		w.WriteHeader(http.StatusFound)
	}}
	dropping := &receiver{answer: func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) }}
	untrusted := httptest.NewUnstartedServer(plain)
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plainURL := plain.start(t)
	for _, tt := range []struct {
		name, url string
		want      string
	}{
		{"repeats the path", plainURL, "answered 404 Not Found"},
		{"redirects", redirecting.start(t), "answered 307 Temporary Redirect"},
		{"redirects to nonsense", badRedirect.start(t), "no HTTP"},
		{"closes the connection", dropping.start(t), "closed without an answer"},
		{"repeats the request", echo(t), "no HTTP"},
		{"refuses connections", closed(t), "connection refused"},
		{"has a certificate that nobody trusts", untrusted.URL, "certificate"},
		{"speaks http", strings.Replace(plainURL, "http:", "https:", 1), "it speaks http"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scheme, host, _ := strings.Cut(tt.url, "://")
			address := scheme + "://user:CANARY@" + host + "/CANARY?key=CANARY#CANARY"
			p, err := webhook.New(webhook.Options{
				URL: func() string { return address }, Secret: func() string { return "CANARY" }, Renderer: renderer,
			})
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := p.Publish(t.Context(), publishtest.Rounds(2, 1))
			if accepted[0] || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "webhook "+tt.url+":") {
				t.Errorf("accepted %v, error %v, want %q in it", accepted, err, tt.want)
			}
			if text := told(t, p, err); strings.Contains(text, "CANARY") {
				t.Errorf("a secret is told: %s", text)
			}
		})
	}
}

// told returns what may be written somewhere of a publisher and its error: every verb, every cause, and the log.
func told(t *testing.T, p *webhook.Publisher, err error) string {
	t.Helper()
	var b bytes.Buffer
	slog.New(slog.NewJSONHandler(&b, nil)).Info("published", "error", err, "publisher", fmt.Sprintf("%+v %#v", p, *p))
	failure := firstError(t, err)
	fmt.Fprintln(&b, failure.Hint())
	for e := error(failure); e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&b, "%v %+v %#v\n", e, e, e)
	}
	return b.String()
}

// echo returns the address of a server that answers with the request.
func echo(t *testing.T) (url string) {
	t.Helper()
	listener := listen(t)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				_, _ = io.Copy(connection, connection)
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// closed returns an address at which nobody listens.
func closed(t *testing.T) (url string) {
	t.Helper()
	listener := listen(t)
	listener.Close()
	return "http://" + listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
