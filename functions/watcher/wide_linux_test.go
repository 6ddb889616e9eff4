package main

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

const (
	wideProjects = 20
	wideClusters = 50 // in each project
	mostMemory   = 128 << 10
	// timeout is more than the function's in template.yaml, because the machine that tests run on may be busy with others:
	// what is measured is memory and requests.
	timeout = 4 * time.Minute
)

func wideProject(i int) string { return fmt.Sprintf("5a00000000000000000001%02d", i) }

// newWideWorld returns a world of a thousand clusters with so many restores each, of which the newest is under way.
func newWideWorld(t *testing.T, watch string, jobs int) *world {
	w := newWorld(t)
	w.env["WATCH"] = watch
	w.sim.DeleteCluster(project, cluster)
	w.sim.Configure(func(s *atlassim.Server) {
		s.LimitRate = true
		s.Access = map[string][]string{atlassim.DefaultPublicKey: nil}
		for i := range wideProjects {
			s.Access[atlassim.DefaultPublicKey] = append(s.Access[atlassim.DefaultPublicKey], wideProject(i))
		}
	})
	for i := range wideProjects {
		for c := range wideClusters {
			name := fmt.Sprintf("Cluster%d", c)
			w.sim.SetJobs(wideProject(i), name, wideListing(wideProject(i), name, jobs))
		}
	}
	return w
}

func wideListing(project, name string, n int) (jobs []atlassim.Job) {
	now := time.Now()
	for i := range n {
		job := atlassim.PageExample()[0]
		job.GroupID, job.ClusterName, job.BatchID = project, name, ""
		job.Created = now.Add(-time.Duration(i)*24*time.Hour - time.Hour).Truncate(time.Second)
		job.ID = atlassim.ObjectID(job.Created, project+name)
		if i == 0 {
			job.StatusName, job.Delivery.StatusName, job.Delivery.Expires, job.Hashes = "IN_PROGRESS", "NOT_STARTED", time.Time{}, nil
		}
		jobs = append(jobs, job)
	}
	return jobs
}

// news begins a restore on the last cluster of each project, and returns the ids of the jobs by project.
func (w *world) news(jobs int) map[string]string {
	ids := make(map[string]string)
	for i := range wideProjects {
		at, name := wideProject(i), fmt.Sprintf("Cluster%d", wideClusters-1)
		job := wideListing(at, name, 1)[0]
		job.Created = time.Now().Add(time.Second).Truncate(time.Second) // by the second, not before the watch began
		job.ID = atlassim.ObjectID(job.Created, at)
		w.sim.SetJobs(at, name, append([]atlassim.Job{job}, wideListing(at, name, jobs)...))
		ids[at] = job.ID
	}
	return ids
}

// peak returns the most memory that the function has had, in kB (proc(5), VmHWM).
func (w *world) peak() int {
	w.t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(w.function.PID()) + "/status")
	w.must("read status", err)
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		w.t.Fatalf("no VmHWM in\n%s", status)
	}
	kB, err := strconv.Atoi(string(found[1]))
	w.must("read VmHWM", err)
	return kB
}

// wantPeak checks the function's memory.
func (w *world) wantPeak(run string) {
	w.t.Helper()
	kB := w.peak()
	w.t.Logf("%s: %d kB at the most", run, kB)
	if kB >= mostMemory {
		w.t.Errorf("%s: the function has taken %d kB, and its memory is %d", run, kB, mostMemory)
	}
}

// each returns what WATCH says when each project is named.
func each(source string) string {
	var all []string
	for i := range wideProjects {
		all = append(all, source+":"+wideProject(i)+"/*")
	}
	return strings.Join(all, ",")
}

