package secrets_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"restorewatch/internal/outbound"
	"restorewatch/internal/outbound/hostiletest"
	"restorewatch/internal/secrets"
)

// What one look at a secret costs at the most: the SDK asks three times.
const (
	mostAnswer = 256 << 10
	mostTaken  = 3 * (6*mostAnswer + 256<<10) // a chunk of one byte takes six of the connection
	mostMemory = 96 << 20
)

// The body's bound is smaller here than in production, so that the test is fast: it is the same code.
func TestCostOfAnyAnswer(t *testing.T) {
	var logged strings.Builder
	for _, a := range hostiletest.Answers() {
		t.Run(a.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				outbound.GuardLog(&logged)
				defer outbound.GuardLog(os.Stderr)
				s := &hostiletest.Server{Answer: func(w io.Writer, _ *http.Request) bool { a.Write(w); return a.Keep }}
				p := secrets.NewAPIKey(hostileManager(t, s), "atlas/key")
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				start := time.Now()
				_, err := p.Key(t.Context())
				took := time.Since(start)
				runtime.ReadMemStats(&after)
				failure, ok := errors.AsType[*secrets.Error](err)
				if !ok {
					t.Fatalf("got %v", err)
				}
				if text := failure.Error() + failure.Hint(); strings.Contains(text, hostiletest.Canary) || len(text) > 1000 {
					t.Errorf("told: %s", text)
				}
				if n := len(s.Requests()); n > 3 || took > 11*time.Second {
					t.Errorf("%d requests in %v", n, took)
				}
				if s.Taken() > mostTaken || after.TotalAlloc-before.TotalAlloc > mostMemory {
					t.Errorf("took %d bytes, allocated %d", s.Taken(), after.TotalAlloc-before.TotalAlloc)
				}
				synctest.Wait()
			})
		})
	}
	if strings.Contains(logged.String(), hostiletest.Canary) {
		t.Errorf("logged %q", logged.String())
	}
}

// hostileManager is the SDK's client as outbound/cloud makes it, with its connections leading to s.
func hostileManager(t *testing.T, s *hostiletest.Server) *secretsmanager.Client {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxResponseHeaderBytes = outbound.MaxHeader
	return secretsmanager.NewFromConfig(aws.Config{
		Region:       "eu-west-1",
		BaseEndpoint: new("http://127.0.0.1"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDTEST", SecretAccessKey: "CANARY-aws"}, nil
		}),
		HTTPClient: outbound.Limited(&http.Client{Transport: s.Transport(t, base)}, mostAnswer),
	})
}
