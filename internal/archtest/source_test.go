package archtest

import (
	"go/ast"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestOnePackageComment(t *testing.T) {
	comments := map[string][]string{}
	for _, p := range packages(t) {
		comments[p.Name()] = nil
	}
	for _, s := range sources(t) {
		if s.file.Doc != nil {
			comments[s.pkg] = append(comments[s.pkg], s.path)
		}
	}
	for pkg, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments, want one: %q", pkg, len(files), files)
		}
	}
}

// clocks are the files that may read the clock or wait by it. Everybody else is given the time: the whole of a run
// happens at one moment, and a test can choose it.
var clocks = map[string]string{
	"internal/tick/tick.go":                    "reads the run's one moment, and how long it took",
	"internal/watch/watcher.go":                "compares the context's deadline, which is of the wall, with the wall",
	"internal/atlas/limit.go":                  "waits for the API's rate limit",
	"internal/atlas/retry.go":                  "waits between tries, by a header that names a moment",
	"internal/atlas/errors.go":                 "reads a header that names a moment",
	"internal/atlassim/server.go":              "is a server, whose nonces age",
	"internal/atlassim/fault.go":               "is slow on purpose",
	"internal/publish/slack/pace.go":           "waits for the rate limit of the channel, and when Slack asks for it",
	"internal/publish/slack/errors.go":         "reads a header that names a moment",
	"internal/outbound/hostiletest/answers.go": "sends a byte a second, in the time of a synctest bubble",
	"internal/testserver/process.go":           "waits for a server to start",
	"internal/testserver/runtime.go":           "gives an invocation its deadline",
}

// clockedPackages may use the clock in any file.
var clockedPackages = map[string]string{
	"internal/cli": "is the program on a laptop: it ticks, and shows how long things take",
}

var readsClock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true,
	"NewTimer": true, "NewTicker": true,
}

func TestClock(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok || !readsClock[selector.Sel.Name] {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); !ok || x.Name != localName(s.file, "time") {
				return true
			}
			used[s.path] = true
			if clocks[s.path] == "" && clockedPackages[s.pkg] == "" {
				t.Errorf("%s: time.%s: take the time as an argument, or say in archtest why not", s.at(n), selector.Sel.Name)
			}
			return true
		})
	}
	for file := range clocks {
		if !used[file] {
			t.Errorf("%s does not use the clock; remove it from the list", file)
		}
	}
}

// localName returns the name under which a file has imported a package, or "".
func localName(file *ast.File, importPath string) string {
	for _, spec := range file.Imports {
		if spec.Path.Value != strconv.Quote(importPath) {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// The most that one person keeps in mind at once.
const (
	maxFunction  = 80  // lines
	maxFile      = 500 // lines
	maxMain      = 60  // lines, of a main function
	maxInterface = 3   // methods
)

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		if n := s.lines(s.file); n > maxFile {
			t.Errorf("%s has %d lines, want at most %d", s.path, n, maxFile)
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				limit := maxFunction
				if s.file.Name.Name == "main" && n.Name.Name == "main" {
					limit = maxMain
				}
				if lines := s.lines(n); lines > limit {
					t.Errorf("%s: %s has %d lines, want at most %d", s.at(n), n.Name.Name, lines, limit)
				}
			case *ast.InterfaceType:
				if methods := n.Methods.NumFields(); methods > maxInterface {
					t.Errorf("%s: an interface of %d methods, want at most %d", s.at(n), methods, maxInterface)
				}
			}
			return true
		})
	}
}

// Stored, published and received shapes are private to their adapters: a tag here would be one of them.
func TestDomainHasNoTags(t *testing.T) {
	for _, s := range sources(t) {
		if !within(s.pkg, "internal/restore", "internal/watch") {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				t.Errorf("%s: a struct tag in the domain", s.at(n))
			}
			return true
		})
	}
}

// One form for each habit, so that nobody has to choose.
func TestHabits(t *testing.T) {
	habits := []struct {
		found *regexp.Regexp
		want  string
	}{
		{regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`), "do it, or open an issue"},
		{regexp.MustCompile(`Errorf\("%w", `), "wrap with the verb and the noun"},
		{regexp.MustCompile(`(Errorf|errors\.New)\("(failed|error|unable|could not|cannot) to`), "say what was being done: the rest is clear"},
		{regexp.MustCompile(`\binterface\{\}`), "write any"},
		{regexp.MustCompile(`\.Skip(f|Now)?\(`), "a test whose server is missing fails and says how to install it"},
	}
	texts(t, func(name, text string) {
		if strings.HasPrefix(name, "internal/archtest/") {
			return
		}
		for i, line := range strings.Split(text, "\n") {
			for _, habit := range habits {
				if found := habit.found.FindString(line); found != "" {
					t.Errorf("%s:%d: %s: %s", name, i+1, found, habit.want)
				}
			}
		}
	}, ".go", ".yaml", ".yml", ".toml", "Makefile")
}
