// Package publishtest holds sample events, one of every type, for the tests of publishers and for the golden files in
// events/. The names are those of the API page's example response.
package publishtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// The target, the batch and the jobs of the samples.
var (
	Target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}
	Batch  = restore.BatchID("5a66783b80eef5354c77ee13")
	Config = restore.JobID("5a66783b80eef5354c77ee16") // the config server's job
	Shard1 = restore.JobID("5a66783b80eef5354c77ee15")
	Shard0 = restore.JobID("5a66783b80eef5354c77ee14")
)

// BaseURL is the API's host in the samples.
const BaseURL = "https://cloud.mongodb.com"

var (
	created  = time.Date(2018, 1, 22, 23, 48, 11, 0, time.UTC)
	observed = time.Date(2018, 1, 22, 23, 49, 12, 0, time.UTC)
	expires  = time.Date(2018, 1, 24, 23, 49, 38, 0, time.UTC)
	tarball  = restore.Hash{
		File:      "config-Cluster0-config-0-5a66689487d9d61443b46149-1516661094-5a66783b80eef5354c77ee16.tar.gz",
		Algorithm: "SHA1",
		Sum:       "a98af3c1f85a9eb3061423cda0fad8b4d0a48209",
	}
)

// Job returns a job of the samples' batch with the two statuses given.
func Job(id restore.JobID, status restore.Status, delivery restore.DeliveryStatus) restore.Job {
	return restore.Job{
		ID: id, ProjectID: Target.Project, ClusterID: "7c88887880eef52e5f4d0e2d", ClusterName: Target.Cluster,
		BatchID: Batch, SnapshotID: "5a6669d5e2bfb3461861360c", Created: created, Status: status,
		Delivery: restore.Delivery{
			Method: "HTTP", Status: delivery, Expires: expires, ExpirationHours: 48, MaxDownloads: 1,
		},
		Timestamp: restore.Timestamp{Date: time.Date(2018, 1, 22, 22, 44, 54, 0, time.UTC), Increment: 1},
	}
}

// Events returns one event of every type, in the order in which the types are declared, and after them those that
// people read differently: the same type with another word.
func Events() []restore.Event {
	return slices.Concat(jobEvents(), hashEvents(), lateEvents(), batchEvents(), targetEvents())
}

// Types returns the first event of each type among Events.
func Types() []restore.Event {
	seen := make(map[restore.Type]bool)
	var first []restore.Event
	for _, e := range Events() {
		if !seen[e.Type] {
			seen[e.Type] = true
			first = append(first, e)
		}
	}
	return first
}

// Finished is the event of the contract's example: the one that pipelines start on.
func Finished() restore.Event {
	return StatusChanged(Config, 3, restore.Change{From: "IN_PROGRESS", To: "FINISHED"}, restore.DeliveryReady)
}

// StatusChanged returns the sequence-th event of a job, a change of its status while its delivery stands at d.
func StatusChanged(id restore.JobID, sequence int, c restore.Change, d restore.DeliveryStatus) restore.Event {
	e := event(string(id), "status."+c.To, restore.JobStatusChanged, sequence, restore.Info)
	if restore.Status(c.To).Failed() {
		e.Severity = restore.Critical
	}
	e.Job, e.Change = new(Job(id, restore.Status(c.To), d)), &c
	one := restore.Batch{Members: []restore.Member{{Status: e.Job.Status}}}
	e.Tally = &restore.Tally{Total: 3}
	e.Tally.Finished, e.Tally.Failed = one.Count()
	return e
}

// DeliveryChanged returns the sequence-th event of a job, a change of its delivery while its status stands at s.
func DeliveryChanged(id restore.JobID, sequence int, c restore.Change, s restore.Status) restore.Event {
	e := event(string(id), "delivery."+c.To, restore.DeliveryStatusChanged, sequence, restore.Info)
	e.Job, e.Change = new(Job(id, s, restore.DeliveryStatus(c.To))), &c
	return e
}

