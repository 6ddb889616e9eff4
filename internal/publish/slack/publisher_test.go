package slack_test

import (
	"context"
	"errors"
	"fmt"
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
