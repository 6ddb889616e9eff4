package atlas

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text from outside fit for an error message: one line of printable characters, at most limit of them, and
// no address, because the addresses that this API hands out open backups.
func clean(s string, limit int) string {
	// Work is bounded by what can end up in the result, not by what came.
	s = cut(s, 8*limit+1024)
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = withoutURL(w)
	}
	s = strings.Join(words, " ")
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return string([]rune(s)[:limit]) + "…"
}

// withoutURL replaces what may be a URL within a word. The scheme goes too: a letter before "://" belongs to it.
func withoutURL(word string) string {
	at := strings.Index(word, "://")
	if at < 0 {
		return word
	}
	start := at
	for start > 0 && isSchemeByte(word[start-1]) {
		start--
	}
	rest := word[at+len("://"):]
	end := strings.IndexAny(rest, "\"'<>")
	if end < 0 {
		return word[:start] + "[URL]"
	}
	return word[:start] + "[URL]" + withoutURL(rest[end:])
}

func isSchemeByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '+' || b == '-' || b == '.'
}

// cut returns the longest prefix of at most n bytes that does not split a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
