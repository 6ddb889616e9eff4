package atlas

import (
	"net/url"
	"slices"
	"strings"

	"restorewatch/internal/restore"
)

// An api is how one source is asked for restore jobs and what its answers mean.
type api struct {
	path    []string // segments of the listing's URL; "{project}" and "{cluster}" stand for those of the target
	accept  string
	maxPage int
	decode  decoder
}

// A decoder turns one job of an answer into the domain's. It refuses only what cannot be remembered or would be told
// wrongly.
type decoder func(wireJob, restore.Target) (restore.Job, error)

// apis are the sources that can be watched.
var apis = map[restore.Source]api{
	restore.Legacy: legacyV1,
}

// legacyV1 is "Get All Legacy Backup Restore Jobs" of the Atlas Administration API v1.0.
var legacyV1 = api{
	path:    []string{"api", "atlas", "v1.0", "groups", "{project}", "clusters", "{cluster}", "restoreJobs"},
	accept:  "application/json",
	maxPage: 500,
	decode:  legacyJob,
}

// apiOf returns how t is asked for, or a FailedConfig error that names t.
func apiOf(t restore.Target) (api, error) {
	a, ok := apis[t.Source]
	if !ok {
		return api{}, configError(t, "source "+clean(string(t.Source), 40)+" is not supported yet",
			"Remove this target from WATCH, or watch it with the source legacy.")
	}
	for _, part := range []string{t.Project, t.Cluster} {
		switch part {
		case "*":
			return api{}, configError(t, "source "+string(t.Source)+" cannot watch * yet",
				"Name the project and each cluster in WATCH.")
		case "", ".", "..":
			return api{}, configError(t, "the project id and the cluster must be names", "")
		}
	}
	return a, nil
}

// url returns the address of t's listing at base, or of what lies below the listing.
func (a api) url(base *url.URL, t restore.Target, below ...string) *url.URL {
	var plain, escaped strings.Builder
	for _, segment := range slices.Concat(a.path, below) {
		switch segment {
		case "{project}":
			segment = t.Project
		case "{cluster}":
			segment = t.Cluster
		}
		plain.WriteString("/" + segment)
		escaped.WriteString("/" + url.PathEscape(segment))
	}
	return &url.URL{Scheme: base.Scheme, Host: base.Host, Path: plain.String(), RawPath: escaped.String()}
}
