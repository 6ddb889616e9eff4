package slack_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var _ watch.Publisher = (*slack.Publisher)(nil)

const (
	token   = "CANARYtoken0123456789abcd"
	address = "https://hooks.slack.com/services/T00CANARY/B00CANARY/" + token
)

// An answer is what a fake Slack does with one request.
type answer struct {
	status int
	body   string
	retry  string        // Retry-After
	takes  time.Duration // before it answers
	err    error         // instead of an answer
}

var taken = answer{status: 200, body: "ok"}

// A fakeSlack answers in process, so that waiting costs no time: one answer after the other, the last for good.
type fakeSlack struct {
	answers []answer
	asked   []request
	start   time.Time
}

type request struct {
	at   time.Duration // since the first request could have come
	url  string
	body string
}

func newSlack(answers ...answer) *fakeSlack { return &fakeSlack{answers: answers, start: time.Now()} }

// RoundTrip implements http.RoundTripper.
func (f *fakeSlack) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		return nil, fmt.Errorf("%s of %s: %v", r.Method, r.Header.Get("Content-Type"), err)
	}
	a := f.answers[min(len(f.asked), len(f.answers)-1)]
	f.asked = append(f.asked, request{time.Since(f.start), r.URL.String(), string(body)})
	select {
	case <-time.After(a.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{"Content-Type": {"text/html"}}
	if a.retry != "" {
		header.Set("Retry-After", a.retry)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (f *fakeSlack) webhook() *slack.Webhook {
	return slack.New(slack.Fixed{URL: config.NewSecret(address)}, restore.Info, f)
}

// times returns when the requests came, in whole milliseconds.
func (f *fakeSlack) times() []time.Duration {
	var at []time.Duration
	for _, r := range f.asked {
		at = append(at, r.at)
	}
	return at
}

// wantError checks what an error tells, and that it does not tell the address.
func wantError(t *testing.T, err error, parts ...string) *slack.Error {
	t.Helper()
	failure, ok := errors.AsType[*slack.Error](err)
	if !ok {
		t.Fatalf("error %v, want a *slack.Error", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error()+" hint: "+failure.Hint(), part) {
			t.Errorf("error %q with hint %q, want %q in it", err, failure.Hint(), part)
		}
	}
	if failure.FailureKind() != restore.FailedPublish || failure.Hint() == "" {
		t.Errorf("kind %s, hint %q", failure.FailureKind(), failure.Hint())
	}
	told := fmt.Sprintf("%v %+v %#v %s", err, err, failure.Unwrap(), failure.Hint())
	for e := error(failure); e != nil; e = errors.Unwrap(e) {
		told += e.Error()
	}
	if strings.Contains(told, "CANARY") {
		t.Errorf("the error tells the address: %s", told)
	}
	return failure
}

func post(t *testing.T, w *slack.Webhook, within time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return w.Post(ctx, renderer, publishtest.Finished())
}

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
		{"an error that repeats the address", []answer{{err: echo}}, 20 * time.Second, 3, 3 * time.Second, "REDACTED"},
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

// Three messages at once, then one a second.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSlack(taken)
		w := f.webhook()
		for range 6 {
			if err := post(t, w, time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		want := []time.Duration{0, 0, 0, time.Second, 2 * time.Second, 3 * time.Second}
		if !slices.Equal(f.times(), want) {
			t.Errorf("requests at %v, want %v", f.times(), want)
		}
		if err := post(t, w, 500*time.Millisecond); err == nil || len(f.asked) != 6 {
			t.Errorf("a message without time for its turn: %v, %d requests", err, len(f.asked))
		}
		time.Sleep(time.Minute)
		before := time.Now()
		for range 3 {
			post(t, w, time.Minute)
		}
		if took := time.Since(before); took != 0 || len(f.asked) != 9 {
			t.Errorf("after a pause a burst took %v, %d requests", took, len(f.asked))
		}
	})
}

func TestSeverity(t *testing.T) {
	for _, tt := range []struct {
		least restore.Severity
		want  int // of info, warning, critical and an unknown one
	}{{"", 4}, {restore.Info, 4}, {restore.Warning, 3}, {restore.Critical, 2}} {
		synctest.Test(t, func(t *testing.T) {
			f := newSlack(taken)
			w := slack.New(slack.Fixed{URL: config.NewSecret(address)}, tt.least, f)
			var all []restore.Event
			for _, s := range []restore.Severity{restore.Info, restore.Warning, restore.Critical, "of tomorrow"} {
				e := publishtest.Finished()
				e.Severity = s
				all = append(all, e)
			}
			accepted, err := w.Publisher(renderer).Publish(t.Context(), all)
			if err != nil || slices.Contains(accepted, false) || len(f.asked) != tt.want {
				t.Errorf("%q: accepted %v, %v, %d messages, want %d", tt.least, accepted, err, len(f.asked), tt.want)
			}
		})
	}
}

// rotating is a secret whose value changes when it is looked at again.
type rotating struct {
	now, then string
	renewed   int
}

func (r *rotating) Address(context.Context) (config.Secret, error) {
	return config.NewSecret(r.now), nil
}
func (r *rotating) Renew(context.Context) (config.Secret, error) {
	r.renewed++
	if r.then == "" {
		return config.Secret{}, errors.New("no secret")
	}
	r.now = r.then
	return config.NewSecret(r.now), nil
}

func TestRotatedAddress(t *testing.T) {
	const other = "https://hooks.slack.com/services/T00/B01/rotated"
	gone := answer{status: 404, body: "no_service"}
	for _, tt := range []struct {
		name     string
		then     string
		answers  []answer
		requests int
		renewed  int
		want     string
	}{
		{"rotated", other, []answer{gone, taken}, 2, 1, ""},
		{"rotated after 403", other, []answer{{status: 403, body: "invalid_token"}, taken}, 2, 1, ""},
		{"not rotated", address, []answer{gone}, 1, 1, "no_service"},
		{"rotated to one that is gone too", other, []answer{gone}, 2, 1, "no_service"},
		{"rotated to one that is no address", "http://hooks.slack.com/x", []answer{gone}, 1, 1, "https, or http on loopback"},
		{"unreadable", "", []answer{gone}, 1, 1, "no_service"},
		{"not looked at after 400", other, []answer{{status: 400, body: "invalid_blocks"}}, 1, 0, "invalid_blocks"},
		{"not looked at after 500", other, []answer{{status: 500}}, 3, 0, "500"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, to := newSlack(tt.answers...), &rotating{now: address, then: tt.then}
				err := post(t, slack.New(to, restore.Info, f), 20*time.Second)
				if len(f.asked) != tt.requests || to.renewed != tt.renewed {
					t.Errorf("%d requests, looked at again %d times; want %d, %d", len(f.asked), to.renewed, tt.requests, tt.renewed)
				}
				if tt.want == "" && (err != nil || f.asked[1].url != other) {
					t.Errorf("%v, second request to %s", err, f.asked[1].url)
				}
				if tt.want != "" {
					wantError(t, err, tt.want)
				}
			})
		})
	}
}

