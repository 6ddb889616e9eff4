package secrets_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/secrets"
	"restorewatch/internal/testserver"
)

var _ slack.Addressee = (*secrets.Webhook)(nil)

const address = "https://hooks.slack.com/services/T00/B00/" + canary

func webhook(client secrets.Client, name string) *secrets.Webhook {
	return secrets.NewWebhook(client, name, slack.CheckURL)
}

func wantAddress(t *testing.T, get func(context.Context) (config.Secret, error), address string) {
	t.Helper()
	if got, err := get(t.Context()); err != nil || got.Reveal() != address {
		t.Errorf("got %q, %v; want %q", got.Reveal(), err, address)
	}
}

func TestAddressIsFetchedOnceAndAgainWhenAsked(t *testing.T) {
	const renewed = "https://hooks.slack.com/services/new"
	f := &fake{value: new(" " + address + "\n")}
	w := webhook(f, "atlas/key")
	for range 3 {
		wantAddress(t, w.Address, address)
	}
	f.value = new(`{"url": " ` + renewed + `", "note": 1}`)
	wantAddress(t, w.Renew, renewed)
	f.err = errors.New("no network")
	if _, err := w.Renew(t.Context()); err == nil {
		t.Error("no error")
	}
	if wantAddress(t, w.Address, renewed); f.requests != 3 {
		t.Errorf("%d requests, want 3", f.requests)
	}
}

func TestSecretThatGivesNoAddress(t *testing.T) {
	for _, tt := range []struct {
		name       string
		value      *string
		err        error
		what, hint string
	}{
		{"missing", nil, &smithy.GenericAPIError{Code: "ResourceNotFoundException"}, "no such secret", "correct SLACK_WEBHOOK_SECRET"},
		{"denied", nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}, "denied", "GetSecretValue"},
		{"another error", nil, errors.New("no\nnetwork"), "no network", "be reached"},
		{"bytes", nil, nil, "bytes", `{"url":"…"}`},
		{"empty", new(" "), nil, "no URL", `{"url":"…"}`},
		{"no URL", new(canary), nil, "no URL", `{"url":"…"}`},
		{"in the clear", new("http://example.com/" + canary), nil, "https", `{"url":"…"}`},
		{"other JSON", new(`{"webhook":"` + canary + `"}`), nil, "named url", `{"url":"…"}`},
		{"blank", new(`{"url":" "}`), nil, "named url", `{"url":"…"}`},
		{"broken JSON", new(`{"url":` + canary), nil, "named url", `{"url":"…"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{value: tt.value, err: tt.err}
			w := webhook(f, "atlas/key")
			_, err := w.Address(t.Context())
			check(t, err, "atlas/key", tt.what, tt.hint)
			if _, err := w.Address(t.Context()); err == nil || f.requests != 2 {
				t.Error("the failure is remembered")
			}
		})
	}
}

func TestAddressInSecretsManager(t *testing.T) {
	client := secretsmanager.NewFromConfig(testserver.AWSConfig(t, testserver.Moto(t)))
	name := "restorewatch/" + t.Name()
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: new(address)}); err != nil {
		t.Fatal(err)
	}
	wantAddress(t, webhook(client, name).Address, address)
	_, err := webhook(client, name+"-gone").Address(t.Context())
	check(t, err, name+"-gone", "no such secret", "correct SLACK_WEBHOOK_SECRET")
}
