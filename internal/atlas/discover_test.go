package atlas

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

// found tells the clusters of a project by the target and the id of each.
func found(ctx context.Context, c *Client, source restore.Source, project string) (all []string, err error) {
	for cluster, e := range c.Clusters(ctx, source, project) {
		if e != nil {
			return all, e
		}
		all = append(all, strings.TrimPrefix(cluster.Target.String(), string(source)+":"+project+"/")+"="+cluster.Name)
	}
	return all, nil
}

func TestClusters(t *testing.T) {
	const v2 = "/api/atlas/v2/groups/" + project
	for name, tt := range map[string]struct {
		source restore.Source
		legacy string
		uri    string // of page 1, but for the page
		accept string
	}{
		"legacy v1": {restore.Legacy, "", "/api/atlas/v1.0/groups/" + project + "/clusters?", "application/json"},
		"legacy v2": {restore.Legacy, "v2", v2 + "/clusters?includeDeletedWithRetainedBackups=true&", "application/vnd.atlas.2024-08-05+json"},
		"cloud":     {restore.Cloud, "", v2 + "/clusters?includeDeletedWithRetainedBackups=true&", "application/vnd.atlas.2024-08-05+json"},
		"flex":      {restore.Flex, "", v2 + "/flexClusters?", "application/vnd.atlas.2024-11-13+json"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, r.URL.RequestURI()+" "+r.Header.Get("Accept"))
				pages := map[string]string{
					"1": pageJSON(next(2), `{"name":"a","id":"1","stateName":"IDLE","connectionStrings":{"standard":"mongodb://CANARY"}}`, `{"name":"b"}`),
					"2": pageJSON("", `{"name":"b"}`, `{"name":"c","stateName":"DELETED"}`, `{"name":"a","id":"0"}`),
				}
				_, _ = io.WriteString(w, pages[r.URL.Query().Get("pageNum")])
			})
			c := newClient(t, h, func(o *Options) { o.LegacyAPI = tt.legacy })
			got, err := found(t.Context(), c, tt.source, project)
			if err != nil || !slices.Equal(got, []string{"a=a", "b=b", "c=c"}) {
				t.Errorf("got %q, %v", got, err)
			}
			if want := tt.uri + "itemsPerPage=100&pageNum=1 " + tt.accept; len(asked) != 2 || asked[0] != want {
				t.Errorf("asked %q, want 2 requests, first %q", asked, want)
			}
		})
	}
}

// Shards and config servers are no clusters of their own; a name that leads to none or to two clusters gives way to the id.
func TestManagerClusters(t *testing.T) {
	d := newDeployment()
	c := newClient(t, d)
	got, err := found(t.Context(), c, restore.Manager, project)
	want := []string{"Animals=Animals", "Plants=Plants", id(5) + "=Twin", id(6) + "=Twin", id(7) + "=my cluster"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	for cluster, err := range c.Clusters(t.Context(), restore.Manager, project) {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := list(t.Context(), c, cluster.Target, 100); err != nil {
			t.Errorf("%s: %v", cluster.Target, err)
		}
	}
	if c.Requests() != 2+5 {
		t.Errorf("%d requests: discovery did not save the look-up of names", c.Requests())
	}
}

func TestProjects(t *testing.T) {
	for source, want := range map[restore.Source]string{
		restore.Legacy:  "/api/atlas/v1.0/groups application/json",
		restore.Cloud:   "/api/atlas/v2/groups application/vnd.atlas.2023-01-01+json",
		restore.Flex:    "/api/atlas/v2/groups application/vnd.atlas.2023-01-01+json",
		restore.Manager: "/api/public/v1.0/groups application/json",
	} {
		var asked string
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Path + " " + r.Header.Get("Accept")
			if r.URL.Query().Get("pageNum") == "1" {
				_, _ = io.WriteString(w, pageJSON(next(2), `{"id":"p1","name":"One","clusterCount":2}`))
				return
			}
			_, _ = io.WriteString(w, pageJSON("", `{"id":"p1","name":"One"}`, `{"id":"p2","name":null}`))
		})
		var got []Project
		for p, err := range newClient(t, h).Projects(t.Context(), source) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p)
		}
		if !slices.Equal(got, []Project{{"p1", "One"}, {ID: "p2"}}) || asked != want {
			t.Errorf("%s: asked %s, got %v", source, asked, got)
		}
	}
}

