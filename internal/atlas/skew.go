package atlas

import (
	"net/http"
	"sync"
	"time"
)

// A skew is how far the clock here was from the API's when an answer told the time.
type skew struct {
	mu    sync.Mutex
	told  bool
	ahead time.Duration
}

// ClockSkew returns how far the clock of this machine was ahead of the API's, negative if behind, when the last answer
// came; false if none has told the time. The header Date has whole seconds (RFC 9110, 6.6.1), and the answer's way here
// counts as ahead.
func (c *Client) ClockSkew() (ahead time.Duration, told bool) {
	c.skew.mu.Lock()
	defer c.skew.mu.Unlock()
	return c.skew.ahead, c.skew.told
}

func (s *skew) take(h http.Header, now time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told, s.ahead = true, now.Sub(date)
}
