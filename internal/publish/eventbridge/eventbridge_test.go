package eventbridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awsbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"restorewatch/internal/publish"
	"restorewatch/internal/publish/bulk"
	"restorewatch/internal/publish/eventbridge"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var renderer = publish.Renderer{BaseURL: publishtest.BaseURL}

var _ watch.Publisher = (*eventbridge.Publisher)(nil)

// A fakeBus takes what EventBridge takes, complains of what it would refuse, and answers as told.
type fakeBus struct {
	t      *testing.T
	calls  int
	told   []string
	refuse func(id string) string                 // the error code for an event, "" to take it
	call   func(n int) (applied bool, err error)  // the fate of the n-th call, from 1
	answer func(out *awsbridge.PutEventsOutput)   // edits what is answered
	last   map[string]types.PutEventsRequestEntry // by event id
}

func (f *fakeBus) PutEvents(_ context.Context, in *awsbridge.PutEventsInput, _ ...func(*awsbridge.Options)) (*awsbridge.PutEventsOutput, error) {
	f.calls++
	f.check(in)
	applied, err := true, error(nil)
	if f.call != nil {
		applied, err = f.call(f.calls)
	}
	out := new(awsbridge.PutEventsOutput)
	for _, e := range in.Entries {
		if applied {
			f.take(out, e)
		}
	}
	if f.answer != nil {
		f.answer(out)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (f *fakeBus) take(out *awsbridge.PutEventsOutput, e types.PutEventsRequestEntry) {
	id := decode(f.t, *e.Detail).ID
	if f.refuse != nil && f.refuse(id) != "" {
		out.FailedEntryCount++
		out.Entries = append(out.Entries, types.PutEventsResultEntry{ErrorCode: new(f.refuse(id)), ErrorMessage: new("no\nluck")})
		return
	}
	if f.last == nil {
		f.last = make(map[string]types.PutEventsRequestEntry)
	}
	f.told, f.last[id] = append(f.told, id), e
	out.Entries = append(out.Entries, types.PutEventsResultEntry{EventId: new("11710aed")})
}

// check complains of what EventBridge refuses; moto would take most of it.
func (f *fakeBus) check(in *awsbridge.PutEventsInput) {
	f.t.Helper()
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		f.t.Errorf("%d entries", len(in.Entries))
	}
	bytes, subjects := 0, map[string]bool{}
	for _, e := range in.Entries {
		event := decode(f.t, *e.Detail)
		if subjects[event.Subject] {
			f.t.Errorf("two events of %s in one call", event.Subject)
		}
		subjects[event.Subject] = true
		if *e.DetailType != event.Type || len(*e.DetailType) > 128 || *e.Source != "restorewatch" || *e.EventBusName == "" {
			f.t.Errorf("detail-type %q, source %q, bus %q", *e.DetailType, *e.Source, *e.EventBusName)
		}
		bytes += 14 + len(*e.Source) + len(*e.DetailType) + len(*e.Detail)
	}
	if bytes >= 256<<10 {
		f.t.Errorf("a call of %d bytes", bytes)
	}
}

type told struct {
	ID, Subject, Type string
	Time              time.Time
}

func decode(t *testing.T, doc string) told {
	t.Helper()
	var out told
	if err := json.Unmarshal([]byte(doc), &out); err != nil {
		t.Fatalf("event: %v in %.200s", err, doc)
	}
	return out
}

func TestEntry(t *testing.T) {
	for _, e := range publishtest.Types() {
		bus := &fakeBus{t: t}
		accepted, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), []restore.Event{e})
		if err != nil || !accepted[0] {
			t.Fatalf("%s: accepted %v, %v", e.Type, accepted, err)
		}
		entry := bus.last[e.ID]
		if *entry.Detail != string(renderer.JSON(e)) || !entry.Time.Equal(e.Time) || *entry.EventBusName != "restores" ||
			*entry.DetailType != "restorewatch."+string(e.Type) {
			t.Errorf("%s: entry %+v", e.Type, entry)
		}
	}
}

// The answer names no ids: its entries belong to the request's by their places.
func TestRefusalsByPlace(t *testing.T) {
	events := publishtest.Rounds(4, 2)
	codes := map[string]string{events[1].ID: "ThrottlingException", events[3].ID: "NotAuthorizedForSourceException"}
	bus := &fakeBus{t: t, refuse: func(id string) string { return codes[id] }}
	accepted, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), events)
	if want := []bool{true, false, true, false, true, false, true, false}; !slices.Equal(accepted, want) {
		t.Errorf("accepted %v, want %v", accepted, want)
	}
	want := "event bus restores: 1 of 8 events not accepted: NotAuthorizedForSourceException: no luck\n" +
		"event bus restores: 1 of 8 events not accepted: ThrottlingException: no luck\n" +
		"2 later events of the same subjects wait"
	if err == nil || err.Error() != want {
		t.Errorf("got:  %v\nwant: %s", err, want)
	}
	if failure, ok := errors.AsType[*bulk.Error](err); !ok || !strings.Contains(failure.Hint(), "policy") ||
		failure.FailureKind() != restore.FailedPublish {
		t.Errorf("error %#v", err)
	}
}

