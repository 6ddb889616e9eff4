package slack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func validate(t testing.TB, doc []byte) {
	t.Helper()
	for _, problem := range problems(t, doc) {
		t.Errorf("%s in %.400s", problem, doc)
	}
}

// problems returns what is wrong with a payload.
func problems(t testing.TB, doc []byte) []string {
	t.Helper()
	if !utf8.Valid(doc) || bytes.ContainsAny(doc, "\n\r\x00") {
		return []string{"the document is no UTF-8 on one line"}
	}
	var payload map[string]any
	if err := json.Unmarshal(doc, &payload); err != nil {
		return []string{err.Error()}
	}
	var c checker
	c.message(payload)
	if c.chars > 12_000 {
		c.fail("message", "%d characters of text", c.chars)
	}
	if c.blocks > 50 {
		c.fail("message", "%d blocks", c.blocks)
	}
	return c.problems
}

// A checker refuses what Slack refuses, from the reference of Block Kit at docs.slack.dev: every field that is known
// for a type, of the type given, within its limit, and no other field. It is stricter in two things: all of Slack's
// control characters have to be escaped, and nothing may be unprintable.
type checker struct {
	problems []string
	chars    int
	blocks   int
}

func (c *checker) fail(where, format string, args ...any) {
	c.problems = append(c.problems, where+": "+fmt.Sprintf(format, args...))
}

// object checks that v is an object with these fields and no other; those that end in "?" may be absent.
func (c *checker) object(where string, v any, fields ...string) map[string]any {
	m, ok := v.(map[string]any)
	if !ok {
		c.fail(where, "%T, want an object", v)
		return nil
	}
	for _, f := range fields {
		name, optional := strings.CutSuffix(f, "?")
		if _, has := m[name]; !has && !optional {
			c.fail(where, "no %s", name)
		}
	}
	for name := range m {
		if !slices.Contains(fields, name) && !slices.Contains(fields, name+"?") {
			c.fail(where, "unknown field %s", name)
		}
	}
	return m
}

func (c *checker) list(where string, v any, most int) []any {
	l, ok := v.([]any)
	if !ok || len(l) == 0 || len(l) > most {
		c.fail(where, "%T of %d, want a list of 1 to %d", v, len(l), most)
	}
	return l
}

func (c *checker) string(where string, v any, most int) string {
	s, ok := v.(string)
	if n := utf8.RuneCountInString(s); !ok || n == 0 || n > most {
		c.fail(where, "%T of %d characters, want a string of 1 to %d", v, n, most)
	}
	return s
}

func (c *checker) message(m map[string]any) {
	c.object("message", m, "text", "mrkdwn", "blocks", "attachments")
	if m["mrkdwn"] != false {
		c.fail("message", "markup is on")
	}
	text := c.string("message.text", m["text"], 3000)
	c.literal("message.text", text)
	if strings.ContainsAny(text, "*~`") {
		c.fail("message.text", "markup in %q", text)
	}
	c.chars += utf8.RuneCountInString(text)
	for i, b := range c.list("message.blocks", m["blocks"], 50) {
		c.block(fmt.Sprintf("blocks[%d]", i), b, true)
	}
	for _, a := range c.list("attachments", m["attachments"], 1) {
		o := c.object("attachment", a, "color", "blocks") // any older field beside blocks is refused
		if color, _ := o["color"].(string); !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(color) {
			c.fail("attachment", "colour %q", color)
		}
		for i, b := range c.list("attachment.blocks", o["blocks"], 20) {
			c.block(fmt.Sprintf("attachment.blocks[%d]", i), b, false)
		}
	}
}

func (c *checker) block(where string, v any, top bool) {
	c.blocks++
	m, _ := v.(map[string]any)
	switch kind := m["type"]; {
	case kind == "header" && top: // within an attachment older clients show none
		c.object(where, m, "type", "text")
		c.text(where, m["text"], "plain_text", 150)
	case kind == "section" && m["fields"] != nil:
		c.object(where, m, "type", "fields")
		fields := c.list(where, m["fields"], 10)
		for i, f := range fields {
			c.text(fmt.Sprintf("%s.fields[%d]", where, i), f, "", 2000)
		}
		if len(fields)%2 != 0 {
			c.fail(where, "a label without a value")
		}
	case kind == "section":
		c.object(where, m, "type", "text")
		c.text(where, m["text"], "", 3000)
	case kind == "actions":
		c.object(where, m, "type", "elements")
		for _, e := range c.list(where, m["elements"], 25) {
			c.button(where, e)
		}
	case kind == "context":
		c.object(where, m, "type", "elements")
		for i, e := range c.list(where, m["elements"], 10) {
			c.text(fmt.Sprintf("%s.elements[%d]", where, i), e, "", 3000)
		}
	default:
		c.fail(where, "block of type %v", kind)
	}
}

