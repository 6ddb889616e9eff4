package cookbook

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

// Where moto puts what testserver.AWSConfig asks for, and what the page's ARNs name.
const (
	region  = "eu-west-1"
	account = "123456789012"
)

// Every block of the page, and every line of shell on both, can at least be read by what it is for.
func TestBlocksAreWellFormed(t *testing.T) {
	for _, page := range []string{"refresh-staging.md", "subscribe.md"} {
		for _, b := range blocks(t, page) {
			lang, _, _ := strings.Cut(b.lang, " ")
			switch lang {
			case "json":
				if !json.Valid([]byte(b.text)) {
					t.Errorf("%s, line %d: no JSON", page, b.line)
				}
			case "python":
				readable(t, page, b, testserver.Tool(t, "python3"), "-c", "import sys; compile(sys.stdin.read(), 'page', 'exec')")
			case "sh":
				readable(t, page, b, "bash", "-n")
			case "":
				// a drawing
			default:
				t.Errorf("%s, line %d: nothing reads %q", page, b.line, b.lang)
			}
		}
	}
}

func readable(t *testing.T, page string, b block, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(b.text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s, line %d: %v: %s", page, b.line, err, out)
	}
}

// A program is one of the page's, in a directory of its own.
type program struct {
	t   *testing.T
	dir string
	env []string
}

