package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"restorewatch/internal/restore"
)

// The names that SNS and EventBridge take, from the API references of Publish and PutEvents. Lengths are checked apart,
// as those of values.go.
var (
	topicARN = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]+:[A-Za-z0-9_-]+(\.fifo)?$`)
	eventBus = regexp.MustCompile(`^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]+:event-bus/)?[A-Za-z0-9/._-]+$`)
)

// The longest that each may be, in bytes.
const (
	maxTopic    = 1024
	maxEventBus = 1600
	maxURL      = 2048
)

// topics wants one of events for the function, and no other form of message in it.
func (r *reader) topics(c *Config) {
	c.TopicARN, c.ChatTopicARN = r.topic(EnvTopicARN), r.topic(EnvChatTopicARN)
	switch {
	case r.program == Function && r.get(EnvTopicARN) == "":
		r.problem(EnvTopicARN, "it is not set; want the ARN of an SNS topic")
	case strings.HasSuffix(c.ChatTopicARN, ".fifo"):
		r.problem(EnvChatTopicARN, "%s is a FIFO topic, which chat applications cannot subscribe to; want a standard topic",
			quote(c.ChatTopicARN))
	case c.ChatTopicARN != "" && c.ChatTopicARN == c.TopicARN:
		r.problem(EnvChatTopicARN, "%s is the same topic, and its messages have another form; want a topic of its own", EnvTopicARN)
	}
}

// topic returns the ARN in a variable, or "" if there is none or it is none.
func (r *reader) topic(name string) string {
	arn := r.get(name)
	if arn != "" && (!topicARN.MatchString(arn) || len(arn) > maxTopic) {
		r.problem(name, "%s is no ARN of an SNS topic; want arn:aws:sns:REGION:ACCOUNT:NAME", quote(arn))
		return ""
	}
	return arn
}

func (r *reader) eventBus() string {
	bus := r.get(EnvEventBus)
	if bus != "" && (!eventBus.MatchString(bus) || len(bus) > maxEventBus) {
		r.problem(EnvEventBus, "%s is no name or ARN of an event bus; want default, or letters, digits and / . - _", quote(bus))
	}
	return bus
}

// slack wants at most one of the webhook and its secret; the Slack function needs one.
func (r *reader) slack() Slack {
	s := Slack{URL: r.endpoint(EnvSlackURL), WebhookID: r.get(EnvSlackSecret), MinSeverity: r.severity()}
	given := r.get(EnvSlackURL) != "" // be it right or not
	switch {
	case given && s.WebhookID != "":
		r.problem(EnvSlackSecret, "%s is set as well, and the webhook is one; unset one", EnvSlackURL)
	case s.WebhookID != "":
		r.secretID(EnvSlackSecret, s.WebhookID, "webhook's URL")
	case !given && r.program == SlackFunction:
		r.problem(EnvSlackSecret, "no webhook; set it, or %s", EnvSlackURL)
	}
	return s
}

func (r *reader) severity() restore.Severity {
	value := r.or(EnvSlackMinSeverity)
	severity := restore.Severity(strings.ToLower(value))
	if !slices.Contains([]restore.Severity{restore.Info, restore.Warning, restore.Critical}, severity) {
		r.problem(EnvSlackMinSeverity, "%s is no severity; want info, warning or critical", quote(value))
	}
	return severity
}

// webhook wants an address and what to sign with, or neither.
func (r *reader) webhook() Webhook {
	w := Webhook{URL: r.endpoint(EnvWebhookURL), Secret: r.secret(EnvWebhookSecret)}
	given := r.get(EnvWebhookURL) != ""
	switch {
	case given && w.Secret.Empty():
		r.problem(EnvWebhookSecret, "it is not set, and nothing goes out unsigned; want a random text that the receiver knows too")
	case !given && !w.Secret.Empty():
		r.problem(EnvWebhookURL, "it is not set and %s is; set both, or neither", EnvWebhookSecret)
	}
	return w
}

// endpoint returns the URL in a variable, or nothing if there is none or it is none. It never quotes the value: whoever
// knows it can post there.
func (r *reader) endpoint(name string) Secret {
	value := r.get(name)
	if value == "" {
		return Secret{}
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(value, unwritten):
		r.problem(name, "it is no URL of a host; want one such as https://example.com/path, copied whole")
	case len(value) > maxURL:
		r.problem(name, "it is longer than %d characters; want the URL alone", maxURL)
	case u.User != nil && name == EnvSlackURL: // another receiver may want HTTP's own authentication
		r.problem(name, "it has a user name in it; want the URL as Slack shows it")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		r.problem(name, "its scheme is not safe for what it says; want https, or http on loopback")
	default:
		return NewSecret(value)
	}
	return Secret{}
}