// Rounds returns the first events of n jobs, then the second event of each, and so on: the order in which the watcher
// hands out what several jobs have to tell.
func Rounds(n, rounds int) []restore.Event {
	var all []restore.Event
	for round := range rounds {
		for i := range n {
			id, to := restore.JobID(fmt.Sprintf("5a66783b80eef5354c77%04x", i)), fmt.Sprintf("WORD_%d", round+1)
			all = append(all, StatusChanged(id, round+1, restore.Change{To: to}, restore.DeliveryReady))
		}
	}
	return all
}

func jobEvents() []restore.Event {
	begun := event(string(Config), "created", restore.JobCreated, 1, restore.Info)
	begun.Job = new(Job(Config, restore.InProgress, restore.DeliveryNotStarted))
	begun.Job.Delivery.Expires = time.Time{} // the API tells it once there is a link
	ready := DeliveryChanged(Config, 2, restore.Change{From: "NOT_STARTED", To: "READY"}, restore.InProgress)
	expired := DeliveryChanged(Config, 5, restore.Change{From: "READY", To: "EXPIRED"}, restore.Finished)
	expired.Severity, expired.Time = restore.Warning, expires.Add(34*time.Second)
	return []restore.Event{
		begun,
		Finished(),
		StatusChanged(Config, 3, restore.Change{From: "IN_PROGRESS", To: "BROKEN"}, restore.DeliveryFailed),
		StatusChanged(Config, 3, restore.Change{From: "IN_PROGRESS", To: "KILLED"}, restore.DeliveryNotStarted),
		ready,
		expired,
	}
}

func hashEvents() []restore.Event {
	job := new(Job(Config, restore.Finished, restore.DeliveryReady))
	job.Hashes = []restore.Hash{tarball}
	added := event(string(Config), "hash.ae7633e5a576", restore.HashAdded, 4, restore.Info)
	added.Job, added.Hashes = job, job.Hashes

	other := tarball
	other.Sum = "18a8617d0b6bfff97b7232d1ebeeea16edc216b0"
	changed := event(string(Config), "hashchanged.2e25afd27389", restore.HashChanged, 5, restore.Critical)
	changed.Job = new(*job)
	changed.Job.Hashes = []restore.Hash{other}
	changed.Hash, changed.PreviousHash = &other, &tarball
	return []restore.Event{added, changed}
}

func lateEvents() []restore.Event {
	expiring := event(string(Config), "expiring.1h0m0s.1516837778", restore.DeliveryExpiring, 4, restore.Warning)
	expiring.Time = expires.Add(-59*time.Minute - 30*time.Second)
	expiring.Job = new(Job(Config, restore.Finished, restore.DeliveryReady))
	expiring.Expiry = &restore.Expiry{
		Expires: expires, Remaining: expires.Sub(expiring.Time), Threshold: time.Hour,
	}
	stuck := event(string(Config), "stuck", restore.JobStuck, 2, restore.Warning)
	stuck.Time = created.Add(24*time.Hour + time.Minute)
	stuck.Job = new(Job(Config, restore.InProgress, restore.DeliveryNotStarted))
	stuck.Job.Delivery.Expires = time.Time{}
	return []restore.Event{expiring, stuck}
}

func batchEvents() []restore.Event {
	members := []restore.Member{
		{ID: Shard0, ClusterID: "6b99987880eef52e5f4d0e31", Status: restore.Finished, Delivery: restore.DeliveryReady},
		{ID: Shard1, ClusterID: "6b88887880eef52e5f4d0e2f", Status: restore.Finished, Delivery: restore.DeliveryReady},
		{ID: Config, ClusterID: "7c88887880eef52e5f4d0e2d", Status: restore.Finished, Delivery: restore.DeliveryReady},
	}
	finished := event(string(Batch), "batch.FINISHED", restore.BatchFinished, 1, restore.Info)
	finished.Batch = &restore.Batch{ID: Batch, Outcome: restore.OutcomeFinished, Members: members}

	broken := slices.Clone(members)
	broken[1].Status, broken[1].Delivery = restore.Broken, restore.DeliveryFailed
	broken[2].Status, broken[2].Delivery = restore.InProgress, restore.DeliveryNotStarted
	failed := event(string(Batch), "batch.FAILED", restore.BatchFailed, 1, restore.Critical)
	failed.Batch = &restore.Batch{ID: Batch, Outcome: restore.OutcomeFailed, Members: broken}
	return []restore.Event{finished, failed}
}

