package webhook_test

import (
	"io"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/outbound"
	"restorewatch/internal/outbound/hostiletest"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/webhook"
)

// What a hundred events cost at the most when the receiver is hostile. One that seems to be down is left alone after
// three requests.
const (
	mostTaken  = 3 * (64<<10 + 6*64<<10 + 64<<10) // a header, a body in small chunks, buffers
	mostMemory = 64 << 20
)

func TestCostOfAnyAnswer(t *testing.T) {
	var logged strings.Builder
	for _, a := range hostiletest.Answers() {
		t.Run(a.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outbound.GuardLog(&logged)
				defer outbound.GuardLog(os.Stderr)
				s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool { a.Write(w); return a.Keep }}
				p, err := webhook.New(webhook.Options{
					URL: func() string { return "http://user:CANARY@127.0.0.1/CANARY?key=CANARY" }, Secret: func() string { return "CANARY" },
					Renderer: renderer, Transport: s.Transport(t, outbound.Transport()),
				})
				if err != nil {
					t.Fatal(err)
				}
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				accepted, err := p.Publish(t.Context(), publishtest.Rounds(1, 1))
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if err != nil {
					if text := told(t, p, err); strings.Contains(text, "CANARY") || len(err.Error()) > 500 {
						t.Errorf("told: %.2000s", text)
					}
				} else if slices.Contains(accepted, false) { // the status stands, whatever the body is
					t.Error("neither taken nor an error")
				}
				if n := len(s.Requests()); n > 2 || took > 11*time.Second {
					t.Errorf("%d requests in %v", n, took)
				}
				if s.Taken() > mostTaken || after.TotalAlloc-before.TotalAlloc > mostMemory {
					t.Errorf("took %d bytes, allocated %d", s.Taken(), after.TotalAlloc-before.TotalAlloc)
				}
				synctest.Wait()
			})
		})
	}
	if strings.Contains(logged.String(), hostiletest.Canary) {
		t.Errorf("logged %q", logged.String())
	}
}

// No redirect gets an event, or the address, whatever its status.
func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		for _, to := range []string{"https://evil.test/CANARY", "/CANARY", "http://127.0.0.1:1/CANARY", "//evil.test/CANARY", "/CANARY%zz"} {
			synctest.Test(t, func(t *testing.T) {
				s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool {
					_, err := io.WriteString(w, "HTTP/1.1 "+status+"\r\nLocation: "+to+"\r\nContent-Length: 0\r\n\r\n")
					return err == nil
				}}
				p := newPublisher(t, "http://127.0.0.1/hook", s.Transport(t, outbound.Transport()))
				accepted, err := p.Publish(t.Context(), publishtest.Rounds(1, 1))
				if accepted[0] || err == nil || strings.Contains(told(t, p, err), "CANARY") {
					t.Errorf("%s to %s: %v, %v", status, to, accepted, err)
				}
				for _, r := range s.Requests() {
					if r.Host != "127.0.0.1" || r.URL.Path != "/hook" {
						t.Errorf("%s to %s: asked %s%s", status, to, r.Host, r.URL)
					}
				}
			})
		}
	}
}