// programs writes the files of the page for a process that calls AWS at endpoint, and nowhere else.
func programs(t *testing.T, endpoint string, env ...string) program {
	t.Helper()
	p := program{t: t, dir: t.TempDir(), env: append(os.Environ(),
		"AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=not-a-secret", "AWS_DEFAULT_REGION="+region,
		"AWS_REGION="+region, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)}
	p.env = append(p.env, env...)
	for _, b := range blocks(t, "refresh-staging.md") {
		if _, name, ok := strings.Cut(b.lang, " "); ok {
			if err := os.WriteFile(filepath.Join(p.dir, name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return p
}

// run runs Python in which input is the JSON of in, and decodes the value of its expression into out.
func (p program) run(imports, expression string, in, out any) {
	p.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		p.t.Fatal(err)
	}
	code := fmt.Sprintf("import json, sys\n%s\ninput = json.load(sys.stdin)\nvalue = %s\nprint('=> ' + json.dumps(value))", imports, expression)
	cmd := exec.CommandContext(p.t.Context(), testserver.Tool(p.t, "python3"), "-c", code)
	cmd.Dir, cmd.Env, cmd.Stdin = p.dir, p.env, bytes.NewReader(body)
	said, err := cmd.CombinedOutput()
	_, value, found := bytes.Cut(said, []byte("=> "))
	if err != nil || !found {
		p.t.Fatalf("%s: %v: %s", expression, err, said)
	}
	if err := json.Unmarshal(value, out); err != nil {
		p.t.Fatalf("%s: %v in %s", expression, err, said)
	}
}

// A message is what Lambda hands over of one in a queue.
type message struct {
	MessageID string `json:"messageId"`
	Body      string `json:"body"`
}

func messages(bodies ...string) map[string][]message {
	var all []message
	for i, body := range bodies {
		all = append(all, message{fmt.Sprintf("m%d", i), body})
	}
	return map[string][]message{"Records": all}
}

// A verdict is what Lambda is told of a batch.
type verdict struct {
	Failures []struct {
		Message string `json:"itemIdentifier"`
	} `json:"batchItemFailures"`
}

func body(e restore.Event) string { return string(renderer.JSON(e)) }

func TestStartStartsOnceForEachEvent(t *testing.T) {
	moto := testserver.Moto(t)
	machine := newMachine(t, moto, account, `{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}`)
	p := programs(t, moto, "STATE_MACHINE_ARN="+machine)
	e := publishtest.Finished()
	later := e
	later.Time = e.Time.Add(60e9) // the same fact, told anew by a run that had not seen it saved

	var got verdict
	p.run("import start", "start.handler(input, None)", messages(body(e), "no JSON", body(e)), &got)
	if len(got.Failures) != 1 || got.Failures[0].Message != "m1" {
		t.Errorf("failures %+v, want that of the message that is no event", got.Failures)
	}
	p.run("import start", "start.handler(input, None)", messages(body(later), body(e)), &got)
	if len(got.Failures) != 0 {
		t.Errorf("failures of an event that was started before: %+v", got.Failures)
	}
	if started := executions(t, moto, machine); len(started) != 1 {
		t.Errorf("one event started %q", started)
	}
	p.run("import start", "start.handler(input, None)", messages(body(publishtest.BatchFinished())), &got)
	if started := executions(t, moto, machine); len(started) != 2 || len(got.Failures) != 0 {
		t.Errorf("two events started %q; failures %+v", started, got.Failures)
	}
}

// The answer to a start is lost, or the start itself.
func TestStartUnderFaults(t *testing.T) {
	moto := testserver.Moto(t)
	for _, applied := range []bool{true, false} {
		machine := newMachine(t, moto, account, `{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}`)
		proxy, calls := losingOne(t, moto, applied)
		var got verdict
		programs(t, proxy, "STATE_MACHINE_ARN="+machine).
			run("import start", "start.handler(input, None)", messages(body(publishtest.Finished())), &got)
		if started := executions(t, moto, machine); len(started) != 1 || len(got.Failures) != 0 || calls.Load() != 2 {
			t.Errorf("applied %v: %d calls started %q; failures %+v", applied, calls.Load(), started, got.Failures)
		}
	}
}

// losingOne returns the address of a server that answers the first request with 500, passed on or not, and passes on all
// others.
func losingOne(t *testing.T, to string, applied bool) (endpoint string, calls *atomic.Int32) {
	t.Helper()
	calls = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := calls.Add(1) == 1
		if first && !applied {
			http.Error(w, "{}", http.StatusInternalServerError)
			return
		}
		out, err := http.NewRequestWithContext(r.Context(), r.Method, to+r.URL.Path, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header = r.Header
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			t.Error(err)
			return
		}
		defer answer.Body.Close()
		if first {
			http.Error(w, "{}", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(answer.StatusCode)
		io.Copy(w, answer.Body)
	}))
	t.Cleanup(s.Close)
	return s.URL, calls
}

func TestExecutionNames(t *testing.T) {
	type named struct {
		Source string `json:"source"`
		ID     string `json:"id"`
	}
	ids := []named{{"s", "a.b"}, {"s", "a-b"}, {"s", "a/b"}, {"other", "a.b"},
		{"s", strings.Repeat("x", 127) + "1"}, {"s", strings.Repeat("x", 127) + "2"}, {"s", "~ \U0001f525"}}
	for _, r := range cast() {
		ids = append(ids, named{renderer.Source(r.event), r.event.ID})
	}
	var got []string
	p := programs(t, "http://127.0.0.1:1")
	p.run("import start", "[start.execution_name(e) for e in input]", ids, &got)
	good := regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	for i, name := range got {
		if !good.MatchString(name) || slices.Index(got, name) != i {
			t.Errorf("%+v has the name %q, which is bad or another's", ids[i], name)
		}
	}
	var finished string
	e := publishtest.Finished()
	p.run("import start", "start.execution_name(input)", named{renderer.Source(e), e.ID}, &finished)
	if !regexp.MustCompile(`^5a66783b80eef5354c77ee16-status-FINISHED-[0-9a-f]{16}$`).MatchString(finished) {
		t.Errorf("the page's example has the name %q", finished)
	}
}

func TestCheckAsksTheAPI(t *testing.T) {
	moto := testserver.Moto(t)
	sim := new(atlassim.Server)
	sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, atlassim.PageExample())
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	secret := "key-" + rand.Text()
	client := secretsmanager.NewFromConfig(testserver.AWSConfig(t, moto))
	key := fmt.Sprintf(`{"publicKey":%q,"privateKey":%q}`, atlassim.DefaultPublicKey, atlassim.DefaultPrivateKey)
	if _, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &secret, SecretString: &key}); err != nil {
		t.Fatal(err)
	}
	p := programs(t, moto, "ATLAS_CREDENTIALS_SECRET="+secret, "ATLAS_BASE_URL="+server.URL)
	broken := atlassim.PageExample()
	broken[1].StatusName = "BROKEN"
	for _, tt := range []struct {
		name     string
		event    restore.Event
		jobs     []atlassim.Job
		finished bool
	}{
		{"a job that is still finished", publishtest.Finished(), atlassim.PageExample(), true},
		{"a batch of which all are", publishtest.BatchFinished(), atlassim.PageExample(), true},
		{"a batch of which one is not any more", publishtest.BatchFinished(), broken, false},
		{"a job that does not exist, as that of a test event", publishtest.Finished(), nil, false},
	} {
		sim.SetJobs(atlassim.PageProject, atlassim.PageCluster, tt.jobs)
		var got struct{ Finished bool }
		p.run("import check", "check.handler(input, None)", json.RawMessage(body(tt.event)), &got)
		if got.Finished != tt.finished {
			t.Errorf("%s: finished %v", tt.name, got.Finished)
		}
	}
}

