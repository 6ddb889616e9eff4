package atlas

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"restorewatch/internal/restore"
)

// What discovery asks for, as errors tell it.
const (
	listingClusters = "list clusters"
	listingProjects = "list projects"
)

// discoveryPage is the page size of discovery: the API's default, which every version allows.
const discoveryPage = 100

// A Cluster is one cluster of a project, and what watches it.
type Cluster struct {
	Target restore.Target // names the cluster, or gives its id where the name does not lead to it
	ID     string         // "" where the API gives none
	Name   string         // for people; in Cloud Manager and Ops Manager it may be changed
}

// A Project is one project that the key can see.
type Project struct {
	ID   string
	Name string // for people
}

// Targets implements watch.Finder: SOURCE:PROJECT/* stands for what Clusters finds, and SOURCE:*/CLUSTER for the same in
// each project that Projects finds, so that */* takes a second step.
func (c *Client) Targets(ctx context.Context, wild restore.Target) iter.Seq2[restore.Target, error] {
	return func(yield func(restore.Target, error) bool) {
		if wild.Project == "*" {
			for p, err := range c.Projects(ctx, wild.Source) {
				if !yield(restore.Target{Source: wild.Source, Project: p.ID, Cluster: wild.Cluster}, err) {
					return
				}
			}
			return
		}
		for cluster, err := range c.Clusters(ctx, wild.Source, wild.Project) {
			if !yield(cluster.Target, err) {
				return
			}
		}
	}
}

// Clusters lists the clusters of a project as one source knows them, each once: those that have restore jobs of their
// own. Of the sources legacy (by v2) and cloud, deleted clusters that left backups behind are among them. Every error is
// an *Error and ends the sequence; what came before it is not the whole.
//
// Cloud Manager and Ops Manager list the shards and the config server of a sharded cluster as clusters too. These are
// left out: the restore jobs of the whole are listed under the cluster that they belong to.
func (c *Client) Clusters(ctx context.Context, source restore.Source, project string) iter.Seq2[Cluster, error] {
	return func(yield func(Cluster, error) bool) {
		a, err := c.apiOf(restore.Target{Source: source, Project: project, Cluster: "*"})
		if err != nil {
			yield(Cluster{}, err)
			return
		}
		if a.byID { // whether a name leads to one cluster is known when all are known
			known, err := c.allClusters(ctx, source, project)
			if err == nil {
				c.names.keep(project, known)
			}
			yieldAll(addressable(known), err, yield)
			return
		}
		c.clusters(ctx, a, source, project)(yield)
	}
}

// Projects lists the projects that the key can see by the API of one source, each once. Every error is an *Error and
// ends the sequence; what came before it is not the whole.
func (c *Client) Projects(ctx context.Context, source restore.Source) iter.Seq2[Project, error] {
	return func(yield func(Project, error) bool) {
		t := restore.Target{Source: source, Project: "*", Cluster: "*"}
		a, err := c.apiOf(t)
		if err != nil {
			yield(Project{}, err)
			return
		}
		what := call{target: t, api: a, verb: listingProjects, accept: a.projects.accept,
			url: urlOf(c.base, t, a.projects.path...)}
		id := func(p Project) string { return p.ID }
		discover(ctx, c.begin(what, discoveryPage, a.projects.query), projectOfWire, id)(yield)
	}
}

// allClusters reads the whole list of a project's clusters.
func (c *Client) allClusters(ctx context.Context, source restore.Source, project string) ([]Cluster, error) {
	a, err := c.apiOf(restore.Target{Source: source, Project: project, Cluster: "*"})
	if err != nil {
		return nil, err
	}
	all := []Cluster{} // none is an answer too
	for cluster, err := range c.clusters(ctx, a, source, project) {
		if err != nil {
			return nil, err
		}
		all = append(all, cluster)
	}
	return all, nil
}

func (c *Client) clusters(ctx context.Context, a *api, source restore.Source, project string) iter.Seq2[Cluster, error] {
	t := restore.Target{Source: source, Project: project, Cluster: "*"}
	if err := checkID(project); err != nil || project == "*" {
		return failed[Cluster](configError(t, "the project id is none", "Name the project by its id."))
	}
	what := call{target: t, api: a, verb: listingClusters, accept: a.clusters.accept,
		url: urlOf(c.base, t, a.clusters.path...)}
	name := func(cluster Cluster) string { return cluster.Target.Cluster } // also of one deleted and one made anew
	if a.byID {
		name = func(cluster Cluster) string { return cluster.ID }
	}
	decode := func(w wireCluster) (Cluster, error) { return w.cluster(t) }
	return discover(ctx, c.begin(what, discoveryPage, a.clusters.query), decode, name)
}

