package atlas

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"restorewatch/internal/restore"
)

// An api is how one source is asked for restore jobs and what its answers mean.
type api struct {
	path    []string // segments of the listing's URL; "{project}" and "{cluster}" stand for those of the target
	accept  string   // v2: the exact version of the resource; another one is refused with 406
	maxPage int      // jobs
	byID    bool     // the path takes the cluster's id, not its name
	batches bool     // the listing can be narrowed to one batchId
	role    string   // the least role that may list, as the API's reference names it
	gone    string   // what to do when the host does not know this path
	page    func([]byte, restore.Target) (page, error)
	job     func([]byte, restore.Target) (restore.Job, error)

	clusters resource // the clusters of a project
	projects resource // the projects that the key can see
}

// A resource is a listing that discovery reads.
type resource struct {
	path   []string
	accept string
	query  url.Values // beside the page
}

// Resource versions of the v2 API, as its specification has them.
const (
	json1       = "application/json" // v1.0 has no versions
	v2of2023Jan = "application/vnd.atlas.2023-01-01+json"
	v2of2024Aug = "application/vnd.atlas.2024-08-05+json"
	v2of2024Nov = "application/vnd.atlas.2024-11-13+json"
)

const readOnly = "Project Read Only"

// apisOf returns the sources that can be watched; legacy is the path that serves the source of that name: "v1", the
// default, or "v2".
func apisOf(legacy string) (map[restore.Source]*api, error) {
	apis := map[restore.Source]*api{
		restore.Legacy: &legacyV1, restore.Manager: &manager, restore.Cloud: &cloud, restore.Flex: &flex,
	}
	switch legacy {
	case "", "v1":
	case "v2":
		apis[restore.Legacy] = &legacyV2
	default:
		return nil, fmt.Errorf("legacy API %q: want v1 or v2", clean(legacy, 40))
	}
	return apis, nil
}

// apiOf returns how the source is asked for, or a FailedConfig error that names t.
func (c *Client) apiOf(t restore.Target) (*api, error) {
	a, ok := c.apis[t.Source]
	if !ok {
		return nil, configError(t, "source "+clean(string(t.Source), 40)+" is not supported",
			"The sources are legacy, manager, cloud and flex.")
	}
	return a, nil
}

// oneCluster is apiOf for what is asked of a single cluster.
func (c *Client) oneCluster(t restore.Target) (*api, error) {
	a, err := c.apiOf(t)
	if err != nil {
		return nil, err
	}
	for _, part := range []string{t.Project, t.Cluster} {
		switch part {
		case "*":
			return nil, configError(t, "it is many clusters, and one is asked for", "Name the project and the cluster.")
		case "", ".", "..":
			return nil, configError(t, "the project id and the cluster must be names", "")
		}
	}
	return a, nil
}

// urlOf returns the address of a path at base. "{project}" and "{cluster}" stand for those of t.
func urlOf(base *url.URL, t restore.Target, path ...string) *url.URL {
	var plain, escaped strings.Builder
	for _, segment := range path {
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

// url returns the address of t's listing at base, or of what lies below the listing.
func (a *api) url(base *url.URL, t restore.Target, below ...string) *url.URL {
	return urlOf(base, t, slices.Concat(a.path, below)...)
}

// under returns the segments of a path, written as one.
func under(path string) []string { return strings.Split(path, "/") }
