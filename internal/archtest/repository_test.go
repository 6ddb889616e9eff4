package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	module = "restorewatch"
	root   = "../.."
)

// A listing is what `go list -json` tells of a package.
type listing struct {
	ImportPath     string
	Dir            string
	Standard       bool
	Imports        []string // of what is built, not of its tests
	GoFiles        []string
	IgnoredGoFiles []string // of other systems
	Error          *struct{ Err string }
}

// Name returns the path of a package within the module.
func (l listing) Name() string { return strings.TrimPrefix(l.ImportPath, module+"/") }

var listed = sync.OnceValues(func() ([]listing, error) { return list(nil, "./...") })

// packages returns every package of the module.
func packages(t *testing.T) []listing {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Error != nil {
			t.Errorf("%s: %s", p.Name(), p.Error.Err)
		}
	}
	return all
}

// list runs go list. A package that does not build is listed all the same.
func list(env []string, args ...string) ([]listing, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Dir,Standard,Imports,GoFiles,IgnoredGoFiles,Error"}, args...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, errors.New(err.Error() + ": " + stderr.String())
	}
	var all []listing
	for d := json.NewDecoder(bytes.NewReader(output)); ; {
		var l listing
		if err := d.Decode(&l); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
}

// A source is one parsed file that is built; tests are not.
type source struct {
	pkg  string // path within the module
	path string // from the root
	file *ast.File
	set  *token.FileSet
}

// at tells where a node stands.
func (s source) at(n ast.Node) string {
	p := s.set.Position(n.Pos())
	return s.path + ":" + strconv.Itoa(p.Line)
}

// lines returns how many lines a node has.
func (s source) lines(n ast.Node) int {
	return s.set.Position(n.End()).Line - s.set.Position(n.Pos()).Line + 1
}

// sources parses every file of every package.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, p := range packages(t) {
		for _, name := range append(p.GoFiles, p.IgnoredGoFiles...) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{p.Name(), p.Name() + "/" + name, file, set})
		}
	}
	if len(all) == 0 {
		t.Fatal("no source file found")
	}
	return all
}

// texts calls read for each file of the repository whose name ends in one of the suffixes, but for what is built or
// installed.
func texts(t *testing.T, read func(path, text string), suffixes ...string) {
	t.Helper()
	skipped := map[string]bool{".git": true, "build": true, "node_modules": true, "venv": true, ".aws-sam": true}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && skipped[d.Name()]:
			return fs.SkipDir
		case d.IsDir() || !endsIn(d.Name(), suffixes):
			return nil
		}
		text, err := os.ReadFile(path)
		read(filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func endsIn(name string, suffixes []string) bool {
	for _, suffix := range suffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// within reports whether a package or import path is one of the listed ones or lies below it.
func within(path string, listed ...string) bool {
	for _, l := range listed {
		if path == l || strings.HasPrefix(path, l+"/") {
			return true
		}
	}
	return false
}
