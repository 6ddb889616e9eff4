package service

import (
	"context"
	"errors"
	"fmt"

	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/publish/chat"
	"restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/publish/webhook"
	"restorewatch/internal/secrets"
	"restorewatch/internal/watch"
)

// The names of the outputs. They are stored with what an output has not taken yet, so they never change.
const (
	OutputSNS         = "sns"
	OutputChat        = "chat"
	OutputEventBridge = "eventbridge"
	OutputSlack       = "slack"
	OutputWebhook     = "webhook"
)

// Outputs returns every output that the configuration names, in the order of the names above; there may be none.
// Nothing is called yet, and without an output in AWS no AWS account is needed.
func Outputs(ctx context.Context, cfg config.Config) ([]watch.Output, error) {
	return outputs(cfg, &cloud{ctx: ctx})
}

// TestOutputs returns the same outputs for events that are tests: whatever they publish says so. Slack takes any
// severity then, for what it does not want would count as accepted although nobody was asked.
func TestOutputs(ctx context.Context, cfg config.Config) ([]watch.Output, error) {
	cfg.Slack.MinSeverity = ""
	return builder{cfg, &cloud{ctx: ctx}, publish.Renderer{BaseURL: cfg.BaseURL, Test: true}}.outputs()
}

func outputs(cfg config.Config, cloud *cloud) ([]watch.Output, error) {
	return builder{cfg, cloud, publish.Renderer{BaseURL: cfg.BaseURL}}.outputs()
}

// errNoOutput comes from a configuration that watches for nobody.
var errNoOutput = errors.New("no output is configured: set " + config.EnvTopicARN)

// A builder builds publishers.
type builder struct {
	cfg    config.Config
	cloud  *cloud
	render publish.Renderer
}

func (b builder) outputs() ([]watch.Output, error) {
	var all []watch.Output
	for _, output := range []struct {
		name       string
		configured bool
		build      func() (watch.Publisher, error)
	}{
		{OutputSNS, b.cfg.TopicARN != "", b.sns},
		{OutputChat, b.cfg.ChatTopicARN != "", b.chat},
		{OutputEventBridge, b.cfg.EventBus != "", b.eventBridge},
		{OutputSlack, b.cfg.Slack.Configured(), b.slack},
		{OutputWebhook, b.cfg.Webhook.Configured(), b.webhook},
	} {
		if !output.configured {
			continue
		}
		publisher, err := output.build()
		if err != nil {
			return nil, fmt.Errorf("prepare output %s: %w", output.name, err)
		}
		all = append(all, watch.Output{Name: output.name, Publisher: publisher})
	}
	return all, nil
}

func (b builder) sns() (watch.Publisher, error) {
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	return sns.New(awssns.NewFromConfig(c, sns.Retry), b.cfg.TopicARN, b.render), nil
}

func (b builder) chat() (watch.Publisher, error) {
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	return chat.New(awssns.NewFromConfig(c, sns.Retry), b.cfg.ChatTopicARN, b.render)
}

func (b builder) eventBridge() (watch.Publisher, error) {
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	return eventbridge.New(awseventbridge.NewFromConfig(c, eventbridge.Retry), b.cfg.EventBus, b.render), nil
}

func (b builder) slack() (watch.Publisher, error) {
	address, err := b.slackAddress()
	if err != nil {
		return nil, err
	}
	return slack.New(address, b.cfg.Slack.MinSeverity, nil).Publisher(b.render), nil
}

func (b builder) slackAddress() (slack.Addressee, error) {
	if b.cfg.Slack.WebhookID == "" {
		return slack.Fixed{URL: b.cfg.Slack.URL}, nil
	}
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	return secrets.NewWebhook(secretsmanager.NewFromConfig(c), b.cfg.Slack.WebhookID, slack.CheckURL), nil
}

func (b builder) webhook() (watch.Publisher, error) {
	return webhook.New(webhook.Options{URL: b.cfg.Webhook.URL.Reveal, Secret: b.cfg.Webhook.Secret.Reveal, Renderer: b.render})
}
