package relay

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"restorewatch/internal/config"
	outcloud "restorewatch/internal/outbound/cloud"
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
	cloud, err := outcloud.Config(ctx)
	if err != nil {
		return nil, err
	}
	return secrets.NewWebhook(secretsmanager.NewFromConfig(cloud), cfg.WebhookID, slack.CheckURL), nil
}
