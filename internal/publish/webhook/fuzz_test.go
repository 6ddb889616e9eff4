package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/webhook"
	"restorewatch/internal/restore"
)

// FuzzPublish posts events whose every text may be anything to whatever answers. Each request is signed and can be sent,
// the attempt ends in time, only a 2xx is an acceptance, and nothing of the address or the secret is told, which the
// answer may repeat.
func FuzzPublish(f *testing.F) {
	f.Add(uint64(1), "Cluster0", "READY", 200, "")
	f.Add(uint64(2), "\x1b\r\nX-Injected: 1", "\xff", 429, "7")
	f.Add(uint64(3), strings.Repeat("é", 30_000), "", 503, "Mon, 23 Nov 2026 09:00:00 GMT")
	f.Add(uint64(4), "CANARY", "", 302, "{url}")
	f.Add(uint64(5), "", "", 599, "-1")
	const address = "https://user:CANARY@hooks.example.com/CANARY?key=CANARY"
	f.Fuzz(func(t *testing.T, choice uint64, a, b string, status int, header string) {
		if status < 200 || status > 599 || strings.Contains(a+b+header, "CANARY") {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			requests, start := 0, time.Now()
			p, err := webhook.New(webhook.Options{URL: func() string { return address }, Secret: func() string { return secret },
				Renderer: renderer, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					requests++
					body, err := io.ReadAll(r.Body)
					if err != nil || !verified(request{header: r.Header, body: string(body)}) {
						t.Errorf("%v, or not signed: %.300s", err, body)
					}
					for name, values := range r.Header {
						if strings.ContainsFunc(strings.Join(values, ""), func(r rune) bool { return r < ' ' || r > '~' }) {
							t.Errorf("header %s is %q", name, values)
						}
					}
					answer := strings.ReplaceAll(header, "{url}", address)
					h := http.Header{"Retry-After": {answer}, "Location": {answer}}
					return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
				})})
			if err != nil {
				t.Fatal(err)
			}
			events := []restore.Event{publishtest.Fuzzed(choice, a, b), publishtest.Fuzzed(choice+1, b, a)}
			accepted, err := p.Publish(t.Context(), events)
			if took := time.Since(start); took > 3*time.Minute || requests > 20 {
				t.Errorf("%d requests in %v", requests, took)
			}
			if all := accepted[0] && accepted[1]; all != (err == nil) || all != (status < 300) {
				t.Errorf("%d: accepted %v, %v", status, accepted, err)
			}
			if text := fmt.Sprint(err); strings.Contains(text, "CANARY") || strings.Contains(text, secret) || len(text) > 2000 {
				t.Errorf("error %.2000s", text)
			}
		})
	})
}
