package atlas

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

func TestDeprecations(t *testing.T) {
	deprecated, sunset := "Mon, 5 Aug 2024 00:00:00 GMT", "Thu, 1 Jul 2027 00:00:00 GMT"
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "flex") {
			w.Header().Set("Deprecation", deprecated)
			w.Header().Set("Sunset", sunset)
		}
		if strings.Contains(r.URL.Path, "gone") {
			refuse(w, 410, "VERSION_GONE", "gone")
			return
		}
		_, _ = io.WriteString(w, pageJSON(""))
	})
	c := newClient(t, h)
	if seen := c.Deprecations(); len(seen) != 0 {
		t.Errorf("before any request: %v", seen)
	}
	for run := range 2 {
		for _, to := range []restore.Target{cloudTarget, flexTarget, clusterOf(restore.Cloud, project, 2), clusterOf(restore.Cloud, "gone", 3)} {
			_, _ = list(t.Context(), c, to, 100)
		}
		_, _ = found(t.Context(), c, restore.Cloud, project)
		seen := c.Deprecations()
		if len(seen) != 2 {
			t.Fatalf("run %d: %v", run, seen)
		}
		want := Deprecation{Target: cloudTarget, Verb: "list restore jobs", Path: "/api/atlas/v2/groups/" + project + "/clusters/Cluster0/backup/restoreJobs",
			Since: date("2024-08-05T00:00:00Z"), Sunset: date("2027-07-01T00:00:00Z")}
		if seen[0] != want || seen[1].Verb != "list clusters" {
			t.Errorf("got %+v", seen)
		}
		if again := c.Deprecations(); len(again) != 0 {
			t.Errorf("told twice: %v", again)
		}
	}
	for i := range 100 {
		deprecated = fmt.Sprintf("@%d", 1_700_000_000+i)
		_, _ = list(t.Context(), c, cloudTarget, 100)
	}
	if seen := c.Deprecations(); len(seen) != maxNotices {
		t.Errorf("%d notices kept", len(seen))
	}
}

func TestHeaderDate(t *testing.T) {
	for text, want := range map[string]string{
		"Mon, 5 Aug 2024 00:00:00 GMT":   "2024-08-05T00:00:00Z",
		"Mon, 05 Aug 2024 00:00:00 GMT":  "2024-08-05T00:00:00Z",
		"Monday, 05-Aug-24 00:00:00 GMT": "2024-08-05T00:00:00Z",
		" @1688169599 ":                  "2023-06-30T23:59:59Z",
		"@-5":                            "",
		"@99999999999999":                "",
		"@x":                             "",
		"true":                           "",
		"":                               "",
		"Mon, 35 Aug 2024 00:00:00 GMT":  "",
	} {
		got := headerDate(text)
		if want == "" && !got.IsZero() || want != "" && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %v, want %q", text, got, want)
		}
	}
}
