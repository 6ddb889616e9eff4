package atlassim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// A Kind says which APIs know a cluster. The zero value is known to all of them, so that one restore can be watched
// through each; the real thing is always of one kind:
//
//	kind             legacy, v1.0 and v2   cloud      flex       manager
//	(any)            its jobs              its jobs   its jobs   its jobs
//	DedicatedCluster an empty list         its jobs   400        404
//	FlexCluster      400                   400        its jobs   404
//	LegacyCluster    its jobs              an empty   400        404
//	                                       list
//	ManagedCluster   404                   404        404        its jobs
type Kind string

// The kinds of clusters, as scenarios spell them.
const (
	DedicatedCluster Kind = "dedicated" // Atlas, with Cloud Backup
	FlexCluster      Kind = "flex"      // Atlas Flex
	LegacyCluster    Kind = "legacy"    // Atlas, with legacy backup
	ManagedCluster   Kind = "managed"   // Cloud Manager or Ops Manager
)

// kinds are what a scenario may say.
var kinds = []string{string(DedicatedCluster), string(FlexCluster), string(LegacyCluster), string(ManagedCluster)}

func (k Kind) is(one ...Kind) bool { return k == "" || slices.Contains(one, k) }

// ClusterID is the id of a cluster: that of the whole one if it is sharded, whose parts have ids of their own.
func ClusterID(project, name string) string {
	return ObjectID(clustersMade, "cluster/"+project+"/"+name+"/")
}

// clustersMade dates the ids of clusters, which are older than any restore of them.
var clustersMade = time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)

// A cluster is what the server has for one cluster.
type cluster struct {
	project, name string
	kind          Kind
	sharded       bool
	deleted       bool // but its backups are retained
	jobs          []Job
}

func (c *cluster) isSharded() bool {
	return c.sharded || slices.ContainsFunc(c.jobs, func(j Job) bool { return j.BatchID != "" })
}

// A world is the clusters that are served, by project and name.
type world map[string]map[string]*cluster

func (w world) cluster(project, name string) *cluster {
	if w[project] == nil {
		w[project] = map[string]*cluster{}
	}
	c := w[project][name]
	if c == nil {
		c = &cluster{project: project, name: name}
		w[project][name] = c
	}
	return c
}

// in returns the clusters of a project by name.
func (w world) in(project string) []*cluster {
	return slices.SortedFunc(maps.Values(w[project]), func(a, b *cluster) int { return strings.Compare(a.name, b.name) })
}

// SetJobs makes jobs what the server lists for a cluster from now on, beside whatever is played. The project and the
// cluster exist from then on, even without jobs.
func (s *Server) SetJobs(project, name string, jobs []Job) {
	s.alter(project, name, func(c *cluster) { c.jobs = slices.Clone(jobs) })
}

// SetCluster makes a cluster exist from now on, as one of that kind, which outdoes what a scenario says. The jobs that
// it has stay.
func (s *Server) SetCluster(project, name string, kind Kind) {
	s.alter(project, name, func(c *cluster) { c.kind = kind })
}

func (s *Server) alter(project, name string, change func(*cluster)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		s.set = world{}
	}
	delete(s.deleted, [2]string{project, name})
	change(s.set.cluster(project, name))
}

// DeleteCluster makes a cluster unknown, be it set or played, until it is set again. Its project stays.
func (s *Server) DeleteCluster(project, name string) { s.drop(project, name, false) }

// DeleteClusterRetaining deletes a cluster whose backups are retained: only lists that ask for such clusters have it,
// and its Cloud Backup restores stay.
func (s *Server) DeleteClusterRetaining(project, name string) { s.drop(project, name, true) }

func (s *Server) drop(project, name string, retained bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted == nil {
		s.deleted = map[[2]string]bool{}
	}
	s.deleted[[2]string{project, name}] = retained
	if !retained {
		delete(s.set[project], name)
	}
}

