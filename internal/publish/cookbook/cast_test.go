package cookbook

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

// Where the events of the page come from.
var (
	orders  = restore.Target{Source: restore.Legacy, Project: publishtest.Target.Project, Cluster: "prod-orders"}
	billing = restore.Target{Source: restore.Legacy, Project: publishtest.Target.Project, Cluster: "prod-billing"}
	staging = restore.Target{Source: restore.Legacy, Project: publishtest.Target.Project, Cluster: "staging-orders"}
	ledger  = restore.Target{Source: restore.Manager, Project: "5f1e2d3c4b5a69788796a5b4", Cluster: "prod-ledger"}
)

// A role is one of the page's events, under the name that the page gives it.
type role struct {
	name  string
	event restore.Event
}

// cast returns the events of the page in the order of its table.
func cast() []role {
	finished := restore.Change{From: "IN_PROGRESS", To: "FINISHED"}
	again := restore.Change{From: "BROKEN", To: "FINISHED", Repeat: true}
	status := func(c restore.Change, d restore.DeliveryStatus) restore.Event {
		return publishtest.StatusChanged(publishtest.Config, 3, c, d)
	}
	roles := []role{
		{"created", at(orders, sample(restore.JobCreated))},
		{"finished", at(orders, status(finished, restore.DeliveryReady))},
		{"finished-again", at(orders, status(again, restore.DeliveryReady))},
		{"finished-billing", into("staging-billing", alone(at(billing, status(finished, ""))))},
		{"finished-staging", alone(at(staging, status(finished, restore.DeliveryReady)))},
		{"finished-manager", alone(at(ledger, status(finished, restore.DeliveryReady)))},
		{"broken", at(orders, status(restore.Change{From: "IN_PROGRESS", To: "BROKEN"}, restore.DeliveryFailed))},
		{"killed", at(orders, status(restore.Change{From: "IN_PROGRESS", To: "KILLED"}, restore.DeliveryNotStarted))},
		{"ready", at(orders, sample(restore.DeliveryStatusChanged))},
	}
	for _, d := range []role{{name: "expired"}, {name: "used-up"}, {name: "interrupted"}, {name: "delivery-failed"}} {
		roles = append(roles, role{d.name, at(orders, lost(d.name))})
	}
	return distinct(append(roles,
		role{"downloaded", at(orders, sample(restore.HashAdded))},
		role{"hash-changed", at(orders, sample(restore.HashChanged))},
		role{"expiring", at(orders, sample(restore.DeliveryExpiring))},
		role{"expiring-downloaded", at(orders, downloaded(sample(restore.DeliveryExpiring)))},
		role{"expiring-staging", alone(at(staging, sample(restore.DeliveryExpiring)))},
		role{"stuck", at(orders, sample(restore.JobStuck))},
		role{"batch-finished", at(orders, sample(restore.BatchFinished))},
		role{"batch-failed", at(orders, sample(restore.BatchFailed))},
		role{"unreachable", at(orders, sample(restore.TargetUnreachable))},
		role{"unreachable-manager", at(ledger, unanswered(sample(restore.TargetUnreachable)))},
		role{"recovered", at(orders, sample(restore.TargetRecovered))},
	))
}

// sample returns the first of the sample events of a type.
func sample(t restore.Type) restore.Event {
	all := publishtest.Types()
	return all[slices.IndexFunc(all, func(e restore.Event) bool { return e.Type == t })]
}

// at moves an event to another target.
func at(target restore.Target, e restore.Event) restore.Event {
	if e.Subject == e.Target.Place() {
		e.ID = strings.Replace(e.ID, e.Subject, target.Place(), 1)
		e.Subject = target.Place()
	}
	e.Target = target
	if e.Job != nil {
		e.Job = new(*e.Job)
		e.Job.ProjectID, e.Job.ClusterName = target.Project, target.Cluster
	}
	return e
}

// alone takes a job out of its batch, as that of a replica set.
func alone(e restore.Event) restore.Event {
	e.Job = new(*e.Job)
	e.Job.BatchID = ""
	return e
}

// into makes a download an automated restore into a cluster.
func into(cluster string, e restore.Event) restore.Event {
	e.Job = new(*e.Job)
	e.Job.Delivery = restore.Delivery{Method: "AUTOMATED_RESTORE", TargetProject: e.Target.Project, TargetCluster: cluster}
	return e
}

