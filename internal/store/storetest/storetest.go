// Package storetest is the one contract that all stores pass.
package storetest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/watch"
)

// A Fixture is a store that is empty, and a way past it.
type Fixture struct {
	Store watch.Store
	// Plant writes a body that the store itself would not, in place of what is there.
	Plant func(t *testing.T, target restore.Target, key restore.Key, version int, body string)
}

// target is watched by the tests that need one target.
var target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}

// Run checks that the stores that open returns keep the contract of watch.Store. open is called once for each test.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for name, test := range map[string]func(*testing.T, Fixture){
		"absent":                testAbsent,
		"begin":                 testBegin,
		"create twice":          testCreateTwice,
		"replace":               testReplace,
		"stale":                 testStale,
		"drop":                  testDrop,
		"drop stale":            testDropStale,
		"concurrent saves":      testConcurrentSaves,
		"similar targets":       testSimilarTargets,
		"every kind of record":  testEveryKind,
		"order of outbox":       testOrderOfOutbox,
		"odd text":              testOddText,
		"many records":          testManyRecords,
		"big record":            testBigRecord,
		"newer format":          testNewerFormat,
		"corrupt body":          testCorruptBody,
		"saved value unchanged": testArgumentUnchanged,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func testAbsent(t *testing.T, f Fixture) {
	ledger := f.load(t, target)
	if ledger.Target != target || len(ledger.Records) != 0 || ledger.Begun() {
		t.Errorf("ledger of a target never saved is %+v, want an empty one of %s", ledger, target)
	}
}

func testBegin(t *testing.T, f Fixture) {
	since := time.Date(2026, 11, 23, 18, 0, 0, 123456789, time.UTC)
	f.save(t, restore.Begin(target, since))
	if got := f.load(t, target).Since(); !got.Equal(since) {
		t.Errorf("ledger begins at %s, want %s", got, since)
	}
	_, err := f.Store.Save(t.Context(), restore.Begin(target, since.Add(time.Hour)))
	wantConflict(t, "begin a second time", err)
	if got := f.load(t, target).Since(); !got.Equal(since) {
		t.Errorf("after a second begin the ledger begins at %s, want %s", got, since)
	}
}

func testCreateTwice(t *testing.T, f Fixture) {
	f.save(t, job("j", restore.InProgress))
	_, err := f.Store.Save(t.Context(), job("j", restore.Broken))
	wantConflict(t, "create over another's record", err)
	f.wantStatus(t, "j", restore.InProgress)
}

func testReplace(t *testing.T, f Fixture) {
	r := f.save(t, job("j", restore.InProgress))
	if r.Version == 0 {
		t.Error("the saved record has version 0, that of one never saved")
	}
	for _, status := range []restore.Status{restore.Broken, restore.Finished, restore.Killed} {
		before := r.Version
		r = f.save(t, with(r, status))
		if r.Version == before {
			t.Errorf("two saves gave the same version %d", before)
		}
		f.wantStatus(t, "j", status)
	}
	if got := f.load(t, target).Records["job/j"]; !reflect.DeepEqual(got, r) {
		t.Errorf("loaded %+v, want what Save returned: %+v", got, r)
	}
}

func testStale(t *testing.T, f Fixture) {
	first := f.save(t, job("j", restore.InProgress))
	f.save(t, with(first, restore.Finished))
	_, err := f.Store.Save(t.Context(), with(first, restore.Broken))
	wantConflict(t, "save a stale record", err)
	never := job("k", restore.Finished)
	never.Version = 3
	_, err = f.Store.Save(t.Context(), never)
	wantConflict(t, "replace a record that is not there", err)
	f.wantStatus(t, "j", restore.Finished)
	if records := f.load(t, target).Records; len(records) != 1 {
		t.Errorf("%d records, want the one that was saved", len(records))
	}
}

