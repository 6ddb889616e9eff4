package atlassim

import "slices"

// ordered returns jobs in the order in which listings have them.
func (s *Server) ordered(jobs []Job) []Job {
	jobs = slices.Clone(jobs)
	if s.Order != nil {
		s.Order(jobs)
	} else {
		newestFirst(jobs)
	}
	return jobs
}

// legacyJobs lists what the API's page documents: the same for v1.0 and, under its own media type, for v2.
func (s *Server) legacyJobs(v *visit) ([]entry, *problem) {
	c, wrong := s.found(v, LegacyCluster)
	if wrong != nil {
		return nil, wrong
	}
	var entries []entry
	for _, j := range s.ordered(v.ofBatch(c.jobs)) {
		entries = append(entries, entry{j.ID, func(alone bool) any { return s.shown(v, j, alone) }})
	}
	return entries, nil
}

// managerJobs lists the same jobs as Cloud Manager and Ops Manager do: by their examples a job has neither clusterName
// nor pointInTime, and one that is not of a batch has the cluster's own id.
func (s *Server) managerJobs(v *visit) ([]entry, *problem) {
	c, jobs, wrong := s.managed(v)
	if wrong != nil {
		return nil, wrong
	}
	var entries []entry
	for _, j := range s.ordered(v.ofBatch(jobs)) {
		if j.BatchID == "" {
			j.ClusterID = ClusterID(c.project, c.name)
		}
		entries = append(entries, entry{j.ID, func(alone bool) any {
			return without(s.shown(v, j, alone), "clusterName", "pointInTime")
		}})
	}
	return entries, nil
}

// ofBatch returns the jobs of the batch that was asked for, or all of them.
func (v *visit) ofBatch(jobs []Job) []Job {
	if v.batch == "" {
		return jobs
	}
	return slices.DeleteFunc(slices.Clone(jobs), func(j Job) bool { return j.BatchID != v.batch })
}

// shown returns j as a client sees it: with its links, of which one to self stands in a listing, and with its download
// link.
func (s *Server) shown(v *visit, j Job, alone bool) Job {
	links := append([]Link{v.self(j.ID)}, j.Links...)
	if alone {
		links = append(links, v.related(j.SnapshotID)...)
	}
	j.Links = links
	return j.withLink(s.secret())
}
