package atlas

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"restorewatch/internal/restore"
)

// The API takes "up to 100 requests per minute per project" (Atlas Administration API, rate limits of v1.0).
const (
	limitRequests = 100
	limitWindow   = time.Minute
)

// A limiter lets at most limitRequests of v1.0 pass for each project in any stretch of limitWindow. It stands below
// authentication and retry, so that challenges and repeated requests count, as they do for the API. Of v2 the API itself
// tells what is left, which the gatekeeper minds.
type limiter struct {
	next http.RoundTripper

	mu   sync.Mutex
	sent map[string][]time.Time // by project, oldest first, none older than the window
}

// RoundTrip implements http.RoundTripper.
func (l *limiter) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.Contains(req.URL.Path, "/v1.0/") {
		if err := l.wait(req.Context(), projectOf(req.URL.Path)); err != nil {
			return nil, err
		}
	}
	return l.next.RoundTrip(req)
}

// wait returns when a request for project may be sent. If ctx has a deadline, it fails at once when that would be past
// it, or not soon: who waits holds a place that another project could use before the run ends.
func (l *limiter) wait(ctx context.Context, project string) error {
	for {
		now := wallClock()
		pause := l.take(project, now)
		if pause == 0 {
			return nil
		}
		if deadline, ok := ctx.Deadline(); ok && (pause > patience || now.Add(pause).After(deadline)) {
			return &Error{kind: restore.FailedRateLimited, RetryAfter: pause, Detail: fmt.Sprintf(
				"%d requests for project %s in the last minute are the API's limit", limitRequests, clean(project, 100))}
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// wallClock reads the clock that goes on while a Lambda function is frozen; the monotonic one may stand still.
func wallClock() time.Time { return time.Now().Round(0) }

// take books a request at now and returns 0, or returns how long to wait before asking again.
func (l *limiter) take(project string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent == nil {
		l.sent = map[string][]time.Time{}
	}
	sent := l.sent[project]
	for len(sent) > 0 && (now.Sub(sent[0]) >= limitWindow || sent[0].After(now)) { // after: the clock was set back
		sent = sent[1:]
	}
	if len(sent) >= limitRequests {
		l.sent[project] = sent
		return limitWindow - now.Sub(sent[0])
	}
	l.sent[project] = append(sent, now)
	return 0
}

// projectOf returns the segment after "groups" of an API path, "" if there is none.
func projectOf(path string) string {
	_, after, _ := strings.Cut(path, "/groups/")
	project, _, _ := strings.Cut(after, "/")
	return project
}

// sleep waits for d or until ctx is done, and returns why ctx was.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
