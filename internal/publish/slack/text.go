package slack

import (
	"fmt"
	"strings"
	"time"

	"restorewatch/internal/publish"
)

// entities are the three characters that Slack parses in every text object, and what stands for them
// (docs.slack.dev, "Formatting message text", "Escaping text").
var entities = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;"}

// lookalikes stand for markup characters in the fallback text alone, which has no type to choose. It is read to people,
// and nobody copies from it.
var lookalikes = map[rune]string{'*': "∗", '~': "∼", '`': "ˋ", '_': "ˍ"}

// escape returns s with Slack's three control characters as entities, in at most limit characters as Slack counts them:
// after escaping. A longer text ends in "…", never within an entity. s is to be one that publish.Line has gone over, or
// our own.
func escape(s string, limit int) string {
	return publish.Spell(s, limit, "…", func(r rune) string {
		if entity, ok := entities[r]; ok {
			return entity
		}
		return string(r)
	})
}

// withoutMarkup replaces the characters that make text bold, italic, struck out or code. An underscore within a word does
// none of that, and stays: IN_PROGRESS.
func withoutMarkup(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		within := i > 0 && i+1 < len(runes) && wordy(runes[i-1]) && wordy(runes[i+1])
		if other, ok := lookalikes[r]; ok && (r != '_' || !within) {
			b.WriteString(other)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func wordy(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// date writes a moment so that each reader sees it in a time zone of his own; clients that cannot, show UTC
// (docs.slack.dev, "Formatting message text", "Date formatting").
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// word shows a word of the API, which may be anything.
func word(s string) string { return publish.Line(s, 60) }
