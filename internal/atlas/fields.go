package atlas

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"restorewatch/internal/restore"
)

const (
	maxText = 1024 // bytes of any text of a job; what is longer is cut
	maxID   = 128  // bytes of an id; the API's have 24
)

// checkIDs refuses a job that cannot be remembered: it must have an id, and may have a batch.
func checkIDs(id, batch string) error {
	if id == "" {
		return errors.New("it has no id")
	}
	if err := checkID(id); err != nil {
		return fmt.Errorf("its id: %w", err)
	}
	if batch == "" {
		return nil
	}
	if err := checkID(batch); err != nil {
		return fmt.Errorf("its batchId: %w", err)
	}
	return nil
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

// isObjectID reports whether id is 24 hex digits. Every id of the APIs is; no name of a cluster should be.
func isObjectID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == 12
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

// A wireTimestamp is a position in the oplog: an object, or in some answers its date alone. What is neither counts as
// absent, and so do its nulls.
type wireTimestamp struct {
	Date      string
	Increment number
}

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (w *wireTimestamp) UnmarshalJSON(raw []byte) error {
	*w = wireTimestamp{}
	if kind(raw) == "a string" {
		_ = json.Unmarshal(raw, &w.Date) // valid, or it would not have come here
		return nil
	}
	type object wireTimestamp // without this method
	_ = json.Unmarshal(raw, (*object)(w))
	return nil
}

func (w wireTimestamp) decode() restore.Timestamp {
	return restore.Timestamp{Date: parseTime(w.Date), Increment: w.Increment.upTo(math.MaxUint32)}
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
