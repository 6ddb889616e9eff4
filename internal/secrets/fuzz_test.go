package secrets_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"restorewatch/internal/secrets"
)

// FuzzStored reads anything as a credential and as the address of a webhook: there is a value, or an error that shows
// nothing of what is stored, in a bounded text.
func FuzzStored(f *testing.F) {
	for _, text := range []string{*stored("k"), `{"clientId":"x","clientSecret":" s "}`, address, ` {"url":"` + address + `"}`, `null`, `[]`, `"x"`, ` `,
		`{"privateKey":987654321}`, `{"publicKey":"p","privateKey":"\u0000"}`, `{"PUBLICKEY":"p","privatekey":"q"}`, `{"url":7}`, `https://h/%zz`,
		`{"publicKey":"p","privateKey":"a"}{}`, `{"publicKey":{"a":"b"}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fake := &fake{value: &text}
		c, err := secrets.NewAPIKey(fake, "atlas/key").Key(t.Context())
		if err == nil && (c.Public == "" || c.Private.Empty() || !json.Valid([]byte(text))) {
			t.Errorf("%q gave %q with %q", text, c.Public, c.Private.Reveal())
		}
		checkStored(t, err, text)
		a, err := webhook(fake, "atlas/key").Address(t.Context())
		if err == nil && !strings.HasPrefix(strings.ToLower(a.Reveal()), "http") {
			t.Errorf("%q gave the address %q", text, a.Reveal())
		}
		checkStored(t, err, text)
	})
}

// checkStored wants the same text for every value that is wrong in the same way: one of few.
func checkStored(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*secrets.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *secrets.Error", err)
	}
	told := e.Error() + e.Hint()
	if len(told) > 500 || strings.ContainsFunc(told, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("told %q", told)
	}
	const ours = 40 // longer than what our own texts have in common with anything
	for at := 0; at+ours <= len(text); at++ {
		if part := text[at : at+ours]; strings.Contains(told, part) && !strings.Contains(told, "https://hooks.slack.com/services/") {
			t.Errorf("%q of %q is told: %s", part, text, told)
		}
	}
}
