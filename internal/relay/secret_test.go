package relay_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"restorewatch/internal/publish/slack"
	"restorewatch/internal/relay"
	"restorewatch/internal/restore"
)

var _ slack.Addressee = (*relay.Secret)(nil)

// A fakeManager answers with one value or error.
type fakeManager struct {
	value    *string
	err      error
	requests int
}

func (f *fakeManager) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (
	*secretsmanager.GetSecretValueOutput, error) {
	if *in.SecretId != "slack" {
		return nil, errors.New("another secret")
	}
	f.requests++
	return &secretsmanager.GetSecretValueOutput{SecretString: f.value}, f.err
}

func TestSecretIsFetchedOnceAndAgainWhenAsked(t *testing.T) {
	f := &fakeManager{value: new(address)}
	s := relay.NewSecret(f, "slack")
	for range 3 {
		if got, err := s.Address(t.Context()); err != nil || got.Reveal() != address {
			t.Fatalf("%v", err)
		}
	}
	f.value = new(`{"url": "https://hooks.slack.com/services/new", "note": 1}`)
	if got, err := s.Renew(t.Context()); err != nil || got.Reveal() != "https://hooks.slack.com/services/new" {
		t.Errorf("renewed: %v", err)
	}
	f.err = errors.New("no network")
	if _, err := s.Renew(t.Context()); err == nil {
		t.Error("no error")
	}
	if got, err := s.Address(t.Context()); err != nil || got.Reveal() != "https://hooks.slack.com/services/new" || f.requests != 3 {
		t.Errorf("the known address is lost: %v, %d requests", err, f.requests)
	}
}

func TestSecretThatGivesNoAddress(t *testing.T) {
	for _, tt := range []struct {
		name       string
		value      *string
		err        error
		what, hint string
	}{
		{"missing", nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}, "no such secret", "SLACK_WEBHOOK_SECRET"},
		{"denied", nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}, "denied", "GetSecretValue"},
		{"another error", nil, errors.New("no\nnetwork"), "no network", "be reached"},
		{"bytes", nil, nil, "bytes", `{"url":"…"}`},
		{"no URL", new("CANARY"), nil, "no URL", `{"url":"…"}`},
		{"in the clear", new("http://example.com/CANARY"), nil, "https", `{"url":"…"}`},
		{"other JSON", new(`{"webhook":"CANARY"}`), nil, "named url", `{"url":"…"}`},
		{"broken JSON", new(`{"url":CANARY`), nil, "named url", `{"url":"…"}`},
	} {
		f := &fakeManager{value: tt.value, err: tt.err}
		s := relay.NewSecret(f, "slack")
		_, err := s.Address(t.Context())
		failure, ok := errors.AsType[*relay.SecretError](err)
		if !ok || !strings.Contains(err.Error(), `read secret "slack": `) || !strings.Contains(err.Error(), tt.what) {
			t.Errorf("%s: error %v", tt.name, err)
			continue
		}
		if !strings.Contains(failure.Hint(), tt.hint) || failure.FailureKind() != restore.FailedCredentials {
			t.Errorf("%s: hint %q", tt.name, failure.Hint())
		}
		if strings.Contains(err.Error()+failure.Hint(), "CANARY") {
			t.Errorf("%s: the error repeats the value: %v", tt.name, err)
		}
		if _, err := s.Address(t.Context()); err == nil || f.requests != 2 {
			t.Errorf("%s: the failure is remembered", tt.name)
		}
	}
}

// A post whose secret cannot be read says what to do about the secret.
func TestHintOfTheSecretReachesThePost(t *testing.T) {
	f := &fakeManager{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}
	w := slack.New(relay.NewSecret(f, "slack"), restore.Info, nil)
	h := relay.Handler{Webhook: w, Log: discard}
	err := h.Handle(t.Context(), records(finished))
	if err == nil || !strings.Contains(err.Error(), `secret "slack": access is denied`) ||
		!strings.Contains(err.Error(), "secretsmanager:GetSecretValue") {
		t.Errorf("error %v", err)
	}
}
