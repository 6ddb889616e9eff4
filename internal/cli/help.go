package cli

import (
	"context"
	"fmt"
	"strings"
)

// help answers "help" and "help COMMAND".
func (a *app) help(ctx context.Context, args []string) int {
	if len(args) == 0 {
		a.out.print(overview())
		return exitFine
	}
	return a.main(ctx, []string{args[0], "-h"})
}

func overview() string {
	return flow(`restorewatch tells what happens to MongoDB restore jobs: every change of status, every new file hash,
every download link about to expire.`, helpWidth) + `
usage: restorewatch COMMAND [flags]

` + commandList() + "\n" + flow(`restorewatch COMMAND -h explains a command and the environment variables that it
reads; flags override them. restorewatch demo needs nothing and takes a minute.

Exit code: 0 fine, 1 something failed, 2 misuse.`, helpWidth)
}

func commandList() string {
	var b strings.Builder
	b.WriteString("commands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-10s  %s\n", c.name, c.brief)
	}
	return b.String()
}

// suggestion returns ", did you mean run?" for a word that is nearly a command.
func suggestion(word string) string {
	best, least := "", 3
	for _, c := range commands() {
		if d := distance(word, c.name); d < least {
			best, least = c.name, d
		}
	}
	if best == "" || len(word) > 20 {
		return ""
	}
	return ", did you mean " + best + "?"
}

// distance is how many letters must be changed, added or removed to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
