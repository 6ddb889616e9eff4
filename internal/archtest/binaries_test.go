package archtest

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// builderSecrets are in the environment of whoever builds: none of them may end in what is built.
var builderSecrets = map[string]string{
	"ATLAS_PUBLIC_KEY": "CANARYpub", "ATLAS_PRIVATE_KEY": "CANARY-atlas-private-key", "ATLAS_CLIENT_SECRET": "mdb_sa_sk_CANARY-of-the-builder",
	"AWS_ACCESS_KEY_ID": "AKIACANARYBUILDER000", "AWS_SECRET_ACCESS_KEY": "CANARY/aws/secret", "AWS_SESSION_TOKEN": "CANARY-session-token",
	"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/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",
	"WEBHOOK_SECRET":    "CANARY-webhook-secret", "GITHUB_TOKEN": "ghp_CANARYcanaryCANARYcanaryCANARYcanary", "USER": "canary-builder", "LOGNAME": "canary-builder",
	"HOSTNAME": "canary-host.test", "GIT_AUTHOR_EMAIL": "canary-builder@canary-host.test",
}

// secretShapes are what secrets look like, and what of that shape may be in the command line program all the same.
var secretShapes = []struct {
	shape   *regexp.Regexp
	allowed string
}{
	{regexp.MustCompile(`-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----\s*[A-Za-z0-9+/]{20}`), ""},
	{regexp.MustCompile(`\b(AKIA|ASIA)[A-Z2-7]{16}\b`), ""},
	{regexp.MustCompile(`hooks\.slack\.com/services/T[A-Za-z0-9]{5,}/B[A-Za-z0-9]{5,}/[A-Za-z0-9]{10,}`), ""},
	{regexp.MustCompile(`mdb_sa_sk_[A-Za-z0-9_-]{10,40}`), "mdb_sa_sk_CANARY-client-secret"}, // the simulator's own
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}`), ""},
	{regexp.MustCompile(`\b(xox[abprs]-[0-9A-Za-z-]{10,}|gh[pousr]_[A-Za-z0-9]{30,})`), ""},
	{regexp.MustCompile(`mongodb(\+srv)?://[A-Za-z0-9]{1,40}:[A-Za-z0-9]{1,40}@`), ""},
}

// What `make build` makes, built once because it takes a while.
func TestWhatIsBuilt(t *testing.T) {
	built := t.TempDir()
	build(t, built)
	t.Run("holds no secret", func(t *testing.T) { holdsNoSecret(t, built) })
	t.Run("archives", func(t *testing.T) { checkArchives(t, built) })
}

