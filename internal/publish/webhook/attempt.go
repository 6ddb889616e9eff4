package webhook

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"restorewatch/internal/restore"
)

const (
	// maxSilent is how many requests in a row that say nothing about their event (see failure.silent) end an attempt:
	// the receiver is down, and each further event could cost the whole timeout.
	maxSilent = 3
	// firstWait is the wait before the one retry of an event, longestWait the longest Retry-After that is waited for.
	// Whatever takes longer is left to the next run, which finds the event in the outbox.
	firstWait   = 500 * time.Millisecond
	longestWait = 2 * time.Second
)

// Publish implements watch.Publisher. Events are tried one by one in the order given, so those of one subject arrive in
// order. One that is refused is not accepted, and later events of its subject are not tried; those of other subjects
// are, unless the receiver seems to be down or ctx ends. A request without an answer may have been taken all the same,
// in which case the same id is told again.
func (p *Publisher) Publish(ctx context.Context, events []restore.Event) ([]bool, error) {
	run := attempt{Publisher: p, total: len(events), blocked: make(map[string]bool)}
	accepted := make([]bool, len(events))
	for i, e := range events {
		if run.blocked[e.Subject] {
			run.waiting++
			continue
		}
		if run.silent >= maxSilent || ctx.Err() != nil {
			run.left++
			continue
		}
		accepted[i] = run.deliver(ctx, e)
	}
	return accepted, run.error(ctx)
}

// An attempt is one Publish and what came of it so far.
type attempt struct {
	*Publisher
	total    int
	blocked  map[string]bool // subjects of which an event was refused
	silent   int             // requests in a row that said nothing about their event
	failures []failed        // one for each event refused
	waiting  int             // events not tried, behind a refused one
	left     int             // events not tried, because the receiver is down or the time is over
}

// A failed is an event and why it was not delivered.
type failed struct {
	event string // its id
	why   *failure
}

// deliver tries an event, and once more if that may help soon.
func (a *attempt) deliver(ctx context.Context, e restore.Event) bool {
	body := a.render.JSON(e)
	why := a.try(ctx, e, body)
	if why == nil {
		return true
	}
	if wait, ok := why.again(); ok && a.silent < maxSilent && pause(ctx, wait) {
		if why = a.try(ctx, e, body); why == nil {
			return true
		}
	}
	a.blocked[e.Subject] = true
	a.failures = append(a.failures, failed{e.ID, why})
	return false
}

func (a *attempt) try(ctx context.Context, e restore.Event, body []byte) *failure {
	why := a.post(ctx, e, body)
	if why.silent() {
		a.silent++
	} else {
		a.silent = 0
	}
	return why
}

// pause waits, and reports whether there is time left after it.
func pause(ctx context.Context, wait time.Duration) bool {
	waited, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	<-waited.Done()
	return ctx.Err() == nil
}

// A failure is why one request did not deliver its event.
type failure struct {
	delivery   string // of DeliveryHeader
	status     int    // of the answer, 0 when there was none
	retryAfter string // as answered
	err        error  // when there was no answer; it can be told
}

// silent reports whether f is about the receiver, whatever the event: no answer, or a status that says so by its
// definition (RFC 9110, sections 15.5.11 and 15.6.4; RFC 6585, section 4). A 500 or 502 is not: an event that breaks
// the receiver must not keep the others from being told.
func (f *failure) silent() bool {
	if f == nil {
		return false
	}
	switch f.status {
	case 0, http.StatusGone, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// again returns how long to wait before one retry, if that may help soon. A receiver that did not answer in time is not
// asked again: it may be at work on the event.
func (f *failure) again() (wait time.Duration, ok bool) {
	switch {
	case f.status == 0:
		return firstWait, !errors.Is(f.err, errTimeout) && !errors.Is(f.err, errAddress)
	case f.status != http.StatusTooManyRequests && f.status < http.StatusInternalServerError:
		return 0, false
	case f.retryAfter == "":
		return firstWait, true
	}
	seconds, err := strconv.Atoi(f.retryAfter) // the other form is a date, for waits that are longer than ours
	wait = time.Duration(seconds) * time.Second
	return wait, err == nil && seconds >= 0 && wait <= longestWait
}
