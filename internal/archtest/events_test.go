package archtest

import (
	"os"
	"strings"
	"testing"

	"restorewatch/internal/publish/publishtest"
)

// Every file in events/ is named by a test, or is the golden file of an event type, so that none can rot.
func TestEventFilesAreUsed(t *testing.T) {
	golden := map[string]bool{}
	for _, e := range publishtest.Events() {
		golden[string(e.Type)+".json"] = true
	}
	var tests strings.Builder
	texts(t, func(name, text string) {
		if !strings.HasPrefix(name, "internal/archtest/") {
			tests.WriteString(text)
		}
	}, "_test.go")
	files, err := os.ReadDir(root + "/events")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !golden[f.Name()] && !strings.Contains(tests.String(), f.Name()+`"`) {
			t.Errorf("no test names events/%s", f.Name())
		}
		delete(golden, f.Name())
	}
	for name := range golden {
		t.Errorf("events/%s is missing", name)
	}
}
