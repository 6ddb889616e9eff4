package tick

import (
	"strings"

	"restorewatch/internal/restore"
)

// What of the failures goes into a log line. CloudWatch Logs takes an event of 256 KB (CloudWatch Logs quotas): what is
// longer loses its end, and with it the form of JSON by which it is found. Metrics have a line of their own.
const (
	maxLogged = 50
	maxAlike  = 5    // failures of one kind that come before others of it, so that no kind is hidden
	maxText   = 1000 // bytes of a message or a hint
)

// shorten returns the failures to log, in their order, and how many there are besides, by kind. Of thousands that were left
// for the next run, one whose key is wrong must still be seen.
func shorten(all []Failure) (logged []Failure, more map[restore.FailureKind]int) {
	chosen := make([]bool, len(all))
	kinds := make(map[restore.FailureKind]int)
	left := maxLogged
	for i, f := range all {
		if kinds[f.Kind]++; kinds[f.Kind] <= maxAlike && left > 0 {
			chosen[i] = true
			left--
		}
	}
	more = make(map[restore.FailureKind]int)
	for i, f := range all {
		if !chosen[i] && left == 0 {
			more[f.Kind]++
			continue
		}
		if !chosen[i] {
			left--
		}
		f.Message, f.Hint = clip(f.Message), clip(f.Hint)
		logged = append(logged, f)
	}
	return logged, more
}

// clip cuts a text that is longer than a person reads.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(s[:maxText], "") + "…"
}