func TestCheckURL(t *testing.T) {
	for raw, good := range map[string]bool{
		address:                                  true,
		"https://mattermost.example.com/hooks/x": true,
		"http://127.0.0.1:8080/hook":             true,
		"http://localhost/hook":                  true,
		"http://[::1]/hook":                      true,
		"http://hooks.slack.com/x":               false,
		"ftp://hooks.slack.com/x":                false,
		"https:///x":                             false,
		"https:hooks.slack.com":                  false,
		"hooks.slack.com/services/x":             false,
		"https://u:p@hooks.slack.com/x":          false,
		"https://hooks.slack.com/%zz":            false,
		"":                                       false,
	} {
		why := slack.CheckURL(config.NewSecret(raw))
		if (why == "") != good {
			t.Errorf("%s: %q", raw, why)
		}
		if raw != "" && strings.Contains(why, raw) {
			t.Errorf("the answer repeats %s", raw)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		f := newSlack(taken)
		err := post(t, slack.New(slack.Fixed{URL: config.NewSecret("http://example.com/" + token)}, "", f), time.Second)
		if wantError(t, err, "loopback"); len(f.asked) != 0 {
			t.Error("the secret was sent in the clear")
		}
	})
}

func publishEvents() []restore.Event {
	var all []restore.Event
	for round := range 2 {
		for _, id := range []restore.JobID{"a", "b", "c"} {
			all = append(all, publishtest.StatusChanged(id, round+1, restore.Change{To: fmt.Sprintf("W%d", round)}, ""))
		}
	}
	return all // a1 b1 c1 a2 b2 c2
}

// A message that Slack finds wrong holds back its subject alone; what would meet every message ends the attempt.
func TestPublish(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answers  []answer
		accepted []bool
		requests int
		want     string
	}{
		{"all", []answer{taken}, []bool{true, true, true, true, true, true}, 6, ""},
		{"one is wrong", []answer{taken, {status: 400, body: "invalid_blocks"}, taken},
			[]bool{true, false, true, true, false, true}, 5, "1 later events wait"},
		{"the webhook is gone", []answer{taken, {status: 404, body: "no_service"}, taken},
			[]bool{true, false, false, false, false, false}, 2, "4 later events wait"},
		{"no answer", []answer{taken, taken, {takes: time.Hour}},
			[]bool{true, true, false, false, false, false}, 3, "3 later events wait"},
		{"rate limited", []answer{taken, {status: 429, body: "rate_limited", retry: "5"}, taken},
			[]bool{true, true, true, true, true, true}, 7, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newSlack(tt.answers...)
				accepted, err := f.webhook().Publisher(renderer).Publish(t.Context(), publishEvents())
				if !slices.Equal(accepted, tt.accepted) || len(f.asked) != tt.requests {
					t.Errorf("accepted %v with %d requests, want %v, %d", accepted, len(f.asked), tt.accepted, tt.requests)
				}
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
				if err != nil {
					wantError(t, err)
				}
			})
		})
	}
}
