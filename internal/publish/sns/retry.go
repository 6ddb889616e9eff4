package sns

import (
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/publish/bulk"
)

// Retry is an option for sns.NewFromConfig: waits that leave time for saving. The SDK does not know SNS's own words for
// "too fast", which come with status 429 and 400.
func Retry(o *sns.Options) { o.Retryer = bulk.Retryer("Throttled", "KMSThrottling") }