func testDrop(t *testing.T, f Fixture) {
	kept := f.save(t, job("kept", restore.Finished))
	r := f.save(t, job("j", restore.Finished))
	for range 2 { // the second finds it gone, which is what was wanted
		if err := f.Store.Drop(t.Context(), r); err != nil {
			t.Fatalf("drop: %v", err)
		}
	}
	if got := f.load(t, target).Records; len(got) != 1 || !reflect.DeepEqual(got[kept.Key()], kept) {
		t.Errorf("left are %+v, want %+v alone", got, kept)
	}
	_, err := f.Store.Save(t.Context(), with(r, restore.Broken))
	wantConflict(t, "replace a dropped record", err)
	f.save(t, job("j", restore.InProgress))
	f.wantStatus(t, "j", restore.InProgress)
}

func testDropStale(t *testing.T, f Fixture) {
	first := f.save(t, job("j", restore.InProgress))
	f.save(t, with(first, restore.Finished))
	wantConflict(t, "drop a stale record", f.Store.Drop(t.Context(), first))
	f.wantStatus(t, "j", restore.Finished)
}

func testConcurrentSaves(t *testing.T, f Fixture) {
	base := f.save(t, job("j", restore.InProgress))
	for _, r := range []restore.Record{job("new", restore.InProgress), base} {
		const runs = 8
		errs := make([]error, runs)
		var wg sync.WaitGroup
		for i := range runs {
			wg.Go(func() {
				_, errs[i] = f.Store.Save(t.Context(), with(r, restore.Status(fmt.Sprint("BY_RUN_", i))))
			})
		}
		wg.Wait()
		winner := slices.Index(errs, nil)
		if winner < 0 {
			t.Fatalf("save %s: nobody won: %v", r.Key(), errs)
		}
		for i, err := range errs {
			if i != winner {
				wantConflict(t, fmt.Sprintf("save %s concurrently", r.Key()), err)
			}
		}
		f.wantStatus(t, strings.TrimPrefix(string(r.Key()), "job/"), restore.Status(fmt.Sprint("BY_RUN_", winner)))
	}
}

func testSimilarTargets(t *testing.T, f Fixture) {
	var targets []restore.Target
	for _, place := range []string{"p/c", "p/c1", "p/C", "p/c_", "p/cx", "p1/c", "P/c", "pc/c"} {
		for _, source := range []restore.Source{restore.Legacy, restore.Manager} {
			project, cluster, _ := strings.Cut(place, "/")
			targets = append(targets, restore.Target{Source: source, Project: project, Cluster: cluster})
		}
	}
	for _, each := range targets {
		r := job("same", restore.Status(each.String()))
		r.Target = each
		f.save(t, r)
	}
	for _, each := range targets {
		records := f.load(t, each).Records
		m, _ := records["job/same"].Memory.(restore.JobMemory)
		if len(records) != 1 || m.Job.Status != restore.Status(each.String()) {
			t.Errorf("%s has %+v, want its own record alone", each, records)
		}
	}
}

func testEveryKind(t *testing.T, f Fixture) {
	want := make(map[restore.Key]restore.Record)
	kinds := make(map[string]int)
	for seed := range uint64(60) {
		r := Generate(target, seed)
		if _, taken := want[r.Key()]; taken {
			continue
		}
		want[r.Key()] = f.save(t, r)
		kinds[fmt.Sprintf("%T", r.Memory)]++
	}
	if len(kinds) != 3 {
		t.Fatalf("generated only %v", kinds)
	}
	for key, got := range f.load(t, target).Records {
		if !reflect.DeepEqual(got, want[key]) {
			t.Errorf("loaded\n%#v\nwant\n%#v", got, want[key])
		}
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("not loaded: %v", slices.Collect(maps.Keys(want)))
	}
}

func testOrderOfOutbox(t *testing.T, f Fixture) {
	r := job("j", restore.Finished)
	r.Sequence = 50
	for i := range 50 {
		r.Outbox = append(r.Outbox, restore.Event{
			ID: fmt.Sprintf("j.%d", (i*7)%50), Type: restore.JobStuck, Target: target, Subject: "j", Sequence: i + 1, Time: r.Updated,
		})
	}
	r = f.save(t, r)
	left := r
	left.Outbox = r.Outbox[20:]
	f.save(t, left)
	got := f.load(t, target).Records["job/j"].Outbox
	if len(got) != 30 {
		t.Fatalf("%d events left after a trim of 20 of 50", len(got))
	}
	for i, e := range got {
		if want := r.Outbox[20+i]; e.ID != want.ID || e.Sequence != want.Sequence {
			t.Errorf("event %d is %s (%d), want %s (%d)", i, e.ID, e.Sequence, want.ID, want.Sequence)
		}
	}
}

