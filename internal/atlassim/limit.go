package atlassim

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RateLimit is the limit of API version 1.0, in requests a minute and project. The limits of Cloud Manager and Ops
// Manager are not documented; the server takes them to be the same.
const RateLimit = 100

// tokenRateLimit is the limit of the token endpoint, in requests a minute, client and address.
const tokenRateLimit = 50

// A Bucket is a rate limit of v2: each request takes a token, and Refill tokens come back at the end of every Every.
type Bucket struct {
	Capacity, Refill int
	Every            time.Duration
}

// An endpointSet is a group of v2's resources that share one bucket for each project. The documents name them
// (atlas/api/api-rate-limit, 2026-04-10).
type endpointSet string

const (
	cloudBackups endpointSet = "Cloud Backups"
	clusterSet   endpointSet = "Clusters"
)

// DefaultCloudBackups is the documented limit of listings of restore jobs in v2, for each project.
var DefaultCloudBackups = Bucket{Capacity: 1200, Refill: 500, Every: time.Minute}

// clusterBucket has the capacity that was recorded; its refill is not known.
var clusterBucket = Bucket{Capacity: 10000, Refill: 5000, Every: time.Minute}

// A minute counts the requests of one project; the count begins anew with each minute of the clock.
type minute struct {
	begins time.Time
	count  int
}

// A level is how full a bucket is.
type level struct {
	left   int
	filled time.Time // when tokens came back last
}

// limitRate counts a request and refuses it when it is one too many. The headers go with refusals and answers alike.
func (s *Server) limitRate(p place, h http.Header) *problem {
	switch {
	case !s.LimitRate:
		return nil
	case p.route.limit != "":
		return s.takeToken(p, h)
	case p.within() == "":
		return nil // the limit is one of projects
	}
	resource := p.route.root + "/groups/" + p.within()
	return s.countMinute(resource, resource, RateLimit)
}

// countMinute counts under name, and refuses what exceeds most in a minute of the clock.
func (s *Server) countMinute(name, resource string, most int) *problem {
	now := s.now()
	m := s.minutes[name]
	if begins := now.Truncate(time.Minute); !m.begins.Equal(begins) {
		m = minute{begins: begins}
	}
	m.count++
	if s.minutes == nil {
		s.minutes = map[string]minute{}
	}
	s.minutes[name] = m
	if m.count <= most {
		return nil
	}
	p := tooMany(resource, most, RetryIn(m.begins.Add(time.Minute).Sub(now)))
	return &p
}

func (s *Server) takeToken(p place, h http.Header) *problem {
	b := clusterBucket
	if p.route.limit == cloudBackups {
		b = cmp.Or(s.CloudBackups, DefaultCloudBackups)
	}
	now := s.now()
	l := s.level(string(p.route.limit)+"/"+p.within(), b, now)
	h.Set("RateLimit-Limit", strconv.Itoa(b.Capacity))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(0, l.left-1)))
	if l.left > 0 {
		l.left--
		return nil
	}
	return emptyBucket(p.route, b, l.filled.Add(b.Every).Sub(now))
}

// level returns the level of a bucket at now, full if nothing was taken from it before.
func (s *Server) level(name string, b Bucket, now time.Time) *level {
	l := s.levels[name]
	if l == nil {
		l = &level{left: b.Capacity, filled: now}
		if s.levels == nil {
			s.levels = map[string]*level{}
		}
		s.levels[name] = l
	}
	times := int(now.Sub(l.filled) / b.Every)
	l.left = min(b.Capacity, l.left+times*b.Refill)
	l.filled = l.filled.Add(time.Duration(times) * b.Every)
	return l
}

func emptyBucket(rt *route, b Bucket, wait time.Duration) *problem {
	resource := strings.TrimPrefix(rt.root, "/") + "/" + strings.Join(rt.path, "/")
	in, every := seconds(wait), seconds(b.Every)
	return &problem{
		Status: http.StatusTooManyRequests, Code: "RATE_LIMITED_TOKEN_BUCKET", RetryAfter: RetryIn(wait),
		Detail: fmt.Sprintf("Rate limit exceeded for %s. Please retry after %d seconds. Request capacity: %d. Refill rate: %d per %d seconds.",
			resource, in, b.Capacity, b.Refill, every),
		Parameters: []any{resource, in, b.Capacity, b.Refill, every},
	}
}

// RetryIn is a Retry-After in seconds, rounded up.
func RetryIn(d time.Duration) string { return strconv.FormatInt(seconds(d), 10) }

func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// RetryAt is a Retry-After as an HTTP date.
func RetryAt(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

func tooMany(resource string, most int, retryAfter string) problem {
	return problem{
		Status: http.StatusTooManyRequests, Code: "RATE_LIMITED",
		Detail:     fmt.Sprintf("Resource %s is limited to %d requests every 1 minutes.", resource, most),
		Parameters: []any{resource, most, 1}, RetryAfter: retryAfter,
	}
}
