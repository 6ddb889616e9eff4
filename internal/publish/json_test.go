package publish_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	s, err := c.Compile("../../docs/event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// valid checks a document against the schema, the size limit, and the names of fields that give access to a backup.
func valid(t testing.TB, s *jsonschema.Schema, doc []byte) {
	t.Helper()
	if len(doc) > publish.MaxEvent || !utf8.Valid(doc) || bytes.ContainsAny(doc, "\n\r\x00") {
		t.Errorf("%d bytes, valid UTF-8: %v, or more than one line", len(doc), utf8.Valid(doc))
	}
	event, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%v: %.300s", err, doc)
	}
	if err := s.Validate(event); err != nil {
		t.Errorf("%v: %.600s", err, doc)
	}
	for _, name := range fieldNames(event) {
		switch strings.ToLower(name) {
		case "url", "urlv2", "authvalue", "authheader", "downloadurl", "deliveryurl", "privatekey":
			t.Errorf("field %s", name)
		}
	}
}

func fieldNames(v any) []string {
	var names []string
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			names = append(append(names, name), fieldNames(value)...)
		}
	case []any:
		for _, value := range v {
			names = append(names, fieldNames(value)...)
		}
	}
	return names
}

func TestEveryEventFitsTheSchema(t *testing.T) {
	s := schema(t)
	for _, e := range publishtest.Events() {
		valid(t, s, renderer.JSON(e))
	}
	for _, e := range publishtest.Hostile() {
		valid(t, s, renderer.JSON(e))
	}
}

// The files in events/ are what subscribers see; they are the schema's examples.
func TestGoldenFilesFitTheSchema(t *testing.T) {
	s := schema(t)
	for _, e := range publishtest.Types() {
		doc, err := os.ReadFile(filepath.Join(eventsDir, string(e.Type)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, doc); err != nil {
			t.Fatal(err)
		}
		valid(t, s, line.Bytes())
	}
}

// edit sets, or deletes when value is nil, what a path of names joined with dots leads to.
func edit(path string, value any) func(map[string]any) {
	return func(event map[string]any) {
		parts := strings.Split(path, ".")
		at, last := event, parts[len(parts)-1]
		for _, p := range parts[:len(parts)-1] {
			at = at[p].(map[string]any)
		}
		at[last] = value
		if value == nil {
			delete(at, last)
		}
	}
}

// A schema that takes everything would prove nothing: each line spoils one thing of a good event.
func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for _, tt := range []struct {
		name  string
		event restore.Event
		spoil func(map[string]any)
	}{
		{"no id", publishtest.Finished(), edit("id", nil)},
		{"another version", publishtest.Finished(), edit("specversion", "0.3")},
		{"an unknown type", publishtest.Finished(), edit("type", "restorewatch.job.done")},
		{"a short sequence", publishtest.Finished(), edit("sequence", "3")},
		{"a local time", publishtest.Finished(), edit("time", "2018-01-22T23:49:12+01:00")},
		{"an unknown severity", publishtest.Finished(), edit("data.severity", "error")},
		{"an unknown source", publishtest.Finished(), edit("data.target.source", "atlas")},
		{"no change", publishtest.Finished(), edit("data.change", nil)},
		{"no job", publishtest.Finished(), edit("data.job", nil)},
		{"a link", publishtest.Finished(), edit("data.job.delivery.url", "https://example.com/")},
		{"a key", publishtest.Finished(), edit("data.job.delivery.authValue", "secret")},
		{"a failure of an unknown kind", publishtest.Unreachable(), edit("data.failure.kind", "bad luck")},
		{"no failure", publishtest.Unreachable(), edit("data.failure", nil)},
		{"a test that is none", publishtest.Finished(), edit("data.test", false)},
		{"a batch of the other outcome", publishtest.BatchFinished(), edit("data.batch.outcome", "FAILED")},
		{"no batch", publishtest.BatchFinished(), edit("data.batch", nil)},
	} {
		var event map[string]any
		if err := json.Unmarshal(renderer.JSON(tt.event), &event); err != nil {
			t.Fatal(err)
		}
		tt.spoil(event)
		if err := s.Validate(event); err == nil {
			t.Errorf("%s: taken", tt.name)
		}
	}
	var event map[string]any
	if err := json.Unmarshal(renderer.JSON(publishtest.Finished()), &event); err != nil {
		t.Fatal(err)
	}
	edit("data.job.note", "an addition")(event)
	if err := s.Validate(event); err != nil {
		t.Errorf("an addition is refused: %v", err)
	}
}

