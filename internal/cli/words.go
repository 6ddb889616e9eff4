package cli

import (
	"fmt"
	"strings"
	"time"
)

// count writes "1 job", "2 jobs" and "2 passes".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "s") {
		noun += "e"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// short writes a duration in its two largest units, for a column: "2d3h", "5h12m", "45s".
func short(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return pair(int(d/day), "d", int(d%day/time.Hour), "h")
	case d >= time.Hour:
		return pair(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	case d >= time.Minute:
		return pair(int(d/time.Minute), "m", int(d%time.Minute/time.Second), "s")
	}
	return fmt.Sprintf("%ds", max(d, 0)/time.Second)
}

func pair(n int, unit string, m int, smaller string) string {
	if m == 0 {
		return fmt.Sprintf("%d%s", n, unit)
	}
	return fmt.Sprintf("%d%s%d%s", n, unit, m, smaller)
}

// be writes "is" for one and "are" for more.
func be(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
