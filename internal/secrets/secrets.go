// Package secrets gets the API key from AWS Secrets Manager and keeps it in memory.
//
// The secret's value is never part of an error: what is wrong with it is told under its name alone.
package secrets

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/singleflight"

	"restorewatch/internal/config"
)

// patience bounds one request with its retries. Callers with less time stop waiting sooner.
const patience = 10 * time.Second

// A Client is what a Provider needs of Secrets Manager.
type Client interface {
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (
		*secretsmanager.GetSecretValueOutput, error)
}

// A Provider gets the API key from one secret and remembers it. It is safe for concurrent use: callers that come while
// a request is under way share its answer.
type Provider struct {
	client  Client
	secret  string // name or ARN
	known   atomic.Pointer[key]
	flights singleflight.Group
}

type key struct {
	public  string
	private config.Secret
}

// New returns a Provider of the key in a secret, given by name or ARN. It makes no request.
func New(client Client, secret string) *Provider {
	return &Provider{client: client, secret: secret}
}

// Key returns the two halves of the API key: from memory, or else by one GetSecretValue. What went wrong is not
// remembered, so the next call asks again. The error is an *Error, or the context's.
func (p *Provider) Key(ctx context.Context) (public string, private config.Secret, err error) {
	if k := p.known.Load(); k != nil {
		return k.public, k.private, nil
	}
	return p.fly(ctx, "key", func(ctx context.Context) (*key, error) {
		if k := p.known.Load(); k != nil {
			return k, nil // another flight landed between the look above and the start of this one
		}
		return p.fetch(ctx)
	})
}

// Refresh fetches the key again, because the API has refused the one that Key returned: the secret may have been
// rotated. When it cannot be read, the old key stays, and the next refusal asks again.
func (p *Provider) Refresh(ctx context.Context) (public string, private config.Secret, err error) {
	return p.fly(ctx, "refresh", p.fetch)
}

// fly runs get, or waits for the run of it that is under way. The request goes on when ctx ends, for the callers that
// still wait.
func (p *Provider) fly(ctx context.Context, flight string, get func(context.Context) (*key, error)) (
	string, config.Secret, error) {
	landed := p.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return get(ctx)
	})
	select {
	case <-ctx.Done():
		return "", config.Secret{}, p.failed(context.Cause(ctx))
	case r := <-landed:
		if r.Err != nil {
			return "", config.Secret{}, r.Err
		}
		k := r.Val.(*key)
		return k.public, k.private, nil
	}
}

func (p *Provider) fetch(ctx context.Context) (*key, error) {
	out, err := p.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &p.secret})
	if err != nil {
		return nil, p.failed(err)
	}
	if out.SecretString == nil {
		return nil, p.malformed("it holds bytes")
	}
	k, what := parse(*out.SecretString)
	if what != "" {
		return nil, p.malformed(what)
	}
	p.known.Store(&k)
	return &k, nil
}
