package publish

import (
	"strconv"

	"restorewatch/internal/restore"
)

// An Attribute is a name and a value, never empty, that subscribers filter by.
type Attribute struct {
	Name, Value string
}

// maxAttribute bounds a value in bytes. Words and ids of the API are far shorter; a filter cannot want more.
const maxAttribute = 256

// Attributes returns what subscribers filter e by: those of the function Attributes, and on a test "test" with the value
// "true", by which they keep tests out.
func (r Renderer) Attributes(e restore.Event) []Attribute {
	all := Attributes(e)
	if r.Test {
		all = append(all, Attribute{"test", "true"})
	}
	return all
}

// Attributes returns what subscribers filter e by, in a fixed order and without empty values. There are at most nine,
// and one more on a test: raw delivery from SNS to SQS discards a message with more than ten. status and deliveryStatus are the words that the
// job has now and stand on events about a job only; an event about a batch tells its outcome by its type.
func Attributes(e restore.Event) []Attribute {
	j := valueOf(e.Job)
	batch := j.BatchID
	if e.Batch != nil {
		batch = e.Batch.ID
	}
	all := []Attribute{
		{"type", TypePrefix + string(e.Type)},
		{"severity", string(e.Severity)},
		{"status", string(j.Status)},
		{"deliveryStatus", string(j.Delivery.Status)},
		{"source", string(e.Target.Source)},
		{"projectId", e.Target.Project},
		{"clusterName", e.Target.Cluster},
		{"batchId", string(batch)},
		{"repeat", repeat(e.Change)},
	}
	set := all[:0]
	for _, a := range all {
		if a.Value = cut(xmlSafe(cut(a.Value, maxAttribute)), maxAttribute); a.Value != "" {
			set = append(set, a)
		}
	}
	return set
}

func repeat(c *restore.Change) string {
	if c == nil {
		return ""
	}
	return strconv.FormatBool(c.Repeat)
}
