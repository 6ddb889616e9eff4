package sns_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/publish/sns"
	"restorewatch/internal/restore"
)

func TestCallsAreCounted(t *testing.T) {
	tests := []struct {
		name   string
		events []restore.Event
		calls  int
	}{
		{"nothing to say", nil, 0},
		{"ten events of ten jobs", publishtest.Rounds(10, 1), 1},
		{"eleven events of eleven jobs", publishtest.Rounds(11, 1), 2},
		{"three jobs of four events each and their batch", append(publishtest.Rounds(3, 4), publishtest.BatchFinished()), 4},
		{"three events of one job", publishtest.Rounds(1, 3), 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topicOf := &fakeTopic{t: t}
			accepted, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), tt.events)
			if err != nil || slices.Contains(accepted, false) || len(accepted) != len(tt.events) {
				t.Errorf("accepted %v, %v", accepted, err)
			}
			if topicOf.calls != tt.calls {
				t.Errorf("%d calls, want %d", topicOf.calls, tt.calls)
			}
			if !slices.Equal(topicOf.told, ids(tt.events)) {
				t.Errorf("told %q", topicOf.told)
			}
		})
	}
}

func ids(events []restore.Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.ID)
	}
	return out
}

func TestRefusalsSayWhy(t *testing.T) {
	events := publishtest.Rounds(4, 2)
	codes := map[string]string{events[0].ID: "KMSAccessDenied", events[1].ID: "InternalError", events[2].ID: "InternalError"}
	topicOf := &fakeTopic{t: t, refuse: func(id string) string { return codes[id] }}
	_, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), events)
	want := "topic " + topic + ": 2 of 8 events not accepted: InternalError: no luck\n" +
		"topic " + topic + ": 1 of 8 events not accepted: KMSAccessDenied: no luck\n" +
		"3 later events of the same subjects wait"
	if err == nil || err.Error() != want {
		t.Errorf("got:  %v\nwant: %s", err, want)
	}
}

// An entry that the answer leaves out may have been taken or not; it is told again.
func TestEntryNotMentionedIsNotAccepted(t *testing.T) {
	events := publishtest.Rounds(3, 2)
	topicOf := &fakeTopic{t: t, forget: func(id string) bool { return id == events[1].ID }}
	accepted, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), events)
	if want := []bool{true, false, true, true, false, true}; !slices.Equal(accepted, want) {
		t.Errorf("accepted %v, want %v", accepted, want)
	}
	if failure, ok := errors.AsType[*sns.Error](err); !ok || failure.Code != "NoAnswer" || failure.Events != 1 {
		t.Errorf("error %v", err)
	}
}

func TestCallThatFails(t *testing.T) {
	lost := errors.New("connection reset by peer")
	missing := &smithy.GenericAPIError{Code: "NotFound", Message: "Topic does not exist"}
	for _, tt := range []struct {
		name  string
		err   error
		apply bool
		code  string
		hint  string
	}{
		{"not applied", lost, false, "", ""},
		{"applied but reported failed", lost, true, "", ""},
		{"topic missing", missing, false, "NotFound", "EVENTS_TOPIC_ARN"},
		{"not allowed", &smithy.GenericAPIError{Code: "AuthorizationError"}, false, "AuthorizationError", "sns:Publish"},
		{"key refuses", &smithy.GenericAPIError{Code: "KMSAccessDenied"}, false, "KMSAccessDenied", "key policy"},
		{"throttled", &smithy.GenericAPIError{Code: "Throttled"}, false, "Throttled", "later run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events := publishtest.Rounds(25, 1)
			topicOf := &fakeTopic{t: t, call: func(n int) (bool, error) {
				if n == 2 {
					return tt.apply, tt.err
				}
				return true, nil
			}}
			publisher := sns.New(topicOf, topic, renderer)
			accepted, err := publisher.Publish(t.Context(), events)
			if slices.Contains(accepted[:10], false) || slices.Contains(accepted[10:], true) || topicOf.calls != 2 {
				t.Errorf("accepted %v in %d calls", accepted, topicOf.calls)
			}
			checkError(t, err, tt.err, tt.code, tt.hint)

			again, err := publisher.Publish(t.Context(), events[10:])
			if err != nil || slices.Contains(again, false) {
				t.Errorf("again: accepted %v, %v", again, err)
			}
			if missing := without(ids(events), topicOf.told); len(missing) > 0 {
				t.Errorf("lost %q", missing)
			}
		})
	}
}

