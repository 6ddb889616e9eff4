package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"restorewatch/internal/restore"
	"restorewatch/internal/secrets"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

const canary = "5ec4e7-canary"

// A fake answers every request with the same value or error, after a while.
type fake struct {
	mu       sync.Mutex
	value    *string
	err      error
	takes    time.Duration
	requests int
}

func (f *fake) GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (
	*secretsmanager.GetSecretValueOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests++
	if *in.SecretId != "atlas/key" {
		return nil, fmt.Errorf("asked for %q", *in.SecretId)
	}
	select {
	case <-time.After(f.takes):
		return &secretsmanager.GetSecretValueOutput{SecretString: f.value}, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func stored(private string) *string {
	return new(fmt.Sprintf(`{"publicKey":"abcdefgh","privateKey":%q}`, private))
}

func TestKeyIsFetchedOnceAndRenewFetchesAgain(t *testing.T) {
	f := &fake{value: stored("old")}
	p := secrets.NewAPIKey(f, "atlas/key")
	for range 3 {
		want(t, p.Key, "old")
	}
	f.value = stored("new")
	want(t, p.Key, "old")
	want(t, p.Renew, "new")
	want(t, p.Key, "new")
	if f.requests != 2 {
		t.Errorf("%d requests, want 2", f.requests)
	}
}

func want(t *testing.T, get func(context.Context) (secrets.Credential, error), private string) {
	t.Helper()
	got, err := get(t.Context())
	if err != nil || got.Public != "abcdefgh" || got.Private.Reveal() != private || got.ServiceAccount {
		t.Errorf("got %+v with %q, %v; want abcdefgh with %q", got, got.Private.Reveal(), err, private)
	}
}

func TestConcurrentCallsShareOneRequest(t *testing.T) {
	for _, failure := range []error{nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fake{value: stored("k"), err: failure, takes: time.Second}
			p := secrets.NewAPIKey(f, "atlas/key")
			together(10, func() {
				if _, err := p.Key(t.Context()); (err != nil) != (failure != nil) {
					t.Errorf("got %v", err)
				}
			})
			together(10, func() {
				if _, err := p.Renew(t.Context()); (err != nil) != (failure != nil) {
					t.Errorf("got %v", err)
				}
			})
			if f.requests != 2 {
				t.Errorf("%d requests, want one for ten calls of Key and one for ten of Renew", f.requests)
			}
		})
	}
}

func together(n int, call func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Go(call)
	}
	wg.Wait()
}

// A caller whose time is up leaves; the request goes on for the one who still waits.
func TestOneCallerLeavingDoesNotFailTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{value: stored("k"), takes: 5 * time.Second}
		p := secrets.NewAPIKey(f, "atlas/key")
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := p.Key(short); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the deadline of the caller", err)
			}
		})
		synctest.Wait()
		want(t, p.Key, "k")
		wg.Wait()
		if f.requests != 1 {
			t.Errorf("%d requests, want 1", f.requests)
		}
	})
}

// A server that never answers costs ten seconds, not the whole run.
func TestRequestIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := secrets.NewAPIKey(&fake{takes: time.Hour}, "atlas/key")
		start := time.Now()
		_, err := p.Key(t.Context())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}

func TestFailureIsNotRememberedAndKeepsTheOldKey(t *testing.T) {
	f := &fake{err: errors.New("connection refused")}
	p := secrets.NewAPIKey(f, "atlas/key")
	if _, err := p.Key(t.Context()); err == nil {
		t.Error("no error")
	}
	f.value, f.err = stored("first"), nil
	want(t, p.Key, "first")
	f.err = errors.New("connection refused")
	if _, err := p.Renew(t.Context()); err == nil {
		t.Error("no error")
	}
	want(t, p.Key, "first")
	f.value, f.err = stored("second"), nil
	want(t, p.Renew, "second")
}

