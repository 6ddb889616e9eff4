package bulk

import (
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// The waits between attempts: a random part of 100 ms, 200 ms, 400 ms. The SDK's own waits of up to seconds would eat
// the time that is left for saving; what three retries do not publish stays in the outbox for the next run.
const (
	maxAttempts = 4
	firstWait   = 100 * time.Millisecond
	longestWait = time.Second
)

// Retryer returns what a client retries by: lost connections, answers of 5xx, the SDK's words for "too fast", and the
// error codes given.
func Retryer(codes ...string) aws.Retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts = maxAttempts
		s.Backoff = retry.BackoffDelayerFunc(wait)
	})
	return retry.AddWithErrorCodes(standard, codes...)
}

// wait returns how long to wait after the attempt of that number, the first being 1.
func wait(attempt int, _ error) (time.Duration, error) {
	limit := min(longestWait, firstWait<<min(max(attempt-1, 0), 10))
	return rand.N(limit), nil //nolint:gosec // a pause is no secret
}
