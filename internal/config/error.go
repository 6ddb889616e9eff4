package config

import (
	"fmt"
	"strings"

	"restorewatch/internal/restore"
)

// A Problem is one thing that is wrong with the configuration.
type Problem struct {
	Variable string // the name to look at, as in Variables
	Text     string // what is wrong and what to write instead; never a secret's value
}

// String returns the problem as "NAME: text".
func (p Problem) String() string { return p.Variable + ": " + p.Text }

// An Error is everything that is wrong with the configuration, in the order of Variables.
type Error struct {
	Problems []Problem
}

// maxListed bounds the length of the text: a list of targets may be one long mistake.
const maxListed = 20

// Error lists the problems on one line, the first twenty of them.
func (e *Error) Error() string {
	noun := "problems"
	if len(e.Problems) == 1 {
		noun = "problem"
	}
	var texts []string
	for i, p := range e.Problems {
		if i == maxListed {
			texts = append(texts, fmt.Sprintf("and %d more", len(e.Problems)-i))
			break
		}
		texts = append(texts, p.String())
	}
	return fmt.Sprintf("configuration has %d %s: %s", len(e.Problems), noun, strings.Join(texts, "; "))
}

// FailureKind returns restore.FailedConfig.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedConfig }

// Hint says what to do about it.
func (e *Error) Hint() string {
	return "set the variables named; restorewatch -h tells what each one means"
}
