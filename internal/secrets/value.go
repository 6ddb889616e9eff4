package secrets

import (
	"encoding/json"
	"strings"

	"restorewatch/internal/config"
)

// value is the secret's form in Secrets Manager.
type value struct {
	PublicKey  string `json:"publicKey"`
	PrivateKey string `json:"privateKey"`
	ClientID   string `json:"clientId"`
}

// parse reads a secret's value, or says what is wrong with it. The decoder's own error would quote the value.
func parse(text string) (k key, wrong string) {
	if strings.TrimSpace(text) == "" {
		return key{}, "it is empty"
	}
	var v value
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
