package atlas

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"restorewatch/internal/restore"
)

const (
	// patience is the longest that a request waits because the API asks it to. Who waits holds a place that another
	// project could use: what must wait longer is left for the next run.
	patience = 10 * time.Second
	// closedFor is how long a gate stays shut when the API says that there is nothing left and not until when ("wait …
	// 10, 20, 40 seconds", rate limits of the v2 API).
	closedFor = 10 * time.Second
	// longestShut is how long a gate stays shut at the most, whatever the API asks: then one request looks whether it is
	// still so. A Retry-After of a day, sent by mistake, must not blind a watch for a day.
	longestShut = 10 * time.Minute
)

// A gatekeeper minds the limits that the API tells: a token bucket for each set of endpoints and each project, of which
// it shows RateLimit-Remaining, and Retry-After when it is empty. Either may be missing. While a bucket is known to be
// empty, requests that would draw on it fail at once; other projects go on.
//
// One gatekeeper serves all runs of a program: a gate opens by the clock.
type gatekeeper struct {
	next http.RoundTripper

	mu    sync.Mutex
	gates map[string]gate // by endpoint set and project; only those shut or in doubt
}

type gate struct {
	until   time.Time // shut; zero if it is not
	refused int       // 429s in a row
}

// RoundTrip implements http.RoundTripper. Of several 429s in a row only the first, and one that asks for a short wait, is
// returned as an answer, which the retry above repeats; all others are errors.
func (g *gatekeeper) RoundTrip(req *http.Request) (*http.Response, error) {
	key := bucketOf(req.URL.Path)
	if left := g.shut(key, wallClock()); left > 0 {
		return nil, &Error{kind: restore.FailedRateLimited, RetryAfter: left,
			Detail: strings.TrimSpace("not asked: the API's limit has been reached " + ofProject(req.URL.Path))}
	}
	res, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if g.note(key, res, wallClock()) {
		return nil, refused(res)
	}
	return res, nil
}

func ofProject(path string) string {
	if project := projectOf(path); project != "" {
		return "for project " + clean(project, 100)
	}
	return ""
}

// shut returns for how long no request may pass.
func (g *gatekeeper) shut(key string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := g.gates[key].until.Sub(now)
	if left > longestShut { // the clock was set back
		delete(g.gates, key)
		return 0
	}
	return max(left, 0)
}

// note learns from an answer, and reports whether it is a 429 not to be repeated in this run.
func (g *gatekeeper) note(key string, res *http.Response, now time.Time) (final bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.gates[key]
	switch {
	case res.StatusCode == http.StatusTooManyRequests:
		after := retryAfter(res.Header, now)
		refusals := was.refused + 1
		if after == 0 && refusals > 1 {
			after = closedFor
		}
		g.set(key, gate{until: now.Add(min(after, longestShut)), refused: refusals})
		return after > patience || refusals > 1
	case res.StatusCode >= 400: // says nothing about the bucket: a challenge, say, costs no token
		return false
	case was.until.After(now): // this answer was on its way when another one shut the gate
		return false
	case strings.TrimSpace(res.Header.Get("RateLimit-Remaining")) == "0":
		g.set(key, gate{until: now.Add(closedFor)})
	default:
		delete(g.gates, key)
	}
	return false
}

func (g *gatekeeper) set(key string, to gate) {
	if g.gates == nil {
		g.gates = map[string]gate{}
	}
	g.gates[key] = to
}

// bucketOf names the bucket that a path draws on: the path without the names of the cluster and the job. Atlas counts
// the restore jobs of Cloud Backup and of legacy backup together.
func bucketOf(path string) string {
	before, after, ok := strings.Cut(path, "/groups/")
	if !ok {
		return path
	}
	segments := strings.Split(after, "/")
	if len(segments) > 2 {
		segments[2] = "" // the cluster
	}
	resource := strings.Join(segments, "/")
	if at := strings.Index(resource, "/restoreJobs"); at >= 0 {
		resource = strings.TrimSuffix(resource[:at], "/backup") + "/restoreJobs"
	}
	return before + "/groups/" + resource
}
