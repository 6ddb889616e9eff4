package archtest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// An arrow says which packages of this module a package, and those below it, may import. The longest path wins.
type arrow struct {
	from string
	to   []string
	why  string
}

// arrows point one way: restore <- watch <- adapters <- wiring. To let the wiring know a new adapter, add it here.
var arrows = []arrow{
	{"internal/restore", nil, "the domain depends on nothing, so that it can be read and tested alone"},
	{"internal/watch", []string{"internal/restore"}, "the pass sees the world through interfaces of its own"},
	{"internal/outbound", []string{"internal/outbound"}, "what every client needs knows none of them"},
	{"internal/atlas", []string{"internal/restore", "internal/outbound"}, "an adapter knows the domain and nothing of its neighbours"},
	{"internal/atlassim", nil, "written from the API's documents: what it shared with the client, they would get wrong together"},
	{"internal/config", []string{"internal/restore"}, "everything is configured by it, so it can import nothing that is"},
	{"internal/secrets", []string{"internal/restore", "internal/config"}, "an adapter; config has the type that cannot be printed"},
	{"internal/store", []string{"internal/restore", "internal/watch", "internal/store"}, "stores share their codec and no other family's code"},
	{"internal/publish", []string{"internal/restore", "internal/watch", "internal/publish", "internal/outbound"}, "outputs share their rendering and no other family's code"},
	{"internal/publish/slack", []string{"internal/restore", "internal/watch", "internal/publish", "internal/config", "internal/outbound"},
		"an output; its webhook's address is a secret, and config has the type that cannot be printed"},
	{"internal/relay", []string{"internal/restore", "internal/config", "internal/secrets", "internal/publish", "internal/outbound"},
		"gets events from a topic, so it knows of no watcher, no store and no API"},
	{"internal/tick", []string{"internal/restore", "internal/watch"}, "the handler gets a watcher and builds none"},
	{"internal/service", []string{
		"internal/restore", "internal/watch", "internal/config", "internal/secrets", "internal/atlas",
		"internal/store/dynamo", "internal/publish", "internal/outbound",
	}, "wires what both programs share, so no part that only one of them may link"},
	{"internal/cli", []string{
		"internal/restore", "internal/watch", "internal/config", "internal/secrets", "internal/atlas", "internal/atlassim",
		"internal/store", "internal/publish", "internal/service", "internal/tick", "internal/outbound", "internal/cli",
	}, "the command line may use every part: it is the same program with other adapters"},
	{"functions", []string{"internal/config", "internal/outbound", "internal/service", "internal/tick"}, "a function is wiring only"},
	{"functions/slack", []string{"internal/config", "internal/outbound", "internal/relay"}, "a function is wiring only, and this one links no watcher"},
	{"cmd", []string{"internal/cli", "internal/outbound"}, "a command is os.Exit(cli.Main(...))"},
	{"internal/testserver", nil, "starts servers for anybody's tests, so it can import nobody"},
	{"internal/stacktest", []string{"internal/testserver"}, "reads the template for anybody's tests"},
	{"internal/simtest", nil, "holds tests only"},
	{"internal/loadtest", nil, "holds tests only"},
	{"internal/neighbourtest", nil, "holds tests only"},
	{"internal/killtest", nil, "holds tests only"},
	{"internal/archtest", nil, "holds tests only"},
}

// forTests are packages that nothing else may be built with.
var forTests = []string{
	"internal/testserver", "internal/stacktest", "internal/simtest", "internal/neighbourtest", "internal/killtest", "internal/loadtest", "internal/archtest",
	"internal/store/storetest", "internal/publish/publishtest", "internal/outbound/hostiletest",
}

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		rule, ok := ruleFor(p.Name())
		if !ok {
			t.Errorf("%s: no arrow says what it may import; add one with its reason", p.Name())
			continue
		}
		for _, path := range p.Imports {
			name, ours := strings.CutPrefix(path, module+"/")
			if !ours {
				continue
			}
			if !within(name, rule.to...) {
				t.Errorf("%s imports %s: %s", p.Name(), name, rule.why)
			}
			if within(name, forTests...) && !within(p.Name(), forTests...) {
				t.Errorf("%s imports %s, which is for tests", p.Name(), name)
			}
		}
	}
}

func ruleFor(name string) (found arrow, ok bool) {
	for _, a := range arrows {
		if within(name, a.from) && len(a.from) > len(found.from) {
			found, ok = a, true
		}
	}
	return found, ok
}

// A rule about a package that is gone guards nothing.
func TestArrowsAreAboutPackagesThatExist(t *testing.T) {
	for _, a := range arrows {
		for _, name := range append(a.to, a.from) {
			if !exists(t, name) {
				t.Errorf("the arrow from %s names %s, which does not exist", a.from, name)
			}
		}
	}
	for _, name := range forTests {
		if !exists(t, name) {
			t.Errorf("%s does not exist", name)
		}
	}
}

func exists(t *testing.T, name string) bool {
	t.Helper()
	return slices.ContainsFunc(packages(t), func(p listing) bool { return within(p.Name(), name) })
}

// noneOf says which packages of the standard library the domain and the pass do without.
var noneOf = []struct {
	in      string
	imports []string
	why     string
}{
	{"internal/restore", []string{"net", "os", "io", "log", "context", "sync", "encoding/json", "math/rand", "crypto/rand"},
		"no I/O, no log, no wire format and no chance: the same input makes the same news"},
	{"internal/watch", []string{"net", "os", "log", "encoding", "math/rand", "crypto/rand"},
		"what is wrong is returned, and told by whoever started the run"},
	{"internal/atlas", []string{"os"}, "what it needs is handed to it"},
	{"internal/publish", []string{"os"}, "what it needs is handed to it"},
}

