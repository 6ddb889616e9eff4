package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
)

// A Client is what a Secret needs of Secrets Manager.
type Client interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (
		*secretsmanager.GetSecretValueOutput, error)
}

// A Secret is the address of a webhook in Secrets Manager: the URL itself, or JSON {"url":…}. It is fetched when it is
// first needed and again when Slack says that there is no such webhook. It implements slack.Addressee.
type Secret struct {
	client Client
	name   string // or ARN

	mu    sync.Mutex
	known config.Secret
}

// NewSecret returns the address that a secret holds. It makes no request.
func NewSecret(client Client, name string) *Secret { return &Secret{client: client, name: name} }

// Address returns the address, from memory if it is known. What went wrong is not remembered.
func (s *Secret) Address(ctx context.Context) (config.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.known.Empty() {
		return s.known, nil
	}
	return s.fetch(ctx)
}

// Renew fetches the address again. The old one stays when the secret cannot be read.
func (s *Secret) Renew(ctx context.Context) (config.Secret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetch(ctx)
}

func (s *Secret) fetch(ctx context.Context) (config.Secret, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.name})
	if err != nil {
		return config.Secret{}, s.failed(err)
	}
	if out.SecretString == nil {
		return config.Secret{}, s.malformed("it holds bytes")
	}
	address, err := parse(*out.SecretString)
	if err != nil {
		return config.Secret{}, s.malformed(err.Error())
	}
	if why := slack.CheckURL(address); why != "" {
		return config.Secret{}, s.malformed(why)
	}
	s.known = address
	return address, nil
}

var errNoURL = errors.New(`its JSON has no text named url`)

func parse(value string) (config.Secret, error) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "{") {
		return config.NewSecret(value), nil
	}
	var fields struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(value), &fields); err != nil || fields.URL == "" {
		return config.Secret{}, errNoURL // what encoding/json says may repeat a part of the value
	}
	return config.NewSecret(strings.TrimSpace(fields.URL)), nil
}

// A SecretError says why a secret gave no address.
type SecretError struct {
	secret, what, hint string
	cause              error
}

// Error names the secret and what is wrong with it.
func (e *SecretError) Error() string {
	return fmt.Sprintf("read secret %q: %s", e.secret, e.what)
}

// Unwrap returns what the SDK or the context said, or nil when the secret could be read.
func (e *SecretError) Unwrap() error { return e.cause }

// FailureKind returns restore.FailedCredentials.
func (e *SecretError) FailureKind() restore.FailureKind { return restore.FailedCredentials }

// Hint says what to do about it.
func (e *SecretError) Hint() string { return e.hint }

const form = `the webhook's URL, or {"url":"…"}`

func (s *Secret) malformed(what string) error {
	return &SecretError{secret: s.name, what: what, hint: "store in it " + form}
}

// refusals are the error codes of GetSecretValue that somebody can mend, from its API reference.
var refusals = map[string]struct{ what, hint string }{
	"ResourceNotFoundException": {"there is no such secret in this account and region",
		"create it with " + form + ", or correct SLACK_WEBHOOK_SECRET"},
	"AccessDeniedException": {"access is denied",
		"allow secretsmanager:GetSecretValue on it, and kms:Decrypt on its key if that is a customer-managed one"},
	"DecryptionFailure":       {"its key cannot decrypt it", "look whether its KMS key is enabled, and allow kms:Decrypt on it"},
	"InvalidRequestException": {"it is marked for deletion or has no current value", "restore it, or store in it " + form},
}

func (s *Secret) failed(err error) error {
	e := &SecretError{
		secret: s.name, cause: err, what: publish.Line(err.Error(), 300),
		hint: "look whether Secrets Manager can be reached with these AWS credentials",
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if known, ok := refusals[api.ErrorCode()]; ok {
			e.what, e.hint = known.what, known.hint
		}
	}
	return e
}