func TestTargets(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/atlas/v2/groups":
			_, _ = io.WriteString(w, pageJSON("", `{"id":"p1"}`, `{"id":"p2"}`))
		case "/api/atlas/v2/groups/p1/clusters":
			_, _ = io.WriteString(w, pageJSON("", `{"name":"a"}`, `{"name":"b"}`))
		default:
			refuse(w, 404, "GROUP_NOT_FOUND", "none")
		}
	})
	c := newClient(t, h)
	for wild, want := range map[restore.Target]string{
		{Source: restore.Cloud, Project: "*", Cluster: "*"}:  "cloud:p1/* cloud:p2/*",
		{Source: restore.Cloud, Project: "*", Cluster: "a"}:  "cloud:p1/a cloud:p2/a",
		{Source: restore.Cloud, Project: "p1", Cluster: "*"}: "cloud:p1/a cloud:p1/b",
		{Source: restore.Cloud, Project: "p2", Cluster: "*"}: string(restore.FailedNotFound),
		{Source: restore.Flex, Project: "*", Cluster: "*"}:   "flex:p1/* flex:p2/*",
	} {
		var got []string
		for found, err := range c.Targets(t.Context(), wild) {
			if err != nil {
				got = append(got, string(err.(*Error).FailureKind()))
				continue
			}
			got = append(got, found.String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", wild, got, want)
		}
		for range c.Targets(t.Context(), wild) {
			break
		}
	}
}

func TestDiscoveryFails(t *testing.T) {
	for name, tt := range map[string]struct {
		source  restore.Source
		project string
		handler http.Handler
		kind    restore.FailureKind
		words   []string
	}{
		"no such source":  {"x", project, serve(pageJSON("")), restore.FailedConfig, []string{"source x is not supported"}},
		"every project":   {restore.Cloud, "*", serve(pageJSON("")), restore.FailedConfig, []string{"project id is none"}},
		"out of the path": {restore.Cloud, "..", serve(pageJSON("")), restore.FailedConfig, []string{"project id is none"}},
		"no name":         {restore.Cloud, project, serve(pageJSON("", `{"name":"a"}`, `{"id":"7"}`)), restore.FailedInvalidResponse, []string{"cluster 2: its name is none"}},
		"wild name":       {restore.Flex, project, serve(pageJSON("", `{"name":"a/../b"}`)), restore.FailedInvalidResponse, []string{"cluster 1: its name"}},
		"star":            {restore.Flex, project, serve(pageJSON("", `{"name":"*"}`)), restore.FailedInvalidResponse, []string{"cluster 1: its name"}},
		"number name":     {restore.Legacy, project, serve(pageJSON("", `{"name":7}`)), restore.FailedInvalidResponse, []string{"cluster 1: its name is a number"}},
		"no id":           {restore.Manager, project, serve(pageJSON("", `{"clusterName":"a"}`)), restore.FailedInvalidResponse, []string{"cluster 1: it has no id"}},
		"html":            {restore.Manager, project, serve("<html>"), restore.FailedInvalidResponse, []string{"instead of the API's JSON"}},
		"page 2": {restore.Cloud, project, &pagesOf{bodies: map[string]string{"1": pageJSON(next(2), `{"name":"a"}`)}},
			restore.FailedUnavailable, []string{"page 2", "list clusters: GET /api/atlas/v2/groups/" + project + "/clusters"}},
		"refused": {restore.Cloud, project, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refuse(w, 401, "USER_UNAUTHORIZED", "no")
		}), restore.FailedForbidden, []string{"USER_UNAUTHORIZED"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, tt.handler)
			_, err := found(t.Context(), c, tt.source, tt.project)
			e := failure(t, err, tt.kind, tt.words...)
			if name == "refused" && !strings.Contains(e.Hint(), "Project Read Only") {
				t.Errorf("hint %q", e.Hint())
			}
		})
	}
}

func TestProjectsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		source  restore.Source
		handler http.Handler
		kind    restore.FailureKind
		word    string
	}{
		"no such source": {"x", serve(pageJSON("")), restore.FailedConfig, "source x is not supported"},
		"no id":          {restore.Cloud, serve(pageJSON("", `{"name":"x"}`)), restore.FailedInvalidResponse, "project 1: it has no id"},
		"number id":      {restore.Cloud, serve(pageJSON("", `{"id":7}`)), restore.FailedInvalidResponse, "project 1: its id is a number"},
		"limit": {restore.Cloud, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { limited("55")(w) }),
			restore.FailedRateLimited, "list projects: GET /api/atlas/v2/groups: 429"},
	} {
		c := newClient(t, tt.handler)
		read := func() (err error) {
			for _, err = range c.Projects(t.Context(), tt.source) {
			}
			return err
		}
		failure(t, read(), tt.kind, tt.word)
		if name == "limit" {
			failure(t, read(), tt.kind, "list projects: GET /api/atlas/v2/groups: not asked: the API's limit has been reached")
		}
	}
}

func TestDiscoveryStopsWithItsReader(t *testing.T) {
	h := &pagesOf{bodies: map[string]string{"1": pageJSON(next(2), `{"name":"a"}`, `{"name":"b"}`)}}
	for range newClient(t, h).Clusters(t.Context(), restore.Flex, project) {
		break
	}
	if len(h.asked) != 1 {
		t.Errorf("asked %q", h.asked)
	}
}
