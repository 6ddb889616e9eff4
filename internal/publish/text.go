package publish

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// clean returns s as text that every hop carries: valid UTF-8, without U+FFFE and U+FFFF. Those two are no XML
// characters, and SQS refuses a message that holds one, so SNS would throw the event away.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		if r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, s)
}

// xmlSafe is clean, and without control characters: XML 1.0 has none of them, and unlike the JSON of an event the
// value of an attribute does not escape them.
func xmlSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, clean(s))
}

// cut returns the beginning of s that fits into limit bytes, never a part of a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

// Line returns s as one line of at most limit characters for a terminal or a plain-text mail. White space becomes a
// space; what else is not printable (escape sequences, right-to-left marks, zero-width characters) is spelled out as
// <U+001B>, so that it is seen and does nothing. A longer text ends in "…".
func Line(s string, limit int) string {
	if unremarkable(s, limit) {
		return s
	}
	return Spell(s, limit, "…", func(r rune) string {
		switch {
		case unicode.IsSpace(r):
			return " "
		case unicode.IsPrint(r):
			return string(r)
		}
		return fmt.Sprintf("<%U>", r)
	})
}

// ascii returns s in at most limit printable ASCII characters. Letters of western Europe lose their accents, every
// other character becomes "?". A longer text ends in "...".
func ascii(s string, limit int) string {
	if unremarkable(s, limit) {
		return s
	}
	return Spell(s, limit, "...", func(r rune) string {
		switch {
		case r >= ' ' && r <= '~':
			return string(r)
		case unicode.IsSpace(r):
			return " "
		case r >= 0xC0 && r <= 0xFF:
			return latin[r-0xC0 : r-0xC0+1]
		}
		return "?"
	})
}

// latin spells U+00C0 to U+00FF.
const latin = "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYPsaaaaaaaceeeeiiiidnooooo/ouuuuypy"

// unremarkable reports whether s fits and is printable ASCII, as nearly every text is.
func unremarkable(s string, limit int) bool {
	return len(s) <= limit && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Spell writes s rune by rune, in order, as spell says, and in at most limit characters: a longer text ends in ellipsis.
// A spelling is taken whole or not at all, so that an escape is never cut in two.
func Spell(s string, limit int, ellipsis string, spell func(rune) string) string {
	var b strings.Builder
	room := limit - utf8.RuneCountInString(ellipsis)
	length, end := 0, 0
	for _, r := range s {
		piece := spell(r)
		length += utf8.RuneCountInString(piece)
		if length > limit {
			return b.String()[:end] + ellipsis
		}
		b.WriteString(piece)
		if length <= room {
			end = b.Len()
		}
	}
	return b.String()
}

// instant writes a time for people. Every reader has a time zone of his own; UTC is the one all can convert.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// Span writes a duration for people in its two largest units: "1 day 23 hours", "59 minutes". Less than a second is
// "0 seconds".
func Span(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := count(int(d/u.size), u.name)
		if i+1 < len(units) && d%u.size >= units[i+1].size {
			text += " " + count(int(d%u.size/units[i+1].size), units[i+1].name)
		}
		return text
	}
	return "0 seconds"
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "sh") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
