package atlas

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

// pagesOf serves bodies by the value of pageNum and remembers the URLs asked for.
type pagesOf struct {
	bodies map[string]string
	asked  []string
}

func (p *pagesOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked = append(p.asked, r.URL.RequestURI())
	body, ok := p.bodies[r.URL.Query().Get("pageNum")]
	if !ok {
		refuse(w, 500, "UNEXPECTED_ERROR", "no such page")
		return
	}
	_, _ = io.WriteString(w, body)
}

func next(n int) string {
	return fmt.Sprintf("https://elsewhere.test/another/path?includeCount=true&itemsPerPage=2&pageNum=%d", n)
}

func jobs(numbers ...int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, jobJSON(id(n), "FINISHED"))
	}
	return out
}

func TestPaging(t *testing.T) {
	for name, tt := range map[string]struct {
		bodies map[string]string
		want   string
		asked  int
		kind   restore.FailureKind // "" means that it works
		words  []string
	}{
		"one page":              {map[string]string{"1": pageJSON("", jobs(1, 2)...)}, "0001 0002", 1, "", nil},
		"empty":                 {map[string]string{"1": pageJSON("")}, "", 1, "", nil},
		"no links at all":       {map[string]string{"1": `{"results":[` + jobs(1)[0] + `]}`}, "0001", 1, "", nil},
		"null links":            {map[string]string{"1": `{"links":null,"results":[` + jobs(1)[0] + `]}`}, "0001", 1, "", nil},
		"totalCount has no say": {map[string]string{"1": strings.Replace(pageJSON(next(2), jobs(1)...), `"totalCount":7`, `"totalCount":0`, 1), "2": pageJSON("", jobs(2)...)}, "0001 | 0002", 2, "", nil},
		"shifted while read":    {map[string]string{"1": pageJSON(next(2), jobs(4, 3)...), "2": pageJSON(next(3), jobs(3, 2)...), "3": pageJSON("", jobs(2, 1)...)}, "0004 0003 | 0002 | 0001", 3, "", nil},
		"nothing new on a page": {map[string]string{"1": pageJSON(next(2), jobs(2, 1)...), "2": pageJSON(next(3), jobs(2, 1)...), "3": pageJSON("", jobs(0)...)}, "0002 0001 | 0000", 3, "", nil},
		"empty page ends it":    {map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON(next(3))}, "0001", 2, "", nil},
		"relative next":         {map[string]string{"1": pageJSON("?pageNum=2", jobs(1)...), "2": pageJSON("", jobs(2)...)}, "0001 | 0002", 2, "", nil},
		"next without address":  {map[string]string{"1": pageJSON("", jobs(1)...)[:1] + `"results":[],"links":[{"rel":"next","href":null}]}`}, "", 1, "", nil},

		"same page again": {map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON(next(2), jobs(2)...)}, "0001", 2,
			restore.FailedInvalidResponse, []string{"page 2", "already read"}},
		"in a circle": {map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON(next(1), jobs(2)...)}, "0001 | 0002", 3,
			restore.FailedInvalidResponse, []string{"page 3", "already read"}},
		"page 2 fails": {map[string]string{"1": pageJSON(next(2), jobs(1)...)}, "0001", 2,
			restore.FailedUnavailable, []string{"page 2", "500 UNEXPECTED_ERROR", "no such page"}},
		"job without id on page 2": {map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON("", jobs(2)[0], `{"statusName":"FINISHED"}`)}, "0001", 2,
			restore.FailedInvalidResponse, []string{"page 2", "job 2: it has no id"}},
		"two jobs with one id": {map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON("", jobJSON(id(2), "FINISHED"), jobJSON(id(3), "FINISHED"), jobJSON(id(2), "BROKEN"))}, "0001", 2,
			restore.FailedInvalidResponse, []string{"page 2", "job 3", id(2)}},
		"next without query":  {map[string]string{"1": pageJSON("https://elsewhere.test/", jobs(1)...)}, "", 1, restore.FailedInvalidResponse, []string{"next link has no query"}},
		"next is no URL":      {map[string]string{"1": pageJSON(":// CANARY-url", jobs(1)...)}, "", 1, restore.FailedInvalidResponse, []string{"next link is not a URL"}},
		"next is very long":   {map[string]string{"1": pageJSON("?pageNum="+strings.Repeat("2", maxQuery), jobs(1)...)}, "", 1, restore.FailedInvalidResponse, []string{"bytes long"}},
		"next is a number":    {map[string]string{"1": `{"links":[{"rel":"next","href":2}],"results":[]}`}, "", 1, restore.FailedInvalidResponse, []string{"href", "a number"}},
		"links are an object": {map[string]string{"1": `{"links":{"next":"?pageNum=2"},"results":[]}`}, "", 1, restore.FailedInvalidResponse, []string{"links is an object"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := &pagesOf{bodies: tt.bodies}
			pages, err := list(t.Context(), newClient(t, h), target, 2)
			if tt.kind != "" {
				failure(t, err, tt.kind, append(tt.words, listPath)...)
			} else if err != nil {
				t.Error(err)
			}
			if got := ids(pages); got != tt.want || len(h.asked) != tt.asked {
				t.Errorf("got %q in %d requests, want %q in %d", got, len(h.asked), tt.want, tt.asked)
			}
			for _, uri := range h.asked {
				if !strings.HasPrefix(uri, listPath+"?") {
					t.Errorf("asked for %s", uri)
				}
			}
		})
	}
}