// world is what is served now of one project, or of all if none is named; what is played comes after what is set. The
// caller has the lock.
func (s *Server) world(only string) world {
	all := world{}
	for project, clusters := range s.set {
		if only != "" && project != only {
			continue
		}
		all[project] = make(map[string]*cluster, len(clusters))
		for name, c := range clusters {
			all[project][name] = new(*c)
		}
	}
	if s.play != nil {
		for _, c := range s.play.scenario.At(s.play.start, s.play.elapsed(s.now())) {
			into := all.cluster(c.Project, c.Name)
			into.kind, into.sharded = cmp.Or(into.kind, c.Kind), c.Sharded
			into.jobs = slices.Concat(into.jobs, c.Jobs)
		}
	}
	for at, retained := range s.deleted {
		if c := all[at[0]][at[1]]; c != nil && retained {
			c.deleted = true
		} else {
			delete(all[at[0]], at[1])
		}
	}
	return all
}

// found returns the cluster that a path to Atlas names, if its kind is one of kinds. A cluster of another kind is
// refused, or found and yet empty where the API knows it and has nothing to tell of it.
func (s *Server) found(v *visit, kinds ...Kind) (*cluster, *problem) {
	if wrong := s.refuseProject(v); wrong != nil {
		return nil, wrong
	}
	c := v.world[v.project][v.cluster]
	if c == nil || c.kind == ManagedCluster || c.deleted && v.route.api != CloudAPI {
		return nil, noCluster(v.cluster, v.project)
	}
	if wrong := c.refuseFamily(slices.Contains(v.route.path, "flexClusters")); wrong != nil {
		return nil, wrong
	}
	if !c.kind.is(kinds...) {
		return &cluster{project: c.project, name: c.name, kind: c.kind}, nil
	}
	return c, nil
}

func noCluster(name, project string) *problem {
	return notFound("CLUSTER_NOT_FOUND", fmt.Sprintf("No cluster named %s exists in group %s.", name, project), name, project)
}

// refuseFamily answers as recorded to a Flex cluster asked of the cluster API, and to any other asked of Flex.
func (c *cluster) refuseFamily(flex bool) *problem {
	wrong := &problem{Status: http.StatusBadRequest, Parameters: []any{c.name}}
	switch {
	case !flex && c.kind == FlexCluster:
		wrong.Code = "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"
		wrong.Detail = fmt.Sprintf("Flex cluster %s cannot be used in the Cluster API.", c.name)
	case flex && !c.kind.is(FlexCluster):
		wrong.Code = "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"
		wrong.Detail = fmt.Sprintf("Non-Flex cluster %s cannot be used in the Flex API.", c.name)
	default:
		return nil
	}
	return wrong
}

// managed returns the cluster of Cloud Manager that a path names by id, and the jobs of that id: of a sharded cluster
// all of them, of one of its shards those alone.
func (s *Server) managed(v *visit) (*cluster, []Job, *problem) {
	if wrong := s.refuseProject(v); wrong != nil {
		return nil, nil, wrong
	}
	for _, c := range v.world.in(v.project) {
		if c.deleted || !c.kind.is(ManagedCluster) {
			continue
		}
		if ClusterID(c.project, c.name) == v.cluster {
			return c, c.jobs, nil
		}
		parts := slices.DeleteFunc(slices.Clone(c.jobs), func(j Job) bool { return j.ClusterID != v.cluster })
		if len(parts) > 0 {
			return c, parts, nil
		}
	}
	return nil, nil, noClusterID(v.cluster, v.project)
}

func noClusterID(id, project string) *problem {
	if objectIDForm.MatchString(id) {
		return notFound("CLUSTER_NOT_FOUND", fmt.Sprintf("No cluster with ID %s exists in group %s.", id, project), id, project)
	}
	return notFound("INVALID_CLUSTER_ID", fmt.Sprintf("An invalid cluster ID %s was specified.", id), id)
}

// refuseProject checks that the project exists and that the caller may see it.
func (s *Server) refuseProject(v *visit) *problem {
	project := v.within()
	if !s.may(v.key, project) {
		return &problem{Status: http.StatusUnauthorized, Code: "NOT_IN_GROUP", Parameters: []any{project},
			Detail: fmt.Sprintf("The current user is not in the group, or the group does not exist: %s.", project)}
	}
	if _, ok := v.world[project]; !ok {
		return notFound("GROUP_NOT_FOUND", fmt.Sprintf("No group with ID %s exists.", project), project)
	}
	return nil
}

func (s *Server) may(key, project string) bool {
	may, limited := s.Access[key]
	return !limited || slices.Contains(may, project)
}
