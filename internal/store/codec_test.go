package store_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
	"restorewatch/internal/store"
	"restorewatch/internal/store/storetest"
)

var target = restore.Target{Source: restore.Legacy, Project: "6b77777887d9d61443b41645", Cluster: "Cluster0"}

func TestEveryValidRecordComesBackAsItWas(t *testing.T) {
	for seed := range uint64(5000) {
		want := storetest.Generate(target, seed)
		body, err := store.Encode(want)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want.Version = 7
		got, err := store.Decode(target, want.Key(), 7, body)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, body)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: read back\n%#v\nwant\n%#v\nstored %s", seed, got, want, body)
		}
	}
}

// TestGeneratedRecordsUseEveryField makes sure that the test above covers a field that is new in the domain.
func TestGeneratedRecordsUseEveryField(t *testing.T) {
	unused := make(map[string]bool)
	used := make(map[string]bool)
	for seed := range uint64(500) {
		note(reflect.ValueOf(storetest.Generate(target, seed)), "Record", used, unused)
	}
	for field := range unused {
		if !used[field] && field != "Record.Version" {
			t.Errorf("no generated record has %s", field)
		}
	}
}

// note collects the names of the fields that are set somewhere below v, and of those that are not.
func note(v reflect.Value, name string, used, unused map[string]bool) {
	switch {
	case v.IsZero():
		unused[name] = true
		return
	case v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface:
		note(v.Elem(), name, used, unused)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			note(v.Index(i), name, used, unused)
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for field, value := range v.Fields() {
			note(value, v.Type().Name()+"."+field.Name, used, unused)
		}
	}
	used[name] = true
}

func TestDecodeIgnoresFieldsItDoesNotKnow(t *testing.T) {
	body := `{"format":1,"mood":"good","batch":{"told":["FINISHED"],"colour":{"deep":[1]}},"outbox":[{"fact":"batch.FINISHED","x":null}]}`
	r, err := store.Decode(target, "batch/b", 3, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Outbox) != 1 || r.Outbox[0].ID != "b.batch.FINISHED" || r.Outbox[0].Type != restore.BatchFinished {
		t.Errorf("outbox %+v, want the one event that the document has", r.Outbox)
	}
}

func TestDecodeRefusesANewerFormat(t *testing.T) {
	_, err := store.Decode(target, "job/j", 3, []byte(`{"format":12,"job":"of a form unknown"}`))
	if !errors.Is(err, store.ErrNewerFormat) {
		t.Fatalf("error %v, want ErrNewerFormat", err)
	}
	storetest.WantFailure(t, err, "read job/j of "+target.String(), "format 12", "up to 1", "upgrade")
}

func TestDecodeNamesWhatIsCorrupt(t *testing.T) {
	for name, test := range map[string]struct {
		key        restore.Key
		body, want string
	}{
		"empty":            {"job/j", ``, "corrupt"},
		"not JSON":         {"job/j", `<html>`, "corrupt"},
		"cut short":        {"job/j", `{"format":1,"job":{"st`, "corrupt"},
		"two documents":    {"job/j", `{"format":1,"job":{}}{}`, "corrupt"},
		"no format":        {"job/j", `{"job":{}}`, "no format number"},
		"format a word":    {"job/j", `{"format":"one","job":{}}`, "corrupt"},
		"wrong type":       {"job/j", `{"format":1,"job":{"status":7}}`, "corrupt"},
		"bad time":         {"job/j", `{"format":1,"job":{"created":"yesterday"}}`, "corrupt"},
		"bad duration":     {"job/j", `{"format":1,"job":{"warned":[{"threshold":"soon"}]}}`, "corrupt"},
		"a long time":      {"job/j", `{"format":1,"job":{"created":"` + strings.Repeat("x", 9000) + `"}}`, "xxx…"},
		"a long id":        {"job/j", `{"format":1,"job":{"id":"` + strings.Repeat("x", 9000) + `"}}`, "about"},
		"no memory":        {"job/j", `{"format":1}`, `nothing about "job/j"`},
		"of another kind":  {"job/j", `{"format":1,"target":{}}`, `nothing about "job/j"`},
		"of another job":   {"job/j", `{"format":1,"job":{"id":"k"}}`, `about "job/k"`},
		"key without id":   {"job/", `{"format":1,"job":{}}`, "nothing about"},
		"key of no kind":   {"pony", `{"format":1,"job":{}}`, "nothing about"},
		"target with tail": {"target/x", `{"format":1,"target":{}}`, "nothing about"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.Decode(target, test.key, 1, []byte(test.body))
			if errors.Is(err, store.ErrNewerFormat) {
				t.Errorf("error %v is ErrNewerFormat", err)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			storetest.WantFailure(t, err, string(test.key), target.String(), test.want, "delete it")
		})
	}
}

func TestEncodeRefusesWhatItCannotStore(t *testing.T) {
	_, err := store.Encode(restore.Record{Target: target})
	storetest.WantFailure(t, err, target.String(), "no memory")
}
