package atlas

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/url"
	"slices"

	"restorewatch/internal/restore"
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
// allows. Every error is an *Error; one that hits a later page comes after the jobs of the earlier ones.
func (c *Client) RestoreJobs(ctx context.Context, t restore.Target, perPage int) iter.Seq2[[]restore.Job, error] {
	return c.list(ctx, t, perPage, "")
}

// BatchJobs lists the jobs of one batch, like RestoreJobs. Only the sources legacy and manager have batches.
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
	if err := checkID(string(id)); err != nil {
		return restore.Job{}, configError(t, "job id: "+err.Error(), "Give the id as the API shows it.")
	}
	a, what, err := c.callFor(ctx, t, reading, string(id))
	if err != nil {
		return restore.Job{}, err
	}
	body, err := c.get(ctx, what)
	if err != nil {
		return restore.Job{}, c.lost(a, t, err)
	}
	job, err := a.job(body, t)
	if err == nil && job.ID != id {
		err = fmt.Errorf("asked for job %s and got job %s", id, job.ID)
	}
	if err != nil {
		return restore.Job{}, what.invalid(err)
	}
	return job, nil
}

// callFor returns how to ask for t's listing, or for what lies below it.
func (c *Client) callFor(ctx context.Context, t restore.Target, verb string, below ...string) (*api, call, error) {
	a, err := c.oneCluster(t)
	if err != nil {
		return nil, call{}, err
	}
	addressed, err := c.addressed(ctx, a, t)
	if err != nil {
		return nil, call{}, err
	}
	return a, call{target: t, api: a, verb: verb, accept: a.accept, url: a.url(c.base, addressed, below...)}, nil
}

// lost forgets the id that a cluster's name stood for when the API knows it no more: the next pass looks it up anew.
func (c *Client) lost(a *api, t restore.Target, err error) error {
	e, ok := errors.AsType[*Error](err)
	if ok && e.kind == restore.FailedNotFound && a.byID && !isObjectID(t.Cluster) {
		c.names.forget(t.Project)
	}
	return err
}

func (c *Client) list(ctx context.Context, t restore.Target, perPage int, batch restore.BatchID) iter.Seq2[[]restore.Job, error] {
	return func(yield func([]restore.Job, error) bool) {
		l, err := c.lister(ctx, t, perPage, batch)
		if err != nil {
			yield(nil, err)
			return
		}
		for !l.over {
			jobs, err := l.jobs(ctx)
			if err != nil {
				yield(nil, c.lost(l.api, t, err))
				return
			}
			if len(jobs) > 0 && !yield(jobs, nil) {
				return
			}
		}
	}
}

func (c *Client) lister(ctx context.Context, t restore.Target, perPage int, batch restore.BatchID) (*lister, error) {
	a, what, err := c.callFor(ctx, t, listing)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	if batch != "" {
		if !a.batches {
			return nil, configError(t, "source "+string(t.Source)+" has no batches", "Ask for the job itself.")
		}
		query.Set("batchId", string(batch))
	}
	return &lister{walk: c.begin(what, min(max(perPage, 1), a.maxPage), query), api: a, target: t}, nil
}

// A lister is a walk over the jobs of a target.
type lister struct {
	*walk
	api    *api
	target restore.Target
	first  []restore.Job // of the first page
	seen   map[restore.JobID]bool
}

// jobs reads the next page and returns those of its jobs that no earlier page had: new jobs push old ones on to later
// pages while a listing is being read.
func (l *lister) jobs(ctx context.Context) ([]restore.Job, error) {
	var p page
	err := l.page(ctx, func(body []byte) (string, int, error) {
		var err error
		p, err = l.decode(body)
		return p.next, len(p.jobs), err
	})
	if err != nil {
		return nil, err
	}
	return l.unseen(p.jobs), nil
}

func (l *lister) decode(body []byte) (page, error) {
	decode := func(body []byte) (page, error) { return l.api.page(body, l.target) }
	if len(l.asked) > 0 {
		return decode(body) // only first pages are read on every run
	}
	return l.client.pages.decode(cacheKey{l.target, l.query}, body, decode)
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
