package sns

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// maxID is the longest message group and deduplication id (API reference of PublishBatchRequestEntry).
const maxID = 128

// protocols is the body with MessageStructure "json": SNS gives each protocol its own text, and all others the default.
type protocols struct {
	Default string `json:"default"`
	Email   string `json:"email"`
	SMS     string `json:"sms"`
}

// form is what the topic of all events is told.
func form(r publish.Renderer, e restore.Event) Message {
	return Message{
		Subject: r.Subject(e),
		Body:    encode(protocols{string(r.JSON(e)), r.Email(e), r.SMS(e)}),
		JSON:    true,

		Attributes: r.Attributes(e),
	}
}

// entry renders e, without its id in the call.
func (p *Publisher) entry(e restore.Event) types.PublishBatchRequestEntry {
	m := p.topic.Form(e)
	out := types.PublishBatchRequestEntry{
		Subject:           new(m.Subject),
		Message:           new(m.Body),
		MessageAttributes: make(map[string]types.MessageAttributeValue),
	}
	if m.JSON {
		out.MessageStructure = new("json")
	}
	for _, a := range m.Attributes {
		out.MessageAttributes[a.Name] = types.MessageAttributeValue{DataType: new("String"), StringValue: new(a.Value)}
	}
	if strings.HasSuffix(p.topic.ARN, ".fifo") {
		out.MessageGroupId, out.MessageDeduplicationId = new(fit(e.Subject)), new(fit(e.ID))
	}
	return out
}

// encode leaves < > & as they are: escaped they cost six bytes each.
func encode(m protocols) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		panic("sns: three strings always encode: " + err.Error()) // unreachable
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// fit returns s, or its hash where SNS would not take s as an id: one bad id fails the whole call, and with it every
// event behind it, again and again.
func fit(s string) string {
	if s != "" && len(s) <= maxID && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// size is what an entry counts towards the limit of a call, in bytes.
func size(e types.PublishBatchRequestEntry) int {
	n := len(text(e.Message)) + len(text(e.Subject))
	for name, value := range e.MessageAttributes {
		n += len(name) + len(text(value.DataType)) + len(text(value.StringValue))
	}
	return n
}