func TestSourceOfEachAPI(t *testing.T) {
	for source, want := range map[restore.Source]string{
		restore.Legacy:  "https://ops.example.com/api/atlas/v1.0/groups/p/clusters/a%20b%2Fc/restoreJobs",
		restore.Manager: "https://ops.example.com/api/public/v1.0/groups/p/clusters/a%20b%2Fc/restoreJobs",
		restore.Cloud:   "https://ops.example.com/api/atlas/v2/groups/p/clusters/a%20b%2Fc/backup/restoreJobs",
		restore.Flex:    "https://ops.example.com/api/atlas/v2/groups/p/flexClusters/a%20b%2Fc/backup/restoreJobs",
	} {
		e := restore.Event{Target: restore.Target{Source: source, Project: "p", Cluster: "a b/c"}}
		if got := (publish.Renderer{BaseURL: "https://ops.example.com/"}).Source(e); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

// published is the part of an event that the tests below read.
type published struct {
	Data struct {
		Job   struct{ Hashes []struct{ FileName string } }
		Batch struct {
			Total int
			Jobs  []struct{ ID string }
		}
		Hashes  []struct{ FileName string }
		Failure struct{ Message string }
		Omitted struct{ JobHashes, Hashes, BatchJobs, Texts int }
	}
}

// tooLarge returns events over the limit: by the hashes of the job, by its hashes and new ones, by the jobs of a batch,
// and by one text.
func tooLarge() (hashes, both, batch, text restore.Event) {
	var many []restore.Hash
	var crowd []restore.Member
	for i := range 3000 {
		many = append(many, restore.Hash{File: fmt.Sprintf("shard-%04d.tar.gz", i), Algorithm: "SHA1", Sum: strings.Repeat("a9", 20)})
		crowd = append(crowd, restore.Member{ID: restore.JobID(fmt.Sprintf("%024d", i)), Status: restore.Finished})
	}
	hashes = publishtest.HashAdded()
	job := *hashes.Job
	job.Hashes = many
	hashes.Job = &job
	both = hashes
	both.Hashes = many
	batch = publishtest.BatchFinished()
	batch.Batch = &restore.Batch{ID: batch.Batch.ID, Outcome: batch.Batch.Outcome, Members: crowd}
	text = publishtest.Unreachable()
	text.Failure = &restore.Failure{Kind: restore.FailedState, Message: strings.Repeat("wörd ", 40_000), Failures: 1}
	return hashes, both, batch, text
}

func TestShrinking(t *testing.T) {
	s := schema(t)
	hashes, both, batch, text := tooLarge()
	for _, tt := range []struct {
		name  string
		event restore.Event
		check func(p published) bool
	}{
		{"job hashes go first", hashes, func(p published) bool {
			n := len(p.Data.Job.Hashes)
			return n > 400 && n+p.Data.Omitted.JobHashes == 3000 && len(p.Data.Hashes) == 1
		}},
		{"then new hashes", both, func(p published) bool {
			n := len(p.Data.Hashes)
			return len(p.Data.Job.Hashes) == 0 && p.Data.Omitted.JobHashes == 3000 && n > 400 && n+p.Data.Omitted.Hashes == 3000
		}},
		{"then the jobs of a batch", batch, func(p published) bool {
			n := len(p.Data.Batch.Jobs)
			return n > 400 && n+p.Data.Omitted.BatchJobs == 3000 && p.Data.Batch.Total == 3000
		}},
		{"then long texts", text, func(p published) bool {
			return p.Data.Omitted.Texts == 1 && strings.HasPrefix(text.Failure.Message, p.Data.Failure.Message) &&
				len(p.Data.Failure.Message) > 4000
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc := renderer.JSON(tt.event)
			valid(t, s, doc)
			var p published
			if err := json.Unmarshal(doc, &p); err != nil || !tt.check(p) {
				t.Errorf("%v, omitted %+v, %d bytes", err, p.Data.Omitted, len(doc))
			}
		})
	}
}

func TestSameEventSameBytes(t *testing.T) {
	for _, e := range slices.Concat(publishtest.Events(), publishtest.Hostile()) {
		elsewhere := e
		elsewhere.Time = e.Time.In(time.FixedZone("somewhere", 5*3600))
		if a, b := renderer.JSON(e), renderer.JSON(elsewhere); !bytes.Equal(a, b) {
			t.Errorf("%s renders differently in another time zone", e.ID)
		}
		if renderer.Email(e) != renderer.Email(elsewhere) {
			t.Errorf("the mail about %s differs in another time zone", e.ID)
		}
	}
}

// An event that lacks the parts of its type is a defect elsewhere; it must not stop the others from being told.
func TestEventWithoutParts(t *testing.T) {
	for _, e := range publishtest.Types() {
		e.Job, e.Change, e.Hashes, e.Hash, e.PreviousHash, e.Expiry, e.Batch, e.Failure = nil, nil, nil, nil, nil, nil, nil, nil
		if !json.Valid(renderer.JSON(e)) || renderer.Email(e) == "" || renderer.Subject(e) == "" || renderer.SMS(e) == "" {
			t.Errorf("%s is not rendered", e.Type)
		}
	}
}

func TestTextIsNotEscapedForHTML(t *testing.T) {
	e := publishtest.Unreachable()
	e.Failure = &restore.Failure{Kind: restore.FailedInvalidResponse, Message: "<html> & more", Failures: 1}
	if doc := string(renderer.JSON(e)); !strings.Contains(doc, `"message":"<html> & more"`) {
		t.Errorf("got %s", doc)
	}
}
