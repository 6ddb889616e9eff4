package cli

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"restorewatch/internal/publish"
	"restorewatch/internal/restore"
)

// Every type can be made up, and what is made up is an event as the schema has it.
func TestSamplesFitTheSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile("../../docs/event.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	target := restore.Target{Source: restore.Legacy, Project: "p1", Cluster: "Orders"}
	test := publish.Renderer{BaseURL: "https://cloud.mongodb.com", Test: true}
	ids := map[string]bool{}
	for i, kind := range sampleTypes() {
		e, err := sampleEvent(kind, []restore.Target{target}, begins.Add(time.Duration(i)))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(test.JSON(e)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if ids[e.ID] || ids[e.Subject] || e.Target != target || string(e.Type) != kind {
			t.Errorf("%s: %+v", kind, e)
		}
		ids[e.ID], ids[e.Subject] = true, true
		if name := publish.ClusterName(e); name != "Orders" || strings.Contains(test.Summary(e), "without") {
			t.Errorf("%s: %s", kind, test.Summary(e))
		}
	}
	if len(ids) != 2*11 {
		t.Errorf("%d ids and subjects for 11 types", len(ids))
	}
}

// The severities are those of the real events, by which people filter.
func TestSampleSeverities(t *testing.T) {
	for kind, want := range map[restore.Type]restore.Severity{
		restore.JobCreated: restore.Info, restore.JobStatusChanged: restore.Info, restore.DeliveryStatusChanged: restore.Info,
		restore.HashAdded: restore.Info, restore.HashChanged: restore.Critical, restore.DeliveryExpiring: restore.Warning,
		restore.JobStuck: restore.Warning, restore.BatchFinished: restore.Info, restore.BatchFailed: restore.Critical,
		restore.TargetUnreachable: restore.Critical, restore.TargetRecovered: restore.Info,
	} {
		if e, err := sampleEvent(string(kind), nil, begins); err != nil || e.Severity != want {
			t.Errorf("%s: severity %s, %v; want %s", kind, e.Severity, err, want)
		}
	}
}

func TestSampleTarget(t *testing.T) {
	all := restore.Target{Source: restore.Cloud, Project: "p1", Cluster: "*"}
	one := restore.Target{Source: restore.Legacy, Project: "p2", Cluster: "B"}
	if got := sampleTarget([]restore.Target{all, one}); got != one {
		t.Errorf("got %v, want the first that is a single cluster", got)
	}
	for _, targets := range [][]restore.Target{nil, {all}} {
		if got := sampleTarget(targets); got.Project == "" || got.Cluster != "Cluster0" {
			t.Errorf("%v: got %v", targets, got)
		}
	}
}

// The default starts no pipeline: it is neither what they wait for nor of a severity that wakes somebody.
func TestTestEventStartsNothingUnlessAskedTo(t *testing.T) {
	f := newFlags(testEventCommand, func(string) string { return "" })
	testEventCommand.prepare(newApp(func(string) string { return "" }, wallClock, new(bytes.Buffer), new(bytes.Buffer)), f)
	kind := f.Lookup("type").DefValue
	starts := []restore.Type{restore.JobStatusChanged, restore.DeliveryStatusChanged, restore.BatchFinished}
	e, err := sampleEvent(kind, nil, begins)
	if err != nil || slices.Contains(starts, e.Type) || e.Severity != restore.Info {
		t.Errorf("the default is %s: %+v, %v", kind, e, err)
	}
	if _, err := sampleEvent("\x1b[2J", nil, begins); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %q, want one in plain text", err)
	} else if _, ok := errors.AsType[misuse](err); !ok {
		t.Errorf("error %v is no misuse", err)
	}
}
