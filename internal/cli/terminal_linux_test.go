package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// Elsewhere a file that was opened for writing may not be readable by its descriptor.
func TestLineThatAnotherProcessLeft(t *testing.T) {
	for left, want := range map[string]string{"": "new\n", "old\n": "old\nnew\n", `{"half`: "{\"half\nnew\n"} {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		if err := os.WriteFile(path, []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		w := &written{next: f}
		w.resume()
		if _, err := w.Write([]byte("new\n")); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); string(got) != want {
			t.Errorf("behind %q: %q, %v, want %q", left, got, err, want)
		}
	}
}
