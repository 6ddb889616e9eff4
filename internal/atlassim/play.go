package atlassim

import (
	"math"
	"time"
)

// A playback is a scenario laid onto the server's clock.
type playback struct {
	scenario *Scenario
	start    time.Time // the date of offset 0
	speed    float64
	began    time.Time // by the clock
}

func (p *playback) elapsed(now time.Time) time.Duration {
	d := float64(now.Sub(p.began)) * p.speed
	if !(d > 0) { // or not a number
		return 0
	}
	return time.Duration(min(d, math.MaxInt64/4)) // seventy years are enough
}

// Play serves a scenario from now on as if offset 0 were at start, speed times as fast as the clock. All dates served,
// and Time, are of that world; nonces and rate limits stay with the clock. Playing another scenario
// replaces it. At a speed of 0 or less the world stands still.
func (s *Server) Play(scenario *Scenario, start time.Time, speed float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play = &playback{scenario, start, speed, s.now()}
}

// Elapsed is how much time of the scenario has gone by; 0 if none is played.
func (s *Server) Elapsed() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.play == nil {
		return 0
	}
	return s.play.elapsed(s.now())
}

// Time is what time it is in the world that is served: start plus the time elapsed while a scenario is played, else the
// clock's. A watcher of this server takes it as now.
func (s *Server) Time() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.time()
}

// time is Time for a caller who has the lock.
func (s *Server) time() time.Time {
	if s.play == nil {
		return s.now()
	}
	return s.play.start.Add(s.play.elapsed(s.now()))
}
