package slack_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
)

// What Slack answers for good: one request, an error with its word and what to do.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		answer answer
		want   []string
	}{
		{answer{status: 400, body: "invalid_blocks"}, []string{": 400 invalid_blocks", "defect"}},
		{answer{status: 400, body: "invalid_payload"}, []string{": 400 invalid_payload", "defect"}},
		{answer{status: 400, body: "user_not_found"}, []string{": 400 user_not_found", "new webhook"}},
		{answer{status: 403, body: "invalid_token"}, []string{": 403 invalid_token", "new webhook"}},
		{answer{status: 403, body: "action_prohibited"}, []string{": 403 action_prohibited", "administrator"}},
		{answer{status: 404, body: "no_service"}, []string{": 404 no_service", "removed", "new webhook"}},
		{answer{status: 404, body: "channel_not_found\n"}, []string{": 404 channel_not_found", "channel"}},
		{answer{status: 410, body: "channel_is_archived"}, []string{": 410 channel_is_archived", "unarchive"}},
		{answer{status: 404, body: "a_word_of_tomorrow"}, []string{": 404 a_word_of_tomorrow", "check the webhook's URL"}},
		{answer{status: 404, body: "404 page " + address + " not found"}, []string{": 404 Not Found", "check the webhook's URL"}},
		{answer{status: 400, body: "\x1b[31m" + token}, []string{": 400 Bad Request"}},
		{answer{status: 302, body: "", retry: ""}, []string{": 302 Found", "redirects are not followed"}},
		{answer{status: 200, body: "<html>please log in</html>"}, []string{": 200 OK", "not Slack's"}},
		{answer{status: 200, body: `{"ok":false,"error":"channel_not_found"}`}, []string{": 200 channel_not_found"}},
	} {
		t.Run(tt.want[0], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newSlack(tt.answer)
				err := post(t, f.webhook(), 20*time.Second)
				wantError(t, err, append(tt.want, "post event "+publishtest.Finished().ID+" to Slack")...)
				if len(f.asked) != 1 {
					t.Errorf("%d requests, want 1", len(f.asked))
				}
			})
		})
	}
}

func TestAcceptance(t *testing.T) {
	for _, a := range []answer{taken, {status: 200, body: "ok\n"}, {status: 204}, {status: 200, body: `{"success": true}`}} {
		synctest.Test(t, func(t *testing.T) {
			f := newSlack(a)
			if err := post(t, f.webhook(), time.Second); err != nil || len(f.asked) != 1 {
				t.Fatalf("%d %q: %v after %d requests", a.status, a.body, err, len(f.asked))
			}
			if f.asked[0].url != address {
				t.Errorf("posted to %s", f.asked[0].url)
			}
			if want := string(slack.Message(renderer, publishtest.Finished())); f.asked[0].body != want {
				t.Errorf("posted %s\nwant %s", f.asked[0].body, want)
			}
		})
	}
}

// 429 is waited for as long as Slack asks, and never past the deadline.
func TestRateLimit(t *testing.T) {
	limited := func(after string) answer { return answer{status: 429, body: "rate_limited", retry: after} }
	for _, tt := range []struct {
		name     string
		answers  []answer
		within   time.Duration
		requests []time.Duration
		end      time.Duration
		want     string // in the error, "" for none
	}{
		{"seconds", []answer{limited("7"), taken}, 20 * time.Second, []time.Duration{0, 7 * time.Second}, 7 * time.Second, ""},
		{"twice", []answer{limited("7"), limited("3"), taken}, 20 * time.Second,
			[]time.Duration{0, 7 * time.Second, 10 * time.Second}, 10 * time.Second, ""},
		{"without the header", []answer{limited(""), taken}, 20 * time.Second, []time.Duration{0, time.Second}, time.Second, ""},
		{"nonsense", []answer{limited("soon"), taken}, 20 * time.Second, []time.Duration{0, time.Second}, time.Second, ""},
		{"zero", []answer{limited("0"), taken}, 20 * time.Second, []time.Duration{0, time.Second}, time.Second, ""},
		{"a date", []answer{limited("Sat, 01 Jan 2000 00:00:09 GMT"), taken}, 20 * time.Second,
			[]time.Duration{0, 9 * time.Second}, 9 * time.Second, ""},
		{"past the deadline", []answer{limited("30"), taken}, 20 * time.Second, []time.Duration{0}, 0, "alone for 30s"},
		{"at the deadline", []answer{limited("20"), taken}, 20 * time.Second, []time.Duration{0}, 0, "alone for 20s"},
		{"for good", []answer{limited("6")}, 20 * time.Second,
			[]time.Duration{0, 6 * time.Second, 12 * time.Second, 18 * time.Second}, 18 * time.Second, ": 429 rate_limited"},
		{"an hour, and no deadline near", []answer{limited("3600")}, 24 * time.Hour, []time.Duration{0}, 0, "alone for 1h0m0s"},
		{"centuries", []answer{limited("99999999999999")}, 20 * time.Second, []time.Duration{0}, 0, "alone for 24h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newSlack(tt.answers...)
				err := post(t, f.webhook(), tt.within)
				if !slices.Equal(f.times(), tt.requests) || time.Since(f.start) != tt.end {
					t.Errorf("requests at %v, ended at %v; want %v, %v", f.times(), time.Since(f.start), tt.requests, tt.end)
				}
				if tt.want == "" && err != nil {
					t.Error(err)
				}
				if tt.want != "" && wantError(t, err, tt.want, "nothing is lost").Status != 429 {
					t.Errorf("error %v of no status 429", err)
				}
			})
		})
	}
}

