package chat

import (
	"unicode"

	"restorewatch/internal/publish"
)

// plain are characters with a meaning in Slack's mrkdwn or in the Markdown of Teams, and what stands for them. The two
// have no escape in common but the entities of & < >: Slack knows no backslash, and Teams shows one. So the others are
// replaced by characters that look like them and mean nothing.
var plain = map[rune]string{
	'&': "&amp;", '<': "&lt;", '>': "&gt;", // <!channel>, <@U024BE7LH>, links, quotes
	'*': "\u2217", '_': "\uFF3F", '~': "\u223C", '`': "\u02CB", // bold, italic, struck out, code
	'[': "\uFF3B", ']': "\uFF3D", '\\': "\uFF3C", '#': "\uFF03", // links, escapes, headings
	'@': "\uFF20", // mentions
}

// escape returns s as one line of at most limit characters that a chat shows as text. A longer one ends in "…", never
// within an entity.
func escape(s string, limit int) string {
	s = publish.Line(s, limit)
	runes, i := []rune(s), -1
	return publish.Spell(s, limit, "…", func(r rune) string {
		i++
		if other, ok := plain[r]; ok && (r != '_' || !wordAt(runes, i-1) || !wordAt(runes, i+1)) {
			return other
		}
		return string(r)
	})
}

// wordAt reports whether a letter or digit stands there. An underscore between two means nothing to either chat, and
// MAX_DOWNLOADS_EXCEEDED is to be found by a search.
func wordAt(runes []rune, i int) bool {
	return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]))
}
