package secrets

import (
	"context"
	"encoding/json"
	"strings"

	"restorewatch/internal/config"
)

// A Credential is what the API lets in: an API key, with its public and its private half, or a service account, with its
// client id and its client secret.
type Credential struct {
	Public         string
	Private        config.Secret
	ServiceAccount bool
}

// An APIKey is the credential in one secret.
type APIKey struct{ secret secret[Credential] }

// NewAPIKey returns the credential in a secret, given by name or ARN. It makes no request.
func NewAPIKey(client Client, name string) *APIKey {
	return &APIKey{secret[Credential]{client: client, name: name, form: form[Credential]{
		variable: config.EnvCredentialsSecret,
		stored:   `{"publicKey":"…","privateKey":"…"}, or for a service account {"clientId":"…","clientSecret":"…"}`,
		parse:    parseCredential,
	}}}
}

// Key returns the credential, fetched when it is first needed. The error is an *Error.
func (k *APIKey) Key(ctx context.Context) (Credential, error) { return k.secret.get(ctx) }

// Renew fetches the credential again, because the one known was refused. If that fails, the one known stays.
func (k *APIKey) Renew(ctx context.Context) (Credential, error) { return k.secret.renew(ctx) }

// stored is the text of the secret; what else stands in it is left alone.
type stored struct {
	PublicKey    string `json:"publicKey"`
	PrivateKey   string `json:"privateKey"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

// parseCredential reads a secret's text. No error of the decoder is passed on: some quote what they read.
func parseCredential(text string) (c Credential, wrong string) {
	if strings.TrimSpace(text) == "" {
		return c, "it is empty"
	}
	var v stored
	if !json.Valid([]byte(text)) {
		return c, "it is not JSON"
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return c, "it is not a JSON object of strings"
	}
	key := v.PublicKey+v.PrivateKey != ""
	switch {
	case key && v.ClientID+v.ClientSecret != "":
		return c, "it has both a key and a service account"
	case key:
		return credential(v.PublicKey, v.PrivateKey, "publicKey", "privateKey", false)
	case v.ClientID+v.ClientSecret != "":
		return credential(v.ClientID, v.ClientSecret, "clientId", "clientSecret", true)
	}
	return c, "it has neither a publicKey nor a privateKey, nor a clientId"
}

func credential(public, private, publicName, privateName string, account bool) (Credential, string) {
	c := Credential{strings.TrimSpace(public), config.NewSecret(strings.TrimSpace(private)), account}
	switch {
	case c.Public == "":
		return Credential{}, "it has no " + publicName
	case c.Private.Empty():
		return Credential{}, "it has no " + privateName
	}
	return c, ""
}
