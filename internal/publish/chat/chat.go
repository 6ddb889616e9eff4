// Package chat publishes events to a second SNS topic, in the form that Amazon Q Developer in chat applications
// (formerly AWS Chatbot) shows in Slack and Microsoft Teams: a custom notification, version 1.0 (administrator guide of
// Amazon Q Developer in chat applications, "Custom notifications"). One restore is one thread, where the channel allows
// threads.
package chat

import (
	"fmt"
	"strings"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
)

// variable is the environment variable that names the topic.
const variable = "CHAT_TOPIC_ARN"

// New returns a publisher of notifications to the topic with that ARN, which must be a standard one: Amazon Q Developer
// subscribes by HTTPS, and a FIFO topic delivers to SQS alone (SNS developer guide, "FIFO topics"). The message is plain,
// for the topic has no other readers; subject and attributes are those of the topic of all events. Nothing is dialled
// until there is something to say. Make the client with the option sns.Retry.
func New(api sns.API, topicARN string, r publish.Renderer) (*sns.Publisher, error) {
	if strings.HasSuffix(topicARN, ".fifo") {
		return nil, fmt.Errorf("topic %s is a FIFO topic, which Amazon Q Developer cannot subscribe to: "+
			"set %s to a standard topic", publish.Line(topicARN, 300), variable)
	}
	return sns.To(api, sns.Topic{ARN: topicARN, Variable: variable, Form: func(e restore.Event) sns.Message {
		return sns.Message{Subject: r.Subject(e), Body: Notification(r, e), Attributes: r.Attributes(e)}
	}}), nil
}
