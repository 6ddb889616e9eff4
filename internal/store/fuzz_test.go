package store_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/store/storetest"
)

// FuzzDecode reads anything as a stored record. A higher format number is refused as such, whatever stands beside it;
// what is corrupt is told in a bounded text; and what can be read can be written, comes back the same, and is written the
// same again: a record that could be loaded and never saved would stop its job for good.
func FuzzDecode(f *testing.F) {
	for seed := range uint64(40) {
		r := storetest.Generate(target, seed)
		body, err := store.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.Key()), body)
	}
	for _, body := range []string{
		`{"format":1,"job":{"hashes":null,"told":null},"outbox":[{"job":null},{"job":{}},{"hashes":null}]}`,
		`{"format":2,"job":{}}`, `{"format":1e9,"job":7}`, `{"format":9223372036854775808}`, `{"format":1.5}`, `{"FORMAT":3}`,
		`{"format":1,"job":{"statuses":["A%zz","B x7","C 9999-12-31T23:59:59-23:59 x-1"]}}`,
		`{"format":1,"updated":"0000-01-01T00:00:00+23:59","job":{"created":"9999-12-31T23:59:59-12:00"}}`,
		`{"format":1,"job":{"created":"` + strings.Repeat("x", 5000) + `"}}`,
		`{"format":1,"job":{"warned":[{"threshold":"` + strings.Repeat("1h", 3000) + `x"}],"tally":[1,2]}}`,
		`{"format":1,"sequence":-1,"job":{},"outbox":[{"fact":"created"},{"sequence":9,"tally":[1,2,3]},{"tally":null}]}`,
	} {
		f.Add("job/j", []byte(body))
	}
	f.Add("target", []byte(`{"format":1,"target":{"failing":null},"outbox":[{"job":{},"expiry":{},"batch":{},"failure":{}}]}`))
	f.Fuzz(func(t *testing.T, key string, body []byte) {
		r, err := store.Decode(target, restore.Key(key), 1, body)
		var head struct{ Format int }
		if json.Unmarshal(body, &head) == nil && (head.Format > 1) != errors.Is(err, store.ErrNewerFormat) {
			t.Errorf("format %d: %v", head.Format, err)
		}
		if err != nil {
			if n := len(err.Error()) - 5*len(key); n > 1000 { // the key is the caller's
				t.Errorf("an error of %d bytes: %.300s", n, err)
			}
			return
		}
		if r.Key() != restore.Key(key) || r.Version != 1 || r.Target != target {
			t.Fatalf("read %q of %s under the key %q", r.Key(), r.Target, key)
		}
		again, err := store.Encode(r)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		back, err := store.Decode(target, restore.Key(key), 1, again)
		if err != nil {
			t.Fatalf("what was read and written cannot be read: %v\n%s", err, again)
		}
		if !reflect.DeepEqual(back, r) {
			t.Fatalf("read   %+v\nagain  %+v\nbetween %s", r, back, again)
		}
		third, err := store.Encode(back)
		if err != nil || string(third) != string(again) {
			t.Fatalf("written %s, then %s, %v", again, third, err)
		}
	})
}

// FuzzRecord stores records with any text in any place, as the domain makes them.
func FuzzRecord(f *testing.F) {
	for i, text := range []string{"A B", "%41", "x7", "2018-01-22T23:49:38Z x2", "\xff\u2028", "", "READY  x3", "a.b.c"} {
		f.Add(uint64(i), text, "FINISHED", int64(1516837778))
	}
	f.Fuzz(func(t *testing.T, seed uint64, a, b string, seconds int64) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?") // as everything that came as JSON
		want := storetest.Generate(target, seed)
		at := time.Unix(seconds%253402300800, 0).UTC()
		if m, ok := want.Memory.(restore.JobMemory); ok {
			m.Job.Status, m.Job.Delivery.Status, m.Job.Created = restore.Status(a), restore.DeliveryStatus(b), at
			m.Job.Hashes = []restore.Hash{{File: a, Algorithm: b, Sum: a}}
			m.Statuses = []restore.Reached{{Word: a, Times: int(seconds % 1000), Last: at}, {Word: b, Times: 1, Last: want.Updated}}
			want.Memory = m
		}
		for i := range want.Outbox {
			want.Outbox[i].ID, want.Outbox[i].Type = want.Outbox[i].Subject+"."+a, restore.Type(b)
			want.Outbox[i].Change = &restore.Change{From: b, To: a}
		}
		body, err := store.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := store.Decode(target, want.Key(), want.Version, body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("read back %v\n%+v\nwant\n%+v\nstored %s", err, got, want, body)
		}
	})
}