func (c *checker) button(where string, v any) {
	m := c.object(where, v, "type", "text", "action_id", "url")
	if m["type"] != "button" {
		c.fail(where, "element of type %v", m["type"])
	}
	c.text(where, m["text"], "plain_text", 75)
	c.string(where+".action_id", m["action_id"], 255)
	u, err := url.Parse(c.string(where+".url", m["url"], 3000))
	if err != nil || u.Scheme != "https" || u.Host != "cloud.mongodb.com" || !strings.HasPrefix(u.Path, "/v2/") {
		c.fail(where, "url %v", m["url"])
	}
}

// ours is what may stand in mrkdwn: a label in bold, or a date with a note.
var ours = regexp.MustCompile(`^(\*[A-Z][A-Za-z ]+\*|(observed )?<!date\^-?[0-9]+\^\{date_short_pretty\} \{time\}\|[0-9: -]+ UTC>( \([a-z0-9 ]+ left\))?)$`)

func (c *checker) text(where string, v any, kind string, most int) {
	m, _ := v.(map[string]any)
	if kind != "" && m["type"] != kind {
		c.fail(where, "text object of type %v, want %s", m["type"], kind)
	}
	s := c.string(where, m["text"], most)
	c.chars += utf8.RuneCountInString(s)
	switch m["type"] {
	case "plain_text":
		c.object(where, m, "type", "text", "emoji")
		c.literal(where, s)
		if m["emoji"] != false {
			c.fail(where, "emoji is %v", m["emoji"])
		}
	case "mrkdwn":
		c.object(where, m, "type", "text", "verbatim")
		if !ours.MatchString(s) {
			c.fail(where, "markup that is not ours: %q", s)
		}
		if m["verbatim"] != true {
			c.fail(where, "Slack may look for names in it")
		}
	default:
		c.fail(where, "text object of type %v", m["type"])
	}
}

// literal refuses what is parsed or does something unseen.
func (c *checker) literal(where, s string) {
	rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(s)
	if strings.ContainsAny(rest, "<>&") {
		c.fail(where, "a control character is not escaped: %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) && r != '\n' && r != '\ufe0f' { // the last makes a colour emoji of a sign
			c.fail(where, "unprintable %U", r)
		}
	}
}

// A validator that takes everything would prove nothing: each line spoils one thing of a good message.
func TestValidatorRefuses(t *testing.T) {
	good := `{"text":"a","mrkdwn":false,"blocks":[{"type":"header","text":{"type":"plain_text","text":"b","emoji":false}}],` +
		`"attachments":[{"color":"#123456","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*Hashes*","verbatim":true}}]}]}`
	if found := problems(t, []byte(good)); len(found) > 0 {
		t.Fatalf("a good message: %q", found)
	}
	long := strings.Repeat("x", 151)
	for _, tt := range []struct{ name, old, new string }{
		{"no fallback text", `"text":"a",`, ``},
		{"an empty text", `"text":"b"`, `"text":""`},
		{"a number as text", `"text":"b"`, `"text":7`},
		{"a long header", `"text":"b"`, `"text":"` + long + `"`},
		{"a header in mrkdwn", `"plain_text"`, `"mrkdwn"`},
		{"a mention", `"text":"b"`, `"text":"<!channel>"`},
		{"a mention in the fallback", `"text":"a"`, `"text":"<@U012AB3CD>"`},
		{"a bare ampersand", `"text":"b"`, `"text":"a & b"`},
		{"an escape sequence", `"text":"b"`, `"text":"\u001b[31m"`},
		{"a right-to-left mark", `"text":"b"`, `"text":"\u202e"`},
		{"foreign markup", `*Hashes*`, `*Hashes* <https://example.com>`},
		{"an old field", `"color"`, `"footer":"x","color"`},
		{"an unknown block", `"section"`, `"paragraph"`},
		{"no colour", `#123456`, `red`},
		{"no blocks", `[{"type":"header","text":{"type":"plain_text","text":"b","emoji":false}}]`, `[]`},
	} {
		doc := strings.Replace(good, tt.old, tt.new, 1)
		if doc == good || len(problems(t, []byte(doc))) == 0 {
			t.Errorf("%s is taken", tt.name)
		}
	}
}
