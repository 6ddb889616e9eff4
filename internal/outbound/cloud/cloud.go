// Package cloud reads the AWS SDK's configuration, with bounds for what its servers may send.
package cloud

import (
	"context"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"restorewatch/internal/outbound"
)

// maxBody bounds an answer, in bytes. The largest is a page of a Query: 1 MB of items, and some more as JSON.
const maxBody = 8 << 20

// Config returns the configuration that the environment, the shared files and the role give.
func Config(ctx context.Context) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxResponseHeaderBytes = outbound.MaxHeader
	})
	loaded, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithHTTPClient(client))
	if err != nil {
		return aws.Config{}, fmt.Errorf("read the AWS SDK's configuration: %w", err)
	}
	// Not before it is loaded: a private certificate authority in AWS_CA_BUNDLE is put into the client above.
	loaded.HTTPClient = outbound.Limited(loaded.HTTPClient, maxBody)
	return loaded, nil
}
