package neighbourtest

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"restorewatch/internal/atlassim"
	"restorewatch/internal/config"
	"restorewatch/internal/restore"
	"restorewatch/internal/service"
	"restorewatch/internal/store/dynamo"
	"restorewatch/internal/store/sqlite"
	"restorewatch/internal/testserver"
	"restorewatch/internal/watch"
)

// Lambda may hand one event of a schedule to a function twice, also to two containers at once. Whoever does the work for
// each tells everything twice; whoever does it for the first alone loses it with the first. Here both may work: what both
// tell is the same.
func TestOneTickInManyContainers(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p.make, "")
			w.list(oldJob("IN_PROGRESS", "NOT_STARTED"))
			all := []program{w.program, w.program.twin(), w.program.twin()}
			for _, one := range all { // each has seen the old state
				if o := one.run(w.environ); o.code != 0 {
					t.Fatal(o.said)
				}
			}
			fresh := newJob(time.Now(), "BROKEN")
			w.list(fresh, oldJob("FINISHED", "READY"))
			var running sync.WaitGroup
			for _, one := range all {
				running.Go(func() {
					if o := one.run(w.environ); o.code != 0 {
						t.Errorf("a run that met another failed: %s", o.said)
					}
				})
			}
			running.Wait()
			for _, one := range all {
				if o := one.run(w.environ); o.code != 0 {
					t.Error(o.said)
				}
			}
			w.wantTold(old+".status.FINISHED", old+".delivery.READY", fresh.ID+".created", fresh.ID+".status.BROKEN")
			w.wantEmptyOutboxes()
		})
	}
}

// looks is what a listing shows at one tick after the other.
var looks = [][]atlassim.Job{
	{first("IN_PROGRESS", "NOT_STARTED")},
	{second("IN_PROGRESS"), first("FINISHED", "READY")},
	{second("BROKEN"), withHash(first("FINISHED", "READY"))},
	{second("BROKEN"), withHash(first("FINISHED", "EXPIRED"))},
	{second("KILLED")}, // the first job is listed no more
}

var begins = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func first(status, delivery string) atlassim.Job {
	j := oldJob(status, delivery)
	j.ID, j.Created = atlassim.ObjectID(begins, "first"), begins.Add(30*time.Second)
	return j
}

func second(status string) atlassim.Job { return newJob(begins.Add(2*time.Minute), status) }

func withHash(j atlassim.Job) atlassim.Job {
	j.Hashes = atlassim.PageExample()[0].Hashes
	return j
}

// owed says what is to be told of a job that is seen like this, one look after the other.
func owed(seen []atlassim.Job) (ids []string) {
	var before atlassim.Job
	for i, j := range seen {
		firstSight := i == 0
		if firstSight {
			ids = append(ids, j.ID+".created")
		}
		if j.StatusName != before.StatusName && (!firstSight || j.StatusName != "IN_PROGRESS") {
			ids = append(ids, j.ID+".status."+j.StatusName)
		}
		if d := j.Delivery.StatusName; d != before.Delivery.StatusName && (!firstSight || d == "READY" || d == "EXPIRED") {
			ids = append(ids, j.ID+".delivery."+d)
		}
		if len(j.Hashes) > len(before.Hashes) {
			ids = append(ids, j.ID+".hash")
		}
		before = j
	}
	return ids
}

// Lambda may delete events from its queue without handing them to the function, and a laptop sleeps. Whichever ticks are
// dropped, those that come tell every change between what they see, in order, and nothing that they did not see.
func TestEverySubsetOfTicks(t *testing.T) {
	t.Parallel()
	file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	cfg := testserver.AWSConfig(t, testserver.DynamoDB(t))
	table := dynamo.New(dynamodb.NewFromConfig(cfg), testserver.StateTable(t, cfg))
	for name, store := range map[string]watch.Store{"sqlite": file, "dynamo": table} {
		t.Run(name, func(t *testing.T) {
			in := &inbox{read: ofWebhook}
			receiver := httptest.NewServer(in)
			defer receiver.Close()
			sim := new(atlassim.Server)
			for subset := range 1 << len(looks) {
				s := subsetOf(t, subset, sim, store, receiver.URL)
				s.play(t)
				s.want(t, in.take())
			}
		})
	}
}

// A subset is the ticks that come, a bit for each look.
type subset struct {
	ticks   int
	cluster string
	sim     *atlassim.Server
	watcher *watch.Watcher
	store   watch.Store
}

func subsetOf(t *testing.T, ticks int, sim *atlassim.Server, store watch.Store, receiver string) subset {
	t.Helper()
	s := subset{ticks: ticks, cluster: fmt.Sprintf("subset-%05b", ticks), sim: sim, store: store}
	env := map[string]string{
		config.EnvWatch: "legacy:" + project + "/" + s.cluster, config.EnvStuckAfter: "0",
		config.EnvPublicKey: atlassim.DefaultPublicKey, config.EnvPrivateKey: atlassim.DefaultPrivateKey,
		config.EnvWebhookURL: receiver, config.EnvWebhookSecret: "signs",
	}
	c, err := config.Load(func(name string) string { return env[name] }, config.CommandLine)
	if err != nil {
		t.Fatal(err)
	}
	made, err := service.New(t.Context(), c, service.Parts{Store: store, Transport: sim.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	s.watcher = made.Watcher
	return s
}

func (s subset) comes(look int) bool { return s.ticks&(1<<look) != 0 }

func (s subset) play(t *testing.T) {
	t.Helper()
	s.sim.SetJobs(project, s.cluster, nil)
	s.run(t, 0)
	for i, jobs := range looks {
		if s.comes(i) {
			s.sim.SetJobs(project, s.cluster, jobs)
			s.run(t, 1+i)
		}
	}
}

func (s subset) run(t *testing.T, minute int) {
	t.Helper()
	if _, err := s.watcher.Run(t.Context(), begins.Add(time.Duration(minute)*time.Minute)); err != nil {
		t.Fatalf("%s: %v", s.cluster, err)
	}
}

func (s subset) want(t *testing.T, got []told) {
	t.Helper()
	var want, ids []string
	for _, id := range []string{first("", "").ID, second("").ID} {
		var seen []atlassim.Job
		for i, jobs := range looks {
			at := slices.IndexFunc(jobs, func(j atlassim.Job) bool { return j.ID == id })
			if s.comes(i) && at >= 0 {
				seen = append(seen, jobs[at])
			}
		}
		want = append(want, owed(seen)...)
	}
	for _, m := range got {
		id, _, isHash := strings.Cut(m.id, ".hash.")
		if isHash {
			id += ".hash"
		} else {
			id = m.id
		}
		ids = append(ids, id)
	}
	if ids, want = byJob(ids), byJob(want); !slices.Equal(ids, want) {
		t.Errorf("%s: told\n%q, want\n%q", s.cluster, ids, want)
	}
	ledger, err := s.store.Load(t.Context(), restore.Target{Source: restore.Legacy, Project: project, Cluster: s.cluster})
	if err != nil {
		t.Fatal(err)
	}
	if n := waiting(ledger); n != 0 {
		t.Errorf("%s: %d events wait to be told", s.cluster, n)
	}
}