func checkError(t *testing.T, err, cause error, code, hint string) {
	t.Helper()
	failure, ok := errors.AsType[*sns.Error](err)
	if !ok || !errors.Is(err, cause) {
		t.Fatalf("error %v", err)
	}
	if failure.Code != code || failure.Events != 15 || failure.FailureKind() != restore.FailedPublish {
		t.Errorf("error %+v of kind %s", failure, failure.FailureKind())
	}
	if (failure.Hint() == "") != (hint == "") || !strings.Contains(failure.Hint(), hint) {
		t.Errorf("hint %q, want %q in it", failure.Hint(), hint)
	}
	if want := "topic " + topic + ": 15 of 25 events not accepted: " + cause.Error(); err.Error() != want {
		t.Errorf("error  %q\nwant %q", err, want)
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// A refusal and then a lost call: each event is counted once.
func TestRefusalAndLostCall(t *testing.T) {
	events := publishtest.Rounds(12, 2)
	topicOf := &fakeTopic{t: t,
		refuse: func(id string) string {
			if id == events[0].ID {
				return "InternalError"
			}
			return ""
		},
		call: func(n int) (bool, error) {
			if n == 3 {
				return false, errors.New("broken pipe")
			}
			return true, nil
		},
	}
	accepted, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), events)
	n, sum := 0, 0
	for _, ok := range accepted {
		if !ok {
			n++
		}
	}
	for part := range strings.SplitSeq(err.Error(), "\n") {
		var k int
		if _, scan := fmt.Sscanf(strings.TrimPrefix(part, "topic "+topic+": "), "%d", &k); scan != nil {
			t.Fatalf("no count in %q", part)
		}
		sum += k
	}
	if n == 0 || sum != n {
		t.Errorf("%d events not accepted, the error counts %d: %v", n, sum, err)
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
	topicOf := &fakeTopic{t: t}
	accepted, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		t.Errorf("accepted %v, %v", accepted, err)
	}
	if topicOf.calls < 3 || topicOf.calls > 10 {
		t.Errorf("%d calls", topicOf.calls)
	}
}

func TestFIFO(t *testing.T) {
	long := publishtest.Finished()
	long.ID, long.Subject = strings.Repeat("x", 129), strings.Repeat("p", 100)+"/"+strings.Repeat("c", 100)
	odd := publishtest.Finished()
	odd.ID, odd.Subject = "a b", "ü"
	events := append(publishtest.Types()[:1], publishtest.BatchFinished(), publishtest.Unreachable(), long, odd)
	topicOf := &fakeTopic{t: t}
	accepted, err := sns.New(topicOf, topic+".fifo", renderer).Publish(t.Context(), events)
	if err != nil || slices.Contains(accepted, false) {
		t.Fatalf("accepted %v, %v", accepted, err)
	}
	for _, e := range events[:3] {
		entry := topicOf.entries[e.ID]
		if *entry.MessageGroupId != e.Subject || *entry.MessageDeduplicationId != e.ID {
			t.Errorf("group %q, deduplication id %q, want %q, %q",
				*entry.MessageGroupId, *entry.MessageDeduplicationId, e.Subject, e.ID)
		}
	}
}

// Text of the API that SNS or a hop behind it refuses must not keep the events behind it from being told.
func TestHostileEventIsPublished(t *testing.T) {
	for _, e := range publishtest.Hostile() {
		topicOf := &fakeTopic{t: t}
		accepted, err := sns.New(topicOf, topic, renderer).Publish(t.Context(), []restore.Event{e})
		if err != nil || !accepted[0] {
			t.Errorf("%s: accepted %v, %v", e.Type, accepted, err)
		}
		for name, a := range topicOf.entries[topicOf.told[0]].MessageAttributes {
			if strings.ContainsFunc(*a.StringValue, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xFFFE }) {
				t.Errorf("attribute %s is %q", name, *a.StringValue)
			}
		}
	}
}
