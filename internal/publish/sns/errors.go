package sns

import (
	"strings"

	"restorewatch/internal/publish/bulk"
)

// An Error is one reason why events were not accepted by a topic.
type Error = bulk.Error

// hint returns what to do about an error code, for a topic that the environment variable names.
func hint(code, variable string) string { return strings.ReplaceAll(hints[code], "{topic}", variable) }

// hints are by error code of the API (API reference of PublishBatch, "Errors"; common errors).
var hints = map[string]string{ //nolint:gosec // codes and advice that name credentials, and hold none
	"NotFound":              "the topic does not exist: check {topic}, its region and its account",
	"InvalidParameter":      "check that {topic} is the ARN of a topic in the region that AWS_REGION names",
	"AuthorizationError":    "the role may not publish: allow sns:Publish on the topic, and look at the topic's own policy",
	"AccessDenied":          "the role may not publish: allow sns:Publish on the topic, and look at the topic's own policy",
	"InvalidClientTokenId":  "AWS does not know the credentials: check AWS_ACCESS_KEY_ID or the role",
	"ExpiredToken":          "the AWS credentials have expired: renew them",
	"SignatureDoesNotMatch": "the AWS credentials are wrong: check AWS_SECRET_ACCESS_KEY",
	"KMSAccessDenied":       "the topic's key refuses the role: its key policy must allow kms:GenerateDataKey* and kms:Decrypt",
	"KMSDisabled":           "the topic's KMS key is disabled: enable it or give the topic another one",
	"KMSInvalidState":       "the topic's KMS key cannot be used now (pending deletion?): give the topic another one",
	"KMSNotFound":           "the topic's KMS key does not exist: give the topic another one",
	"KMSOptInRequired":      "the account has no access to KMS: enable it or take the key off the topic",
	"KMSThrottling":         "KMS refuses more requests for now: the events stay in the outbox and are published by a later run",
	"Throttled":             "SNS refuses more requests for now: the events stay in the outbox and are published by a later run",
	"InternalError":         "SNS failed: the events stay in the outbox and are published by a later run",
	"BatchRequestTooLong":   "check that the topic's MaximumMessageSize is at least 262144",
	"InvalidSecurity":       "use https for the SNS endpoint",
}
