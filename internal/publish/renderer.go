package publish

import (
	"net/url"
	"strings"

	"restorewatch/internal/restore"
)

// TypePrefix stands before the type of every published event.
const TypePrefix = "restorewatch."

// A Renderer renders events. BaseURL is the scheme and host of the API that lists the jobs, for instance
// https://cloud.mongodb.com; it is the beginning of every event's source and of the links to the console.
type Renderer struct {
	BaseURL string
	Test    bool // every rendering says that it is a test and that nothing happened
}

// Mark returns what stands before the sentence that people read: "TEST: " on a test, else nothing.
func (r Renderer) Mark() string {
	if r.Test {
		return "TEST: "
	}
	return ""
}

// sourcePaths are the paths that list the restore jobs of a project ({p}) and a cluster ({c}). That of legacy stays
// v1.0 even when v2 serves it: subscribers recognise an event told twice by its source and id together.
var sourcePaths = map[restore.Source]string{
	restore.Legacy:  "/api/atlas/v1.0/groups/{p}/clusters/{c}/restoreJobs",
	restore.Manager: "/api/public/v1.0/groups/{p}/clusters/{c}/restoreJobs",
	restore.Cloud:   "/api/atlas/v2/groups/{p}/clusters/{c}/backup/restoreJobs",
	restore.Flex:    "/api/atlas/v2/groups/{p}/flexClusters/{c}/backup/restoreJobs",
}

// consolePaths are the pages for people. Only Atlas clusters with dedicated backup have a page of their own under a
// known address; the others are one click away from the page named here.
var consolePaths = map[restore.Source]string{
	restore.Legacy:  "/v2/{p}#/clusters/backup/{c}",
	restore.Cloud:   "/v2/{p}#/clusters/backup/{c}",
	restore.Flex:    "/v2/{p}#/clusters",
	restore.Manager: "/v2/{p}",
}

// Source returns the URI of the listing that e was observed in, the CloudEvents source.
func (r Renderer) Source(e restore.Event) string {
	return r.address(sourcePaths[e.Target.Source], e.Target.Project, e.Target.Cluster)
}

// ConsoleURL returns the address of the page on which a person finds the backups of e's cluster. It is never a
// download link.
func (r Renderer) ConsoleURL(e restore.Event) string {
	cluster := e.Target.Cluster
	if cluster == "*" {
		cluster = valueOf(e.Job).ClusterName
	}
	return r.address(consolePaths[e.Target.Source], e.Target.Project, cluster)
}

func (r Renderer) address(path, project, cluster string) string {
	fill := strings.NewReplacer("{p}", segment(project), "{c}", segment(cluster))
	return strings.TrimRight(r.BaseURL, "/") + fill.Replace(path)
}

// segment bounds s too: a source must never be what makes an event too large.
func segment(s string) string { return url.PathEscape(clean(cut(s, 200))) }

// valueOf returns what p points at, or the zero value: an event that lacks a part is rendered without it.
func valueOf[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
