package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/smithy-go"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/chat"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var update = flag.Bool("update", false, "write the golden files in testdata/ anew")

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

const topic = "arn:aws:sns:eu-west-1:123456789012:chat"

func TestGolden(t *testing.T) {
	for _, e := range publishtest.Events() {
		name := string(e.Type)
		if e.Change != nil {
			name += "." + e.Change.To
		}
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(json.RawMessage(chat.Notification(renderer, e))); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || got.String() != string(want) {
				t.Errorf("%s differs (%v); look at the difference, then go test ./internal/publish/chat -update\n%s", path, err, got.String())
			}
		})
	}
}

// A note is what tests read of a notification.
type note struct {
	Version, Source, ID string
	Content             struct {
		TextType, Title, Description string
		NextSteps, Keywords          []string
	}
	Metadata struct {
		ThreadID, Summary, EventType string
		RelatedResources             []string
		AdditionalContext            map[string]string
	}
}

func read(t *testing.T, doc string) note {
	t.Helper()
	var n note
	dec := json.NewDecoder(strings.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&n); err != nil {
		t.Fatalf("notification: %v in %.300s", err, doc)
	}
	return n
}

// shown returns every text that a chat may show.
func (n note) shown() []string {
	return slices.Concat(
		[]string{n.Content.Title, n.Content.Description, n.Metadata.Summary},
		n.Content.NextSteps, n.Content.Keywords, n.Metadata.RelatedResources,
		slices.Collect(func(yield func(string) bool) {
			for _, v := range n.Metadata.AdditionalContext {
				if !yield(v) {
					return
				}
			}
		}),
	)
}

func checkLimits(t *testing.T, n note) {
	t.Helper()
	if n.Version != "1.0" || n.Source != "custom" || n.Content.TextType != "client-markdown" || n.ID == "" || n.Metadata.ThreadID == "" {
		t.Errorf("notification %+v", n)
	}
	length := utf8.RuneCountInString
	if length(n.Content.Title) > 80 || length(n.Content.Description) > 3000 || length(n.Metadata.Summary) > 300 {
		t.Errorf("title of %d characters, description of %d, summary of %d",
			length(n.Content.Title), length(n.Content.Description), length(n.Metadata.Summary))
	}
	if len(n.Content.NextSteps) == 0 || len(n.Content.NextSteps) > 6 || len(n.Content.Keywords) < 3 {
		t.Errorf("next steps %q, keywords %q", n.Content.NextSteps, n.Content.Keywords)
	}
	for _, s := range n.Content.NextSteps {
		if s == "" || length(s) > 500 {
			t.Errorf("a step of %d characters", length(s))
		}
	}
}

// address is the one link that a notification may hold.
var address = regexp.MustCompile(`\nBackup page: https://cloud\.mongodb\.com/[!-~]*$`)

// entity is what may follow &.
var entity = regexp.MustCompile(`&(amp|lt|gt);`)

// Text of the API formats nothing, mentions nobody, and breaks no line.
func TestHostileEventIsText(t *testing.T) {
	for _, e := range publishtest.Hostile() {
		checkText(t, e)
	}
}

func checkText(t *testing.T, e restore.Event) {
	t.Helper()
	n := read(t, chat.Notification(renderer, e))
	checkLimits(t, n)
	for _, text := range n.shown() {
		text = entity.ReplaceAllString(address.ReplaceAllString(text, ""), "")
		if i := strings.IndexAny(text, "<>&*~`[]@\\#"); i >= 0 {
			t.Errorf("%s: markup in %.100q", e.Type, text[i:])
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
			t.Errorf("%s: a character that is not seen in %.100q", e.Type, text)
		}
	}
	if strings.Contains(n.Content.Title, "\n") || strings.Contains(n.Metadata.Summary, "\n") {
		t.Errorf("%s: title %q, summary %q", e.Type, n.Content.Title, n.Metadata.Summary)
	}
}

// FuzzNotification renders events whose every text may be anything.
func FuzzNotification(f *testing.F) {
	for i, text := range []string{"Cluster0", "<!channel>", "[x](https://example.com)", "\x1b\u202e\xff", "&amp;", "@here #x", "_a_"} {
		f.Add(uint64(i), text, "READY")
		f.Add(uint64(i), strings.Repeat("&", 50), text)
	}
	f.Fuzz(func(t *testing.T, choice uint64, a, b string) { checkText(t, publishtest.Fuzzed(choice, a, b)) })
}

func TestEscapes(t *testing.T) {
	for name, want := range map[string]string{
		"Cluster0":           "Cluster0",
		"<!channel>":         "&lt;!channel&gt;",
		"*b* _i_ ~s~ `c`":    "∗b∗ ＿i＿ ∼s∼ ˋcˋ",
		"a_b":                "a_b",
		"@here [x](y)":       "＠here ［x］(y)",
		"a & b":              "a &amp; b",
		"\u202eevil\x1b[31m": "&lt;U+202E&gt;evil&lt;U+001B&gt;［31m",
	} {
		e := publishtest.Finished()
		e.Job.ClusterName = name
		n := read(t, chat.Notification(renderer, e))
		if got := n.Content.Keywords[2]; got != want {
			t.Errorf("%q is shown as %q, want %q", name, got, want)
		}
	}
}