// A thousand clusters in twenty projects fit into one run of one function, found by themselves: one request for each
// cluster in a warm run, and never more of a project than its API allows.
func TestThousandClusters(t *testing.T) {
	for _, tt := range []struct {
		name, watch string
		found       int // requests of a cold run beside the listings and the challenge
		left        int // clusters that a second run in the same minute leaves for the next one
	}{
		{"every project", "cloud:*/*", 1 + wideProjects, 0},
		{"each project by its id", each("cloud"), wideProjects, 0},
		// 100 a minute and project: 1 to find the clusters, 50 for them, 49 are left.
		{"the API with the least limit", "legacy:*/*", 1 + wideProjects, wideProjects},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const clusters, wideJobs = wideProjects * wideClusters, 100 // a full page
			w := newWideWorld(t, tt.watch, wideJobs)
			began := time.Now()
			r := w.reportOf(w.tickWithin(timeout))
			if r.Targets != clusters || r.Listed != clusters*wideJobs || r.Published != 0 || len(r.Failures) != 0 {
				t.Errorf("cold run: %+v", r)
			}
			t.Logf("cold run: %v, %d requests", time.Since(began), len(w.sim.Requests()))
			if got, most := len(w.sim.Requests()), tt.found+clusters+8; got < clusters || got > most {
				t.Errorf("cold run: %d requests, want at most %d: one for each cluster, %d to find them and a challenge for each worker",
					got, most, tt.found)
			}
			w.wantPeak("cold run")
			w.wantWithinLimits()

			w.calls.take()
			w.sim.ResetRequests()
			began = time.Now()
			r = w.reportOf(w.tickWithin(timeout))
			t.Logf("warm run: %v, %d requests, the most of a project %d", time.Since(began), len(w.sim.Requests()), w.most())
			if r.Targets != clusters || r.Published != 0 || r.Listed != (clusters-limited(r))*wideJobs || limited(r) != len(r.Failures) || limited(r) > tt.left {
				t.Errorf("warm run: %+v", r)
			}
			// On a slow machine the challenge of the cold run has become too old for the warm one, and each worker learns of it.
			stale := w.sim.Count(http.StatusUnauthorized)
			if got, want := len(w.sim.Requests())-stale, clusters-limited(r); got != want || stale > 8 || w.most() > wideClusters+stale {
				t.Errorf("warm run: %d requests, the most of a project %d, and %d challenges; want %d, one for each cluster",
					got, w.most(), stale, want)
			}
			if calls := w.calls.take(); len(calls) != limited(r) { // a failing pass is noted in the target's record
				t.Errorf("warm run: %d calls to AWS, want %d", len(calls), limited(r))
			}
			w.wantPeak("warm run")
			w.wantWithinLimits()
		})
	}
}

// limited returns how many targets were left for the next run because of a limit.
func limited(r report) (n int) {
	for _, f := range r.Failures {
		if f.Kind == "rate_limited" {
			n++
		}
	}
	return n
}

func (w *world) most() (most int) {
	for i := range wideProjects {
		most = max(most, w.sim.CountIn(wideProject(i)))
	}
	return most
}

// wantWithinLimits checks that the API, which enforces its limits, had no reason to.
func (w *world) wantWithinLimits() {
	w.t.Helper()
	if n := w.sim.Count(http.StatusTooManyRequests); n != 0 {
		w.t.Errorf("%d requests were more than a project's limit", n)
	}
}

// One project that is out of requests and one that does not answer are reported, and the other eighteen do not notice.
func TestTroubledProjects(t *testing.T) {
	refused, silent := wideProject(3), wideProject(11)
	for _, tt := range []struct {
		name string
		cold bool // clusters have to be found, too
	}{{"warm", false}, {"cold", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			const wideJobs = 3
			w := newWideWorld(t, "cloud:*/*", wideJobs)
			w.reportOf(w.tickWithin(timeout))
			ids := w.news(wideJobs)
			w.sim.Configure(func(s *atlassim.Server) {
				s.Faults = func(r *http.Request) atlassim.Fault {
					switch {
					case atlassim.InProject(silent)(r):
						return atlassim.Slow(time.Hour)
					case atlassim.InProject(refused)(r) && atlassim.Authenticated(r):
						return atlassim.RateLimited("3600")
					}
					return nil
				}
			})
			if tt.cold {
				w.coldStart()
			}
			w.sim.ResetRequests()
			r := w.reportOf(w.tickWithin(50 * time.Second))
			t.Logf("%d targets, %d failures, %d requests of the project that refuses", r.Targets, len(r.Failures), w.sim.CountIn(refused))
			const healthy = wideProjects - 2
			if want := healthy * (wideClusters*wideJobs + 1); r.Listed != want || r.Published != healthy {
				t.Errorf("listed %d and published %d, want %d and %d", r.Listed, r.Published, want, healthy)
			}
			if n := w.sim.CountIn(refused); n > 2*8 { // each worker may be on its way there, and try once more
				t.Errorf("%d requests of a project that had said to wait an hour", n)
			}
			for _, f := range r.Failures {
				if !strings.Contains(f.Target, refused) && !strings.Contains(f.Target, silent) || f.Hint == "" && f.Kind != "unavailable" {
					t.Errorf("failure: %+v", f)
				}
			}
			if limited(r) == 0 || limited(r) == len(r.Failures) {
				t.Errorf("%d of %d failures are of a limit, want some and not all", limited(r), len(r.Failures))
			}
			w.wantTold(ids, refused, silent)
		})
	}
}

// wantTold checks that the restores that have begun were told, but for those of two projects.
func (w *world) wantTold(ids map[string]string, but ...string) {
	w.t.Helper()
	told := make(map[string]bool)
	for _, m := range w.receive() {
		told[m.Event.ID] = true
	}
	for project, id := range ids {
		if want := project != but[0] && project != but[1]; told[id+".created"] != want {
			w.t.Errorf("project %s: told %v, want %v", project, told[id+".created"], want)
		}
	}
}
