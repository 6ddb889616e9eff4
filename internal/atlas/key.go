package atlas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// A Key is a credential: an API key, whose public half is the user name of HTTP Digest and whose private half is the
// password; or a service account, with its client id and its client secret. However it is printed, marshalled or logged,
// the private half shows as REDACTED.
type Key struct {
	Public         string        // the public key, or the client id
	Private        func() string // a function, so that no printer that looks into fields can find the value
	ServiceAccount bool          // the two are a client id and its secret
}

// A Keyring hands out the credential, of either sort; the sort may change when it is renewed. Both methods are called from several goroutines.
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

// StaticClient returns a Keyring that knows one service account and nothing else.
func StaticClient(id, secret string) Keyring {
	return staticKey{Key{Public: id, Private: func() string { return secret }, ServiceAccount: true}}
}

type staticKey struct{ key Key }

func (s staticKey) Key(context.Context) (Key, error)   { return s.key, nil }
func (s staticKey) Renew(context.Context) (Key, error) { return s.key, nil }

const redacted = "REDACTED"

// Format implements fmt.Formatter, for every verb alike.
func (k Key) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "{"+k.Public+" "+redacted+"}") }

// halves names the two halves as Atlas does.
func (k Key) halves() (public, private string) {
	if k.ServiceAccount {
		return "clientId", "clientSecret"
	}
	return "publicKey", "privateKey"
}

// MarshalJSON implements json.Marshaler.
func (k Key) MarshalJSON() ([]byte, error) {
	public, private := k.halves()
	return fmt.Appendf(nil, `{%q:%q,%q:%q}`, public, clean(k.Public, 100), private, redacted), nil
}

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value {
	public, private := k.halves()
	return slog.GroupValue(slog.String(public, k.Public), slog.String(private, redacted))
}

func (k Key) check() error {
	empty := k.Private == nil || k.Private() == ""
	switch {
	case k.ServiceAccount && k.Public == "":
		return errors.New("the service account has no client id")
	case k.ServiceAccount && empty:
		return errors.New("the service account has no client secret")
	case k.Public == "":
		return errors.New("the API key has no public part")
	case empty:
		return errors.New("the API key has no private part")
	}
	return nil
}

func (k Key) equal(other Key) bool {
	return k.ServiceAccount == other.ServiceAccount && k.Public == other.Public && k.Private() == other.Private()
}
