package config

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "REDACTED"

// A Secret is a string that cannot be printed: every verb of fmt, encoding/json, encoding.TextMarshaler and log/slog
// show REDACTED. Its zero value holds nothing.
type Secret struct {
	// A pointer, because fmt prints the unexported fields of a struct around it without asking for our Format, and
	// shows an address then.
	value *string
}

// NewSecret returns a Secret that holds value.
func NewSecret(value string) Secret { return Secret{&value} }

// Reveal returns what s holds. Call it only where the value goes on the wire.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether s holds nothing.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter, for every verb alike.
func (Secret) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