// However long a name is, the title tells what happened, and an entity is whole or not there.
func TestLongNames(t *testing.T) {
	e := publishtest.Finished()
	e.Job.ClusterName = strings.Repeat("long-name-", 50)
	n := read(t, chat.Notification(renderer, e))
	if !strings.HasSuffix(n.Content.Title, "… finished") {
		t.Errorf("title %q", n.Content.Title)
	}
	e.Job.ClusterName = strings.Repeat("&", 50)
	n = read(t, chat.Notification(renderer, e))
	checkLimits(t, n)
	if !strings.HasSuffix(n.Content.Title, "&amp;…") {
		t.Errorf("title %q", n.Content.Title)
	}
}

// One restore is one thread.
func TestThreads(t *testing.T) {
	single := publishtest.Finished()
	job := *single.Job
	job.BatchID = ""
	single.Job = &job
	for _, tt := range []struct {
		name  string
		event restore.Event
		want  string
	}{
		{"job of a batch", publishtest.Finished(), string(publishtest.Batch)},
		{"batch", publishtest.BatchFinished(), string(publishtest.Batch)},
		{"job alone", single, string(publishtest.Config)},
		{"target", publishtest.Unreachable(), publishtest.Target.Place()},
	} {
		if got := read(t, chat.Notification(renderer, tt.event)).Metadata.ThreadID; got != tt.want {
			t.Errorf("%s: thread %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestManyHashes(t *testing.T) {
	e := publishtest.HashAdded()
	for range 40 {
		e.Hashes = append(e.Hashes, e.Hashes[0])
	}
	n := read(t, chat.Notification(renderer, e))
	checkLimits(t, n)
	if !strings.Contains(n.Content.Description, "and 38 more") {
		t.Errorf("description %q", n.Content.Description)
	}
}

func TestFIFOTopic(t *testing.T) {
	publisher, err := chat.New(nil, topic+".fifo", renderer)
	if publisher != nil || err == nil || !strings.Contains(err.Error(), "CHAT_TOPIC_ARN") {
		t.Errorf("publisher %v, error %v", publisher, err)
	}
}

// A fakeTopic keeps the last call and fails as told.
type fakeTopic struct {
	entries []types.PublishBatchRequestEntry
	err     error
}

func (f *fakeTopic) PublishBatch(_ context.Context, in *awssns.PublishBatchInput, _ ...func(*awssns.Options)) (*awssns.PublishBatchOutput, error) {
	f.entries = in.PublishBatchRequestEntries
	out := new(awssns.PublishBatchOutput)
	for _, e := range f.entries {
		out.Successful = append(out.Successful, types.PublishBatchResultEntry{Id: e.Id})
	}
	if f.err != nil {
		return nil, f.err
	}
	return out, nil
}

func TestMessageIsPlain(t *testing.T) {
	api := new(fakeTopic)
	publisher, err := chat.New(api, topic, renderer)
	if err != nil {
		t.Fatal(err)
	}
	var _ watch.Publisher = publisher
	e := publishtest.Finished()
	if accepted, err := publisher.Publish(t.Context(), []restore.Event{e}); err != nil || !accepted[0] {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	entry := api.entries[0]
	if entry.MessageStructure != nil || *entry.Message != chat.Notification(renderer, e) || *entry.Subject != renderer.Subject(e) ||
		*entry.MessageAttributes["status"].StringValue != "FINISHED" {
		t.Errorf("entry %+v", entry)
	}
}

func TestHintNamesTheVariable(t *testing.T) {
	publisher, err := chat.New(&fakeTopic{err: &smithy.GenericAPIError{Code: "NotFound"}}, topic, renderer)
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := publisher.Publish(t.Context(), []restore.Event{publishtest.Finished()})
	failure, ok := errors.AsType[*sns.Error](err)
	if accepted[0] || !ok || !strings.Contains(failure.Hint(), "CHAT_TOPIC_ARN") || failure.FailureKind() != restore.FailedPublish {
		t.Errorf("accepted %v, %v", accepted, err)
	}
}

// Whoever reads a test in a channel, and whatever an action is given, can tell it from the real thing.
func TestATestSaysThatItIsOne(t *testing.T) {
	test := publish.Renderer{BaseURL: publishtest.BaseURL, Test: true}
	for _, e := range publishtest.Events() {
		var n struct {
			Content struct {
				Title, Description string
				NextSteps          []string
			}
			Metadata struct{ AdditionalContext map[string]string }
		}
		if err := json.Unmarshal([]byte(chat.Notification(test, e)), &n); err != nil {
			t.Fatal(err)
		}
		c := n.Content
		if !strings.Contains(c.Title, " TEST: ") || !strings.HasPrefix(c.Description, "TEST: ") ||
			!strings.HasPrefix(c.NextSteps[0], "Nothing: this is a test") || n.Metadata.AdditionalContext["test"] != "true" {
			t.Errorf("%s: %+v", e.Type, n)
		}
	}
}
