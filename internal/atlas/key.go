package atlas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Key is an API key: its public half is the user name of HTTP Digest, its private half the password. However it is
// printed, marshalled or logged, the private half shows as REDACTED.
type Key struct {
	Public  string
	Private func() string // a function, so that no printer that looks into fields can find the value
}

// A Keyring hands out the API key. Both methods are called from several goroutines.
type Keyring interface {
	// Key returns the key to use. It is called for every request, so it should come from memory once it is known.
	Key(ctx context.Context) (Key, error)
	// Renew fetches the key again from where it is kept, because the API has refused the one that Key returned.
	// From then on Key returns what Renew did.
	Renew(ctx context.Context) (Key, error)
}

// StaticKey returns a Keyring that knows one key and no other.
func StaticKey(public, private string) Keyring {
	return staticKey{Key{Public: public, Private: func() string { return private }}}
}

type staticKey struct{ key Key }

func (s staticKey) Key(context.Context) (Key, error)   { return s.key, nil }
func (s staticKey) Renew(context.Context) (Key, error) { return s.key, nil }

const redacted = "REDACTED"

// Format implements fmt.Formatter, for every verb alike.
func (k Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "{"+k.Public+" "+redacted+"}") }

// MarshalJSON implements json.Marshaler.
func (k Key) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{"publicKey":%q,"privateKey":%q}`, clean(k.Public, 100), redacted), nil
}

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value {
	return slog.GroupValue(slog.String("publicKey", k.Public), slog.String("privateKey", redacted))
}

func (k Key) check() error {
	switch {
	case k.Public == "":
		return errors.New("the API key has no public part")
	case k.Private == nil || k.Private() == "":
		return errors.New("the API key has no private part")
	}
	return nil
}

func (k Key) equal(other Key) bool {
	return k.Public == other.Public && k.Private() == other.Private()
}
