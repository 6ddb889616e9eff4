package secrets

import (
	"context"
	"encoding/json"
	"strings"

	"restorewatch/internal/config"
)

// An APIKey is the API key in one secret.
type APIKey struct{ secret secret[key] }

type key struct {
	public  string
	private config.Secret
}

// NewAPIKey returns the key in a secret, given by name or ARN. It makes no request.
func NewAPIKey(client Client, name string) *APIKey {
	return &APIKey{secret[key]{client: client, name: name, form: form[key]{
		variable: config.EnvCredentialsSecret,
		stored:   `the API key as {"publicKey":"…","privateKey":"…"}`,
		parse:    parseKey,
	}}}
}

// Key returns the two halves of the API key, fetched when they are first needed. The error is an *Error.
func (k *APIKey) Key(ctx context.Context) (public string, private config.Secret, err error) {
	value, err := k.secret.get(ctx)
	return value.public, value.private, err
}

// Renew fetches the key again, because the API has refused the one that Key returned: the secret may have been rotated.
// When it cannot be read, the old key stays, and the next refusal asks again.
func (k *APIKey) Renew(ctx context.Context) (public string, private config.Secret, err error) {
	value, err := k.secret.renew(ctx)
	return value.public, value.private, err
}

// storedKey is the secret's form in Secrets Manager.
type storedKey struct {
	PublicKey  string `json:"publicKey"`
	PrivateKey string `json:"privateKey"`
	ClientID   string `json:"clientId"`
}

// parseKey reads a secret's text, or says what is wrong with it. The decoder's own error would quote the text.
func parseKey(text string) (k key, wrong string) {
	if strings.TrimSpace(text) == "" {
		return key{}, "it is empty"
	}
	var v storedKey
	if !json.Valid([]byte(text)) {
		return key{}, "it is not JSON"
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return key{}, "it is not a JSON object of strings"
	}
	k = key{strings.TrimSpace(v.PublicKey), config.NewSecret(strings.TrimSpace(v.PrivateKey))}
	switch {
	case k.public == "" && k.private.Empty() && v.ClientID != "":
		return key{}, "it holds a service account, which is not available in this version"
	case k.public == "" && k.private.Empty():
		return key{}, "it has neither a publicKey nor a privateKey"
	case k.public == "":
		return key{}, "it has no publicKey"
	case k.private.Empty():
		return key{}, "it has no privateKey"
	}
	return k, ""
}
