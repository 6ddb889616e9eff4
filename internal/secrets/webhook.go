package secrets

import (
	"context"
	"encoding/json"
	"strings"

	"restorewatch/internal/config"
)

// A Webhook is the address of a Slack webhook in one secret: the URL itself, or JSON {"url":…}. It implements
// slack.Addressee.
type Webhook struct{ secret secret[config.Secret] }

// NewWebhook returns the address in a secret, given by name or ARN. check is slack.CheckURL: it says what is wrong with
// an address without repeating it, or "". NewWebhook makes no request.
func NewWebhook(client Client, name string, check func(config.Secret) string) *Webhook {
	return &Webhook{secret[config.Secret]{client: client, name: name, form: form[config.Secret]{
		variable: config.EnvSlackSecret,
		stored:   `the webhook's URL, or {"url":"…"}`,
		parse: func(text string) (config.Secret, string) {
			address, wrong := parseURL(text)
			if wrong == "" {
				wrong = check(address)
			}
			return address, wrong
		},
	}}}
}

// Address returns the address, fetched when it is first needed. The error is an *Error.
func (w *Webhook) Address(ctx context.Context) (config.Secret, error) { return w.secret.get(ctx) }

// Renew fetches the address again, because Slack says that there is no such webhook. The old one stays when the secret
// cannot be read.
func (w *Webhook) Renew(ctx context.Context) (config.Secret, error) { return w.secret.renew(ctx) }

// parseURL reads a secret's text, or says what is wrong with it. The decoder's own error would quote the text.
func parseURL(text string) (address config.Secret, wrong string) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return config.NewSecret(text), ""
	}
	var stored struct {
		URL string `json:"url"`
	}
	if err := json.Unmarshal([]byte(text), &stored); err != nil || strings.TrimSpace(stored.URL) == "" {
		return config.Secret{}, "its JSON has no text named url"
	}
	return config.NewSecret(strings.TrimSpace(stored.URL)), ""
}
