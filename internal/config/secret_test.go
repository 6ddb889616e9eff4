package config_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"restorewatch/internal/config"
)

func TestSecretCannotBePrinted(t *testing.T) {
	secret := config.NewSecret(canary)
	type holder struct {
		Exported   config.Secret
		unexported config.Secret // fmt does not ask it for its Format
		Pointer    *config.Secret
	}
	values := map[string]any{
		"itself": secret, "pointer": &secret, "slice": []config.Secret{secret},
		"map": map[string]config.Secret{"k": secret}, "fields": holder{secret, secret, &secret},
	}
	for name, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%t"} {
			check(t, name+" "+verb, fmt.Sprintf(verb, value))
		}
		check(t, name+" print", fmt.Sprint(value))
		var b bytes.Buffer
		for _, h := range []slog.Handler{slog.NewJSONHandler(&b, nil), slog.NewTextHandler(&b, nil)} {
			slog.New(h).Info("m", "a", value)
		}
		check(t, name+" slog", b.String())
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		check(t, name+" json", string(encoded))
		if !strings.Contains(string(encoded), `"REDACTED"`) {
			t.Errorf("%s as JSON is %s", name, encoded)
		}
	}
}

func check(t *testing.T, what, printed string) {
	t.Helper()
	if strings.Contains(printed, canary) || strings.Contains(printed, fmt.Sprintf("%x", canary)) ||
		strings.Contains(printed, fmt.Sprintf("%X", canary)) {
		t.Errorf("%s shows the secret: %s", what, printed)
	}
}

func TestSecretPrintsRedacted(t *testing.T) {
	secret := config.NewSecret(canary)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%10.3d"} {
		if got := fmt.Sprintf(verb, secret); got != "REDACTED" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if text, err := encoding.TextMarshaler(secret).MarshalText(); string(text) != "REDACTED" || err != nil {
		t.Errorf("text is %q, %v", text, err)
	}
}

func TestSecretReveals(t *testing.T) {
	for _, value := range []string{"", canary} {
		if s := config.NewSecret(value); s.Reveal() != value || s.Empty() != (value == "") {
			t.Errorf("%q reveals %q, empty %t", value, s.Reveal(), s.Empty())
		}
	}
	if zero := (config.Secret{}); !zero.Empty() || zero.Reveal() != "" {
		t.Error("the zero secret is not empty")
	}
}
