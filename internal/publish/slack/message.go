package slack

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// The limits of a message, in characters after escaping (docs.slack.dev, reference of Block Kit: header block, section
// block, text object, button element). Slack refuses more than about 13,000 in all with msg_blocks_too_long, which is
// written down nowhere; the parts below add up to less.
const (
	maxHeader  = 150
	maxFields  = 10 // of one section
	maxValue   = 200
	maxSteps   = 2000
	maxHashes  = 2000
	maxContext = 600
	maxName    = 60 // of a cluster within a sentence: what happened to it must stay readable
	maxURL     = 3000
	hashRows   = 10
)

// A look is how a severity shows: beside the text that says it, for those who see neither.
type look struct{ emoji, color, word string }

var looks = map[restore.Severity]look{
	restore.Info:     {"ℹ️", "#1565c0", ""},
	restore.Warning:  {"⚠️", "#f9a825", "Warning: "},
	restore.Critical: {"🚨", "#c62828", "CRITICAL: "},
}

var (
	goodLook    = look{"✅", "#2e7d32", ""}
	unknownLook = look{"❔", "#757575", ""} // of a severity that a later version may have
)

func lookOf(e restore.Event) look {
	l, ok := looks[e.Severity]
	switch {
	case !ok:
		return unknownLook
	case e.Severity == restore.Info && good(e):
		return goodLook
	}
	return l
}

// good reports whether somebody has been waiting for e.
func good(e restore.Event) bool {
	switch e.Type {
	case restore.BatchFinished, restore.TargetRecovered:
		return true
	case restore.JobStatusChanged:
		return e.Change != nil && restore.Status(e.Change.To) == restore.Finished
	case restore.DeliveryStatusChanged:
		return e.Change != nil && restore.DeliveryStatus(e.Change.To) == restore.DeliveryReady
	}
	return false
}

// The payload of an incoming webhook. Blocks within an attachment take no other field beside them than the colour:
// Slack answers invalid_attachments to the old ones.
type (
	payload struct {
		Text        string       `json:"text"`
		Mrkdwn      bool         `json:"mrkdwn"`
		Blocks      []block      `json:"blocks"`
		Attachments []attachment `json:"attachments"`
	}
	attachment struct {
		Color  string  `json:"color"`
		Blocks []block `json:"blocks"`
	}
	block struct {
		Type     string    `json:"type"`
		Text     *text     `json:"text,omitempty"`
		Fields   []text    `json:"fields,omitempty"`
		Elements []element `json:"elements,omitempty"`
	}
	// A text is a text object: plain_text or mrkdwn.
	text struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Emoji    *bool  `json:"emoji,omitempty"`    // of plain_text alone
		Verbatim *bool  `json:"verbatim,omitempty"` // of mrkdwn alone
	}
	// An element is a text object in a context block, or a button, whose text is an object again.
	element struct {
		Type     string `json:"type"`
		Text     any    `json:"text"`
		Emoji    *bool  `json:"emoji,omitempty"`
		Verbatim *bool  `json:"verbatim,omitempty"`
		ActionID string `json:"action_id,omitempty"`
		URL      string `json:"url,omitempty"`
	}
)

// plain is for whatever comes from outside: ":name:" stays as it is, too.
func plain(s string, limit int) text {
	return text{Type: "plain_text", Text: escape(s, limit), Emoji: new(false)}
}

// markup is for texts of our own. Verbatim keeps Slack from looking for names and addresses in them.
func markup(s string) text { return text{Type: "mrkdwn", Text: s, Verbatim: new(true)} }

// Message returns e as the payload of an incoming webhook: a JSON document without a line end. The same event gives the
// same bytes. The first line says what happened and to which cluster; the facts, what to do, and the button to the
// console's page stand below it. It holds no download link, and mentions nobody whatever the API says.
func Message(r publish.Renderer, e restore.Event) []byte {
	l := lookOf(e)
	headline := r.Summary(named(e, maxName))
	out := payload{
		Text:        escape(withoutMarkup(r.Mark()+l.word+publish.Summary(e)+"."+next(r, e)), 1500),
		Blocks:      []block{{Type: "header", Text: new(plain(l.emoji+" "+headline, maxHeader))}},
		Attachments: []attachment{{Color: l.color, Blocks: details(r, e)}},
	}
	return encode(out)
}

// named returns e with a cluster name of at most limit characters.
func named(e restore.Event, limit int) restore.Event {
	if e.Job != nil {
		j := *e.Job
		j.ClusterName = publish.Line(j.ClusterName, limit)
		e.Job = &j
	}
	e.Target.Cluster = publish.Line(e.Target.Cluster, limit)
	return e
}

// next returns the first step, for those who see or hear nothing but the fallback text.
func next(r publish.Renderer, e restore.Event) string {
	if steps := r.Steps(e); len(steps) > 0 {
		return " " + publish.Line(steps[0], 300)
	}
	return ""
}

// details are the blocks beside the coloured bar. Slack may fold them up, and takes no more than 20 there
// (slackapi/bolt-python#914).
func details(r publish.Renderer, e restore.Event) []block {
	blocks := sections(facts(e))
	if lines := hashes(e); len(lines) > 0 {
		blocks = append(blocks, section("*Hashes*"), listing(lines, maxHashes))
	}
	var steps []string
	for _, s := range r.Steps(e) {
		steps = append(steps, "• "+s)
	}
	if len(steps) > 0 {
		blocks = append(blocks, section("*What to do*"), listing(steps, maxSteps))
	}
	if b, ok := button(r, e); ok {
		blocks = append(blocks, b)
	}
	return append(blocks, footer(e))
}

func section(ours string) block { return block{Type: "section", Text: new(markup(ours))} }

func listing(lines []string, limit int) block {
	return block{Type: "section", Text: new(plain(strings.Join(lines, "\n"), limit))}
}

// sections lays facts out in two columns: labels to the left, values to the right, which need no common text object.
func sections(rows []fact) []block {
	var blocks []block
	for i, row := range rows {
		if i%(maxFields/2) == 0 {
			blocks = append(blocks, block{Type: "section"})
		}
		last := &blocks[len(blocks)-1]
		last.Fields = append(last.Fields, markup("*"+row.label+"*"), row.value)
	}
	return blocks
}

// button leads to the console. There is none where the event's source is no address to send people to, or one that a later
// version may have, whose page is not known here.
func button(r publish.Renderer, e restore.Event) (block, bool) {
	address := r.ConsoleURL(e)
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Path == "" || len(address) > maxURL {
		return block{}, false
	}
	label := "Open the backup page"
	if e.Target.Source == restore.Manager || e.Target.Source == restore.Flex {
		label = "Open the project" // where the backups are a click away
	}
	return block{Type: "actions", Elements: []element{{
		Type: "button", Text: plain(label, 75), ActionID: "console", URL: address,
	}}}, true
}

// footer is for whoever looks for the event in a log or in another channel.
func footer(e restore.Event) block {
	texts := []text{plain("restorewatch · project "+publish.Line(e.Target.Project, 100)+" · event "+publish.Line(e.ID, 200), maxContext)}
	if !e.Time.IsZero() {
		texts = append(texts, markup("observed "+date(e.Time)))
	}
	b := block{Type: "context"}
	for _, t := range texts {
		b.Elements = append(b.Elements, element{Type: t.Type, Text: t.Text, Emoji: t.Emoji, Verbatim: t.Verbatim})
	}
	return b
}

// encode leaves < > & as they are, which escape has left only where Slack is to see them.
func encode(p payload) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(p); err != nil {
		panic("slack: strings and booleans always encode: " + err.Error()) // unreachable
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
