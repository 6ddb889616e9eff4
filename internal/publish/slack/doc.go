// Package slack posts events to a Slack incoming webhook: one message for each event, in Block Kit, for a person at three
// in the morning.
//
// What comes from an API stands in text objects of the type plain_text, which know no markup. The texts in mrkdwn are
// all our own: labels, and dates that Slack shows in the reader's time zone.
//
// The address of the webhook is a password: whoever has it can write to the channel. It is in no error.
package slack