func TestStandardLibrary(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range noneOf {
			if !within(p.Name(), rule.in) {
				continue
			}
			for _, path := range p.Imports {
				if within(path, rule.imports...) {
					t.Errorf("%s imports %s: %s", p.Name(), path, rule.why)
				}
			}
		}
	}
}

// A keyhole says which packages may import a module of somebody else's.
type keyhole struct {
	module string
	by     []string
	why    string
}

// keyholes are all modules that may be used. The first that matches wins.
var keyholes = []keyhole{
	{"github.com/aws/aws-lambda-go", []string{"functions", "internal/tick", "internal/relay"}, "only a function knows that it is one"},
	{"github.com/aws/aws-sdk-go-v2/service/dynamodb", []string{"internal/store/dynamo", "internal/service", "internal/cli", "internal/testserver"},
		"the table is behind watch.Store"},
	{"github.com/aws/aws-sdk-go-v2/service/sns", []string{"internal/publish/sns", "internal/service", "internal/cli"},
		"the topic is behind watch.Publisher"},
	{"github.com/aws/aws-sdk-go-v2/service/eventbridge", []string{"internal/publish/eventbridge", "internal/service", "internal/cli"},
		"the bus is behind watch.Publisher"},
	{"github.com/aws/aws-sdk-go-v2/service/secretsmanager", []string{"internal/secrets", "internal/relay", "internal/service", "internal/cli"},
		"the secret is behind its package"},
	{"github.com/aws/aws-sdk-go-v2", []string{"internal/store/dynamo", "internal/publish/sns", "internal/publish/eventbridge",
		"internal/publish/bulk", "internal/secrets", "internal/outbound/cloud", "internal/service", "internal/cli", "internal/testserver"}, "AWS is an adapter's business"},
	{"github.com/aws/smithy-go", []string{"internal/store/dynamo", "internal/publish/bulk", "internal/secrets", "internal/service"},
		"AWS is an adapter's business"},
	{"github.com/icholy/digest", []string{"internal/atlas"}, "authentication is the client's; the simulator has a digest of its own"},
	{"golang.org/x/oauth2", []string{"internal/atlas"}, "authentication is the client's"},
	{"modernc.org/sqlite", []string{"internal/store/sqlite"}, "the file is behind watch.Store"},
	{"golang.org/x/sync", []string{"internal/secrets", "internal/watch", "internal/atlas"}, "concurrency has few places"},
	{"golang.org/x/term", []string{"internal/cli", "internal/publish/console"}, "only a terminal has a width"},
}

func TestKeyholes(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, path := range p.Imports {
			if within(path, module) || !strings.Contains(path, ".") {
				continue
			}
			i := slices.IndexFunc(keyholes, func(k keyhole) bool { return within(path, k.module) })
			switch {
			case i < 0:
				t.Errorf("%s imports %s, of a module that nobody may use yet; add it with its reason", p.Name(), path)
			case !within(p.Name(), keyholes[i].by...):
				t.Errorf("%s imports %s: %s", p.Name(), path, keyholes[i].why)
			default:
				used[keyholes[i].module] = true
			}
		}
	}
	for _, k := range keyholes {
		if !used[k.module] {
			t.Errorf("nobody imports %s; remove its keyhole", k.module)
		}
	}
}

// unlinked are what no Lambda binary may contain, however indirectly.
var unlinked = map[string]string{
	module + "/internal/atlassim":              "a simulator in production answers instead of the API",
	module + "/internal/cli":                   "the function is no command line",
	module + "/internal/store/sqlite":          "a file dies with its container",
	module + "/internal/store/mem":             "memory dies with its container",
	module + "/internal/publish/console":       "a function has no terminal",
	module + "/internal/testserver":            "servers for tests",
	module + "/internal/stacktest":             "helpers for tests",
	module + "/internal/store/storetest":       "helpers for tests",
	module + "/internal/publish/publishtest":   "helpers for tests",
	"modernc.org/sqlite":                       "eight megabytes that a cold start would load",
	"testing":                                  "registers flags and belongs into tests",
	"net/http/httptest":                        "helpers for tests",
	"github.com/aws/aws-sdk-go-v2/service/sqs": "nothing is read from queues; each client costs time at start-up",
}

func TestFunctionsLink(t *testing.T) {
	functions, err := os.ReadDir(root + "/functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range functions {
		env := []string{"GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0"}
		linked, err := list(env, "-deps", "-tags", "lambda.norpc", "./functions/"+f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if len(linked) < 100 {
			t.Errorf("functions/%s links %d packages: that cannot be all", f.Name(), len(linked))
		}
		for _, p := range linked {
			for banned, why := range unlinked {
				if within(p.ImportPath, banned) {
					t.Errorf("functions/%s links %s: %s", f.Name(), p.ImportPath, why)
				}
			}
		}
	}
}

// A ban of a package that is gone guards nothing.
func TestUnlinkedExist(t *testing.T) {
	for path := range unlinked {
		if name, ours := strings.CutPrefix(path, module+"/"); ours && !exists(t, name) {
			t.Errorf("%s does not exist", name)
		}
	}
}
