package atlassim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// The bounds of itemsPerPage.
const (
	defaultPerPage = 100
	maxPerPage     = 500
)

// A query is what the parameters of a request ask for.
type query struct {
	page, perPage           int
	count, pretty, envelope bool
	deleted                 bool // clusters too that are deleted and have retained backups
	batch                   string
	given                   url.Values // everything but the page, to be repeated in links
}

// parseQuery reads the parameters that the documents have and ignores others.
func parseQuery(v url.Values) (query, *problem) {
	q := query{page: 1, perPage: defaultPerPage, count: true, batch: v.Get("batchId"), given: v}
	for _, p := range []struct {
		name string
		to   *int
		max  int
	}{{"pageNum", &q.page, 1 << 20}, {"itemsPerPage", &q.perPage, maxPerPage}} {
		if n, err := strconv.Atoi(v.Get(p.name)); v.Has(p.name) && (err != nil || n < 1 || n > p.max) {
			return q, badParameter(p.name)
		} else if v.Has(p.name) {
			*p.to = n
		}
		v.Del(p.name)
	}
	for _, p := range []struct {
		name string
		to   *bool
	}{{"includeCount", &q.count}, {"pretty", &q.pretty}, {"envelope", &q.envelope}, {"includeDeletedWithRetainedBackups", &q.deleted}} {
		switch word := v.Get(p.name); {
		case word == "true" || word == "false":
			*p.to = word == "true"
		case v.Has(p.name):
			return q, badParameter(p.name)
		}
	}
	return q, nil
}

func badParameter(name string) *problem {
	return &problem{Status: http.StatusBadRequest, Code: "INVALID_QUERY_PARAMETER", Parameters: []any{name},
		Detail: fmt.Sprintf("Invalid query parameter %s specified.", name)}
}

// A listing is one page of entries.
type listing struct {
	Links      []Link `json:"links"`
	Results    []any  `json:"results"`
	Status     int    `json:"status,omitempty"` // with envelope=true
	TotalCount *int   `json:"totalCount,omitempty"`
}

// An enveloped is one entry with envelope=true.
type enveloped struct {
	Content any `json:"content"`
	Status  int `json:"status"`
}

// page returns the page that was asked for. A page past the end is empty.
func (v *visit) page(entries []entry) listing {
	from := min((v.query.page-1)*v.perPage, len(entries))
	to := min(from+v.perPage, len(entries))
	l := listing{
		Links:   v.links(v.base+v.at(), to < len(entries)),
		Results: []any{}, // never nil: a listing without entries is [], not null
	}
	for _, e := range entries[from:to] {
		l.Results = append(l.Results, e.show(false))
	}
	if v.count {
		l.TotalCount = new(len(entries))
	}
	if v.envelope {
		l.Status = http.StatusOK
	}
	return l
}

// one returns the entry that was asked for.
func (v *visit) one(entries []entry) (any, *problem) {
	i := slices.IndexFunc(entries, func(e entry) bool { return e.id == v.id })
	switch {
	case i < 0:
		return nil, v.missing()
	case v.envelope:
		return enveloped{entries[i].show(true), http.StatusOK}, nil
	}
	return entries[i].show(true), nil
}

// missing says that there is no entry of the id that was asked for.
func (v *visit) missing() *problem {
	switch v.route.api {
	case ProjectsAPI:
		return notFound("GROUP_NOT_FOUND", fmt.Sprintf("No group with ID %s exists.", v.id), v.id)
	case ClustersAPI:
		if v.route.root == rootPublic {
			return noClusterID(v.id, v.project)
		}
		return noCluster(v.id, v.project)
	}
	return notFound("RESTORE_JOB_NOT_FOUND", fmt.Sprintf("No restore job with ID %s exists.", v.id), v.id)
}

// self links to one entry of the listing.
func (v *visit) self(id string) Link { return Link{v.base + v.at() + "/" + url.PathEscape(id), "self"} }

// related links to what a restore job belongs to. Atlas v2 names the relations by another host than the older APIs.
func (v *visit) related(snapshot string) []Link {
	rel := "http://mms.mongodb.com/"
	if v.route.root == rootV2 {
		rel = "https://cloud.mongodb.com/"
	}
	group := v.base + v.group()
	cluster := group + "/clusters/" + url.PathEscape(v.cluster)
	snapshots := cluster + "/snapshots/"
	if v.route.api == CloudAPI {
		snapshots = cluster + "/backup/snapshots/"
	}
	return []Link{{cluster, rel + "cluster"}, {snapshots + url.PathEscape(snapshot), rel + "snapshot"}, {group, rel + "group"}}
}

func (q query) links(at string, more bool) []Link {
	links := []Link{{q.href(at, q.page), "self"}}
	if q.page > 1 {
		links = append(links, Link{q.href(at, q.page-1), "previous"})
	}
	if more {
		links = append(links, Link{q.href(at, q.page+1), "next"})
	}
	return links
}

// href repeats what was given before the page, as the API's examples do.
func (q query) href(at string, page int) string {
	given := q.given.Encode()
	if given != "" {
		given += "&"
	}
	return fmt.Sprintf("%s?%spageNum=%d&itemsPerPage=%d", at, given, page, q.perPage)
}
