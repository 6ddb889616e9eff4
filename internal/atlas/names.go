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
	projects map[string]*namesOf
}

// namesOf is what is remembered of one project.
type namesOf struct {
	turn chan struct{} // holds one token: who has it may fetch, and the others wait for what it finds

	clusters []Cluster
	fetched  time.Time
}

// of returns the clusters of a project, from memory or by fetch. A failure is not remembered.
func (n *names) of(ctx context.Context, project string, fetch func() ([]Cluster, error)) ([]Cluster, error) {
	p := n.project(project)
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := wallClock()
	if age := now.Sub(p.fetched); p.clusters != nil && age >= 0 && age < namesLife {
		return p.clusters, nil
	}
	clusters, err := fetch()
	if err != nil {
		return nil, err
	}
	p.clusters, p.fetched = clusters, now
	return clusters, nil
}

func (n *names) project(id string) *namesOf {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.projects == nil {
		n.projects = map[string]*namesOf{}
	}
	if n.projects[id] == nil {
		n.projects[id] = &namesOf{turn: make(chan struct{}, 1)}
	}
	return n.projects[id]
}

// keep puts what discovery has just read into memory, so that names need no listing of their own.
func (n *names) keep(project string, clusters []Cluster) {
	p := n.project(project)
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.clusters, p.fetched = clusters, wallClock()
}

// forget drops what is known of a project, because an id from there is gone.
func (n *names) forget(project string) {
	p := n.project(project)
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.clusters = nil
}
