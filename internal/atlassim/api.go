package atlassim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The roots of the paths that are served.
const (
	rootV1     = "/api/atlas/v1.0"  // Atlas, deprecated as a whole
	rootV2     = "/api/atlas/v2"    // Atlas, each resource versioned by date
	rootPublic = "/api/public/v1.0" // Cloud Manager and Ops Manager
)

// An API is one part of what the server speaks, as its log and its knobs name it. The discovery of clusters and of
// projects counts as one API each, whatever the root.
type API string

// The APIs, with the paths that belong to them.
const (
	LegacyAPI   API = "legacy"    // /api/atlas/v1.0/groups/{project}/clusters/{cluster}/restoreJobs
	LegacyV2API API = "legacy-v2" // /api/atlas/v2/groups/{project}/clusters/{cluster}/restoreJobs
	ManagerAPI  API = "manager"   // /api/public/v1.0/groups/{project}/clusters/{cluster id}/restoreJobs
	CloudAPI    API = "cloud"     // …/clusters/{cluster}/backup/restoreJobs, of v2 and, deprecated, of v1.0
	FlexAPI     API = "flex"      // /api/atlas/v2/groups/{project}/flexClusters/{cluster}/backup/restoreJobs
	ClustersAPI API = "clusters"  // …/groups/{project}/clusters and flexClusters, and one of them
	ProjectsAPI API = "projects"  // …/groups, and one of them
	TokenAPI    API = "token"     // /api/oauth/token and /api/oauth/revoke
)

// A route is one resource: a listing and, with one more segment, each entry of it.
type route struct {
	api      API
	root     string
	path     []string // below the root, without the segment that names one entry
	versions []string // dates of the resource's versions, oldest first; v2 only
	limit    endpointSet
	entries  func(*Server, *visit) ([]entry, *problem)
}

var (
	groups       = []string{"groups"}
	clusters     = []string{"groups", "{project}", "clusters"}
	flexClusters = []string{"groups", "{project}", "flexClusters"}
	restoreJobs  = append(slices.Clone(clusters), "{cluster}", "restoreJobs")
	cloudJobs    = append(slices.Clone(clusters), "{cluster}", "backup", "restoreJobs")
	flexJobs     = append(slices.Clone(flexClusters), "{cluster}", "backup", "restoreJobs")

	firstVersion    = []string{"2023-01-01"}
	flexVersion     = []string{"2024-11-13"}
	clusterVersions = []string{"2023-01-01", "2023-02-01", "2024-08-05"}
)

var routes = []route{
	{LegacyAPI, rootV1, restoreJobs, nil, "", (*Server).legacyJobs},
	{LegacyV2API, rootV2, restoreJobs, firstVersion, cloudBackups, (*Server).legacyJobs},
	{ManagerAPI, rootPublic, restoreJobs, nil, "", (*Server).managerJobs},
	{CloudAPI, rootV1, cloudJobs, nil, "", (*Server).cloudJobs},
	{CloudAPI, rootV2, cloudJobs, firstVersion, cloudBackups, (*Server).cloudJobs},
	{FlexAPI, rootV2, flexJobs, flexVersion, cloudBackups, (*Server).flexJobs},
	{ClustersAPI, rootV1, clusters, nil, "", (*Server).listClusters},
	{ClustersAPI, rootV2, clusters, clusterVersions, clusterSet, (*Server).listClusters},
	{ClustersAPI, rootV2, flexClusters, flexVersion, clusterSet, (*Server).listFlexClusters},
	{ClustersAPI, rootPublic, clusters, nil, "", (*Server).listManagedClusters},
	{ProjectsAPI, rootV1, groups, nil, "", (*Server).listProjects},
	{ProjectsAPI, rootV2, groups, firstVersion, clusterSet, (*Server).listProjects},
	{ProjectsAPI, rootPublic, groups, nil, "", (*Server).listProjects},
}

// A place is what a path names: a listing, or the entry id of it. cluster is a name, but an id in ManagerAPI.
type place struct {
	route            *route
	project, cluster string
	id               string
}

// locate reads a path; false if it names nothing that is simulated.
func locate(u *url.URL) (place, bool) {
	path := u.EscapedPath()
	for i := range routes {
		rt := &routes[i]
		if rest, ok := strings.CutPrefix(path, rt.root+"/"); ok {
			if p, ok := rt.match(strings.Split(rest, "/")); ok {
				return p, true
			}
		}
	}
	return place{}, false
}

// match compares escaped segments with those of the route, of which one more names an entry.
func (rt *route) match(parts []string) (place, bool) {
	p := place{route: rt}
	if len(parts) < len(rt.path) || len(parts) > len(rt.path)+1 {
		return p, false
	}
	for i, part := range parts {
		name, err := url.PathUnescape(part)
		if err != nil || name == "" {
			return p, false
		}
		switch {
		case i == len(rt.path):
			p.id = name
		case rt.path[i] == "{project}":
			p.project = name
		case rt.path[i] == "{cluster}":
			p.cluster = name
		case rt.path[i] != part:
			return p, false
		}
	}
	return p, true
}

// within is the project that a place belongs to, be it that project itself; "" for the listing of all.
func (p place) within() string {
	if p.route.api == ProjectsAPI {
		return p.id
	}
	return p.project
}

// listsJobs reports whether the place is a listing of restore jobs.
func (p place) listsJobs() bool {
	return p.id == "" && p.route.path[len(p.route.path)-1] == "restoreJobs"
}

// group is the path of the project, and at that of the listing: neither has a host.
func (p place) group() string { return p.route.root + "/groups/" + url.PathEscape(p.project) }

func (p place) at() string {
	segments := slices.Clone(p.route.path)
	for i, s := range segments {
		switch s {
		case "{project}":
			segments[i] = url.PathEscape(p.project)
		case "{cluster}":
			segments[i] = url.PathEscape(p.cluster)
		}
	}
	return p.route.root + "/" + strings.Join(segments, "/")
}

// whereabouts says for the log which API and project a request is about.
func whereabouts(r *http.Request) (API, string) {
	if isOAuth(r) {
		return TokenAPI, ""
	}
	if p, ok := locate(r.URL); ok {
		return p.route.api, p.within()
	}
	return "", ""
}

// InProject matches the requests about one project, for FailMatching.
func InProject(id string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		_, project := whereabouts(r)
		return project == id
	}
}

// OfAPI matches the requests to one API, for FailMatching.
func OfAPI(api API) func(*http.Request) bool {
	return func(r *http.Request) bool {
		asked, _ := whereabouts(r)
		return asked == api
	}
}
