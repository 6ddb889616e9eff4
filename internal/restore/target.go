package restore

import (
	"fmt"
	"strings"
)

// A Source names the API that lists the restore jobs.
type Source string

// The sources.
const (
	Legacy  Source = "legacy"  // Atlas v1.0 legacy backup
	Manager Source = "manager" // Cloud Manager and Ops Manager
	Cloud   Source = "cloud"   // Atlas v2 Cloud Backup
	Flex    Source = "flex"    // Atlas v2 Flex
)

// A Target is one thing watched: the restore jobs of one cluster, as one API lists them.
type Target struct {
	Source  Source
	Project string // the API's group id
	Cluster string // its name, or its id where the API wants an id
}

// String returns the target as the configuration spells it: SOURCE:PROJECT/CLUSTER.
func (t Target) String() string {
	return string(t.Source) + ":" + t.Place()
}

// Place returns PROJECT/CLUSTER, the subject of the events that are about the target itself.
func (t Target) Place() string { return t.Project + "/" + t.Cluster }

// Wild reports whether the target stands for others: every cluster of a project, or of every project.
func (t Target) Wild() bool { return t.Cluster == "*" || t.Project == "*" }

// ParseTarget reads what String writes. The error says which part is wrong.
func ParseTarget(s string) (Target, error) {
	source, place, ok := strings.Cut(s, ":")
	if !ok {
		return Target{}, fmt.Errorf("target %q: want SOURCE:PROJECT_ID/CLUSTER, it has no colon", s)
	}
	project, cluster, ok := strings.Cut(place, "/")
	if !ok {
		return Target{}, fmt.Errorf("target %q: want SOURCE:PROJECT_ID/CLUSTER, it has no slash", s)
	}
	switch Source(source) {
	case Legacy, Manager, Cloud, Flex:
	default:
		return Target{}, fmt.Errorf("target %q: unknown source %q, want legacy, manager, cloud or flex", s, source)
	}
	if err := checkPart("project id", project); err != nil {
		return Target{}, fmt.Errorf("target %q: %w", s, err)
	}
	if err := checkPart("cluster", cluster); err != nil {
		return Target{}, fmt.Errorf("target %q: %w", s, err)
	}
	return Target{Source: Source(source), Project: project, Cluster: cluster}, nil
}

// checkPart refuses what can be no project id or cluster name: both are letters, digits and hyphens in every API
// (the v2 specification: ^[a-zA-Z0-9][a-zA-Z0-9-]*$), and either becomes a segment of a URL path. "*" is allowed:
// it stands for every cluster or project.
func checkPart(what, s string) error {
	if s == "" {
		return fmt.Errorf("the %s is empty", what)
	}
	if s == "*" {
		return nil
	}
	if strings.Trim(s, ".") == "" {
		return fmt.Errorf("the %s is %q, which a URL path would take for another place", what, s)
	}
	for _, r := range s {
		if r > 0x7e || r <= ' ' || strings.ContainsRune(`/\?#%"'<>*`, r) {
			return fmt.Errorf("the %s has a character that none can have: %q", what, r)
		}
	}
	if len(s) > 100 {
		return fmt.Errorf("the %s is %d characters long, none has more than 100", what, len(s))
	}
	return nil
}