// While Slack wants to be left alone, no other event bothers it.
func TestRateLimitIsSharedByAllEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlack(answer{status: 429, body: "rate_limited", retry: "30"}, taken)
		w := f.webhook()
		for range 2 {
			wantError(t, post(t, w, 5*time.Second), "rate_limited")
		}
		if len(f.asked) != 1 {
			t.Errorf("%d requests, want 1", len(f.asked))
		}
		time.Sleep(28 * time.Second)
		if err := post(t, w, 5*time.Second); err != nil || len(f.asked) != 2 || f.asked[1].at != 30*time.Second {
			t.Errorf("%v, requests at %v", err, f.times())
		}
	})
}

// What may pass by itself is tried three times; what takes its whole time, once.
func TestTrouble(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	echo := errors.New(`malformed HTTP response "you asked for /services/T00CANARY/B00CANARY/` + token + `"`)
	for _, tt := range []struct {
		name     string
		answers  []answer
		within   time.Duration
		requests int
		atMost   time.Duration
		want     string // in the error, "" for none
	}{
		{"500 once", []answer{{status: 500, body: "rollup_error"}, taken}, 20 * time.Second, 2, time.Second, ""},
		{"500 twice", []answer{{status: 500}, {status: 503, body: "<html>"}, taken}, 20 * time.Second, 3, 3 * time.Second, ""},
		{"500 for good", []answer{{status: 500, body: "rollup_error"}}, 20 * time.Second, 3, 3 * time.Second, ": 500 rollup_error"},
		{"502 of a proxy", []answer{{status: 502, body: "<html>" + address}}, 20 * time.Second, 3, 3 * time.Second, ": 502 Bad Gateway"},
		{"500 and little time", []answer{{status: 500}, taken}, 400 * time.Millisecond, 1, 0, ": 500"},
		{"refused once", []answer{{err: refused}, taken}, 20 * time.Second, 2, time.Second, ""},
		{"refused for good", []answer{{err: refused}}, 20 * time.Second, 3, 3 * time.Second, "no answer: dial tcp: connection refused"},
		{"an error that repeats the address", []answer{{err: echo}}, 20 * time.Second, 3, 3 * time.Second, "no HTTP"},
		{"never answers", []answer{{takes: time.Hour}}, 20 * time.Second, 1, 10 * time.Second, "no answer in time: context deadline exceeded"},
		{"never answers, and little time", []answer{{takes: time.Hour}}, 3 * time.Second, 1, 3 * time.Second, "no answer in time"},
		{"429 and then 500s", []answer{{status: 429, retry: "2"}, {status: 500}, {status: 500}, taken}, 20 * time.Second, 4, 5 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newSlack(tt.answers...)
				err := post(t, f.webhook(), tt.within)
				if took := time.Since(f.start); len(f.asked) != tt.requests || took > tt.atMost {
					t.Errorf("%d requests in %v, want %d in %v", len(f.asked), took, tt.requests, tt.atMost)
				}
				if tt.want == "" && err != nil {
					t.Error(err)
				}
				if tt.want != "" {
					wantError(t, err, tt.want)
				}
			})
		})
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlack(answer{status: 429, retry: "30"})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		err := f.webhook().Post(ctx, renderer, publishtest.Finished())
		if wantError(t, err); !errors.Is(err, context.Canceled) || time.Since(f.start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(f.start))
		}
	})
}
