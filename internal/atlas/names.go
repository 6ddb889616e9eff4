package atlas

import (
	"context"
	"sync"
	"time"
)

// namesLife is how long the clusters of a project are believed to be the same. A cluster that is deleted and made anew
// has another id under the same name, and the old one's listing goes on answering.
const namesLife = 10 * time.Minute

// names remembers the clusters of projects.
type names struct {
	mu       sync.Mutex
	projects map[string]*projectNames
}

// projectNames is what is remembered of one project.
type projectNames struct {
	asking chan struct{} // holds one token: who has it fetches, and the others wait for what it finds

	mu       sync.Mutex
	clusters []Cluster // nil if nothing is known
	fetched  time.Time
}

// of returns the clusters of a project, from memory or by fetch. A failure is not remembered.
func (n *names) of(ctx context.Context, project string, fetch func() ([]Cluster, error)) ([]Cluster, error) {
	p := n.project(project)
	if known := p.known(wallClock()); known != nil {
		return known, nil
	}
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := wallClock()
	if known := p.known(now); known != nil { // somebody else was faster
		return known, nil
	}
	clusters, err := fetch()
	if err == nil {
		p.set(clusters, now)
	}
	return clusters, err
}

func (n *names) project(id string) *projectNames {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.projects == nil {
		n.projects = map[string]*projectNames{}
	}
	if n.projects[id] == nil {
		n.projects[id] = &projectNames{asking: make(chan struct{}, 1)}
	}
	return n.projects[id]
}

// keep puts what discovery has just read into memory, so that names need no listing of their own.
func (n *names) keep(project string, clusters []Cluster) {
	n.project(project).set(clusters, wallClock())
}

// forget drops what is known of a project, because an id from there is gone.
func (n *names) forget(project string) { n.project(project).set(nil, time.Time{}) }

func (p *projectNames) known(now time.Time) []Cluster {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !recent(p.fetched, now, namesLife) {
		return nil
	}
	return p.clusters
}

func (p *projectNames) set(clusters []Cluster, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clusters, p.fetched = clusters, now
}
