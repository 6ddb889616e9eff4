package sns_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
)

// A roundTrip answers requests in process, so that waiting costs no time.
type roundTrip func() (status int, body string)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) {
	status, body := f()
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/xml"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func client(f roundTrip) *awssns.Client {
	return awssns.NewFromConfig(aws.Config{
		Region:      "eu-west-1",
		Credentials: credentials.NewStaticCredentialsProvider("AKIDTEST", "not-a-secret", ""),
		HTTPClient:  f,
	}, sns.Retry)
}

const taken = `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult>` +
	`<Successful><member><Id>0</Id><MessageId>m</MessageId></member></Successful></PublishBatchResult></PublishBatchResponse>`

func refused(code string) string {
	return fmt.Sprintf(`<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>`+
		`<Code>%s</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`, code)
}

func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		name     string
		status   int
		code     string
		failures int // before an answer
		requests int
		ok       bool
	}{
		{"throttled twice", 429, "Throttled", 2, 3, true},
		{"key throttled twice", 400, "KMSThrottling", 2, 3, true},
		{"server fails twice", 500, "InternalError", 2, 3, true},
		{"throttled for good", 429, "Throttled", 100, 4, false},
		{"not allowed", 403, "AuthorizationError", 100, 1, false},
		{"topic missing", 404, "NotFound", 100, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				requests, start := 0, time.Now()
				api := client(func() (int, string) {
					if requests++; requests <= tt.failures {
						return tt.status, refused(tt.code)
					}
					return 200, taken
				})
				accepted, err := sns.New(api, topic, renderer).Publish(t.Context(), publishtest.Rounds(1, 1))
				if accepted[0] != tt.ok || requests != tt.requests {
					t.Errorf("accepted %v after %d requests: %v", accepted, requests, err)
				}
				if failure, is := errors.AsType[*sns.Error](err); is == tt.ok || !tt.ok && failure.Code != tt.code {
					t.Errorf("error %v", err)
				}
				if waited := time.Since(start); waited > 700*time.Millisecond {
					t.Errorf("waited %v, longer than 100 + 200 + 400 ms", waited)
				}
			})
		})
	}
}
