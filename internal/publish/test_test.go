package publish_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
)

// test renders events that nobody is to take for the real thing.
var test = publish.Renderer{BaseURL: publishtest.BaseURL, Test: true}

// Whoever reads a test, person or program, can tell it from the real thing.
func TestATestSaysThatItIsOne(t *testing.T) {
	s := schema(t)
	for _, e := range slices.Concat(publishtest.Events(), publishtest.Hostile()) {
		doc := test.JSON(e)
		valid(t, s, doc)
		_, r := parse(t, doc)
		if r != test {
			t.Errorf("%s: the renderer of a test is read as %+v", e.ID, r)
		}
		for _, tt := range []struct{ name, text, begins string }{
			{"summary", test.Summary(e), "TEST: "},
			{"subject", test.Subject(e), "[restorewatch] TEST: "},
			{"sms", test.SMS(e), "restorewatch: TEST: "},
			{"mail", test.Email(e), "TEST: "},
		} {
			if !strings.HasPrefix(tt.text, tt.begins) {
				t.Errorf("%s of %s does not begin with %q: %.300q", tt.name, e.Type, tt.begins, tt.text)
			}
		}
		if !strings.Contains(string(doc), `"summary":"TEST: `) || !strings.Contains(string(doc), `"test":true`) {
			t.Errorf("no mark in %.600s", doc)
		}
		if steps := test.Steps(e); !strings.HasPrefix(steps[0], "Nothing: this is a test") || !slices.Equal(steps[1:], renderer.Steps(e)) {
			t.Errorf("%s: steps %q", e.Type, steps)
		}
		want := append(publish.Attributes(e), publish.Attribute{Name: "test", Value: "true"})
		if got := test.Attributes(e); !slices.Equal(got, want) {
			t.Errorf("%s: attributes %v, want %v", e.Type, got, want)
		}
	}
}

// No real event looks like a test.
func TestARealEventIsNoTest(t *testing.T) {
	for _, e := range publishtest.Events() {
		doc := string(renderer.JSON(e))
		if strings.Contains(doc, `"test"`) || strings.Contains(doc, "TEST") || strings.Contains(renderer.Email(e)+renderer.Subject(e), "TEST") {
			t.Errorf("a mark in %s", doc)
		}
		if !slices.Equal(renderer.Attributes(e), publish.Attributes(e)) {
			t.Errorf("attributes %v", renderer.Attributes(e))
		}
	}
}

func TestGoldenTest(t *testing.T) {
	e := publishtest.Events()[0]
	text := fmt.Sprintf("Subject: %s\nSMS: %s\n\n%s", test.Subject(e), test.SMS(e), test.Email(e))
	golden(t, filepath.Join("testdata", "test."+string(e.Type)+".txt"), []byte(text))
}