// holdsNoSecret looks for who built it and where, and for what looks like a secret.
func holdsNoSecret(t *testing.T, built string) {
	places := machine(t, built)
	for _, name := range []string{"watcher/bootstrap", "slack/bootstrap", "restorewatch"} {
		program, err := os.ReadFile(filepath.Join(built, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(program) < 1<<20 {
			t.Errorf("%s has %d bytes: that cannot be all", name, len(program))
		}
		for variable, value := range builderSecrets {
			if bytes.Contains(program, []byte(value)) {
				t.Errorf("%s holds %s of the builder", name, variable)
			}
		}
		for what, place := range places {
			if at := bytes.Index(program, []byte(place)); at >= 0 {
				t.Errorf("%s holds %s: %q", name, what, program[at:min(at+100, len(program))])
			}
		}
		for _, s := range secretShapes {
			for _, found := range s.shape.FindAll(program, -1) {
				if s.allowed == "" || !bytes.HasPrefix(found, []byte(s.allowed)) || name != "restorewatch" {
					t.Errorf("%s holds what looks like a secret: %q", name, found)
				}
			}
		}
	}
}

// The test above would find what it looks for.
func TestSecretShapesAreFound(t *testing.T) {
	for _, secret := range []string{
		builderSecrets["SLACK_WEBHOOK_URL"], "x AKIACANARYBUILDERABC x", builderSecrets["ATLAS_CLIENT_SECRET"], builderSecrets["GITHUB_TOKEN"],
		"-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEAcanary", "mongodb+srv://user:secret@cluster0", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ",
	} {
		found := false
		for _, s := range secretShapes {
			found = found || s.shape.MatchString(secret)
		}
		if !found {
			t.Errorf("nobody looks for %s", secret)
		}
	}
}

// build is `make build`, the documented way, in an environment full of secrets.
func build(t *testing.T, into string, options ...string) {
	t.Helper()
	cmd := exec.Command("make", append([]string{"--no-print-directory", "-C", root, "build", "BUILD=" + into}, options...)...)
	cmd.Env = os.Environ()
	for name, value := range builderSecrets {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make build: %v\n%s", err, output)
	}
}

// machine returns the paths of this machine by which a binary would tell where it was built.
func machine(t *testing.T, built string) map[string]string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"the checkout": checkout + "/", "the place of the build": built, "the builder's canary": "CANARY-of-the-builder"}
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} { // the usual GOROOT stands in the standard library itself
		cmd := exec.Command("go", "env", name)
		cmd.Dir = root
		output, err := cmd.Output()
		place := strings.TrimSpace(string(output))
		if err != nil || len(place) < 3 {
			t.Fatalf("go env %s: %q, %v", name, place, err)
		}
		places[name] = place + "/"
	}
	return places
}

// checkArchives looks at what Lambda gets: one file, the same whenever it is built, for the machine that the template
// names.
func checkArchives(t *testing.T, built string) {
	for _, name := range []string{"watcher", "slack"} {
		checkArchive(t, filepath.Join(built, name, "bootstrap.zip"), filepath.Join(built, name, "bootstrap"))
	}
	again := t.TempDir()
	build(t, again, "FUNCTIONS=slack", "COMMANDS=") // one is enough: they are built alike
	first, err1 := os.ReadFile(filepath.Join(built, "slack/bootstrap.zip"))
	second, err2 := os.ReadFile(filepath.Join(again, "slack/bootstrap.zip"))
	if err1 != nil || err2 != nil || !bytes.Equal(first, second) {
		t.Errorf("two builds differ: %v, %v", err1, err2)
	}
}

func checkArchive(t *testing.T, archive, program string) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	if len(z.File) != 1 || z.Comment != "" {
		t.Fatalf("%s has %d files and the comment %q", archive, len(z.File), z.Comment)
	}
	f := z.File[0]
	fixed := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	if f.Name != "bootstrap" || f.Mode() != 0o755 || !f.Modified.Equal(fixed) || f.Comment != "" {
		t.Errorf("%s holds %s, %v, of %v", archive, f.Name, f.Mode(), f.Modified)
	}
	packed, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	if built, err := os.ReadFile(program); err != nil || !bytes.Equal(unpacked, built) {
		t.Errorf("%s does not hold what was built: %v", archive, err)
	}
	checkProgram(t, program)
}

// checkProgram looks at the file itself, where TestFunctionsLink looks at what the compiler is told.
func checkProgram(t *testing.T, program string) {
	t.Helper()
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	for name, want := range map[string]string{"-trimpath": "true", "GOOS": "linux", "GOARCH": "arm64", "CGO_ENABLED": "0", "-tags": "lambda.norpc"} {
		if settings[name] != want {
			t.Errorf("%s was built with %s=%s, want %s", program, name, settings[name], want)
		}
	}
	for _, m := range info.Deps {
		if strings.Contains(m.Path, "sqlite") || strings.HasPrefix(m.Path, "modernc.org/") || m.Replace != nil {
			t.Errorf("%s links %s", program, m.Path)
		}
	}
	f, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Section(".debug_info") != nil || f.Section(".symtab") != nil || f.Section(".interp") != nil {
		t.Errorf("%s has symbols or is not static", program)
	}
}