func targetEvents() []restore.Event {
	why := restore.Failure{
		Kind:     restore.FailedAccessList,
		Message:  "IP_ADDRESS_NOT_ON_ACCESS_LIST: IP address 203.0.113.9 is not allowed to access this resource.",
		Hint:     "Put 203.0.113.9 on the access list of the API key (organization, Access Manager, API Keys).",
		Since:    observed.Add(-2 * time.Minute),
		Failures: 3,
	}
	word := fmt.Sprintf("unreachable.%d", why.Since.Unix())
	unreachable := event(Target.Place(), word, restore.TargetUnreachable, 1, restore.Critical)
	unreachable.Failure = &why
	word = fmt.Sprintf("recovered.%d", why.Since.Unix())
	recovered := event(Target.Place(), word, restore.TargetRecovered, 2, restore.Info)
	recovered.Failure = &why
	recovered.Time = observed.Add(10 * time.Minute)
	return []restore.Event{unreachable, recovered}
}

func event(subject, fact string, t restore.Type, sequence int, s restore.Severity) restore.Event {
	return restore.Event{
		ID: subject + "." + fact, Type: t, Target: Target, Subject: subject, Sequence: sequence, Time: observed, Severity: s,
	}
}

// BatchFinished returns the event of a whole sharded restore that finished.
func BatchFinished() restore.Event { return batchEvents()[0] }

// HashAdded returns the event of a file that somebody has downloaded.
func HashAdded() restore.Event { return hashEvents()[0] }

// Unreachable returns the event of a target whose API refuses our address.
func Unreachable() restore.Event { return targetEvents()[0] }

// Hostile returns one event of every type in which each text that comes from outside is what no reader expects.
func Hostile() []restore.Event {
	var all []restore.Event
	for _, text := range hostileTexts {
		for _, e := range Types() {
			all = append(all, poison(e, text))
		}
	}
	return all
}

var hostileTexts = []string{
	`"quotes" \ and <!channel> & *_~` + "`",
	"new\nline\r\n\ttab\x00nul\x7fdel",
	"\x1b[31mred\x1b]0;title\a\u009b2J",
	"\u202eright\u200f to \u2066left\u2069\u200b\ufeff",
	"not UTF-8: \xff\xfe\xc3, no XML: \ufffe\uffff",
	"emoji 👩‍👩‍👧‍👦🔥 and Zürich, 東京",
	strings.Repeat("long name ", 1000),
	strings.Repeat("é", 12_000),
}

// poison puts text in place of every text of e that an API chooses.
func poison(e restore.Event, text string) restore.Event {
	e.Target.Cluster = text
	if e.Job != nil {
		j := *e.Job
		j.ClusterName, j.ClusterID, j.SnapshotID, j.ProjectID = text, text, text, text
		j.Status, j.Delivery.Status, j.Delivery.Method = restore.Status(text), restore.DeliveryStatus(text), text
		j.Delivery.TargetCluster = text
		j.Hashes = []restore.Hash{{File: text, Algorithm: text, Sum: text}}
		e.Job = &j
	}
	if e.Change != nil {
		e.Change = &restore.Change{From: text, To: text, Repeat: true}
	}
	if e.Hashes != nil {
		e.Hashes = []restore.Hash{{File: text, Algorithm: text, Sum: text}}
	}
	if e.Hash != nil {
		e.Hash = &restore.Hash{File: text, Algorithm: text, Sum: text}
	}
	if e.Batch != nil {
		b := *e.Batch
		b.Members = []restore.Member{{ID: restore.JobID(text), ClusterID: text, Status: restore.Broken, Delivery: restore.DeliveryStatus(text)}}
		e.Batch = &b
	}
	if e.Failure != nil {
		f := *e.Failure
		f.Message, f.Hint = text, text
		e.Failure = &f
	}
	return e
}
