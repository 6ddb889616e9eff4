package simtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// mostPlays bounds how often a failing history is played to find a shorter one.
const mostPlays = 3000

// shrink returns a history that breaks the same promise with fewer deeds and fewer faults. It has to be called within a
// synctest bubble.
func shrink(h history, m mutant, invariant string) history {
	plays := 0
	breaks := func(deeds []deed) bool {
		plays++
		smaller := h
		smaller.deeds = deeds
		w := play(smaller, m, false)
		return w.broken != nil && w.broken.invariant == invariant
	}
	for again := true; again && plays < mostPlays; {
		again = false
		for size := max(len(h.deeds)/2, 1); size > 0; size /= 2 {
			for from := 0; from+size <= len(h.deeds) && plays < mostPlays; {
				if fewer := slices.Delete(slices.Clone(h.deeds), from, from+size); breaks(fewer) {
					h.deeds, again = fewer, true
				} else {
					from += size
				}
			}
		}
		for i, d := range h.deeds {
			if d.fate == fine {
				continue
			}
			calmer := slices.Clone(h.deeds)
			calmer[i].fate = fine
			if breaks(calmer) {
				h.deeds, again = calmer, true
			}
		}
	}
	return h
}

// kept writes which deeds of its seed a history has, as the flag -keep reads it.
func (h history) kept() string {
	whole := generate(h.seed).deeds
	var parts []string
	for _, d := range h.deeds {
		part := strconv.Itoa(d.number)
		if d.fate != whole[d.number].fate {
			part += "-"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}

// only returns the history with the deeds that kept names.
func (h history) only(kept string) (history, error) {
	whole := h.deeds
	h.deeds = nil
	for part := range strings.SplitSeq(kept, ",") {
		number, calm := strings.CutSuffix(part, "-")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || n >= len(whole) {
			return h, fmt.Errorf("deed %q: want a number below %d", part, len(whole))
		}
		d := whole[n]
		if calm {
			d.fate = fine
		}
		h.deeds = append(h.deeds, d)
	}
	return h, nil
}

func (h history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %+v\n", h.seed, h.setup)
	for _, d := range h.deeds {
		fmt.Fprintf(&b, "%4d  %s\n", d.number, d)
	}
	return b.String()
}
