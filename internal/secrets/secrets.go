// Package secrets gets what is secret from AWS Secrets Manager and keeps it in memory: the API key, and the address of a
// webhook.
//
// A secret's value is never part of an error: what is wrong with it is told under its name alone.
package secrets

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/singleflight"
)

// patience bounds one request with its retries. Callers with less time stop waiting sooner.
const patience = 10 * time.Second

// A Client is what is used of Secrets Manager.
type Client interface {
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, options ...func(*secretsmanager.Options)) (
		*secretsmanager.GetSecretValueOutput, error)
}

// A form is what a secret is to hold.
type form[T any] struct {
	variable string // the environment variable that names the secret
	stored   string // what to store in it, for people
	// parse reads the secret's text, or says what is wrong with it without repeating any of it.
	parse func(text string) (value T, wrong string)
}

// A secret is fetched when it is first needed, and again when somebody says that its value is no good any more. It is
// safe for concurrent use: callers that come while a request is under way share its answer.
type secret[T any] struct {
	form[T]
	client  Client
	name    string // or ARN
	known   atomic.Pointer[T]
	flights singleflight.Group
}

// get returns the value: from memory, or else by one GetSecretValue. What went wrong is not remembered, so the next call
// asks again. The error is an *Error.
func (s *secret[T]) get(ctx context.Context) (T, error) {
	if value := s.known.Load(); value != nil {
		return *value, nil
	}
	return s.fly(ctx, "get", func(ctx context.Context) (*T, error) {
		if value := s.known.Load(); value != nil {
			return value, nil // another flight landed between the look above and the start of this one
		}
		return s.fetch(ctx)
	})
}

// renew fetches the value again. When it cannot be read, the old one stays, and the next call asks again.
func (s *secret[T]) renew(ctx context.Context) (T, error) { return s.fly(ctx, "renew", s.fetch) }

// fly runs fetch, or waits for the run of it that is under way. The request goes on when ctx ends, for the callers that
// still wait.
func (s *secret[T]) fly(ctx context.Context, flight string, fetch func(context.Context) (*T, error)) (none T, err error) {
	landed := s.flights.DoChan(flight, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		return fetch(ctx)
	})
	select {
	case <-ctx.Done():
		return none, s.failed(context.Cause(ctx))
	case r := <-landed:
		if r.Err != nil {
			return none, r.Err
		}
		return *r.Val.(*T), nil
	}
}

func (s *secret[T]) fetch(ctx context.Context) (*T, error) {
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.name})
	if err != nil {
		return nil, s.failed(err)
	}
	if out.SecretString == nil {
		return nil, s.malformed("it holds bytes")
	}
	value, wrong := s.parse(*out.SecretString)
	if wrong != "" {
		return nil, s.malformed(wrong)
	}
	s.known.Store(&value)
	return &value, nil
}
