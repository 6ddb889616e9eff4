package bulk

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/smithy-go"

	"restorewatch/internal/restore"
)

// An Error is one reason why events were not accepted.
type Error struct {
	Place  string // what was published to
	Code   string // of the API, "" when there was no answer
	Events int    // how many events are concerned
	Total  int    // how many were to be published
	hint   string
	err    error
}

// Error names the place, the count and the reason.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %d of %d events not accepted: %v", e.Place, e.Events, e.Total, e.err)
}

// Unwrap returns the SDK's error, or the Fate of an entry.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns restore.FailedPublish.
func (e *Error) FailureKind() restore.FailureKind { return restore.FailedPublish }

// Hint says what to do about the error, "" when only waiting helps.
func (e *Error) Hint() string { return e.hint }

// refused returns one error for each code among the refused entries, in the order of the codes; nil if there was none.
func (a *attempt[E]) refused() error {
	byCode := make(map[string][]Fate)
	for _, f := range a.refusals {
		byCode[f.Code] = append(byCode[f.Code], f)
	}
	var errs []error
	for _, code := range slices.Sorted(maps.Keys(byCode)) {
		errs = append(errs, a.error(len(byCode[code]), code, byCode[code][0]))
	}
	if a.waiting > 0 {
		errs = append(errs, fmt.Errorf("%d later events of the same subjects wait", a.waiting))
	}
	return errors.Join(errs...)
}

// failed returns the error of an attempt that a whole call ended. Each event is counted once: those refused or waiting
// have parts of their own.
func (a *attempt[E]) failed(err error) error {
	code := ""
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	events := -len(a.refusals) - a.waiting
	for _, ok := range a.accepted {
		if !ok {
			events++
		}
	}
	return errors.Join(a.error(events, code, err), a.refused())
}

func (a *attempt[E]) error(events int, code string, err error) error {
	return &Error{Place: a.Place, Code: code, Events: events, Total: len(a.events), hint: a.Hint(code), err: err}
}
