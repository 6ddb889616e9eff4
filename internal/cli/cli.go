package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/config"
	"restorewatch/internal/publish"
)

// The exit codes.
const (
	exitFine   = 0
	exitFailed = 1
	exitMisuse = 2
)

// maxMessage bounds an error message on the terminal, in characters.
const maxMessage = 4000

// Main runs the command that args name, without the program's own name, and returns the exit code: 0 fine, 1 something
// failed, 2 misuse. getenv is os.Getenv, or stands for it.
func Main(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	return newApp(getenv, wallClock, stdout, stderr).main(context.Background(), args)
}

// An app is one run of the program and what it may touch of the outside.
type app struct {
	getenv   func(string) string
	now      func() time.Time
	out, err screen
	written  *written // to out
}

func newApp(getenv func(string) string, now func() time.Time, stdout, stderr io.Writer) *app {
	a := &app{getenv: getenv, now: now, out: newScreen(stdout, getenv), err: newScreen(stderr, getenv)}
	a.written = &written{next: a.out.Writer}
	a.out.Writer = a.written
	return a
}

// A command is one thing that the program does. Its flags are declared by prepare, which returns what to do once they
// are parsed.
type command struct {
	name    string
	operand string // what stands behind the flags, for the help
	brief   string // one line, for the list of commands
	long    string // what -h says
	prepare func(a *app, f *flags) action
}

// An action does what a command is for. Its error is told by the caller: a misuse exits with 2, all else with 1.
type action func(ctx context.Context, operands []string) error

// commands are all there are, in the order in which to explain them.
func commands() []command {
	return []command{
		runCommand, loopCommand, showCommand, verifyCommand, testEventCommand, doctorCommand, simCommand, demoCommand, versionCommand,
	}
}

// errTold is a failure that has been told already.
var errTold = errors.New("told already")

// A misuse is a command that was called wrongly.
type misuse string

func (m misuse) Error() string { return string(m) }

func (a *app) main(ctx context.Context, args []string) int {
	if len(args) == 0 {
		a.err.print(overview())
		return exitMisuse
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "-h", "-help", "--help":
		return a.help(ctx, rest)
	case "--version", "-version":
		name = "version"
	}
	c, ok := find(name)
	if !ok {
		a.err.printf("restorewatch: there is no command %q%s\n\n%s",
			publish.Line(name, 60), suggestion(name), commandList())
		return exitMisuse
	}
	return a.perform(ctx, c, rest)
}

func find(name string) (command, bool) {
	all := commands()
	i := slices.IndexFunc(all, func(c command) bool { return c.name == name })
	if i < 0 {
		return command{}, false
	}
	return all[i], true
}

func (a *app) perform(ctx context.Context, c command, args []string) int {
	f := newFlags(c, a.getenv)
	act := c.prepare(a, f)
	help, err := f.parse(args)
	if help {
		a.out.print(f.help())
		return exitFine
	}
	if err == nil {
		err = act(ctx, f.Args())
	}
	if err == nil {
		err = a.written.failure()
	}
	return a.conclude(f, err)
}

// conclude tells an error and returns the exit code that it calls for.
func (a *app) conclude(f *flags, err error) int {
	if err == nil {
		return exitFine
	}
	if errors.Is(err, errTold) {
		return exitFailed
	}
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		a.err.folded(4).print(problems(f, wrong))
		return exitMisuse
	}
	a.err.folded(2).printf("restorewatch %s: %s\n", f.command.name, publish.Line(err.Error(), maxMessage))
	if _, ok := errors.AsType[misuse](err); ok {
		a.err.printf("restorewatch %s -h explains it.\n", f.command.name)
		return exitMisuse
	}
	if h, ok := errors.AsType[hinted](err); ok && h.Hint() != "" {
		a.err.folded(2).printf("  what to do: %s\n", publish.Line(h.Hint(), maxMessage))
	}
	return exitFailed
}

// hinted is what an error may tell about what to do.
type hinted interface {
	error
	Hint() string
}

// problems lists everything that is wrong with the configuration, one line each, with the flag that would mend it.
func problems(f *flags, e *config.Error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "restorewatch %s: the configuration has %s:\n", f.command.name, count(len(e.Problems), "problem"))
	for _, p := range e.Problems {
		name := p.Variable
		if flag, ok := flagOf(p.Variable); ok && f.Lookup(flag) != nil {
			name += " (--" + flag + ")"
		}
		fmt.Fprintf(&b, "  %s: %s\n", name, publish.Line(p.Text, maxMessage))
	}
	explainer := runCommand.name // which reads them all
	if !slices.ContainsFunc(e.Problems, func(p config.Problem) bool { return !f.reads(p.Variable) }) {
		explainer = f.command.name
	}
	fmt.Fprintf(&b, "restorewatch %s -h explains each one.\n", explainer)
	return b.String()
}
