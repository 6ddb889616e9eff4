package atlas

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"restorewatch/internal/restore"
)

const (
	maxText = 1024 // bytes of any text of a job; what is longer is cut
	maxID   = 128  // bytes of an id; the API's have 24
)

// legacyJob is the decoder of the legacy shape. The project and the cluster that an answer leaves out are those that
// it was asked for.
func legacyJob(w wireJob, t restore.Target) (restore.Job, error) {
	if w.ID == "" {
		return restore.Job{}, errors.New("it has no id")
	}
	if err := checkID(w.ID); err != nil {
		return restore.Job{}, fmt.Errorf("its id: %w", err)
	}
	if w.BatchID != "" {
		if err := checkID(w.BatchID); err != nil {
			return restore.Job{}, fmt.Errorf("its batchId: %w", err)
		}
	}
	created := parseTime(w.Created)
	if created.IsZero() {
		created = objectIDTime(w.ID)
	}
	return restore.Job{
		ID:                restore.JobID(w.ID),
		ProjectID:         text(cmp.Or(w.GroupID, t.Project)),
		ClusterID:         text(w.ClusterID),
		ClusterName:       text(cmp.Or(w.ClusterName, t.Cluster)),
		BatchID:           restore.BatchID(w.BatchID),
		SnapshotID:        text(w.SnapshotID),
		Created:           created,
		Status:            restore.Status(text(w.StatusName)),
		Delivery:          legacyDelivery(w.Delivery),
		Hashes:            legacyHashes(w.Hashes),
		EncryptionEnabled: w.EncryptionEnabled,
		PointInTime:       w.PointInTime,
		Timestamp:         restore.Timestamp{Date: parseTime(w.Timestamp.Date), Increment: w.Timestamp.Increment.upTo(math.MaxUint32)},
	}, nil
}

func legacyDelivery(w wireDelivery) restore.Delivery {
	return restore.Delivery{
		Method:          text(w.MethodName),
		Status:          restore.DeliveryStatus(text(w.StatusName)),
		Expires:         parseTime(w.Expires),
		ExpirationHours: int(w.ExpirationHours.upTo(math.MaxInt32)),
		MaxDownloads:    int(w.MaxDownloads.upTo(math.MaxInt32)),
		TargetProject:   text(w.TargetGroupID),
		TargetCluster:   text(cmp.Or(w.TargetClusterName, w.TargetClusterID)),
	}
}

// legacyHashes sorts, because the order of a listing is no news, and leaves out what names neither a file nor a sum.
func legacyHashes(wire []wireHash) []restore.Hash {
	var hashes []restore.Hash
	for _, w := range wire {
		if w.FileName != "" || w.Hash != "" {
			hashes = append(hashes, restore.Hash{File: text(w.FileName), Algorithm: text(w.TypeName), Sum: text(w.Hash)})
		}
	}
	slices.SortFunc(hashes, restore.Hash.Compare)
	return slices.Compact(hashes)
}

// checkID refuses what cannot name a record: an id becomes part of keys, of event ids and of URL paths.
func checkID(id string) error {
	if len(id) > maxID {
		return fmt.Errorf("it is %d bytes long, none has more than %d", len(id), maxID)
	}
	for _, r := range id {
		if r <= ' ' || r > '~' || r == '/' {
			return fmt.Errorf("it has a character that none can have: %q", r)
		}
	}
	if id == "" || id == "." || id == ".." {
		return fmt.Errorf("%q is none", id)
	}
	return nil
}

func text(s string) string { return cut(s, maxText) }

// timeLayouts are the forms of ISO 8601 that are read; each takes a fraction of a second too. The API documents the
// first; a time without an offset is UTC.
var timeLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05"}

// parseTime returns s as UTC in whole seconds, or the zero time if it tells none.
func parseTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, s)
		if err != nil {
			continue
		}
		t = t.UTC().Truncate(time.Second)
		if y := t.Year(); y < 1970 || y > 9999 { // placeholders, and what JSON cannot write
			return time.Time{}
		}
		return t
	}
	return time.Time{}
}

// objectIDTime returns when an ObjectID was made: its first four bytes are seconds since 1970 (BSON specification).
// The zero time if id is none.
func objectIDTime(id string) time.Time {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 12 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint32(raw)), 0).UTC()
}

// A number is a whole number that may come as a string (timestamp.increment is documented as one and listed as the
// other). What is no such number counts as absent.
type number int64

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (n *number) UnmarshalJSON(raw []byte) error {
	*n = 0
	digits := string(bytes.Trim(raw, `"`))
	if i, err := strconv.ParseInt(digits, 10, 64); err == nil {
		*n = number(i)
	} else if f, err := strconv.ParseFloat(digits, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		*n = number(f)
	}
	return nil
}

// upTo returns n if it is between 0 and most, else 0.
func (n number) upTo(most int64) int64 {
	if n < 0 || int64(n) > most {
		return 0
	}
	return int64(n)
}
