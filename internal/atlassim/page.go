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
	batch                   string
	given                   url.Values // everything but the page, to be repeated in links
}

// parseQuery reads the parameters that the page documents and ignores others.
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
	}{{"includeCount", &q.count}, {"pretty", &q.pretty}, {"envelope", &q.envelope}} {
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

// A listing is one page of jobs.
type listing struct {
	Links      []Link `json:"links"`
	Results    []Job  `json:"results"`
	Status     int    `json:"status,omitempty"` // with envelope=true
	TotalCount *int   `json:"totalCount,omitempty"`
}

// An enveloped is one job with envelope=true.
type enveloped struct {
	Content Job `json:"content"`
	Status  int `json:"status"`
}

// page returns the page that q asks for of the jobs found at the URL at. A page past the end is empty.
func (s *Server) page(jobs []Job, q query, at string) listing {
	jobs = append([]Job{}, jobs...) // never nil: a listing without jobs is [], not null
	if q.batch != "" {
		jobs = slices.DeleteFunc(jobs, func(j Job) bool { return j.BatchID != q.batch })
	}
	if s.Order != nil {
		s.Order(jobs)
	} else {
		newestFirst(jobs)
	}
	from := min((q.page-1)*q.perPage, len(jobs))
	to := min(from+q.perPage, len(jobs))
	l := listing{Links: q.links(at, to < len(jobs)), Results: jobs[from:to:to]}
	for i, j := range l.Results {
		l.Results[i] = s.shown(j, at)
	}
	if q.count {
		l.TotalCount = new(len(jobs))
	}
	if q.envelope {
		l.Status = http.StatusOK
	}
	return l
}

// one returns a single job with the links that only this form has.
func (s *Server) one(jobs []Job, p place, q query, at string) (any, *problem) {
	i := slices.IndexFunc(jobs, func(j Job) bool { return j.ID == p.job })
	if i < 0 {
		return nil, notFound("RESTORE_JOB_NOT_FOUND", fmt.Sprintf("No restore job with ID %s exists.", p.job), p.job)
	}
	job := s.shown(jobs[i], at)
	group := at[:len(at)-len(p.path())] + root + "/groups/" + url.PathEscape(p.project)
	cluster := group + "/clusters/" + url.PathEscape(p.cluster)
	const rel = "http://mms.mongodb.com/"
	job.Links = append(job.Links,
		Link{cluster, rel + "cluster"},
		Link{cluster + "/snapshots/" + url.PathEscape(job.SnapshotID), rel + "snapshot"},
		Link{group, rel + "group"})
	if q.envelope {
		return enveloped{job, http.StatusOK}, nil
	}
	return job, nil
}

// shown returns j as a client sees it: with its link to self, and with its download link.
func (s *Server) shown(j Job, at string) Job {
	self := Link{at + "/" + url.PathEscape(j.ID), "self"}
	j.Links = append([]Link{self}, j.Links...)
	return j.withLink(s.secret())
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