// Whatever an answer leaves open is told again.
func TestOddAnswers(t *testing.T) {
	for _, tt := range []struct {
		name     string
		answer   func(*awsbridge.PutEventsOutput)
		accepted []bool
		code     string
	}{
		{"no entries", func(out *awsbridge.PutEventsOutput) { out.Entries = nil }, []bool{false, false, false}, "NoAnswer"},
		{"one entry short", func(out *awsbridge.PutEventsOutput) { out.Entries = out.Entries[:2] }, []bool{true, true, false}, "NoAnswer"},
		{"an entry without id", func(out *awsbridge.PutEventsOutput) { out.Entries[1].EventId = nil }, []bool{true, false, true}, "NoAnswer"},
		{"id and code", func(out *awsbridge.PutEventsOutput) { out.Entries[0].ErrorCode = new("InternalFailure") }, []bool{false, true, true}, "InternalFailure"},
		{"a message alone", func(out *awsbridge.PutEventsOutput) { out.Entries[0].ErrorMessage = new("broken") }, []bool{false, true, true}, "Unknown"},
		{"a failure that is not named", func(out *awsbridge.PutEventsOutput) { out.FailedEntryCount = 1 }, []bool{false, false, false}, "NoAnswer"},
		{"an entry too many", func(out *awsbridge.PutEventsOutput) { out.Entries = append(out.Entries, out.Entries[0]) }, []bool{true, true, true}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bus := &fakeBus{t: t, answer: tt.answer}
			accepted, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), publishtest.Rounds(3, 1))
			if !slices.Equal(accepted, tt.accepted) {
				t.Errorf("accepted %v, want %v", accepted, tt.accepted)
			}
			failure, ok := errors.AsType[*bulk.Error](err)
			if ok != (tt.code != "") || ok && failure.Code != tt.code {
				t.Errorf("error %v, want code %q", err, tt.code)
			}
		})
	}
}

func TestCallThatFails(t *testing.T) {
	for _, tt := range []struct {
		name    string
		err     error
		applied bool
		hint    string
	}{
		{"not applied", errors.New("connection reset by peer"), false, ""},
		{"applied but reported failed", errors.New("connection reset by peer"), true, ""},
		{"not allowed", &smithy.GenericAPIError{Code: "AccessDeniedException"}, false, "events:PutEvents"},
		{"bus missing", &smithy.GenericAPIError{Code: "ResourceNotFoundException"}, false, "EVENT_BUS_NAME"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := publishtest.Rounds(25, 1)
			bus := &fakeBus{t: t, call: func(n int) (bool, error) {
				if n == 2 {
					return tt.applied, tt.err
				}
				return true, nil
			}}
			publisher := eventbridge.New(bus, "restores", renderer)
			accepted, err := publisher.Publish(t.Context(), events)
			if slices.Contains(accepted[:10], false) || slices.Contains(accepted[10:], true) || bus.calls != 2 {
				t.Errorf("accepted %v in %d calls", accepted, bus.calls)
			}
			failure, ok := errors.AsType[*bulk.Error](err)
			if !ok || !errors.Is(err, tt.err) || failure.Events != 15 || !strings.Contains(failure.Hint(), tt.hint) {
				t.Errorf("error %v", err)
			}
			if again, err := publisher.Publish(t.Context(), events[10:]); err != nil || slices.Contains(again, false) {
				t.Errorf("again: accepted %v, %v", again, err)
			}
			for _, e := range events {
				if !slices.Contains(bus.told, e.ID) {
					t.Errorf("lost %s", e.ID)
				}
			}
		})
	}
}

// Ten events of nearly 64 KiB do not fit into one call; each call stays under the limit, which the fake checks.
func TestLargeEventsAreSplit(t *testing.T) {
	events := publishtest.Rounds(10, 1)
	for i := range events {
		job := *events[i].Job
		for n := range 2000 {
			job.Hashes = append(job.Hashes, restore.Hash{File: fmt.Sprintf("%05d", n) + strings.Repeat(`"`, 30), Sum: "s"})
		}
		events[i].Job = &job
	}
	bus := &fakeBus{t: t}
	accepted, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) || bus.calls < 3 || bus.calls > 5 {
		t.Errorf("accepted %v in %d calls, %v", accepted, bus.calls, err)
	}
}

func TestHostileEventIsPublished(t *testing.T) {
	for _, e := range publishtest.Hostile() {
		bus := &fakeBus{t: t}
		accepted, err := eventbridge.New(bus, "restores", renderer).Publish(t.Context(), []restore.Event{e})
		if err != nil || !accepted[0] {
			t.Errorf("%s: accepted %v, %v", e.Type, accepted, err)
		}
	}
}
