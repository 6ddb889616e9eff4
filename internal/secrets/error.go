package secrets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"restorewatch/internal/restore"
)

// An Error says why a secret gave no key.
type Error struct {
	secret string
	what   string
	hint   string
	cause  error
}

// Error names the secret and what is wrong with it.
func (e *Error) Error() string { return fmt.Sprintf("read secret %q: %s", e.secret, e.what) }

// Unwrap returns what the SDK or the context said, or nil when the secret could be read and was no key.
func (e *Error) Unwrap() error { return e.cause }

// FailureKind returns restore.FailedCredentials.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedCredentials }

// Hint says what to do about it.
func (e *Error) Hint() string { return e.hint }

const form = `{"publicKey":"…","privateKey":"…"}`

func (p *Provider) malformed(what string) error {
	return &Error{secret: p.secret, what: what, hint: "store the API key in it as " + form}
}

// refusals are the error codes of GetSecretValue that somebody can mend, from its API reference.
var refusals = map[string]struct{ what, hint string }{
	"ResourceNotFoundException": {"there is no such secret in this account and region",
		"create it with the value " + form + ", or correct the name"},
	"AccessDeniedException": {"access is denied",
		"allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key if that is a customer-managed one"},
	"DecryptionFailure": {"its key cannot decrypt it",
		"look whether its KMS key is enabled, and allow kms:Decrypt on it"},
	"InvalidRequestException": {"it is marked for deletion or has no current value",
		"restore it (aws secretsmanager restore-secret), or store the API key in it as " + form},
}

// failed explains an error of the SDK or of a context. The SDK's text carries request ids and codes, no values.
func (p *Provider) failed(err error) error {
	e := &Error{secret: p.secret, cause: err, hint: "look whether Secrets Manager can be reached with these AWS credentials"}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if known, ok := refusals[api.ErrorCode()]; ok {
			e.what, e.hint = known.what, known.hint
			return e
		}
	}
	e.what = bounded(err.Error())
	return e
}

// maxText bounds what is repeated of the SDK's text, in bytes.
const maxText = 500

func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
