package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"restorewatch/internal/publish/bulk"
	"restorewatch/internal/publish/publishtest"
	"restorewatch/internal/restore"
	"restorewatch/internal/watch"
)

var _ watch.Publisher = (*bulk.Publisher[string])(nil)

// A service takes events by their ids.
type service struct {
	refused map[string]bool
	told    []string
	calls   [][]string
	cut     int                                   // entries that each answer leaves out at its end
	fate    func(n int) (applied bool, err error) // of the n-th call, from 1
}

func (s *service) publisher(maxBytes int) *bulk.Publisher[string] {
	return &bulk.Publisher[string]{
		Place:      "place",
		MaxEntries: 10,
		MaxBytes:   maxBytes,
		Entry:      func(e restore.Event) string { return e.ID },
		Size:       func(id string) int { return len(id) },
		Call:       s.call,
		Hint:       func(code string) string { return "hint " + code },
	}
}

func (s *service) call(_ context.Context, ids []string) ([]bulk.Fate, error) {
	s.calls = append(s.calls, slices.Clone(ids))
	applied, err := true, error(nil)
	if s.fate != nil {
		applied, err = s.fate(len(s.calls))
	}
	var fates []bulk.Fate
	for _, id := range ids {
		fate := bulk.Taken
		if s.refused[id] {
			fate = bulk.Fate{Code: "Refused", Message: "no\nluck"}
		} else if applied {
			s.told = append(s.told, id)
		}
		fates = append(fates, fate)
	}
	return fates[:len(fates)-s.cut], err
}

// Ten jobs, the first four with a second event. Whatever part of the first ten is refused, exactly the others are
// accepted, and a second event is tried if and only if the first of its job was taken.
func TestEverySubsetOfRefusals(t *testing.T) {
	all := publishtest.Rounds(10, 2)[:14]
	for subset := range 1 << 10 {
		s := service{refused: make(map[string]bool)}
		for i := range 10 {
			s.refused[all[i].ID] = subset>>i&1 == 1
		}
		accepted, err := s.publisher(10_000).Publish(t.Context(), all)
		for i, ok := range accepted {
			if want := !s.refused[all[i%10].ID]; ok != want {
				t.Fatalf("subset %010b: event %d accepted %v, want %v", subset, i, ok, want)
			}
		}
		if (err == nil) != (subset == 0) {
			t.Fatalf("subset %010b: error %v", subset, err)
		}
		if told := accepting(all, accepted); !slices.Equal(s.told, told) {
			t.Fatalf("subset %010b: told %q, accepted %q", subset, s.told, told)
		}
	}
}

func accepting(all []restore.Event, accepted []bool) []string {
	var out []string
	for i, e := range all {
		if accepted[i] {
			out = append(out, e.ID)
		}
	}
	return out
}

func TestCalls(t *testing.T) {
	size := len(publishtest.Rounds(1, 1)[0].ID)
	for _, tt := range []struct {
		name     string
		events   []restore.Event
		maxBytes int
		calls    []int // entries in each
	}{
		{"nothing to say", nil, 1000, nil},
		{"eleven subjects", publishtest.Rounds(11, 1), 10_000, []int{10, 1}},
		{"one subject thrice", publishtest.Rounds(1, 3), 10_000, []int{1, 1, 1}},
		{"two subjects twice", publishtest.Rounds(2, 2), 10_000, []int{2, 2}},
		{"four fit", publishtest.Rounds(10, 1), 4 * size, []int{4, 4, 2}},
		{"none fits", publishtest.Rounds(3, 1), 1, []int{1, 1, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s service
			accepted, err := s.publisher(tt.maxBytes).Publish(t.Context(), tt.events)
			if err != nil || slices.Contains(accepted, false) || len(accepted) != len(tt.events) {
				t.Errorf("accepted %v, %v", accepted, err)
			}
			var calls []int
			for _, ids := range s.calls {
				calls = append(calls, len(ids))
			}
			if !slices.Equal(calls, tt.calls) {
				t.Errorf("calls of %v entries, want %v", calls, tt.calls)
			}
		})
	}
}

// What an answer leaves out is not accepted, and keeps what is behind it waiting.
func TestShortAnswer(t *testing.T) {
	s := service{cut: 1}
	accepted, err := s.publisher(10_000).Publish(t.Context(), publishtest.Rounds(3, 1))
	if want := []bool{true, true, false}; !slices.Equal(accepted, want) {
		t.Errorf("accepted %v, want %v", accepted, want)
	}
	if failure, ok := errors.AsType[*bulk.Error](err); !ok || failure.Code != bulk.NoAnswer.Code || failure.Events != 1 {
		t.Errorf("error %v", err)
	}
}

func TestCallThatFails(t *testing.T) {
	lost := errors.New("connection reset by peer")
	missing := &smithy.GenericAPIError{Code: "NotFound", Message: "gone"}
	for _, tt := range []struct {
		name    string
		err     error
		applied bool
		code    string
	}{
		{"not applied", lost, false, ""},
		{"applied but reported failed", lost, true, ""},
		{"refused as a whole", missing, false, "NotFound"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := publishtest.Rounds(25, 1)
			s := service{fate: func(n int) (bool, error) {
				if n == 2 {
					return tt.applied, tt.err
				}
				return true, nil
			}}
			accepted, err := s.publisher(10_000).Publish(t.Context(), all)
			if slices.Contains(accepted[:10], false) || slices.Contains(accepted[10:], true) || len(s.calls) != 2 {
				t.Errorf("accepted %v in %d calls", accepted, len(s.calls))
			}
			failure, ok := errors.AsType[*bulk.Error](err)
			if !ok || !errors.Is(err, tt.err) || failure.Code != tt.code || failure.Events != 15 || failure.Total != 25 ||
				failure.FailureKind() != restore.FailedPublish || failure.Hint() != "hint "+tt.code {
				t.Errorf("error %+v", failure)
			}
			again, err := s.publisher(10_000).Publish(t.Context(), all[10:])
			if err != nil || slices.Contains(again, false) {
				t.Errorf("again: accepted %v, %v", again, err)
			}
			for _, e := range all {
				if !slices.Contains(s.told, e.ID) {
					t.Errorf("lost %s", e.ID)
				}
			}
		})
	}
}

// Each event that is not accepted is counted in one part of the error.
func TestErrorCountsEachEventOnce(t *testing.T) {
	all := publishtest.Rounds(12, 2)
	s := service{
		refused: map[string]bool{all[0].ID: true},
		fate: func(n int) (bool, error) {
			if n == 3 {
				return false, errors.New("broken pipe")
			}
			return true, nil
		},
	}
	accepted, err := s.publisher(10_000).Publish(t.Context(), all)
	counted := 0
	for part := range strings.SplitSeq(err.Error(), "\n") {
		var n int
		if _, scan := fmt.Sscanf(strings.TrimPrefix(part, "place: "), "%d", &n); scan != nil {
			t.Fatalf("no count in %q", part)
		}
		counted += n
	}
	if want := len(all) - len(accepting(all, accepted)); want == 0 || counted != want {
		t.Errorf("%d events not accepted, the error counts %d: %v", want, counted, err)
	}
	if !strings.Contains(err.Error(), "place: 1 of 24 events not accepted: Refused: no luck") {
		t.Errorf("error %v", err)
	}
}
