package atlas

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/url"
	"slices"
	"strconv"

	"restorewatch/internal/restore"
)

const (
	// maxPages bounds one listing. At 500 jobs a page no cluster comes near: the whole history of a busy one, years of
	// daily restores, was 2,160 jobs.
	maxPages = 1000
	// maxQuery bounds what is followed of a next link, in bytes.
	maxQuery = 2048
)

// What is asked for, as errors tell it.
const (
	listing = "list restore jobs"
	reading = "read restore job"
)

// A page is what one answer of a listing holds.
type page struct {
	jobs []restore.Job // each once; never edited, because the cache keeps it
	next string        // the query of the next page; "" on the last
}

// size estimates the memory of a page decoded from length bytes, from above.
func (p page) size(length int) int {
	const perJob = 512 // the struct itself, and the headers of its strings and hashes
	return length + perJob*len(p.jobs)
}

// RestoreJobs implements watch.Lister with the pages that the API gives, each job once. perPage is cut to what the API
// allows (1 to 500). Every error is an *Error; one that hits a later page comes after the jobs of the earlier ones.
func (c *Client) RestoreJobs(ctx context.Context, t restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	return c.list(ctx, t, perPage, "")
}

// BatchJobs lists the jobs of one batch, like RestoreJobs.
func (c *Client) BatchJobs(ctx context.Context, t restore.Target, id restore.BatchID) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		if err := checkID(string(id)); err != nil {
			yield(nil, configError(t, "batch id: "+err.Error(), "Give the id as the API shows it."))
			return
		}
		c.list(ctx, t, math.MaxInt, id)(yield)
	}
}

// RestoreJob returns one job. Every error is an *Error.
func (c *Client) RestoreJob(ctx context.Context, t restore.Target, id restore.JobID) (restore.Job, error) {
	a, err := apiOf(t)
	if err != nil {
		return restore.Job{}, err
	}
	if err := checkID(string(id)); err != nil {
		return restore.Job{}, configError(t, "job id: "+err.Error(), "Give the id as the API shows it.")
	}
	what := call{target: t, verb: reading, accept: a.accept, url: a.url(c.base, t, string(id))}
	body, err := c.get(ctx, what)
	if err != nil {
		return restore.Job{}, err
	}
	job, err := decodeJob(body, a.decode, t)
	if err == nil && job.ID != id {
		err = fmt.Errorf("asked for job %s and got job %s", id, job.ID)
	}
	if err != nil {
		return restore.Job{}, what.invalid(err)
	}
	return job, nil
}

func (c *Client) list(ctx context.Context, t restore.Target, perPage int, batch restore.BatchID) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		a, err := apiOf(t)
		if err != nil {
			yield(nil, err)
			return
		}
		query := url.Values{"pageNum": {"1"}, "itemsPerPage": {strconv.Itoa(min(max(perPage, 1), a.maxPage))}}
		if batch != "" {
			query.Set("batchId", string(batch))
		}
		l := lister{client: c, api: a, target: t, query: query.Encode()}
		for !l.over {
			jobs, err := l.page(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(jobs) > 0 && !yield(jobs, nil) {
				return
			}
		}
	}
}

// A lister is one reading of a listing, from its first page to its last.
type lister struct {
	client *Client
	api    api
	target restore.Target
	query  string        // of the page to read next
	asked  []string      // the queries of the pages read
	first  []restore.Job // of the first page
	seen   map[restore.JobID]bool
	over   bool
}

// page reads the next page and returns those of its jobs that no earlier page had: new jobs push old ones on to later
// pages while a listing is being read.
func (l *lister) page(ctx context.Context) ([]restore.Job, error) {
	what := call{target: l.target, verb: listing, accept: l.api.accept, page: len(l.asked) + 1}
	what.url = l.api.url(l.client.base, l.target)
	what.url.RawQuery = l.query
	body, err := l.client.get(ctx, what)
	if err != nil {
		return nil, err
	}
	p, err := l.decode(body)
	if err == nil {
		err = l.advance(p)
	}
	if err != nil {
		return nil, what.invalid(err)
	}
	return l.unseen(p.jobs), nil
}

func (l *lister) decode(body []byte) (page, error) {
	decode := func(body []byte) (page, error) { return decodePage(body, l.api.decode, l.target) }
	if len(l.asked) > 0 {
		return decode(body) // only first pages are read on every run
	}
	return l.client.pages.decode(cacheKey{l.target, l.query}, body, decode)
}

// advance goes on to the page after p, or ends the listing. totalCount has no say: it is an estimate.
func (l *lister) advance(p page) error {
	l.asked = append(l.asked, l.query)
	l.query = p.next
	switch {
	case p.next == "" || len(p.jobs) == 0:
		l.over = true
	case slices.Contains(l.asked, p.next):
		return errors.New("the next link leads back to a page already read")
	case len(l.asked) >= maxPages:
		return fmt.Errorf("the listing does not end within %d pages", maxPages)
	}
	return nil
}

// unseen costs nothing on the first page, which is mostly the only one.
func (l *lister) unseen(jobs []restore.Job) []restore.Job {
	jobs = slices.Clip(jobs) // who appends to them must not write into the cache
	if len(l.asked) == 1 {
		l.first = jobs
		return jobs
	}
	if l.seen == nil {
		l.seen = map[restore.JobID]bool{}
		for _, job := range l.first {
			l.seen[job.ID] = true
		}
	}
	var fresh []restore.Job
	for _, job := range jobs {
		if !l.seen[job.ID] {
			l.seen[job.ID] = true
			fresh = append(fresh, job)
		}
	}
	return fresh
}

// nextQuery returns the query of the link to the next page, in one spelling, "" if there is none. Its host and path are
// not looked at: behind a proxy they are not ours, and credentials go to the API's own address only.
func nextQuery(links []wireLink) (string, error) {
	i := slices.IndexFunc(links, func(l wireLink) bool { return l.Rel == "next" && l.Href != "" })
	if i < 0 {
		return "", nil
	}
	href := links[i].Href
	if len(href) > maxQuery {
		return "", fmt.Errorf("the next link is %d bytes long", len(href))
	}
	u, err := url.Parse(href)
	if err != nil {
		return "", errors.New("the next link is not a URL")
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(values) == 0 {
		return "", errors.New("the next link has no query that names a page")
	}
	return values.Encode(), nil
}
