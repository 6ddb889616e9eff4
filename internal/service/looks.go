package service

import (
	"context"
	"errors"
	"fmt"
	"strings"

	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"restorewatch/internal/config"
	"restorewatch/internal/publish/slack"
	"restorewatch/internal/restore"
	"restorewatch/internal/secrets"
)

// A Look sees whether an output is there, without telling it anything.
type Look struct {
	Name string // of the output
	// At asks, and returns what it found in a few words. ErrUnseen: nothing short of a message would tell.
	At func(ctx context.Context) (found string, err error)
}

// ErrUnseen is what a Look returns that could not ask, or was not allowed to: the output may be fine.
var ErrUnseen = errors.New("only a message would tell")

// Looks returns a look at every output that the configuration names, in the order of Outputs. Nothing is called yet.
// Those in AWS ask with sns:GetTopicAttributes and events:DescribeEventBus, which publishing does not need.
func Looks(ctx context.Context, cfg config.Config) ([]Look, error) {
	b := builder{cfg: cfg, cloud: &cloud{ctx: ctx}}
	all, err := b.outputs() // also what cannot be built is found
	if err != nil {
		return nil, err
	}
	looks := make([]Look, len(all))
	for i, output := range all {
		looks[i].Name = output.Name
		switch output.Name {
		case OutputSNS:
			looks[i].At, err = b.lookAtTopic(cfg.TopicARN, config.EnvTopicARN)
		case OutputChat:
			looks[i].At, err = b.lookAtTopic(cfg.ChatTopicARN, config.EnvChatTopicARN)
		case OutputEventBridge:
			looks[i].At, err = b.lookAtBus()
		case OutputSlack:
			looks[i].At, err = b.lookAtSlack()
		default:
			looks[i].At = func(context.Context) (string, error) {
				return "its receiver can be asked only by a message", ErrUnseen
			}
		}
		if err != nil {
			return nil, fmt.Errorf("prepare output %s: %w", output.Name, err)
		}
	}
	return looks, nil
}

type look = func(context.Context) (string, error)

func (b builder) lookAtTopic(arn, variable string) (look, error) {
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	client := awssns.NewFromConfig(c)
	return func(ctx context.Context) (string, error) {
		out, err := client.GetTopicAttributes(ctx, &awssns.GetTopicAttributesInput{TopicArn: &arn})
		if err != nil {
			return unseen("topic "+arn, "sns:GetTopicAttributes", variable, err)
		}
		found := "topic " + arn + " is there"
		if n := out.Attributes["SubscriptionsConfirmed"]; n != "" {
			found += "; subscriptions: " + n + " confirmed, " + out.Attributes["SubscriptionsPending"] + " pending"
		}
		return found, nil
	}, nil
}

func (b builder) lookAtBus() (look, error) {
	c, err := b.cloud.config()
	if err != nil {
		return nil, err
	}
	client := awseventbridge.NewFromConfig(c)
	return func(ctx context.Context) (string, error) {
		name := b.cfg.EventBus
		if _, err := client.DescribeEventBus(ctx, &awseventbridge.DescribeEventBusInput{Name: &name}); err != nil {
			return unseen("event bus "+name, "events:DescribeEventBus", config.EnvEventBus, err)
		}
		return "event bus " + name + " is there; its rules decide where events go", nil
	}, nil
}

// lookAtSlack reads the secret, if the address is in one: Slack itself answers messages only.
func (b builder) lookAtSlack() (look, error) {
	address, err := b.slackAddress()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		found := "the webhook's URL is set; Slack can be asked only by a message"
		if webhook, ok := address.(*secrets.Webhook); ok {
			found = "the secret holds a webhook's URL; Slack can be asked only by a message"
			if _, err := webhook.Address(ctx); err != nil {
				return "", err
			}
		} else if wrong := slack.CheckURL(b.cfg.Slack.URL); wrong != "" {
			return "", &lookError{doing: config.EnvSlackURL, err: errors.New(wrong), hint: "copy the URL from Slack, whole"}
		}
		return found, ErrUnseen
	}, nil
}

// A lookError is why an output is not there.
type lookError struct {
	doing, hint string
	err         error
}

func (e *lookError) Error() string                    { return e.doing + ": " + e.err.Error() }
func (e *lookError) Unwrap() error                    { return e.err }
func (e *lookError) FailureKind() restore.FailureKind { return restore.FailedPublish }
func (e *lookError) Hint() string                     { return e.hint }

// unseen explains an error of AWS. Whoever may not look may still be allowed to publish.
func unseen(what, action, variable string, err error) (string, error) {
	e := &lookError{doing: "look at " + what, err: err, hint: "check the AWS credentials (AWS_PROFILE) and the way to AWS"}
	refused, ok := errors.AsType[smithy.APIError](err)
	switch {
	case !ok:
	case strings.HasPrefix(refused.ErrorCode(), "AccessDenied"), refused.ErrorCode() == "AuthorizationError":
		return "access to " + what + " by " + action + " is denied, which publishing does not need", ErrUnseen
	case strings.Contains(refused.ErrorCode(), "NotFound"):
		e.err = errors.New("it does not exist")
		e.hint = "correct " + variable + ", or its region and account (AWS_REGION, AWS_PROFILE)"
	case strings.HasPrefix(refused.ErrorCode(), "InvalidParameter"), refused.ErrorCode() == "ValidationException":
		e.hint = "check " + variable + ", and that AWS_REGION names its region"
	}
	return "", e
}
