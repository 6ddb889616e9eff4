package slack

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Slack takes one message a second for each channel, and short bursts (docs.slack.dev, "Rate limits").
const (
	interval = time.Second
	burst    = 3
)

// A pace spaces messages. Its zero value is ready.
type pace struct {
	mu   sync.Mutex
	next time.Time // when a message would go if there were no bursts
	held time.Time // Slack takes nothing before
}

// wait returns when it is the caller's turn. It does not wait past the deadline of ctx but gives up at once, and the
// turn is for another message.
func (p *pace) wait(ctx context.Context) *Error {
	pause, err := p.turn(ctx, time.Now())
	if err == nil && !sleep(ctx, pause) {
		err = &Error{what: "no time left", err: context.Cause(ctx), stop: true, hint: patienceHint}
	}
	return err
}

// turn takes the next free turn and returns how far away it is.
func (p *pace) turn(ctx context.Context, now time.Time) (time.Duration, *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := now
	if early := p.next.Add(-(burst - 1) * interval); early.After(at) {
		at = early
	}
	if p.held.After(at) {
		at = p.held
	}
	pause := at.Sub(now)
	if deadline, ok := ctx.Deadline(); ok && pause > 0 && !at.Before(deadline) {
		failure := &Error{what: "no time left to wait for a turn", stop: true, hint: patienceHint}
		if p.held.After(now) {
			failure.Status, failure.Word = http.StatusTooManyRequests, "rate_limited"
			failure.what = "Slack wants to be left alone for " + p.held.Sub(now).Round(time.Second).String() + ", longer than there is time"
		}
		return 0, failure
	}
	if p.next.Before(at) {
		p.next = at
	}
	p.next = p.next.Add(interval)
	return pause, nil
}

const patienceHint = "nothing is lost: the event is kept and comes again. If it stays, raise the timeout, or let fewer " +
	"events through by SLACK_MIN_SEVERITY"

// hold keeps every message back for a while, after Slack has asked for it.
func (p *pace) hold(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(after); until.After(p.held) {
		p.held = until
	}
}

// sleep waits, and reports whether it could wait to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && d > 0 && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// backoff returns the pause after a failed attempt, the first being 1: anything between half a second and one, then
// twice that, so that clients that failed together do not come back together.
func backoff(attempt int) time.Duration {
	limit := time.Second << (attempt - 1)
	return limit/2 + rand.N(limit/2) //nolint:gosec // a pause is no secret
}

// retryAfter reads the Retry-After header: seconds with Slack, or a date (RFC 9110, 10.2.3). An answer without one, or
// with one that makes no sense, means a second.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour // beyond that the exact figure helps nobody
	value := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		return time.Duration(min(max(seconds, 1), int64(most/time.Second))) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), time.Second), most)
	}
	return time.Second
}
