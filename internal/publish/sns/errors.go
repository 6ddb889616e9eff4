package sns

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/smithy-go"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// An Error is one reason why events were not accepted by a topic.
type Error struct {
	Topic  string // its ARN
	Code   string // of the API, "" when there was no answer
	Events int    // how many events are concerned
	Total  int    // how many were to be published
	err    error
}

// Error names the topic, the count and the reason.
func (e *Error) Error() string {
	return fmt.Sprintf("topic %s: %d of %d events not accepted: %v", e.Topic, e.Events, e.Total, e.err)
}

// Unwrap returns the SDK's error, or what SNS said of an entry.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// Hint says what to do about the error, "" when only waiting helps.
func (e *Error) Hint() string { return hints[e.Code] }

// hints are by error code of the API (API reference of PublishBatch, "Errors"; common errors).
var hints = map[string]string{
	"NotFound":              "the topic does not exist: check EVENTS_TOPIC_ARN, its region and its account",
	"InvalidParameter":      "check that EVENTS_TOPIC_ARN is the ARN of a topic in the region that AWS_REGION names",
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

// A refusal is what SNS says of an entry that it did not take.
type refusal struct{ code, message string }

func (r refusal) Error() string { return r.code + ": " + publish.Line(r.message, 300) }

// refused returns one error for each code among the refused entries, in the order of the codes; nil if there was none.
func (a *attempt) refused() error {
	byCode := make(map[string][]refusal)
	for _, r := range a.refusals {
		byCode[r.code] = append(byCode[r.code], r)
	}
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		errs = append(errs, a.error(len(byCode[code]), code, byCode[code][0]))
	}
	if a.waiting > 0 {
		errs = append(errs, fmt.Errorf("%d later events of the same subjects wait", a.waiting))
	}
	return errors.Join(errs...)
}

// failed returns the error of an attempt that a whole call ended.
func (a *attempt) failed(err error) error {
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	events := -len(a.refusals) - a.waiting
	for _, ok := range a.accepted {
		if !ok {
			events++
		}
	}
	return errors.Join(a.error(events, code, err), a.refused())
}

func (a *attempt) error(events int, code string, err error) error {
	return &Error{Topic: a.topic, Code: code, Events: events, Total: len(a.events), err: err}
}
