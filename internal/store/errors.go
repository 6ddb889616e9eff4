package store

import (
	"errors"
	"fmt"

	"restorewatch/internal/restore"
)

// A stateError is a failure of the state: what was being done to which thing, why it did not work, and what to do about it.
type stateError struct {
	doing string
	cause error
	hint  string
}

// Fail returns an error of kind restore.FailedState that says what was being done, wraps cause, and has a hint of what
// to do about it; if that is "", the hint of cause, if that has one.
func Fail(doing string, cause error, hint string) error {
	return &stateError{doing: doing, cause: cause, hint: hint}
}

// Error implements error. It leaves the hint out: who reports the error decides where that goes.
func (e *stateError) Error() string { return fmt.Sprintf("%s: %v", e.doing, e.cause) }

// Unwrap returns the cause.
func (e *stateError) Unwrap() error { return e.cause }

// FailureKind says that the state is what failed.
func (e *stateError) FailureKind() restore.FailureKind { return restore.FailedState }

// Hint says what to do, or is "".
func (e *stateError) Hint() string {
	if inner, ok := errors.AsType[*stateError](e.cause); ok && e.hint == "" {
		return inner.Hint()
	}
	return e.hint
}
