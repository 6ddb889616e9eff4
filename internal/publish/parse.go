package publish

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"restorewatch/internal/restore"
)

// maxMissing bounds how many entries of a list Parse believes to have been left out. A record that fits into its store
// holds a few thousand; a made-up number must not cost memory.
const maxMissing = 10_000

// Parse reads what Renderer.JSON writes: the event, and the renderer that wrote it, as far as the event tells.
// What newer versions add is ignored, an unknown event type is kept, and a field of the wrong JSON type counts as
// missing. Entries that data.omitted counts come back empty, so that counts hold; shortened texts stay short.
//
// The error says why doc is no event of ours. It repeats nothing of doc but its type, bounded.
func Parse(doc []byte) (restore.Event, Renderer, error) {
	var in envelope
	err := json.Unmarshal(doc, &in)
	if _, wrongType := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !wrongType {
		return restore.Event{}, Renderer{}, fmt.Errorf("parse event of %d bytes: %w", len(doc), err)
	}
	if why := foreign(in); why != "" {
		return restore.Event{}, Renderer{}, fmt.Errorf("parse event of %d bytes: %s", len(doc), why)
	}
	return in.event(), Renderer{BaseURL: baseOf(in.Source), Test: in.Data.Test}, nil
}

// foreign says why an envelope is not ours, or "".
func foreign(in envelope) string {
	switch {
	case in.SpecVersion != "1.0":
		return "it is no CloudEvents 1.0 document"
	case !strings.HasPrefix(in.Type, TypePrefix) || in.Type == TypePrefix:
		return fmt.Sprintf("its type %q does not begin with %s", Line(in.Type, 80), TypePrefix)
	case in.ID == "":
		return "it has no id"
	case in.Subject == "":
		return "it has no subject"
	}
	return ""
}

// baseOf returns the scheme and host of an event's source, or "" for one that no link should be made of.
func baseOf(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(u.Host, unnamed) {
		return ""
	}
	host := u.Hostname()
	loopback := host == "localhost" || net.ParseIP(host).IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback) {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// unnamed reports whether r stands in the name or address of no host. net/url takes quotes, brackets and, percent-encoded,
// what is not seen.
func unnamed(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_:[]", r)
}

func (in envelope) event() restore.Event {
	d, lost := in.Data, valueOf(in.Data.Omitted)
	sequence, _ := strconv.Atoi(in.Sequence) // 0 for one that is no number
	return restore.Event{
		ID:       in.ID,
		Type:     restore.Type(strings.TrimPrefix(in.Type, TypePrefix)),
		Target:   restore.Target{Source: restore.Source(d.Target.Source), Project: d.Target.ProjectID, Cluster: d.Target.ClusterName},
		Subject:  in.Subject,
		Sequence: sequence,
		Time:     moment(in.Time),
		Severity: restore.Severity(d.Severity),

		Job:          d.Job.domain(lost.JobHashes),
		Change:       (*restore.Change)(d.Change),
		Hashes:       hashList(d.Hashes, lost.Hashes),
		Hash:         d.Hash.domain(),
		PreviousHash: d.PreviousHash.domain(),
		Expiry:       d.expiry(),
		Batch:        d.Batch.domain(),
		Tally:        (*restore.Tally)(d.BatchProgress),
		Failure:      d.Failure.domain(),
	}
}

func (j *job) domain(lostHashes int) *restore.Job {
	if j == nil {
		return nil
	}
	d, at := valueOf(j.Delivery), valueOf(j.Timestamp)
	return &restore.Job{
		ID:                restore.JobID(j.ID),
		ProjectID:         j.GroupID,
		ClusterID:         j.ClusterID,
		ClusterName:       j.ClusterName,
		BatchID:           restore.BatchID(j.BatchID),
		HostID:            j.HostID,
		SnapshotID:        j.SnapshotID,
		Created:           moment(j.Created),
		Status:            restore.Status(j.StatusName),
		Hashes:            hashList(j.Hashes, lostHashes),
		EncryptionEnabled: j.EncryptionEnabled,
		PointInTime:       j.PointInTime,
		Timestamp:         restore.Timestamp{Date: moment(at.Date), Increment: at.Increment},
		Delivery: restore.Delivery{
			Method:          d.MethodName,
			Status:          restore.DeliveryStatus(d.StatusName),
			Expires:         moment(d.Expires),
			ExpirationHours: d.ExpirationHours,
			MaxDownloads:    d.MaxDownloads,
			TargetProject:   d.TargetGroupID,
			TargetCluster:   d.TargetClusterName,
		},
	}
}

func (h *hash) domain() *restore.Hash {
	if h == nil {
		return nil
	}
	return &restore.Hash{File: h.FileName, Algorithm: h.TypeName, Sum: h.Hash}
}

func hashList(listed []hash, lost int) []restore.Hash {
	var all []restore.Hash
	for _, h := range listed {
		all = append(all, *h.domain())
	}
	return slices.Concat(all, make([]restore.Hash, missing(lost)))
}

func (d data) expiry() *restore.Expiry {
	if d.Expires == "" && d.Threshold == "" && d.RemainingSeconds == nil {
		return nil
	}
	threshold, _ := time.ParseDuration(d.Threshold) // 0 for one that is no duration
	const most = int64(1<<63-1) / int64(time.Second)
	seconds := min(max(valueOf(d.RemainingSeconds), -most), most)
	return &restore.Expiry{
		Expires: moment(d.Expires), Remaining: time.Duration(seconds) * time.Second, Threshold: threshold,
	}
}

// domain puts members without an id in place of those that the document left out: what people read is how many of how
// many finished.
func (b *batch) domain() *restore.Batch {
	if b == nil {
		return nil
	}
	out := &restore.Batch{ID: restore.BatchID(b.ID), Outcome: restore.Outcome(b.Outcome)}
	for _, m := range b.Jobs {
		out.Members = append(out.Members, restore.Member{
			ID: restore.JobID(m.ID), ClusterID: m.ClusterID,
			Status: restore.Status(m.StatusName), Delivery: restore.DeliveryStatus(m.DeliveryStatusName),
		})
	}
	finished, failed := out.Count()
	for range missing(b.Total - len(b.Jobs)) {
		status := restore.Status("")
		switch {
		case failed < b.Failed:
			status, failed = restore.Broken, failed+1
		case finished < b.Finished:
			status, finished = restore.Finished, finished+1
		}
		out.Members = append(out.Members, restore.Member{Status: status})
	}
	return out
}

func (f *failure) domain() *restore.Failure {
	if f == nil {
		return nil
	}
	return &restore.Failure{
		Kind: restore.FailureKind(f.Kind), Message: f.Message, Hint: f.Hint, Since: moment(f.Since), Failures: f.Failures,
	}
}

func missing(n int) int { return min(max(n, 0), maxMissing) }

// moment reads what stamp writes; the zero time for what is none.
func moment(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
