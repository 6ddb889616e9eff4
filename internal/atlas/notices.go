package atlas

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"restorewatch/internal/restore"
)

// A Deprecation is the API's word that what was asked for will go: the headers Deprecation (RFC 9745; Atlas sends an
// HTTP date) and Sunset (RFC 8594).
type Deprecation struct {
	Target restore.Target // the first one that it was said for
	Verb   string         // what was asked for, such as "list restore jobs"
	Path   string         // of that request's URL
	Since  time.Time      // when it is or was deprecated; zero if no date was told
	Sunset time.Time      // when it stops working; zero if no date was told
}

// String tells the deprecation in one line: what was asked for, and until when it is served.
func (d Deprecation) String() string {
	text := fmt.Sprintf("%s of %s (%s)", d.Verb, d.Target, d.Path)
	if !d.Since.IsZero() {
		text += ", deprecated since " + d.Since.Format(time.DateOnly)
	}
	if !d.Sunset.IsZero() {
		text += ", served until " + d.Sunset.Format(time.DateOnly)
	}
	return text
}

// Deprecations returns what was seen since it was called last, once for each source, verb and pair of dates, in the order
// of first sight.
func (c *Client) Deprecations() []Deprecation { return c.notices.drain() }

// maxNotices bounds what is kept when nobody asks. There are four sources and four verbs.
const maxNotices = 64

// notices collects deprecations.
type notices struct {
	mu   sync.Mutex
	seen []Deprecation
}

func (n *notices) take(what call, h http.Header) {
	deprecation, sunset := h.Get("Deprecation"), h.Get("Sunset")
	if deprecation == "" && sunset == "" {
		return
	}
	d := Deprecation{
		Target: what.target, Verb: what.verb, Path: what.url.EscapedPath(),
		Since: headerDate(deprecation), Sunset: headerDate(sunset),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	known := slices.ContainsFunc(n.seen, func(other Deprecation) bool {
		return other.Target.Source == d.Target.Source && other.Verb == d.Verb &&
			other.Since.Equal(d.Since) && other.Sunset.Equal(d.Sunset)
	})
	if !known && len(n.seen) < maxNotices {
		n.seen = append(n.seen, d)
	}
}

func (n *notices) drain() []Deprecation {
	n.mu.Lock()
	defer n.mu.Unlock()
	seen := n.seen
	n.seen = nil
	return seen
}

// headerDate reads an HTTP date, of which Atlas does not pad the day, or the @seconds of RFC 9745. Anything else, such as
// the "true" of older drafts, is no date.
func headerDate(s string) time.Time {
	s = strings.TrimSpace(s)
	if seconds, ok := strings.CutPrefix(s, "@"); ok {
		var n number
		_ = n.UnmarshalJSON([]byte(seconds)) // never fails
		if at := n.upTo(maxUnix); at > 0 {
			return time.Unix(at, 0).UTC()
		}
		return time.Time{}
	}
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 GMT", time.RFC850, time.ANSIC} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// maxUnix is the last second of the year 9999, the last that JSON can write.
const maxUnix = 253402300799
