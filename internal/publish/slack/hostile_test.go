package slack_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/outbound"
	"restorewatch/internal/outbound/hostiletest"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
)

// What one message costs at the most, whatever answers at the webhook's address. Three tries, each with a header, the
// bound of a body and buffers.
const (
	mostTaken  = 3 * (64<<10 + 64<<10 + 64<<10)
	mostMemory = 16 << 20
)

func TestCostOfAnyAnswer(t *testing.T) {
	var logged strings.Builder
	for _, a := range hostiletest.Answers() {
		t.Run(a.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outbound.GuardLog(&logged)
				defer outbound.GuardLog(os.Stderr)
				s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool { a.Write(w); return a.Keep }}
				to := slack.Fixed{URL: config.NewSecret("http://127.0.0.1/services/T00CANARY/B00CANARY/" + token)}
				w := slack.New(to, restore.Info, s.Transport(t, outbound.Transport()))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				err := w.Post(ctx, renderer, publishtest.Finished())
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				if err != nil { // a page of nothing but blanks counts as taken
					wantError(t, err)
				}
				if n := len(s.Requests()); n > 3 || took > 30*time.Second || a.Slow && n != 1 {
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

// The address of a webhook is its key: no redirect gets the message, and none is told of.
func TestNoRedirectIsFollowed(t *testing.T) {
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		for _, to := range []string{"https://evil.test/CANARY", "/services/CANARY", "http://127.0.0.1:1/CANARY", "//evil.test/CANARY", "/CANARY%zz"} {
			synctest.Test(t, func(t *testing.T) {
				s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool {
					_, err := io.WriteString(w, "HTTP/1.1 "+status+"\r\nLocation: "+to+"\r\nContent-Length: 0\r\n\r\n")
					return err == nil
				}}
				address := slack.Fixed{URL: config.NewSecret("http://127.0.0.1/services/T00CANARY/B00CANARY/" + token)}
				err := post(t, slack.New(address, restore.Info, s.Transport(t, outbound.Transport())), time.Minute)
				wantError(t, err)
				for _, r := range s.Requests() {
					if r.Host != "127.0.0.1" || r.URL.Path != "/services/T00CANARY/B00CANARY/"+token || r.Header.Get("Referer") != "" {
						t.Errorf("%s to %s: asked %s%s", status, to, r.Host, r.URL)
					}
				}
			})
		}
	}
}
