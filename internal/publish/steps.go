package publish

import (
	"fmt"

	"restorewatch/internal/restore"
)

// unknownWord is for a word that the API did not have when this was written.
const unknownWord = "restorewatch does not know this word of the API. Look at the backup page."

// testStep comes first where somebody could take a test for the real thing.
const testStep = "Nothing: this is a test, sent by restorewatch test-event. Nothing has happened, and no such job or batch exists. " +
	"What a real event would ask for follows."

// Steps returns the steps of the function Steps; on a test, after one that says so.
func (r Renderer) Steps(e restore.Event) []string {
	if r.Test {
		return append([]string{testStep}, Steps(e)...)
	}
	return Steps(e)
}

// Steps returns what a person should do about e, one or two sentences each, the most urgent first. "The backup page"
// in them is the one that ConsoleURL leads to.
func Steps(e restore.Event) []string {
	switch e.Type {
	case restore.JobCreated:
		return []string{"Nothing yet: every change of this restore will be told.",
			"If nobody should be restoring this cluster, look who asked for it in the project's activity feed."}
	case restore.JobStatusChanged:
		return statusSteps(e)
	case restore.DeliveryStatusChanged:
		return deliverySteps(e, restore.DeliveryStatus(valueOf(e.Change).To))
	case restore.HashAdded:
		return []string{
			"The API tells a hash only once a file has been downloaded. If none of you did that, treat the backup as read by " +
				"somebody else, and look in the project's activity feed who asked for it.",
			"Compare each file with its hash: restorewatch verify FILE",
		}
	case restore.HashChanged:
		return hashChangedSteps()
	case restore.DeliveryExpiring:
		return expiringSteps(e)
	case restore.JobStuck:
		return []string{
			"See on the backup page whether it still moves. A large restore may take this long; a stuck one does not end by itself.",
			"If it does not move, cancel it there, or open a case with MongoDB support and name the job and the snapshot.",
			"If this is normal here, raise STUCK_AFTER.",
		}
	case restore.BatchFinished:
		return []string{"Every job of the batch finished; their own events tell how each one's data is handed over.",
			"If it is by download, get every file before its link expires, on the backup page."}
	case restore.BatchFailed:
		return []string{
			"At least one job ended without a restore, so this batch does not make a whole cluster. The API tells no reason: " +
				"look for one on the backup page.",
			"Start the restore of the whole cluster again. The jobs that finished are of little use alone.",
		}
	case restore.TargetUnreachable:
		return unreachableSteps(e)
	case restore.TargetRecovered:
		return []string{"Nothing. What changed in the meantime is told now, as far as the listing still shows it."}
	}
	return []string{unknownWord}
}

func statusSteps(e restore.Event) []string {
	switch restore.Status(valueOf(e.Change).To) {
	case restore.Finished:
		return finishedSteps(e)
	case restore.Broken:
		return append([]string{
			"This job restored nothing. The API tells no reason: look for one on the backup page.",
			"Check that the snapshot still exists, and for a restore into a cluster that its version, topology and disk fit.",
		}, startAnew(e)...)
	case restore.Killed:
		return append([]string{
			"This job restored nothing: it was cancelled. See in the project's activity feed by whom, and ask before you start it again.",
		}, startAnew(e)...)
	case restore.InProgress:
		return []string{"Nothing yet: the end of this restore will be told."}
	}
	return []string{unknownWord}
}

// finishedSteps depend on how the data is handed over: a finished job is not yet a downloaded file.
func finishedSteps(e restore.Event) []string {
	d := valueOf(e.Job).Delivery
	switch {
	case d.Download():
		return deliverySteps(e, d.Status)
	case d.TargetCluster != "":
		return []string{"The data is in cluster " + Line(d.TargetCluster, 100) + ". Check it there before applications use it."}
	}
	return []string{"Find the restored data on the backup page."}
}

func deliverySteps(e restore.Event, status restore.DeliveryStatus) []string {
	switch status {
	case restore.DeliveryReady:
		return fetchSteps(e)
	case restore.DeliveryExpired:
		return goneSteps(e, "The link works no more.")
	case restore.DeliveryMaxDownloadsExceeded:
		return goneSteps(e, "The link has been used as often as it may. If those downloads were not all yours, treat the "+
			"backup as read by somebody else.")
	case restore.DeliveryFailed, restore.DeliveryInterrupted:
		return append([]string{"The data was not handed over. A download that was cut off can sometimes be started again on the " +
			"backup page."}, startAnew(e)...)
	case "", restore.DeliveryNotStarted, restore.DeliveryPending, restore.DeliveryInProgress:
		return []string{"Nothing yet: it will be told when the data is ready."}
	}
	return []string{unknownWord}
}

// fetchSteps tell how long the link lives and where it is, never the link.
func fetchSteps(e restore.Event) []string {
	d := valueOf(e.Job).Delivery
	if !d.Download() {
		return []string{"Find the restored data on the backup page."}
	}
	steps := []string{"Get the data from the backup page soon."}
	if !d.Expires.IsZero() {
		steps[0] = fmt.Sprintf("Get the data from the backup page before %s (%s).", instant(d.Expires), left(d.Expires, e.Time))
	}
	if d.MaxDownloads == 1 {
		steps = append(steps, "The link works once: do not open it only to see whether it does.")
	}
	return append(steps,
		"Afterwards compare the file with the hash that the API tells of it: restorewatch verify FILE",
		"The link itself is told to nobody: whoever has it can read the whole backup.")
}

func goneSteps(e restore.Event, what string) []string {
	if len(valueOf(e.Job).Hashes) > 0 {
		return []string{what, "The API tells a hash, so the data has been downloaded. Whoever needs another copy starts a new restore."}
	}
	return append([]string{what, "The API tells no hash, so it seems that nobody has downloaded the data."}, startAnew(e)...)
}

func hashChangedSteps() []string {
	return []string{
		"Treat this as possible tampering until you know better: the API tells another hash than before for the same file.",
		"Use no copy of this file yet, and throw none away. Compute the hash of each (restorewatch verify FILE, or sha1sum FILE) " +
			"and compare it with both hashes told here.",
		"See in the project's activity feed who handled this restore. If nobody can explain the change, open a case with " +
			"MongoDB support and name the job and the snapshot.",
	}
}

func expiringSteps(e restore.Event) []string {
	if len(valueOf(e.Job).Hashes) > 0 {
		return []string{"Nothing, if the download that the hash tells of was yours and is complete."}
	}
	return append([]string{"No hash is known yet, so it seems that nobody has downloaded the data."}, fetchSteps(e)...)
}

func unreachableSteps(e restore.Event) []string {
	first := "Find out what is wrong and how to mend it: restorewatch doctor"
	if hint := valueOf(e.Failure).Hint; hint != "" {
		first = Line(hint, 1000)
	}
	return []string{first, "Until then nothing about this cluster is told. What the listing still shows afterwards is told then."}
}

// startAnew ends what to do about a restore that gave nothing.
func startAnew(e restore.Event) []string {
	j := valueOf(e.Job)
	from := ""
	if j.SnapshotID != "" {
		from = " from snapshot " + Line(j.SnapshotID, 40)
	}
	step := "If the data is still needed, start a new restore" + from + " on the backup page."
	if j.BatchID != "" {
		step += " It takes the whole cluster: one job of a batch is of little use alone."
	}
	return []string{step}
}
