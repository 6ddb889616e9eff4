package secrets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"restorewatch/internal/restore"
)

// An Error says why a secret gave no value.
type Error struct {
	secret string
	what   string
	hint   string
	cause  error
}

// Error names the secret and what is wrong with it.
func (e *Error) Error() string { return fmt.Sprintf("read secret %q: %s", e.secret, e.what) }

// Unwrap returns what the SDK or the context said, or nil when the secret could be read and did not hold what it should.
func (e *Error) Unwrap() error { return e.cause }

// FailureKind returns restore.FailedCredentials.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedCredentials }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.hint }

func (s *secret[T]) malformed(what string) error {
	return &Error{secret: s.name, what: what, hint: "store in it " + s.stored}
}

// refusals are the error codes of GetSecretValue that somebody can mend, from its API reference.
var refusals = map[string]struct{ what, hint string }{
	"ResourceNotFoundException": {"there is no such secret in this account and region",
		"create it and store in it {stored}; or correct {variable}"},
	"AccessDeniedException": {"access is denied",
		"allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key if that is a customer-managed one"},
	"DecryptionFailure": {"its key cannot decrypt it",
		"look whether its KMS key is enabled, and allow kms:Decrypt on it"},
	"InvalidRequestException": {"it is marked for deletion or has no current value",
		"restore it (aws secretsmanager restore-secret), or store in it {stored}"},
}

// failed explains an error of the SDK or of a context. The SDK's text carries request ids and codes, no values.
func (s *secret[T]) failed(err error) error {
	e := &Error{
		secret: s.name, what: oneLine(err.Error()), cause: err,
		hint: "look whether Secrets Manager can be reached with these AWS credentials",
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if known, ok := refusals[api.ErrorCode()]; ok {
			e.what = known.what
			e.hint = strings.NewReplacer("{stored}", s.stored, "{variable}", s.variable).Replace(known.hint)
		}
	}
	return e
}

// maxText bounds what is repeated of the SDK's text, in bytes.
const maxText = 500

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
