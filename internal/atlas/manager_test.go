package atlas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"restorewatch/internal/restore"
)

func TestManagerFixture(t *testing.T) {
	p, err := decodePage(fixture(t, "manager.json"), legacyJob, managerTarget)
	decodedAs(t, p, err,
		"000006 FINISHED HTTP READY until 04:49:57",
		"000005 FINISHED SCP - (no download)",
		"000004 IN_PROGRESS AUTOMATED_RESTORE IN_PROGRESS to 6b77777887d9d61443b41645/staging (no download)",
		"000003 FINISHED HTTP READY to 6b77777887d9d61443b41645/7c88887880eef52e5f4d0e2e (no download)",
		"000002 KILLED CLIENT_PIT_HTTP PENDING",
		"000001 BROKEN THIRD_PARTY_COPY INTERRUPTED (no download)",
	)
	if j := p.jobs[0]; j.ClusterID != clusterID || j.ClusterName != clusterID || j.BatchID != "58f97f3fd5e2bfb346180001" || j.Timestamp.Increment != 1 {
		t.Errorf("got %+v", j)
	}
	if j := p.jobs[1]; j.ClusterID != "" || j.HostID != "2a8f3b7c0d1e" { // of a config server, which has a hostId
		t.Errorf("clusterId %q", j.ClusterID)
	}
}

func FuzzManager(f *testing.F) {
	f.Add(fixture(f, "manager.json"))
	f.Add([]byte(pageJSON(next(2), managerJSON(id(1), `"timestamp":"2018-01-22T22:44:54Z","hashes":[7,{"hash":"x"}]`))))
	fuzzPages(f, manager.page, managerTarget, nil)
}

// A deployment is a Cloud Manager project: it lists clusters by clusters, and the jobs of each under its id.
type deployment struct {
	mu       sync.Mutex
	clusters []string // JSON
	known    map[string]bool
	asked    []string
}

func (d *deployment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := strings.TrimPrefix(r.URL.Path, "/api/public/v1.0/groups/"+project+"/clusters")
	d.asked = append(d.asked, rest)
	cluster, _, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	switch {
	case rest == "":
		_, _ = io.WriteString(w, pageJSON("", d.clusters...))
	case d.known[cluster] && strings.HasSuffix(rest, "/"+id(1)):
		_, _ = io.WriteString(w, managerJSON(id(1), ""))
	case d.known[cluster]:
		_, _ = io.WriteString(w, pageJSON("", managerJSON(id(1), "")))
	default:
		refuse(w, 404, "INVALID_CLUSTER_ID", "No such cluster.")
	}
}

func clusterJSON(id, name, kind, shard string) string {
	return fmt.Sprintf(`{"id":%q,"clusterName":%q,"typeName":%q,"shardName":%q,"groupId":%q,"lastHeartbeat":"2026-04-03T15:26:58Z"}`,
		id, name, kind, shard, project)
}

func newDeployment() *deployment {
	return &deployment{
		clusters: []string{
			clusterJSON(id(1), "Animals", "SHARDED_REPLICA_SET", ""),
			clusterJSON(id(2), "Animals", "REPLICA_SET", "cats"),
			clusterJSON(id(3), "Animals", "CONFIG_SERVER_REPLICA_SET", ""),
			clusterJSON(id(4), "Plants", "REPLICA_SET", ""),
			clusterJSON(id(5), "Twin", "REPLICA_SET", ""),
			clusterJSON(id(6), "Twin", "REPLICA_SET", ""),
			clusterJSON(id(7), "my cluster", "REPLICA_SET", ""),
		},
		known: map[string]bool{id(1): true, id(4): true, id(5): true, id(6): true, id(7): true},
	}
}

func byName(name string) restore.Target {
	return restore.Target{Source: restore.Manager, Project: project, Cluster: name}
}

