package restore

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// maxFact is the longest id that SNS takes for deduplication (API reference of PublishBatchRequestEntry).
const maxFact = 128

// fact names a fact by its words, joined with dots. A word that would break the name (a character outside the alphabet
// of an SNS deduplication id, or a dot, which would let one fact pass for another) is replaced by its hash, and so are
// the longest words of a name that is too long.
func fact(words ...string) string {
	fitted := make([]string, len(words))
	for i, w := range words {
		fitted[i] = w
		if !plain(w) {
			fitted[i] = digest(w, 16)
		}
	}
	for {
		name := strings.Join(fitted, ".")
		if len(name) <= maxFact {
			return name
		}
		longest := 0
		for i, w := range fitted {
			if len(w) > len(fitted[longest]) {
				longest = i
			}
		}
		fitted[longest] = digest(fitted[longest], 16)
	}
}

// again appends the count of a fact that is true for the k-th time, from the second on.
func again(words []string, times int) string {
	if times > 1 {
		words = append(words, strconv.Itoa(times))
	}
	return fact(words...)
}

func plain(word string) bool {
	for i := range len(word) {
		if c := word[i]; c <= ' ' || c > '~' || c == '.' {
			return false
		}
	}
	return word != ""
}

// digest returns the first n hex digits of the SHA-256 of s.
func digest(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:n]
}

// digestHashes returns twelve hex digits that stand for a set of hashes given in the order of Compare.
func digestHashes(hashes ...Hash) string {
	var b strings.Builder
	for _, h := range hashes {
		fmt.Fprintf(&b, "%s\x00%s\x00%s\n", h.File, h.Algorithm, h.Sum)
	}
	return digest(b.String(), 12)
}
