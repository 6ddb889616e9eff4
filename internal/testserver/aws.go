package testserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// AWSConfig returns a configuration for clients of the server at endpoint: credentials that mean nothing, and retries
// that take milliseconds where the default takes seconds. It reads no environment, so no test can reach a real account.
func AWSConfig(t testing.TB, endpoint string) aws.Config {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	return aws.Config{
		Region:         "eu-west-1",
		Credentials:    credentials.NewStaticCredentialsProvider("AKIDTEST", "not-a-secret", ""),
		BaseEndpoint:   new(endpoint),
		HTTPClient:     &http.Client{Transport: transport},
		ServiceOptions: []func(string, any){withoutChecksums},
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 20 * time.Millisecond })
		},
	}
}

// withoutChecksums silences a warning for every error of DynamoDB Local, which omits X-Amz-Crc32 there.
func withoutChecksums(_ string, options any) {
	if o, ok := options.(*dynamodb.Options); ok {
		o.DisableValidateResponseChecksum = true
	}
}

// StateTable makes a table with the keys that template.yaml gives it, on the DynamoDB server of cfg, for this test
// alone. It is deleted when the test ends.
func StateTable(t testing.TB, cfg aws.Config) (name string) {
	t.Helper()
	name = "state-" + strings.ToLower(rand.Text())
	StateTableNamed(t, cfg, name)
	return name
}

// StateTableNamed makes such a table under a name of the test's choosing.
func StateTableNamed(t testing.TB, cfg aws.Config, name string) {
	t.Helper()
	client := dynamodb.NewFromConfig(cfg)
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: new("target"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: new("record"), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: new("target"), KeyType: types.KeyTypeHash},
			{AttributeName: new("record"), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		t.Fatalf("create table %s: %v", name, err)
	}
	t.Cleanup(func() {
		// The context of the test is over by now.
		if _, err := client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Errorf("delete table %s: %v", name, err)
		}
	})
}