func TestIdenticalDuplicatesAreOneJob(t *testing.T) {
	c := newClient(t, serve(pageJSON("", jobs(1, 2, 1)...)))
	if pages, err := list(t.Context(), c, target, 100); err != nil || ids(pages) != "0001 0002" {
		t.Errorf("got %s, %v", ids(pages), err)
	}
}

func TestBreakStopsReading(t *testing.T) {
	h := &pagesOf{bodies: map[string]string{"1": pageJSON(next(2), jobs(1)...), "2": pageJSON("", jobs(2)...)}}
	for range newClient(t, h).RestoreJobs(t.Context(), target, 100) {
		break
	}
	if len(h.asked) != 1 {
		t.Errorf("asked for %q", h.asked)
	}
}

func TestEndlessListing(t *testing.T) {
	n := 0
	w := walk{query: "pageNum=0"}
	for {
		n++
		if err := w.advance(fmt.Sprintf("pageNum=%d", n), 1); err != nil {
			break
		}
	}
	if n != maxPages {
		t.Errorf("gave up after %d pages, want %d", n, maxPages)
	}
}

func TestWhatIsAsked(t *testing.T) {
	var got *http.Request
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		if strings.HasSuffix(r.URL.Path, id(1)) {
			_, _ = io.WriteString(w, jobJSON(id(1), "FINISHED"))
			return
		}
		_, _ = io.WriteString(w, pageJSON(""))
	})
	c := newClient(t, h)
	odd := restore.Target{Source: restore.Legacy, Project: "a b", Cluster: "x/y?z"}
	for name, tt := range map[string]struct {
		call func() error
		uri  string
	}{
		"list":         {func() error { _, err := list(t.Context(), c, target, 100); return err }, listPath + "?itemsPerPage=100&pageNum=1"},
		"too many":     {func() error { _, err := list(t.Context(), c, target, 5000); return err }, listPath + "?itemsPerPage=500&pageNum=1"},
		"too few":      {func() error { _, err := list(t.Context(), c, target, 0); return err }, listPath + "?itemsPerPage=1&pageNum=1"},
		"escaped path": {func() error { _, err := list(t.Context(), c, odd, 1); return err }, "/api/atlas/v1.0/groups/a%20b/clusters/x%2Fy%3Fz/restoreJobs?itemsPerPage=1&pageNum=1"},
		"batch": {func() (err error) {
			for _, e := range c.BatchJobs(t.Context(), target, "5a66783b80eef5354c77ee13") {
				err = e
			}
			return err
		}, listPath + "?batchId=5a66783b80eef5354c77ee13&itemsPerPage=500&pageNum=1"},
		"one": {func() error {
			job, err := c.RestoreJob(t.Context(), target, restore.JobID(id(1)))
			if err == nil && job.ID != restore.JobID(id(1)) {
				err = fmt.Errorf("got job %s", job.ID)
			}
			return err
		}, listPath + "/" + id(1)},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			if got.URL.RequestURI() != tt.uri || got.Method != http.MethodGet {
				t.Errorf("asked for %s %s, want %s", got.Method, got.URL.RequestURI(), tt.uri)
			}
			if got.Header.Get("Accept") != "application/json" || !strings.HasPrefix(got.UserAgent(), "restorewatch/") {
				t.Errorf("headers %v", got.Header)
			}
		})
	}
}

func TestOneJob(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		word string
	}{
		"other id":  {jobJSON(id(2), "FINISHED"), "asked for job " + id(1)},
		"no id":     {`{"statusName":"FINISHED"}`, "it has no id"},
		"number id": {`{"id":7}`, "its id is a number"},
		"array":     {`[]`, "it is an array"},
		"cut off":   {jobJSON(id(1), "FINISHED")[:50], "cut off after 50 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newClient(t, serve(tt.body)).RestoreJob(t.Context(), target, restore.JobID(id(1)))
			failure(t, err, restore.FailedInvalidResponse, "read restore job: GET /api/atlas/v1.0/groups/", tt.word)
		})
	}
}

func TestTargetsThatCannotBeWatched(t *testing.T) {
	for name, tt := range map[string]struct {
		target restore.Target
		word   string
	}{
		"no source":        {restore.Target{Source: "serverless", Project: "p", Cluster: "c"}, "serverless:p/c: source serverless is not supported"},
		"every cluster":    {restore.Target{Source: restore.Legacy, Project: "p", Cluster: "*"}, "legacy:p/*: it is many clusters"},
		"out of the path":  {restore.Target{Source: restore.Legacy, Project: "..", Cluster: "c"}, "must be names"},
		"nothing":          {restore.Target{Source: restore.Legacy}, "must be names"},
		"source with text": {restore.Target{Source: "x\ny", Project: "p", Cluster: "c"}, "not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, serve("{}"))
			_, err := list(t.Context(), c, tt.target, 100)
			failure(t, err, restore.FailedConfig, tt.word)
			_, err = c.RestoreJob(t.Context(), tt.target, "x")
			failure(t, err, restore.FailedConfig, tt.word)
			if c.Requests() != 0 {
				t.Errorf("%d requests", c.Requests())
			}
		})
	}
	c := newClient(t, serve("{}"))
	for _, bad := range []string{"", "..", "a/b", "a b", "ä", strings.Repeat("a", 129)} {
		_, err := c.RestoreJob(t.Context(), target, restore.JobID(bad))
		failure(t, err, restore.FailedConfig, "job id")
		for _, err := range c.BatchJobs(t.Context(), target, restore.BatchID(bad)) {
			failure(t, err, restore.FailedConfig, "batch id")
		}
	}
}