func TestManagerByName(t *testing.T) {
	d := newDeployment()
	c := newClient(t, d)
	for range 3 {
		for name, cluster := range map[string]string{"Animals": id(1), "Plants": id(4), id(4): id(4)} {
			d.asked = d.asked[:0]
			pages, err := list(t.Context(), c, byName(name), 100)
			if err != nil || pages[0][0].ClusterName != name {
				t.Fatalf("%s: %v, %v", name, pages, err)
			}
			if last := d.asked[len(d.asked)-1]; last != "/"+cluster+"/restoreJobs" {
				t.Errorf("%s: asked for %s", name, last)
			}
		}
	}
	if _, err := c.RestoreJob(t.Context(), byName("Plants"), restore.JobID(id(1))); err != nil {
		t.Error(err)
	}
	if c.Requests() != 1+9+1 {
		t.Errorf("%d requests, want the clusters once", c.Requests())
	}
}

func TestManagerNamesThatLeadNowhere(t *testing.T) {
	c := newClient(t, newDeployment())
	_, err := list(t.Context(), c, byName("Fungi"), 100)
	e := failure(t, err, restore.FailedNotFound, "manager:"+project+"/Fungi", "none of the project's 5 clusters")
	if !strings.Contains(e.Hint(), "24 hex digits") {
		t.Errorf("hint %q", e.Hint())
	}
	_, err = list(t.Context(), c, byName("Twin"), 100)
	e = failure(t, err, restore.FailedConfig, "2 clusters", id(5), id(6))
	if !strings.Contains(e.Hint(), "id instead of the name") {
		t.Errorf("hint %q", e.Hint())
	}
	_, err = list(t.Context(), c, byName(id(99)), 100)
	failure(t, err, restore.FailedNotFound, "INVALID_CLUSTER_ID")
}

// A cluster made anew has another id: it is found when the old one is gone, and after ten minutes if that goes on
// answering.
func TestManagerNameMovesToAnotherID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeployment()
		c := newClient(t, d)
		asks := func(want string) {
			t.Helper()
			if _, err := list(t.Context(), c, byName("Plants"), 100); err != nil {
				t.Fatal(err)
			}
			if last := d.asked[len(d.asked)-1]; last != "/"+want+"/restoreJobs" {
				t.Errorf("asked for %s, want %s", last, want)
			}
		}
		asks(id(4))
		d.clusters[3], d.known[id(8)] = clusterJSON(id(8), "Plants", "REPLICA_SET", ""), true
		time.Sleep(namesLife - time.Second)
		asks(id(4))
		time.Sleep(time.Second)
		asks(id(8))

		d.clusters[3], d.known[id(9)] = clusterJSON(id(9), "Plants", "REPLICA_SET", ""), true
		delete(d.known, id(8))
		_, err := list(t.Context(), c, byName("Plants"), 100)
		failure(t, err, restore.FailedNotFound)
		asks(id(9))
	})
}

// Who waits for another's listing of clusters gives up with its own context.
func TestManagerNamesWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
		})
		go func() { _, _ = list(t.Context(), c, byName("Plants"), 100) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := list(ctx, c, byName("Animals"), 100)
		if e := failure(t, err, restore.FailedUnavailable, "find cluster of manager:"+project+"/Animals"); !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("got %v", e)
		}
		time.Sleep(DefaultTimeout)
	})
}

// Ids that are no ObjectIDs are ids all the same, once the project's clusters are known to have them.
func TestManagerByUnusualID(t *testing.T) {
	d := &deployment{clusters: []string{clusterJSON("c-1", "Plants", "REPLICA_SET", "")}, known: map[string]bool{"c-1": true}}
	c := newClient(t, d)
	for _, name := range []string{"c-1", "Plants"} {
		if _, err := list(t.Context(), c, byName(name), 100); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Targets that start cold wait for one listing of clusters; one that fails is not remembered.
func TestManagerNamesAreAskedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, down := newDeployment(), true
		c := newClient(t, nil, func(o *Options) {
			o.Base = roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				if down {
					return answer(500, `{"errorCode":"UNEXPECTED_ERROR","detail":"down"}`), nil
				}
				return inproc{d}.RoundTrip(r)
			})
		})
		_, err := list(t.Context(), c, byName("Plants"), 100)
		failure(t, err, restore.FailedUnavailable, "list clusters", "down")
		down = false
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := list(t.Context(), c, byName("Plants"), 100); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if c.Requests() != 1+1+10 {
			t.Errorf("%d requests", c.Requests())
		}
	})
}