func testOddText(t *testing.T, f Fixture) {
	for i, odd := range []string{
		"größe 大きさ 🗄", `'"\`, "'; DROP TABLE records; --", "<&>", "line\nbreak\r\n", "\x00\x01\x7f", "\u2028\u202e", " ", "%_*", "{}", "a/b", ".",
	} {
		r := job(restore.JobID(fmt.Sprintf("%d-%s", i, odd)), restore.Status(odd))
		m := r.Memory.(restore.JobMemory)
		m.Job.Delivery.Status = restore.DeliveryStatus(odd)
		r.Memory = m
		saved := f.save(t, r)
		if got := f.load(t, target).Records[r.Key()]; !reflect.DeepEqual(got, saved) {
			t.Errorf("%q: loaded %+v, want %+v", odd, got, saved)
		}
	}
}

// testManyRecords loads more than DynamoDB returns at once, which is 1 MB.
func testManyRecords(t *testing.T, f Fixture) {
	const count, size = 400, 3 << 10
	for i := range count {
		f.save(t, job(restore.JobID(fmt.Sprintf("%024x", i)), restore.Status(strings.Repeat("x", size))))
	}
	records := f.load(t, target).Records
	if len(records) != count {
		t.Errorf("%d records, want %d", len(records), count)
	}
	for i := range count {
		if _, ok := records[restore.JobKey(restore.JobID(fmt.Sprintf("%024x", i)))]; !ok {
			t.Errorf("record %d is missing", i)
		}
	}
}

// testBigRecord saves a record of 300 KB. DynamoDB takes 400.
func testBigRecord(t *testing.T, f Fixture) {
	r := job("j", restore.Finished)
	m := r.Memory.(restore.JobMemory)
	for i := range 3000 {
		m.Job.Hashes = append(m.Job.Hashes, restore.Hash{File: fmt.Sprintf("%040d", i), Algorithm: "SHA1", Sum: fmt.Sprintf("%040x", i)})
	}
	r.Memory = m
	saved := f.save(t, r)
	if got := f.load(t, target).Records["job/j"]; !reflect.DeepEqual(got, saved) {
		t.Error("the record that was loaded differs from the one saved")
	}
}

func testNewerFormat(t *testing.T, f Fixture) {
	old := f.save(t, job("j", restore.InProgress))
	const newer = `{"format":2,"job":"in a form of tomorrow"}`
	f.Plant(t, target, "job/j", old.Version+1, newer)
	for range 2 { // the second look finds that nothing was overwritten
		_, err := f.Store.Load(t.Context(), target)
		if !errors.Is(err, store.ErrNewerFormat) {
			t.Fatalf("load: error %v, want ErrNewerFormat", err)
		}
		WantFailure(t, err, "job/j", target.String(), "format 2", "upgrade")
		for _, r := range []restore.Record{old, job("j", restore.Finished)} {
			_, err = f.Store.Save(t.Context(), r)
			wantConflict(t, "save over a newer format", err)
		}
		wantConflict(t, "drop a newer format", f.Store.Drop(t.Context(), old))
	}
}

func testCorruptBody(t *testing.T, f Fixture) {
	f.Plant(t, target, "job/j", 1, `{"format":1,"job":{"sta`)
	_, err := f.Store.Load(t.Context(), target)
	WantFailure(t, err, "job/j", target.String(), "corrupt")
}

func testArgumentUnchanged(t *testing.T, f Fixture) {
	for seed := range uint64(10) {
		of := restore.Target{Source: restore.Legacy, Project: "p", Cluster: fmt.Sprint(seed)}
		r := Generate(of, seed)
		f.save(t, r)
		if !reflect.DeepEqual(r, Generate(of, seed)) {
			t.Errorf("seed %d: Save edited its argument: %+v", seed, r)
		}
	}
}
