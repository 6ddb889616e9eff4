package atlas

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

// An attempt is what one request meets.
type attempt func() (*http.Response, error)

// A script answers requests one after the other; the last answer stays.
type script struct {
	answers []attempt
	tries   int
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	s.tries++
	return s.answers[min(s.tries, len(s.answers))-1]()
}

// status is an answer with that status, after so long if it has a Retry-After.
func status(code int, retryAfter ...string) attempt {
	return func() (*http.Response, error) {
		res := answer(code, `{"error":1,"errorCode":"CODE","detail":"detail of the API"}`)
		for _, after := range retryAfter {
			res.Header.Set("Retry-After", after)
		}
		return res, nil
	}
}

func in9Seconds() (*http.Response, error) {
	return status(503, time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat))()
}

func page200() (*http.Response, error) {
	return answer(200, pageJSON("", jobJSON(id(1), "FINISHED"))), nil
}

func broken() (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
}

type retryCase struct {
	answers []attempt
	limit   time.Duration // of the context; 0 means none
	tries   int
	kind    restore.FailureKind // "" means that it works
	word    string
	atLeast time.Duration // that all of it took; what is above it is backoff
	atMost  time.Duration
}

var retryCases = map[string]retryCase{
	"works":        {answers: []attempt{page200}, tries: 1},
	"503 once":     {answers: []attempt{status(503), page200}, tries: 2, atMost: firstBackoff},
	"broken twice": {answers: []attempt{broken, broken, page200}, tries: 3, atMost: 3 * firstBackoff},
	"502 for ever": {answers: []attempt{status(502)}, tries: 4, atMost: 7 * firstBackoff,
		kind: restore.FailedUnavailable, word: "502 CODE: detail of the API"},
	"broken for ever": {answers: []attempt{broken}, tries: 4, atMost: 7 * firstBackoff,
		kind: restore.FailedUnavailable, word: "connection reset"},
	"500 is no passing thing": {answers: []attempt{status(500)}, tries: 1, kind: restore.FailedUnavailable},
	"404 is none either":      {answers: []attempt{status(404)}, tries: 1, kind: restore.FailedNotFound},

	"429, then fine": {answers: []attempt{status(429, "7"), page200}, tries: 2,
		atLeast: 7 * time.Second, atMost: 7*time.Second + firstBackoff},
	"a date": {answers: []attempt{in9Seconds, page200}, tries: 2,
		atLeast: 9 * time.Second, atMost: 9*time.Second + firstBackoff},
	"a date gone by": {answers: []attempt{status(503, "Fri, 01 Jan 1999 00:00:00 GMT"), page200}, tries: 2, atMost: firstBackoff},
	"nonsense":       {answers: []attempt{status(503, "soon"), page200}, tries: 2, atMost: firstBackoff},
	"below nothing":  {answers: []attempt{status(503, "-5"), page200}, tries: 2, atMost: firstBackoff},
	"beyond the minute": {answers: []attempt{status(429, "61")}, tries: 1,
		kind: restore.FailedRateLimited, word: "after 1m1s"},
	"beyond any sense": {answers: []attempt{status(429, "9223372036854775807")}, tries: 1,
		kind: restore.FailedRateLimited, word: "after 24h0m0s"},
	"beyond the context": {answers: []attempt{status(429, "30")}, limit: 20 * time.Second, tries: 1,
		kind: restore.FailedRateLimited, word: "after 30s"},
	"within the context": {answers: []attempt{status(429, "10"), page200}, limit: 20 * time.Second, tries: 2,
		atLeast: 10 * time.Second, atMost: 10*time.Second + firstBackoff},
}

func TestRetry(t *testing.T) {
	for name, tt := range retryCases {
		t.Run(name, func(t *testing.T) { synctest.Test(t, tt.run) })
	}
}

func (tt retryCase) run(t *testing.T) {
	s := &script{answers: tt.answers}
	c := newClient(t, nil, func(o *Options) { o.Base = s })
	ctx := t.Context()
	if tt.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, tt.limit)
		defer cancel()
		ctx = limited
	}
	start := time.Now()
	_, err := list(ctx, c, target, 100)
	took := time.Since(start)
	if tt.kind != "" {
		failure(t, err, tt.kind, tt.word)
	} else if err != nil {
		t.Error(err)
	}
	if s.tries != tt.tries || c.Requests() != int64(tt.tries) {
		t.Errorf("%d tries, counted %d, want %d", s.tries, c.Requests(), tt.tries)
	}
	if took < tt.atLeast || took > tt.atMost {
		t.Errorf("took %v, want between %v and %v", took, tt.atLeast, tt.atMost)
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{answers: []attempt{status(429, "9")}}
		c := newClient(t, nil, func(o *Options) { o.Base = s })
		time.AfterFunc(3*time.Second, cancel)
		start := time.Now()
		_, err := list(ctx, c, target, 100)
		e := failure(t, err, restore.FailedUnavailable)
		if !errors.Is(e, context.Canceled) || time.Since(start) != 3*time.Second {
			t.Errorf("after %v: %v", time.Since(start), e)
		}
	})
}

func TestOnlyGetIsRepeated(t *testing.T) {
	s := &script{answers: []attempt{status(503)}}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://atlas.test/", nil)
	res, err := (&retrier{next: s}).RoundTrip(req)
	if err != nil || res.StatusCode != 503 || s.tries != 1 {
		t.Errorf("a POST was sent %d times: %v, %v", s.tries, res, err)
	}
}

func TestBackoffGrowsAndVaries(t *testing.T) {
	for try := 1; try < maxTries; try++ {
		most, seen := firstBackoff<<(try-1), map[time.Duration]bool{}
		for range 100 {
			pause := backoff(try)
			if pause < 0 || pause >= most {
				t.Errorf("pause %v after try %d, want less than %v", pause, try, most)
			}
			seen[pause] = true
		}
		if len(seen) < 50 {
			t.Errorf("%d different pauses among 100", len(seen))
		}
	}
}

func TestSilentServerDoesNotEatTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, nil, func(o *Options) { o.Base = hang })
		start := time.Now()
		_, err := list(t.Context(), c, target, 100)
		e := failure(t, err, restore.FailedUnavailable, "no complete answer within 30s")
		if !errors.Is(e, context.DeadlineExceeded) || time.Since(start) != DefaultTimeout || c.Requests() != 1 {
			t.Errorf("after %v and %d requests: %v", time.Since(start), c.Requests(), e)
		}
	})
}
