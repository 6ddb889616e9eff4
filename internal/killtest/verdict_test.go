package killtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/atlassim"
)

// An owing is what is compared of an event: all but the time of its observation and the words for people.
type owing struct {
	ID, Type, Subject, Sequence, Severity, Detail, Job string
}

func (e owing) String() string {
	return strings.Join([]string{e.Sequence, e.ID, e.Type, e.Severity, e.Detail, e.Job}, " | ")
}

// A told event is one as a subscriber gets it, CloudEvents in JSON.
type told struct {
	ID, Type, Subject, Sequence string
	Data                        struct {
		Severity string
		Change   *struct {
			From, To string
			Repeat   bool
		}
		Hashes             []atlassim.Hash
		Hash, PreviousHash *atlassim.Hash
		Expires            time.Time
		Threshold          string
		Batch              *struct {
			Outcome                 string
			Total, Finished, Failed int
			Jobs                    []struct{ ID, ClusterID, StatusName, DeliveryStatusName string }
		}
		Job *atlassim.Job
	}
}

// twelve hex digits stand for hashes in an id. Which, is the program's choice; that they are never those of other hashes
// follows from the ids' being compared.
var twelve = regexp.MustCompile(`\.(hash|hashchanged)\.[0-9a-f]{12}`)

func (e told) owing() owing {
	w := owing{
		ID: twelve.ReplaceAllString(e.ID, ".$1.#"), Type: e.Type, Subject: e.Subject, Sequence: e.Sequence, Severity: e.Data.Severity,
	}
	d := e.Data
	switch {
	case d.Change != nil:
		w.Detail = changed(d.Change.From, d.Change.To, d.Change.Repeat)
	case d.Hashes != nil:
		w.Detail = listHashes(d.Hashes)
	case d.Hash != nil && d.PreviousHash != nil:
		w.Detail = fmt.Sprintf("%s: %s->%s", d.Hash.FileName, d.PreviousHash.Hash, d.Hash.Hash)
	case d.Threshold != "":
		w.Detail = fmt.Sprintf("%s at %d", d.Threshold, d.Expires.Unix())
	case d.Batch != nil:
		var all []string
		for _, j := range d.Batch.Jobs {
			all = append(all, strings.Join([]string{j.ID, j.ClusterID, j.StatusName, j.DeliveryStatusName}, "/"))
		}
		w.Detail = fmt.Sprintf("%s, of %d finished %d, failed %d: %s",
			d.Batch.Outcome, d.Batch.Total, d.Batch.Finished, d.Batch.Failed, strings.Join(all, " "))
	}
	if j := d.Job; j != nil {
		w.Job = strings.Join([]string{j.ClusterName, j.BatchID, j.StatusName, j.Delivery.StatusName, listHashes(j.Hashes)}, "/")
	}
	return w
}

// A verdict is what a subscriber's messages were found to be.
type verdict struct {
	wrong      []string // broken promises, in a form that is worth reading
	told       int      // different events
	duplicates int      // messages that repeat one
}

// judge compares all messages that a subscriber got, as they came, each an event in JSON, with what is owed.
func (o *oracle) judge(messages []string) verdict {
	var v verdict
	contents := map[string]string{}
	got := map[string][]string{}
	for _, text := range messages {
		var e told
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			v.complain("a message is no event: %v: %s", err, text)
			continue
		}
		if before, again := contents[e.ID]; again {
			v.duplicates++
			if before != text {
				v.complain("%s has two contents:\n%s\n%s", e.ID, before, text)
			}
			continue
		}
		contents[e.ID] = text
		got[e.Subject] = append(got[e.Subject], e.owing().String())
	}
	v.told = len(contents)
	subjects := maps.Clone(o.owed)
	maps.Copy(subjects, got)
	for _, subject := range slices.Sorted(maps.Keys(subjects)) {
		v.compare(subject, o.owed[subject], got[subject])
	}
	return v
}

func (v *verdict) complain(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// compare complains when one subject was not told what it is owed, in that order.
func (v *verdict) compare(subject string, owed, got []string) {
	if slices.Equal(owed, got) {
		return
	}
	var lines []string
	for _, line := range owed {
		if !slices.Contains(got, line) {
			lines = append(lines, "lost:     "+line)
		}
	}
	for _, line := range got {
		if !slices.Contains(owed, line) {
			lines = append(lines, "invented: "+line)
		}
	}
	if len(lines) == 0 {
		for _, line := range got {
			lines = append(lines, "out of order: "+line)
		}
	}
	v.complain("of %s, %d events are owed and %d were told:\n%s", subject, len(owed), len(got), strings.Join(lines, "\n"))
}