func TestErrorsNameTheSecretAndNeverItsValue(t *testing.T) {
	denied := func(code string) error { return &smithy.GenericAPIError{Code: code, Message: "no"} }
	for _, tt := range []struct {
		name  string
		value *string
		err   error
		what  string
		hint  string
	}{
		{"missing", nil, denied("ResourceNotFoundException"), "no such secret", "correct ATLAS_CREDENTIALS_SECRET"},
		{"denied", nil, denied("AccessDeniedException"), "access is denied", "secretsmanager:GetSecretValue"},
		{"key", nil, denied("DecryptionFailure"), "cannot decrypt", "kms:Decrypt"},
		{"deleted", nil, denied("InvalidRequestException"), "marked for deletion", "restore-secret"},
		{"other code", nil, denied("InternalServiceError"), "InternalServiceError", "can be reached"},
		{"network", nil, errors.New("connection refused" + strings.Repeat("x", 9999)), "connection refused", "can be reached"},
		{"bytes", nil, nil, "it holds bytes", "publicKey"},
		{"empty", new(" \n"), nil, "it is empty", "publicKey"},
		{"not JSON", new(canary), nil, "it is not JSON", "publicKey"},
		{"cut", new(`{"privateKey":"` + canary), nil, "it is not JSON", "publicKey"},
		{"string", new(`"` + canary + `"`), nil, "not a JSON object", "publicKey"},
		{"number", new(`{"privateKey":987654321}`), nil, "not a JSON object of strings", "publicKey"},
		{"null", new(`null`), nil, "neither a publicKey nor a privateKey", "publicKey"},
		{"other keys", new(`{"password":"` + canary + `"}`), nil, "neither a publicKey nor a privateKey", "publicKey"},
		{"half", new(`{"privateKey":"` + canary + `"}`), nil, "no publicKey", "publicKey"},
		{"other half", new(`{"publicKey":"` + canary + `","privateKey":" "}`), nil, "no privateKey", "publicKey"},
		{"half account", new(`{"clientSecret":"` + canary + `"}`), nil, "no clientId", "clientId"},
		{"both", new(`{"clientId":"x","clientSecret":"` + canary + `","publicKey":"p"}`), nil, "both a key and a service account", "clientId"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := secrets.NewAPIKey(&fake{value: tt.value, err: tt.err}, "atlas/key").Key(t.Context())
			check(t, err, "atlas/key", tt.what, tt.hint)
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("%v does not wrap its cause", err)
			}
		})
	}
}

func check(t *testing.T, err error, secret, what, hint string) {
	t.Helper()
	e, ok := errors.AsType[*secrets.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *secrets.Error", err)
	}
	text := e.Error() + e.Hint()
	if strings.Contains(text, canary) || strings.Contains(text, "987654321") || len(text) > 1000 {
		t.Errorf("the text repeats the value or is too long: %.2000s", text)
	}
	if !strings.HasPrefix(e.Error(), "read secret \""+secret+"\": ") || !strings.Contains(e.Error(), what) {
		t.Errorf("got %q, want %q in it", e, what)
	}
	if e.FailureKind() != restore.FailedCredentials || !strings.Contains(e.Hint(), hint) {
		t.Errorf("kind %q, hint %q, want %q in it", e.FailureKind(), e.Hint(), hint)
	}
}

// Against a real server: the codes and shapes are not only what a fake thinks they are.
func TestSecretsManager(t *testing.T) {
	client := secretsmanager.NewFromConfig(testserver.AWSConfig(t, testserver.Moto(t)))
	name := "restorewatch/" + t.Name()
	_, err := secrets.NewAPIKey(client, name).Key(t.Context())
	check(t, err, name, "no such secret", "create it")

	out, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: stored("old")})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{name, *out.ARN} {
		want(t, secrets.NewAPIKey(client, id).Key, "old")
	}
	p := secrets.NewAPIKey(client, name)
	want(t, p.Key, "old")
	put := &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: stored("rotated")}
	if _, err := client.PutSecretValue(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	want(t, p.Key, "old")
	want(t, p.Renew, "rotated")

	put = &secretsmanager.PutSecretValueInput{SecretId: &name, SecretBinary: []byte(canary)}
	if _, err := client.PutSecretValue(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	_, err = p.Renew(t.Context())
	check(t, err, name, "it holds bytes", "publicKey")

	if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &name}); err != nil {
		t.Fatal(err)
	}
	_, err = p.Renew(t.Context())
	check(t, err, name, "marked for deletion", "restore-secret")
	want(t, p.Key, "rotated")
}

func TestServiceAccount(t *testing.T) {
	f := &fake{value: new(`{"clientId":"mdb_sa_id_1","clientSecret":" s "}`)}
	got, err := secrets.NewAPIKey(f, "atlas/key").Key(t.Context())
	if err != nil || got.Public != "mdb_sa_id_1" || got.Private.Reveal() != "s" || !got.ServiceAccount {
		t.Errorf("got %+v with %q, %v", got, got.Private.Reveal(), err)
	}
}