// discover yields what a walk finds, each key once; "" stands for nothing found.
func discover[W wire, R any](ctx context.Context, w *walk, decode func(W) (R, error), key func(R) string) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		seen := map[string]bool{"": true}
		for !w.over {
			var found []R
			err := w.page(ctx, func(body []byte) (string, int, error) {
				results, next, err := decodeResults[W](body)
				if err == nil {
					found, err = decodeEach(results, decode)
				}
				return next, len(results), err
			})
			if err != nil {
				yield(*new(R), err)
				return
			}
			for _, r := range found {
				if !seen[key(r)] && !yield(r, nil) {
					return
				}
				seen[key(r)] = true
			}
		}
	}
}

func decodeEach[W wire, R any](results []W, decode func(W) (R, error)) ([]R, error) {
	var found []R
	for i, w := range results {
		r, err := decode(w)
		if err != nil {
			return nil, fmt.Errorf("%s %d: %w", w.shape().noun, i+1, err)
		}
		found = append(found, r)
	}
	return found, nil
}

func failed[R any](err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) { yield(*new(R), err) }
}

func yieldAll[R any](all []R, err error, yield func(R, error) bool) {
	for _, r := range all {
		if !yield(r, nil) {
			return
		}
	}
	if err != nil {
		yield(*new(R), err)
	}
}

// A wireCluster is a cluster of any API: Atlas calls its name name, Cloud Manager and Ops Manager clusterName.
type wireCluster struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	ClusterName string `json:"clusterName"`
	ShardName   string `json:"shardName"`
	TypeName    string `json:"typeName"`
}

func (wireCluster) shape() shape {
	return shape{"cluster", []vital{
		{"id", "a string"}, {"name", "a string"}, {"clusterName", "a string"}, {"shardName", "a string"}, {"typeName", "a string"},
	}}
}

// part reports whether this is a part of a sharded cluster. Its name is that of the whole.
func (w wireCluster) part() bool {
	switch w.TypeName {
	case "SHARDED", "SHARDED_REPLICA_SET":
		return false
	case "CONFIG_SERVER_REPLICA_SET":
		return true
	}
	return w.ShardName != ""
}

// cluster returns the zero Cluster for a part of another.
func (w wireCluster) cluster(t restore.Target) (Cluster, error) {
	if w.part() {
		return Cluster{}, nil
	}
	t.Cluster = cmp.Or(w.Name, w.ClusterName)
	found := Cluster{Target: t, ID: w.ID, Name: text(t.Cluster)}
	if t.Source == restore.Manager { // what names it is decided when all are known
		return found, checkIDs(w.ID, "")
	}
	if !watchable(t) {
		return Cluster{}, errors.New("its name is none that a cluster can have")
	}
	found.ID = text(w.ID)
	return found, nil
}

// addressable gives each cluster the target that leads to it: its name, or its id if the name is no target's or is
// another cluster's too.
func addressable(known []Cluster) []Cluster {
	count := map[string]int{}
	for _, cluster := range known {
		count[cluster.Name]++
	}
	all := make([]Cluster, len(known))
	for i, cluster := range known {
		all[i] = cluster
		if count[cluster.Name] > 1 || isObjectID(cluster.Name) || !watchable(cluster.Target) {
			all[i].Target.Cluster = cluster.ID
		}
	}
	return all
}

// watchable reports whether WATCH could name t.
func watchable(t restore.Target) bool {
	parsed, err := restore.ParseTarget(t.String())
	return err == nil && parsed == t && t.Cluster != "*"
}

type wireProject struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (wireProject) shape() shape { return shape{"project", []vital{{"id", "a string"}}} }

func projectOfWire(w wireProject) (Project, error) {
	if err := checkIDs(w.ID, ""); err != nil {
		return Project{}, err
	}
	return Project{ID: w.ID, Name: text(w.Name)}, nil
}
