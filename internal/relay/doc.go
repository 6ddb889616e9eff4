// Package relay carries events from an SNS topic to Slack: the Lambda function behind functions/slack.
//
// A record that Slack did not take makes the invocation fail, so that Lambda tries again and the dead-letter queue of the
// subscription, or of the function, keeps what never gets through. Nothing is dropped: not an event that Slack refuses,
// and not a record that is none of ours.
package relay
