package atlas

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

// A script answers requests one after the other; the last answer stays.
type script struct {
	answers []func() (*http.Response, error)
	at      []time.Duration // when each request came, since the first
	start   time.Time
}

func (s *script) RoundTrip(*http.Request) (*http.Response, error) {
	if len(s.at) == 0 {
		s.start = time.Now()
	}
	n := min(len(s.at), len(s.answers)-1)
	s.at = append(s.at, time.Since(s.start))
	return s.answers[n]()
}

func status(code int, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		res := answer(code, `{"error":1,"errorCode":"CODE","detail":"detail of the API"}`)
		for i := 0; i < len(headers); i += 2 {
			res.Header.Set(headers[i], headers[i+1])
		}
		return res, nil
	}
}

func page200() (*http.Response, error) {
	return answer(200, pageJSON("", jobJSON(id(1), "FINISHED"))), nil
}

func broken() (*http.Response, error) { return nil, errors.New("connection reset by peer") }

func TestRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []func() (*http.Response, error)
		limit   time.Duration // of the context; 0 means none
		tries   int
		kind    restore.FailureKind // "" means that it works
		words   []string
		atLeast time.Duration // that all of it took
		atMost  time.Duration
	}{
		"works":        {answers: []func() (*http.Response, error){page200}, tries: 1},
		"503 once":     {answers: []func() (*http.Response, error){status(503), page200}, tries: 2, atMost: firstBackoff},
		"broken twice": {answers: []func() (*http.Response, error){broken, broken, page200}, tries: 3, atMost: 3 * firstBackoff},
		"502 for ever": {answers: []func() (*http.Response, error){status(502)}, tries: 4, kind: restore.FailedUnavailable,
			words: []string{"502 CODE", "detail of the API"}, atMost: 7 * firstBackoff},
		"broken for ever": {answers: []func() (*http.Response, error){broken}, tries: 4, kind: restore.FailedUnavailable,
			words: []string{"connection reset"}, atMost: 7 * firstBackoff},
		"500 is no passing thing": {answers: []func() (*http.Response, error){status(500)}, tries: 1, kind: restore.FailedUnavailable},
		"404 is none either":      {answers: []func() (*http.Response, error){status(404)}, tries: 1, kind: restore.FailedNotFound},
		"429, then fine": {answers: []func() (*http.Response, error){status(429, "Retry-After", "7"), page200}, tries: 2,
			atLeast: 7 * time.Second, atMost: 7*time.Second + firstBackoff},
		"a date": {answers: []func() (*http.Response, error){
			func() (*http.Response, error) {
				return status(503, "Retry-After", time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat))()
			}, page200}, tries: 2, atLeast: 8 * time.Second, atMost: 9*time.Second + firstBackoff},
		"a date gone by": {answers: []func() (*http.Response, error){
			status(503, "Retry-After", "Fri, 01 Jan 1999 00:00:00 GMT"), page200}, tries: 2, atMost: firstBackoff},
		"nonsense":           {answers: []func() (*http.Response, error){status(503, "Retry-After", "soon"), page200}, tries: 2, atMost: firstBackoff},
		"below nothing":      {answers: []func() (*http.Response, error){status(503, "Retry-After", "-5"), page200}, tries: 2, atMost: firstBackoff},
		"beyond the minute":  {answers: []func() (*http.Response, error){status(429, "Retry-After", "61")}, tries: 1, kind: restore.FailedRateLimited, words: []string{"after 1m1s"}},
		"beyond any sense":   {answers: []func() (*http.Response, error){status(429, "Retry-After", "9223372036854775807")}, tries: 1, kind: restore.FailedRateLimited},
		"beyond the context": {answers: []func() (*http.Response, error){status(429, "Retry-After", "30")}, limit: 20 * time.Second, tries: 1, kind: restore.FailedRateLimited, words: []string{"429 CODE", "after 30s"}},
		"within the context": {answers: []func() (*http.Response, error){status(429, "Retry-After", "10"), page200}, limit: 20 * time.Second, tries: 2,
			atLeast: 10 * time.Second, atMost: 10*time.Second + firstBackoff},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
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
					failure(t, err, tt.kind, tt.words...)
				} else if err != nil {
					t.Error(err)
				}
				if len(s.at) != tt.tries || c.Requests() != int64(tt.tries) {
					t.Errorf("%d tries, counted %d, want %d", len(s.at), c.Requests(), tt.tries)
				}
				if took < tt.atLeast || took > tt.atMost {
					t.Errorf("took %v, want between %v and %v", took, tt.atLeast, tt.atMost)
				}
			})
		})
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &script{answers: []func() (*http.Response, error){status(429, "Retry-After", "50")}}
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
	s := &script{answers: []func() (*http.Response, error){status(503)}}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://atlas.test/", nil)
	res, err := (&retrier{next: s}).RoundTrip(req)
	if err != nil || res.StatusCode != 503 || len(s.at) != 1 {
		t.Errorf("a POST was sent %d times: %v, %v", len(s.at), res, err)
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
