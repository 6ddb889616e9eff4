package eventbridge_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/publishtest"
)

// A roundTrip answers requests in process, so that waiting costs no time.
type roundTrip func() (status int, body string)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) {
	status, body := f()
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func TestRetry(t *testing.T) {
	const taken = `{"FailedEntryCount":0,"Entries":[{"EventId":"11710aed"}]}`
	for _, tt := range []struct {
		name     string
		status   int
		code     string
		failures int // before an answer
		requests int
		ok       bool
	}{
		{"throttled twice", 400, "ThrottlingException", 2, 3, true},
		{"service fails twice", 500, "InternalException", 2, 3, true},
		{"throttled for good", 400, "ThrottlingException", 100, 4, false},
		{"not allowed", 400, "AccessDeniedException", 100, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests, start := 0, time.Now()
				api := awsbridge.NewFromConfig(aws.Config{
					Region:      "eu-west-1",
					Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "not-a-secret", ""),
					HTTPClient: roundTrip(func() (int, string) {
						if requests++; requests <= tt.failures {
							return tt.status, fmt.Sprintf(`{"__type":"%s","message":"no"}`, tt.code)
						}
						return 200, taken
					}),
				}, eventbridge.Retry)
				accepted, err := eventbridge.New(api, "restores", renderer).Publish(t.Context(), publishtest.Rounds(1, 1))
				if accepted[0] != tt.ok || requests != tt.requests {
					t.Errorf("accepted %v after %d requests: %v", accepted, requests, err)
				}
				if waited := time.Since(start); waited > 700*time.Millisecond {
					t.Errorf("waited %v, longer than 100 + 200 + 400 ms", waited)
				}
			})
		})
	}
}