// lost is a delivery that ended without the data being fetched, in the way of that name.
func lost(name string) restore.Event {
	words := map[string]restore.DeliveryStatus{
		"expired": restore.DeliveryExpired, "used-up": restore.DeliveryMaxDownloadsExceeded,
		"interrupted": restore.DeliveryInterrupted, "delivery-failed": restore.DeliveryFailed,
	}
	c := restore.Change{From: "READY", To: string(words[name])}
	e := publishtest.DeliveryChanged(publishtest.Config, 5, c, restore.Finished)
	e.Severity = restore.Warning
	return e
}

func downloaded(e restore.Event) restore.Event {
	e.Job = new(*e.Job)
	e.Job.Hashes, e.Severity = publishtest.HashAdded().Hashes, restore.Info
	return e
}

func unanswered(e restore.Event) restore.Event {
	e.Failure = new(*e.Failure)
	e.Failure.Kind, e.Failure.Message, e.Failure.Hint = restore.FailedUnavailable, "no answer", ""
	return e
}

// distinct gives each event of a job a job of its own, so that no two have one id.
func distinct(roles []role) []role {
	for i, r := range roles {
		if r.event.Job == nil {
			continue
		}
		id := fmt.Sprintf("5a66783b80eef5354c78%04x", i)
		roles[i].event.ID = strings.Replace(r.event.ID, r.event.Subject, id, 1)
		roles[i].event.Subject, roles[i].event.Job.ID = id, restore.JobID(id)
	}
	return roles
}

func events(roles []role) []restore.Event {
	var all []restore.Event
	for _, r := range roles {
		all = append(all, r.event)
	}
	return all
}

// names returns who the events with these ids are, sorted.
func names(t *testing.T, ids []string) []string {
	t.Helper()
	found := []string{}
	for _, id := range ids {
		all := cast()
		i := slices.IndexFunc(all, func(r role) bool { return r.event.ID == id })
		if i < 0 {
			t.Fatalf("an event that nobody published: %q", id)
		}
		found = append(found, all[i].name)
	}
	slices.Sort(found)
	return found
}

// The table at the end of the page shows the attributes that the publisher gives these events.
func TestTableOfEvents(t *testing.T) {
	rows := table(t)
	all := cast()
	if len(rows) != len(all) {
		t.Fatalf("the table has %d events, there are %d", len(rows), len(all))
	}
	for i, r := range all {
		attributes := map[string]string{"event": "`" + r.name + "`"}
		for _, a := range publish.Attributes(r.event) {
			attributes[a.Name] = strings.TrimPrefix(a.Value, publish.TypePrefix)
		}
		for column, cell := range rows[i] {
			end, short := strings.CutPrefix(cell, "…")
			if short && strings.HasSuffix(attributes[column], end) {
				cell = attributes[column]
			}
			if cell != attributes[column] {
				t.Errorf("%s: the table says %s is %q, it is %q", r.name, column, cell, attributes[column])
			}
		}
	}
}

// table returns the rows of the page's last table, by the columns' names.
func table(t *testing.T) []map[string]string {
	t.Helper()
	content, err := os.ReadFile("../../../docs/subscribe.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(content), "\n| event |")
	lines := strings.Split(strings.TrimSpace("| event |"+text), "\n")
	columns := cells(lines[0])
	var rows []map[string]string
	for _, line := range lines[2:] {
		row := make(map[string]string)
		for i, cell := range cells(line) {
			row[columns[i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func cells(line string) []string {
	all := strings.Split(strings.Trim(line, "|"), "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

// What the page says of three events in words.
func TestWhatTheTableDoesNotShow(t *testing.T) {
	who := make(map[string]restore.Event)
	for _, r := range cast() {
		who[r.name] = r.event
	}
	if left := who["expiring"].Expiry.Remaining; left != 59*time.Minute+30*time.Second {
		t.Errorf("expiring has %s left", left)
	}
	if d := who["finished-billing"].Job.Delivery; d.TargetCluster != "staging-billing" {
		t.Errorf("finished-billing restores into %q", d.TargetCluster)
	}
	if kind := who["unreachable"].Failure.Kind; kind != restore.FailedAccessList {
		t.Errorf("unreachable is of kind %s", kind)
	}
	if kind := who["unreachable-manager"].Failure.Kind; kind != restore.FailedUnavailable {
		t.Errorf("unreachable-manager is of kind %s", kind)
	}
}
