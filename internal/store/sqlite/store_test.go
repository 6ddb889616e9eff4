package sqlite

import (
	"path/filepath"
	"testing"

	"restorewatch/internal/restore"
	"restorewatch/internal/store/storetest"
)

var target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"))
		return storetest.Fixture{Store: s, Plant: func(t *testing.T, of restore.Target, key restore.Key, version int, body string) {
			_, err := s.db.ExecContext(t.Context(), "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, '')", of.String(), key, version, body)
			if err != nil {
				t.Fatal(err)
			}
		}}
	})
}

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
