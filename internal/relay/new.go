package relay

import (
	"context"
	"fmt"
	"log/slog"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/secrets"
)

// New builds the handler from the configuration of the Slack function. Nothing is called yet.
func New(ctx context.Context, cfg config.Slack, log *slog.Logger) (*Handler, error) {
	to, err := addressee(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Handler{Webhook: slack.New(to, cfg.MinSeverity, nil), Log: log}, nil
}

// addressee reads the AWS SDK's configuration only where a secret is to be fetched.
func addressee(ctx context.Context, cfg config.Slack) (slack.Addressee, error) {
	if cfg.WebhookID == "" {
		return slack.Fixed{URL: cfg.URL}, nil
	}
	cloud, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the AWS SDK's configuration: %w", err)
	}
	return secrets.NewWebhook(secretsmanager.NewFromConfig(cloud), cfg.WebhookID, slack.CheckURL), nil
}
