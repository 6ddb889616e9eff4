package slack

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// An Error is why an event was not posted. It never holds the address of the webhook.
type Error struct {
	Event  string // its id
	Status int    // of the answer, 0 without one
	Word   string // Slack's own word for the reason, "" if it gave none

	what    string // what happened, where Status and Word do not say it
	hint    string
	err     error
	after   time.Duration // how long Slack wants to be left alone
	passing bool          // the same request may fare better in a moment
	stop    bool          // another event would fare no better
}

// Error names the event and what Slack said.
func (e *Error) Error() string {
	text := "post event " + publish.Line(e.Event, 128) + " to Slack"
	if e.Status != 0 {
		text += fmt.Sprintf(": %d", e.Status)
		if e.Word == "" {
			text += " " + http.StatusText(e.Status)
		}
	}
	if e.Word != "" {
		text += " " + e.Word
	}
	if e.what != "" {
		text += ": " + e.what
	}
	if e.err != nil {
		text += ": " + publish.Line(e.err.Error(), 300)
	}
	return text
}

// Unwrap returns the error of the network, the context or the secret, or nil.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// Hint says what to do about the error.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	if within, ok := errors.AsType[interface { // what is wrong with a secret, for instance
		error
		Hint() string
	}](e.err); ok {
		return within.Hint()
	}
	return ""
}

// gone reports whether the webhook, as far as its address tells, is no more.
func (e *Error) gone() bool {
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return true
	}
	return false
}

const newWebhook = "make a new webhook (the app's page, Incoming Webhooks) and put its URL where SLACK_WEBHOOK_SECRET or " +
	"SLACK_WEBHOOK_URL says"

// hints are by the word that Slack answers with (docs.slack.dev, "Sending messages using incoming webhooks", "Handling
// errors"; changelog of 2016-05-17).
var hints = map[string]string{
	"invalid_payload":                   defect,
	"invalid_blocks":                    defect,
	"invalid_blocks_format":             defect,
	"invalid_attachments":               defect,
	"msg_blocks_too_long":               defect,
	"no_text":                           defect,
	"too_many_attachments":              defect,
	"user_not_found":                    "the user that the webhook posts to is gone: " + newWebhook,
	"action_prohibited":                 "an administrator has restricted posting here: ask for an exception, or take another channel",
	"posting_to_general_channel_denied": "only some may post to the general channel: ask an administrator, or take another channel",
	"invalid_token":                     "the webhook's URL is wrong or was revoked: " + newWebhook,
	"channel_not_found":                 "the channel was deleted or the app may not see it: " + newWebhook,
	"channel_is_archived":               "unarchive the channel, or for another one " + newWebhook,
	"no_service":                        "the webhook was removed or disabled, or its URL is not whole: " + newWebhook,
	"no_service_id":                     "the webhook's URL is not whole: " + newWebhook,
	"no_active_hooks":                   "the webhook was disabled: " + newWebhook,
	"no_team":                           "the workspace is gone, or the webhook's URL is not whole: " + newWebhook,
	"team_disabled":                     "the workspace is no longer active: ask its owner, or for another one " + newWebhook,
	"rate_limited":                      patienceHint,
	"rollup_error":                      trouble,
}

const (
	defect  = "Slack does not take a message in this form: a defect of restorewatch. Please report the event's type and id with Slack's word"
	trouble = "Slack has trouble of its own: the event is kept and comes again. If it stays, see slack-status.com"
)

// byStatus are the hints for answers without a word that is known.
func byStatus(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return patienceHint
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge:
		return defect
	case status >= 500:
		return trouble
	case status >= 300 && status < 400:
		return "the address leads to another one, and redirects are not followed: check the webhook's URL"
	case status < 300:
		return "whatever answers there is no incoming webhook of Slack: check the webhook's URL, and any proxy on the way"
	}
	return "check the webhook's URL, or " + newWebhook
}

// refused explains an answer that is no acceptance. One of 400 is about this message alone; all others would meet every
// message.
func refused(res *http.Response, answer []byte, address config.Secret) *Error {
	e := &Error{Status: res.StatusCode, Word: slackWord(answer, address), stop: res.StatusCode != http.StatusBadRequest}
	if e.hint = hints[e.Word]; e.hint == "" {
		e.hint = byStatus(e.Status)
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		e.after = retryAfter(res.Header, time.Now())
	case e.Status >= 500:
		e.passing = true
	case e.Status < 300 && e.Word == "":
		e.what = "the answer is not Slack's"
	}
	return e
}

var (
	// wordForm is what Slack's words look like.
	wordForm = regexp.MustCompile(`^[a-z][a-z_]{1,59}$`)
	// errorField finds the word in answers of JSON.
	errorField = regexp.MustCompile(`"error"\s*:\s*"([a-z][a-z_]{1,59})"`)
	imitated   = regexp.MustCompile(`"(ok|success)"\s*:\s*true`)
)

// slackWord returns the word that an answer consists of, "" for every other answer: pages of proxies repeat the address
// that they were asked for.
func slackWord(answer []byte, address config.Secret) string {
	word := strings.TrimSpace(string(answer))
	if found := errorField.FindStringSubmatch(word); found != nil {
		word = found[1]
	}
	if !wordForm.MatchString(word) || hints[word] == "" && strings.Contains(address.Reveal(), word) {
		return ""
	}
	return word
}