// twice has the same event handled twice, by two runs in a row.
const twice = `[claim.once(input, done.append), claim.once(input, done.append), len(done)]`

func TestClaimActsOnce(t *testing.T) {
	p := claims(t)
	var got []any
	p.run("import claim\ndone = []", twice, json.RawMessage(body(publishtest.Finished())), &got)
	if want := []any{true, false, 1.0}; !slices.Equal(got, want) {
		t.Errorf("the same event twice: %v, want %v", got, want)
	}
	p.run("import claim\ndone = []", twice, json.RawMessage(body(publishtest.BatchFinished())), &got)
	if want := []any{true, false, 1.0}; !slices.Equal(got, want) {
		t.Errorf("another event: %v, want %v", got, want)
	}
}

// A run that dies at its work leaves a claim. Nobody acts while it lasts, and somebody does afterwards.
func TestClaimOfARunThatDied(t *testing.T) {
	const story = `
import claim
done = []
def die(event): raise SystemExit
def attempt(work, at):
    try: return claim.once(input, work, lambda: at)
    except RuntimeError: return "busy"
    except SystemExit: return "died"
`
	var got []any
	claims(t).run(story, `[attempt(die, 1000), attempt(done.append, 1599), attempt(done.append, 1600), attempt(done.append, 9999), len(done)]`,
		json.RawMessage(body(publishtest.Finished())), &got)
	if want := []any{"died", "busy", true, false, 1.0}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The answer to a claim is lost, or the claim itself: the SDK asks again and gets it.
func TestClaimUnderFaults(t *testing.T) {
	for _, applied := range []bool{true, false} {
		p := claims(t)
		proxy, _ := losingOne(t, testserver.DynamoDB(t), applied)
		p.env = append(p.env, "AWS_ENDPOINT_URL="+proxy)
		var got []any
		p.run("import claim\ndone = []", twice, json.RawMessage(body(publishtest.Finished())), &got)
		if want := []any{true, false, 1.0}; !slices.Equal(got, want) {
			t.Errorf("applied %v: %v, want %v", applied, got, want)
		}
	}
}

// claims returns the page's programs with a table on DynamoDB Local that is theirs alone.
func claims(t *testing.T) program {
	t.Helper()
	endpoint := testserver.DynamoDB(t)
	client := dynamodb.NewFromConfig(testserver.AWSConfig(t, endpoint))
	table := "handled-" + rand.Text()
	_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            &table,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: new("key"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: new("key"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := programs(t, endpoint)
	source := filepath.Join(p.dir, "claim.py")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	renamed := bytes.Replace(text, []byte(`TABLE = "handled-events"`), fmt.Appendf(nil, "TABLE = %q", table), 1)
	if err := os.WriteFile(source, renamed, 0o600); err != nil || bytes.Equal(renamed, text) {
		t.Fatalf("give claim.py a table of its own: %v", err)
	}
	return p
}
