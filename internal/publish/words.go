package publish

import (
	"fmt"
	"time"

	"restorewatch/internal/restore"
)

// The sentences that people read stand in this file and in steps.go, and nowhere else.

// statusSentences say what a job's status means for the cluster %s.
var statusSentences = map[restore.Status]string{
	restore.InProgress: "Restore of %s is in progress",
	restore.Finished:   "Restore of %s finished",
	restore.Broken:     "Restore of %s failed (BROKEN)",
	restore.Killed:     "Restore of %s was killed",
}

// deliverySentences say what a delivery's status means; the first %s is "Download" or "Delivery".
var deliverySentences = map[restore.DeliveryStatus]string{
	restore.DeliveryNotStarted:           "%s of the %s restore has not started",
	restore.DeliveryPending:              "%s of the %s restore is pending",
	restore.DeliveryInProgress:           "%s of the %s restore is being prepared",
	restore.DeliveryReady:                "%s of the %s restore is ready",
	restore.DeliveryFailed:               "%s of the %s restore failed",
	restore.DeliveryInterrupted:          "%s of the %s restore was interrupted",
	restore.DeliveryExpired:              "%s of the %s restore expired",
	restore.DeliveryMaxDownloadsExceeded: "%s of the %s restore reached its limit of downloads",
}

// failureReasons end the sentence "Cluster0 cannot be watched: …".
var failureReasons = map[restore.FailureKind]string{
	restore.FailedCredentials:     "the API refuses the credentials",
	restore.FailedAccessList:      "our address is not on the API access list",
	restore.FailedForbidden:       "the credentials have no right to list them",
	restore.FailedNotFound:        "the project or the cluster is not found",
	restore.FailedRateLimited:     "the API refuses more requests for now",
	restore.FailedUnavailable:     "the API does not answer",
	restore.FailedInvalidResponse: "the API's answer cannot be understood",
	restore.FailedState:           "the stored state cannot be read or written",
	restore.FailedPublish:         "events cannot be published",
	restore.FailedConfig:          "the configuration is wrong",
}

// sourceNames are what people call the sources.
var sourceNames = map[restore.Source]string{
	restore.Legacy:  "Atlas legacy backup",
	restore.Manager: "Cloud Manager or Ops Manager",
	restore.Cloud:   "Atlas Cloud Backup",
	restore.Flex:    "Atlas Flex",
}

// Summary returns what happened as one plain sentence of at most 240 characters, without a full stop: "Restore of
// Cluster0 finished".
func Summary(e restore.Event) string { return Line(sentence(e, Line(ClusterName(e), 100)), 240) }

// Summary returns the sentence of the function Summary, after Mark.
func (r Renderer) Summary(e restore.Event) string {
	return Line(r.Mark()+sentence(e, Line(ClusterName(e), 100)), 240)
}

// ClusterName returns how people call the cluster: the job's own name for it, else the target's. A target that stands for
// many is called so.
func ClusterName(e restore.Event) string {
	switch {
	case e.Target.Project == "*":
		return "The projects of this key"
	case e.Target.Wild():
		return "The clusters of project " + e.Target.Project
	}
	if name := valueOf(e.Job).ClusterName; name != "" {
		return name
	}
	return e.Target.Cluster
}

// sentence is Summary with the cluster called name, which the caller has bounded.
func sentence(e restore.Event, name string) string {
	j, b := valueOf(e.Job), valueOf(e.Batch)
	switch e.Type {
	case restore.JobCreated:
		return fmt.Sprintf("Restore of %s was requested", name)
	case restore.JobStatusChanged:
		return statusSentence(valueOf(e.Change), name)
	case restore.DeliveryStatusChanged:
		return deliverySentence(valueOf(e.Change), noun(j.Delivery), name)
	case restore.HashAdded:
		return fmt.Sprintf("Restore of %s was downloaded (%s)", name, count(len(e.Hashes), "new hash"))
	case restore.HashChanged:
		return fmt.Sprintf("Hash of a restore file of %s CHANGED", name)
	case restore.DeliveryExpiring:
		return fmt.Sprintf("Download link of %s expires in %s", name, Span(valueOf(e.Expiry).Remaining))
	case restore.JobStuck:
		return fmt.Sprintf("Restore of %s is still %s%s", name, wordOf(string(j.Status)), since(j.Created, e.Time))
	case restore.BatchFinished:
		return fmt.Sprintf("Sharded restore of %s finished (all %s)", name, count(len(b.Members), "job"))
	case restore.BatchFailed:
		_, failed := b.Count()
		return fmt.Sprintf("Sharded restore of %s failed (%d of %s)", name, failed, count(len(b.Members), "job"))
	case restore.TargetUnreachable:
		return fmt.Sprintf("%s cannot be watched: %s", name, reason(valueOf(e.Failure)))
	case restore.TargetRecovered:
		return fmt.Sprintf("%s can be watched again", name)
	}
	return fmt.Sprintf("Restore of %s: %s", name, wordOf(string(e.Type)))
}

func statusSentence(c restore.Change, name string) string {
	if format, ok := statusSentences[restore.Status(c.To)]; ok {
		return fmt.Sprintf(format, name) + again(c)
	}
	return fmt.Sprintf("Restore of %s is now %s", name, wordOf(c.To)) + again(c)
}

func deliverySentence(c restore.Change, noun, name string) string {
	if format, ok := deliverySentences[restore.DeliveryStatus(c.To)]; ok {
		return fmt.Sprintf(format, noun, name) + again(c)
	}
	return fmt.Sprintf("%s of the %s restore is now %s", noun, name, wordOf(c.To)) + again(c)
}

// again marks a repeat: a word reached before, or one that leaves a final status.
func again(c restore.Change) string {
	if c.Repeat {
		return " (again)"
	}
	return ""
}

func noun(d restore.Delivery) string {
	if d.Download() {
		return "Download"
	}
	return "Delivery"
}

func reason(f restore.Failure) string {
	if s, ok := failureReasons[f.Kind]; ok {
		return s
	}
	return wordOf(string(f.Kind))
}

// wordOf shows a word of the API, which may be anything.
func wordOf(s string) string {
	if s == "" {
		return "without a status"
	}
	return Line(s, 40)
}

// allowance says how often a link works. 2147483647 (2^31-1) is the API's way to say that there is no limit.
func allowance(downloads int) string {
	switch {
	case downloads <= 0:
		return ""
	case downloads == 1<<31-1:
		return "no limit"
	case downloads == 1:
		return "once"
	}
	return count(downloads, "time")
}

// left says how long a link lives, seen from now.
func left(expires, now time.Time) string {
	if d := expires.Sub(now); d > 0 {
		return "in " + Span(d)
	}
	return Span(now.Sub(expires)) + " ago"
}

// since says how old a job is; one whose age is unknown has none.
func since(created, now time.Time) string {
	if created.IsZero() {
		return ""
	}
	return " after " + Span(now.Sub(created))
}
