package publish_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
)

func parse(t *testing.T, doc []byte) (restore.Event, publish.Renderer) {
	t.Helper()
	e, r, err := publish.Parse(doc)
	if err != nil {
		t.Fatalf("%v: %.300s", err, doc)
	}
	return e, r
}

func TestParseIsTheInverseOfJSON(t *testing.T) {
	for _, want := range publishtest.Events() {
		e, r := parse(t, renderer.JSON(want))
		if !reflect.DeepEqual(e, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", want.ID, e, want)
		}
		if r != renderer {
			t.Errorf("%s: base %q, want %q", want.ID, r.BaseURL, renderer.BaseURL)
		}
	}
}

// Rendering makes text fit for JSON; from then on nothing changes any more, and people read the same.
func TestParseHostile(t *testing.T) {
	for _, hostile := range publishtest.Hostile() {
		e, r := parse(t, renderer.JSON(hostile))
		once := r.JSON(e)
		e, r = parse(t, once)
		if twice := r.JSON(e); !bytes.Equal(once, twice) {
			t.Errorf("%s:\n once %.300s\ntwice %.300s", e.ID, once, twice)
		}
		if !utf8.ValidString(hostile.Target.Cluster) {
			continue // is no UTF-8, so JSON cannot carry it as it is
		}
		if got, want := publish.Summary(e), publish.Summary(hostile); got != want {
			t.Errorf("summary %q, want %q", got, want)
		}
	}
}

func TestParseKeepsCountsOfWhatWasLeftOut(t *testing.T) {
	hashes, both, batch, text := tooLarge()
	e, _ := parse(t, renderer.JSON(hashes))
	if n := len(e.Job.Hashes); n != 3000 {
		t.Errorf("%d hashes of the job, want 3000", n)
	}
	e, _ = parse(t, renderer.JSON(both))
	if n := len(e.Hashes); n != 3000 {
		t.Errorf("%d new hashes, want 3000", n)
	}
	batch.Batch.Members[2999].Status, batch.Batch.Members[2998].Status = restore.Broken, restore.InProgress
	e, _ = parse(t, renderer.JSON(batch))
	finished, failed := e.Batch.Count()
	if finished != 2998 || failed != 1 || len(e.Batch.Members) != 3000 {
		t.Errorf("%d finished, %d failed of %d, want 2998, 1 of 3000", finished, failed, len(e.Batch.Members))
	}
	e, _ = parse(t, renderer.JSON(text))
	if !strings.HasPrefix(text.Failure.Message, e.Failure.Message) || len(e.Failure.Message) < 4000 {
		t.Errorf("message of %d bytes", len(e.Failure.Message))
	}
}

// spoiled renders the finished event with one thing edited.
func spoiled(t *testing.T, path string, value any) []byte {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(renderer.JSON(publishtest.Finished()), &event); err != nil {
		t.Fatal(err)
	}
	edit(path, value)(event)
	doc, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, doc, want string
	}{
		{"nothing", "", "unexpected end"},
		{"text", "hello", "invalid character"},
		{"null", "null", "CloudEvents"},
		{"a list", "[]", "CloudEvents"},
		{"half an event", string(renderer.JSON(publishtest.Finished())[:200]), "unexpected end"},
		{"an alarm", `{"AlarmName":"x","NewStateValue":"ALARM"}`, "CloudEvents"},
		{"another version", string(spoiled(t, "specversion", "0.3")), "CloudEvents"},
		{"another program's type", string(spoiled(t, "type", "com.example.\x1b[31m")), "<U+001B>"},
		{"a prefix alone", string(spoiled(t, "type", "restorewatch.")), "restorewatch."},
		{"no id", string(spoiled(t, "id", nil)), "id"},
		{"an id of another kind", string(spoiled(t, "id", 7)), "id"},
		{"no subject", string(spoiled(t, "subject", nil)), "subject"},
	} {
		if _, _, err := publish.Parse([]byte(tt.doc)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q in it", tt.name, err, tt.want)
		}
	}
}

func TestParseTolerates(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		value      any
		check      func(restore.Event, publish.Renderer) bool
	}{
		{"an unknown field", "data.job.novelty", map[string]any{"a": 1}, func(e restore.Event, _ publish.Renderer) bool {
			return reflect.DeepEqual(e, publishtest.Finished())
		}},
		{"an unknown type", "type", "restorewatch.job.paused", func(e restore.Event, _ publish.Renderer) bool {
			return e.Type == "job.paused" && e.Job != nil
		}},
		{"a field of another kind", "data.job.delivery.maxDownloads", "many", func(e restore.Event, _ publish.Renderer) bool {
			return e.Job.Delivery.MaxDownloads == 0 && e.Job.Delivery.Status == restore.DeliveryReady
		}},
		{"a sequence that is none", "sequence", "first", func(e restore.Event, _ publish.Renderer) bool { return e.Sequence == 0 }},
		{"a time that is none", "time", "yesterday", func(e restore.Event, _ publish.Renderer) bool { return e.Time.IsZero() }},
		{"a source that is no address", "source", "::", func(_ restore.Event, r publish.Renderer) bool { return r.BaseURL == "" }},
		{"a source to click on", "source", "javascript://x/alert", func(_ restore.Event, r publish.Renderer) bool { return r.BaseURL == "" }},
		{"a source without TLS", "source", "http://ops.example.com/x", func(_ restore.Event, r publish.Renderer) bool { return r.BaseURL == "" }},
		{"a source that looks like another", "source", "https://cloud.mongodb.com\u202e/x", func(_ restore.Event, r publish.Renderer) bool {
			return r.BaseURL == ""
		}},
		{"a source with markup", "source", "https://a<b>/x", func(_ restore.Event, r publish.Renderer) bool { return r.BaseURL == "" }},
		{"a source with a password", "source", "https://u:p@ops.example.com/x", func(_ restore.Event, r publish.Renderer) bool {
			return r.BaseURL == "https://ops.example.com"
		}},
		{"a made-up count", "data.omitted", map[string]any{"jobHashes": 1 << 40, "hashes": -5}, func(e restore.Event, _ publish.Renderer) bool {
			return len(e.Job.Hashes) == 10_000 && len(e.Hashes) == 0
		}},
		{"an endless remainder", "data.remainingSeconds", 1 << 62, func(e restore.Event, _ publish.Renderer) bool {
			return e.Expiry.Remaining > 0
		}},
	} {
		e, r := parse(t, spoiled(t, tt.path, tt.value))
		if !tt.check(e, r) {
			t.Errorf("%s: got %+v with base %q", tt.name, e, r.BaseURL)
		}
	}
}
