package atlassim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// Where the restores of Cluster0 are told.
const (
	legacyV2  = "/api/atlas/v2/groups/" + project + "/clusters/Cluster0/restoreJobs"
	cloudJobs = "/api/atlas/v2/groups/" + project + "/clusters/Cluster0/backup/restoreJobs"
	flexJobs  = "/api/atlas/v2/groups/" + project + "/flexClusters/Cluster0/backup/restoreJobs"
	inV1      = "/api/atlas/v1.0/groups/" + project
	inV2      = "/api/atlas/v2/groups/" + project
	inPublic  = "/api/public/v1.0/groups/" + project
)

func managerJobs(name string) string {
	return inPublic + "/clusters/" + atlassim.ClusterID(project, name) + "/restoreJobs"
}

func TestAccept(t *testing.T) {
	const old, label = "application/vnd.atlas.2023-01-01+json", "application/vnd.atlas.2023-01-01+json;charset=utf-8"
	tests := map[string]struct {
		accept, uri string
		status      int
		code, label string
	}{
		"exact":                    {old, cloudJobs, 200, "", label},
		"younger than the version": {"application/vnd.atlas.2025-03-12+json", cloudJobs, 200, "", label},
		"among others":             {"text/html, application/vnd.atlas.2023-02-01+json; q=0.5", cloudJobs, 200, "", label},
		"legacy by v2":             {old, legacyV2, 200, "", label},
		"flex":                     {v2Flex, flexJobs, 200, "", "application/vnd.atlas.2024-11-13+json;charset=utf-8"},
		"clusters, latest":         {"application/vnd.atlas.2025-03-12+json", inV2 + "/clusters", 200, "", "application/vnd.atlas.2024-08-05+json;charset=utf-8"},
		"clusters, in between":     {"application/vnd.atlas.2023-11-15+json", inV2 + "/clusters", 200, "", "application/vnd.atlas.2023-02-01+json;charset=utf-8"},
		"none":                     {"", cloudJobs, 406, "INVALID_VERSION_DATE", ""},
		"plain JSON":               {"application/json", cloudJobs, 406, "INVALID_VERSION_DATE", ""},
		"no such date":             {"application/vnd.atlas.2023-01-02+json", cloudJobs, 406, "INVALID_VERSION_DATE", ""},
		"no date":                  {"application/vnd.atlas.+json", cloudJobs, 406, "INVALID_VERSION_DATE", ""},
		"another suffix":           {"application/vnd.atlas.2023-01-01+csv", cloudJobs, 406, "INVALID_VERSION_DATE", ""},
		"older than the resource":  {old, flexJobs, 406, "INVALID_VERSION_DATE", ""},
		"v1.0 asks for none":       {"", jobs, 200, "", "application/json"},
		"nor do the managers":      {"", managerJobs("Cluster0"), 200, "", "application/json"},
	}
	sim := simulate(1)
	for name, tt := range tests {
		c := call(t, sim)
		c.accept = tt.accept
		resp, b := c.get(tt.uri)
		if resp.StatusCode != tt.status || resp.Header.Get("X-Error-Code") != tt.code {
			t.Errorf("%s: %s %s", name, resp.Status, b)
		}
		if got := resp.Header.Get("Content-Type"); tt.status == 200 && got != tt.label {
			t.Errorf("%s: Content-Type %s", name, got)
		}
	}
}

func TestGoneVersions(t *testing.T) {
	sim := simulate(1)
	sim.GoneVersions = []string{"2023-01-01", atlassim.VersionV1}
	c := call(t, sim)
	for uri, want := range map[string]string{
		cloudJobs: "410 VERSION_GONE", legacyV2: "410 VERSION_GONE", jobs: "410 VERSION_GONE", inV2 + "/clusters": "200",
	} {
		if got := c.refusal("application/vnd.atlas.2025-03-12+json", uri); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
	if got := c.refusal(v2, inV2+"/clusters"); got != "410 VERSION_GONE" {
		t.Errorf("the old clusters: %s", got)
	}
}

func TestDeprecation(t *testing.T) {
	since, sunset := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC), time.Date(2027, 12, 31, 23, 0, 0, 0, time.UTC)
	sim := simulate(1)
	sim.Deprecated = map[atlassim.API]atlassim.Deprecation{
		atlassim.LegacyV2API: {Since: since, Sunset: sunset}, atlassim.LegacyAPI: {Since: since},
	}
	tests := []struct{ accept, uri, since, sunset string }{
		{v2, legacyV2, "Wed, 4 Mar 2026 00:00:00 GMT", "Fri, 31 Dec 2027 23:00:00 GMT"},
		{"", jobs, "Wed, 4 Mar 2026 00:00:00 GMT", ""},
		{v2, cloudJobs, "", ""},
		{v2, inV2 + "/clusters", "Mon, 5 Aug 2024 00:00:00 GMT", "Thu, 1 Jul 2027 00:00:00 GMT"}, // as recorded
		{v2Cluster, inV2 + "/clusters", "", ""},
	}
	c := call(t, sim)
	for _, tt := range tests {
		c.accept = tt.accept
		resp, _ := c.get(tt.uri)
		if h := resp.Header; h.Get("Deprecation") != tt.since || h.Get("Sunset") != tt.sunset {
			t.Errorf("%s: Deprecation %q, Sunset %q", tt.uri, h.Get("Deprecation"), h.Get("Sunset"))
		}
	}
}

// The request that the specification shows for v2, by the real program.
func TestCurlWithAVersion(t *testing.T) {
	sim := simulate(2)
	base := serve(t, sim)
	out := curl(t, "--digest", "--user", user, "--header", "Accept: application/vnd.atlas.2025-03-12+json",
		"--write-out", "\n%{http_code} %{content_type}", base+cloudJobs)
	body, last, _ := strings.Cut(out, "\n")
	if last != "200 application/vnd.atlas.2023-01-01+json;charset=utf-8" || len(decode[listing](t, []byte(body)).Results) != 2 {
		t.Errorf("curl shows %s", out)
	}
	out = curl(t, "--digest", "--user", user, "--write-out", "\n%{http_code} %{content_type}", base+cloudJobs) // Accept: */*
	if body, last, _ := strings.Cut(out, "\n"); last != "406 application/json" || !strings.Contains(body, "Invalid accept header") {
		t.Errorf("without a version curl shows %s", out)
	}
	if n := sim.Count(http.StatusUnauthorized); n != 2 {
		t.Errorf("%d challenges, want one for each", n)
	}
}
