// Package service builds the watcher from a configuration: the wiring that the Lambda function and the command line
// share, so that the same program runs in both places.
package service

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"restorewatch/internal/atlas"
	"restorewatch/internal/config"
	outcloud "restorewatch/internal/outbound/cloud"
	"restorewatch/internal/restore"
	"restorewatch/internal/secrets"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/watch"
)

// Parts are what a caller brings along. What is nil is built from the configuration.
type Parts struct {
	Store     watch.Store       // nil: the DynamoDB table
	Outputs   []watch.Output    // nil: those of Outputs
	Transport http.RoundTripper // nil: the network
	Since     time.Time         // where the news begins for targets never watched before; zero: at their first run
}

// A Service is a watcher and the client that it lists with. Build it once: what it remembers makes runs cheap.
type Service struct {
	Watcher *watch.Watcher
	client  *atlas.Client
}

// New builds a service. Nothing is called yet.
func New(ctx context.Context, cfg config.Config, parts Parts) (*Service, error) {
	cloud := &cloud{ctx: ctx}
	client, _, err := connect(cfg, cloud, parts.Transport)
	if err != nil {
		return nil, err
	}
	if parts.Store == nil {
		if parts.Store, err = Table(ctx, cfg); err != nil {
			return nil, err
		}
	}
	if parts.Outputs == nil {
		if parts.Outputs, err = outputs(cfg, cloud); err != nil {
			return nil, err
		}
	}
	if len(parts.Outputs) == 0 {
		return nil, errNoOutput
	}
	return &Service{client: client, Watcher: &watch.Watcher{
		Targets: cfg.Targets,
		Lister:  client,
		Finder:  client,
		Store:   parts.Store,
		Outputs: parts.Outputs,
		Since:   parts.Since,
		Rules: restore.Rules{
			ExpiryWarnings:   cfg.ExpiryWarnings,
			StuckAfter:       cfg.StuckAfter,
			UnreachableAfter: cfg.UnreachableAfter,
		},
	}}, nil
}

// Calls returns how many requests have been made to the API.
func (s *Service) Calls() int64 { return s.client.Requests() }

// Deprecations returns what the API has said, since the last call, of what it will stop serving.
func (s *Service) Deprecations() []string {
	var said []string
	for _, d := range s.client.Deprecations() {
		said = append(said, d.String())
	}
	return said
}

// Connect returns a client as a service has it, and where its credential comes from. Nothing is called yet.
func Connect(ctx context.Context, cfg config.Config) (*atlas.Client, atlas.Keyring, error) {
	return connect(cfg, &cloud{ctx: ctx}, nil)
}

func connect(cfg config.Config, cloud *cloud, transport http.RoundTripper) (*atlas.Client, atlas.Keyring, error) {
	keys, err := keyring(cfg, cloud)
	if err != nil {
		return nil, nil, err
	}
	ca, err := authority(cfg)
	if err != nil {
		return nil, nil, err
	}
	client, err := atlas.New(atlas.Options{
		BaseURL: cfg.BaseURL, Keys: keys, Base: transport, LegacyAPI: cfg.LegacyAPI, CA: ca,
	})
	return client, keys, err
}

// Table returns the DynamoDB table that holds the state.
func Table(ctx context.Context, cfg config.Config) (*dynamo.Store, error) {
	c, err := (&cloud{ctx: ctx}).config()
	if err != nil {
		return nil, err
	}
	return dynamo.New(awsdynamodb.NewFromConfig(c), cfg.StateTable), nil
}

func keyring(cfg config.Config, cloud *cloud) (atlas.Keyring, error) {
	switch {
	case cfg.PublicKey != "":
		return atlas.StaticKey(cfg.PublicKey, cfg.PrivateKey.Reveal()), nil
	case cfg.ClientID != "":
		return atlas.StaticClient(cfg.ClientID, cfg.ClientSecret.Reveal()), nil
	}
	c, err := cloud.config()
	if err != nil {
		return nil, err
	}
	return secretKeys{secrets.NewAPIKey(secretsmanager.NewFromConfig(c), cfg.CredentialsSecret)}, nil
}

// secretKeys hands the client a credential that is kept in Secrets Manager.
type secretKeys struct{ secret *secrets.APIKey }

func (s secretKeys) Key(ctx context.Context) (atlas.Key, error)   { return key(s.secret.Key(ctx)) }
func (s secretKeys) Renew(ctx context.Context) (atlas.Key, error) { return key(s.secret.Renew(ctx)) }

func key(c secrets.Credential, err error) (atlas.Key, error) {
	if err != nil {
		return atlas.Key{}, err
	}
	return atlas.Key{Public: c.Public, Private: c.Private.Reveal, ServiceAccount: c.ServiceAccount}, nil
}

// authority reads the certificates of a private certificate authority, if there is one.
func authority(cfg config.Config) (atlas.CA, error) {
	if cfg.CAFile == "" {
		return atlas.CA{}, nil
	}
	text, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return atlas.CA{}, fmt.Errorf("%s: %w", config.EnvCAFile, err)
	}
	return atlas.CA{Name: cfg.CAFile, PEM: text}, nil
}

// cloud is the AWS SDK's configuration, read when the first part needs it: without one, no AWS account is needed.
type cloud struct {
	ctx    context.Context //nolint:containedctx // lives as long as the call to New
	loaded *aws.Config
}

func (c *cloud) config() (aws.Config, error) {
	if c.loaded == nil {
		loaded, err := outcloud.Config(c.ctx)
		if err != nil {
			return aws.Config{}, err
		}
		c.loaded = &loaded
	}
	return *c.loaded, nil
}
