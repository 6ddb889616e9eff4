package publish

import (
	"bytes"
	"encoding/json"
	"math"
	"sort"

	"restorewatch/internal/restore"
)

// MaxEvent is the size of the largest event in bytes: what every CloudEvents intermediary has to forward
// (CloudEvents 1.0.2, "Size Limits").
const MaxEvent = 64 << 10

// caps bound the lists of an event and the bytes of each of its texts.
type caps struct {
	jobHashes, hashes, batchJobs, texts int
}

// JSON returns e as a CloudEvents 1.0 document in structured mode, on one line without a line end, at most MaxEvent
// bytes. One that would be larger loses, in this order and no more than it must: the hashes of the job, the new
// hashes, the jobs of the batch, and at last the ends of long texts; data.omitted counts them.
func (r Renderer) JSON(e restore.Event) []byte {
	c := caps{jobHashes: math.MaxInt, hashes: math.MaxInt, batchJobs: math.MaxInt, texts: math.MaxInt}
	doc := r.encode(e, c)
	for _, list := range []struct {
		limit  *int
		length int
	}{
		{&c.jobHashes, len(valueOf(e.Job).Hashes)},
		{&c.hashes, len(e.Hashes)},
		{&c.batchJobs, len(valueOf(e.Batch).Members)},
	} {
		if len(doc) <= MaxEvent {
			return doc
		}
		*list.limit = longest(list.length, func(n int) bool {
			*list.limit = n
			return len(r.encode(e, c)) <= MaxEvent
		})
		doc = r.encode(e, c)
	}
	for c.texts = 4096; len(doc) > MaxEvent && c.texts > 0; c.texts /= 2 {
		doc = r.encode(e, c)
	}
	return doc
}

// longest returns the greatest n up to length that fits, 0 when none does.
func longest(length int, fits func(int) bool) int {
	return max(0, sort.Search(length+1, func(n int) bool { return !fits(n) })-1)
}

func (r Renderer) encode(e restore.Event, c caps) []byte {
	w := writer{caps: c}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w.envelope(r, e)); err != nil {
		panic("publish: strings, integers and booleans always encode: " + err.Error()) // unreachable
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
