package store

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"
)

// A direction says which way a document and a record are brought to agree. Each pair of fields is named once, for both
// ways, so that what is stored and what is read cannot drift apart.
type direction bool

const (
	storing direction = true  // the document is made from the record, which is left alone
	reading direction = false // the record is made from the document
)

// An optional is a field that is left out of its document when it has its usual value. Unlike a pointer it tells a
// field left out from one that is null, as a nil slice is.
type optional[T any] struct {
	value T
	set   bool
}

// IsZero implements what the option omitzero asks for.
func (o optional[T]) IsZero() bool { return !o.set }

// MarshalJSON implements json.Marshaler.
func (o optional[T]) MarshalJSON() ([]byte, error) { return marshal(o.value) }

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	o.set = true
	return json.Unmarshal(text, &o.value)
}

// exchange brings one field to agree.
func exchange[T any](d direction, stored *optional[T], value *T, usual T) {
	switch {
	case d == storing:
		*stored = optional[T]{value: *value, set: !reflect.DeepEqual(*value, usual)}
	case stored.set:
		*value = stored.value
	default:
		*value = usual
	}
}

// exchangeAll brings two slices to agree, element by element. A nil slice stays nil and an empty one empty.
func exchangeAll[S, V any](d direction, stored *[]S, values *[]V, one func(*S, *V)) {
	if d == storing {
		*stored = sized[S](*values)
	} else {
		*values = sized[V](*stored)
	}
	for i := range *stored {
		one(&(*stored)[i], &(*values)[i])
	}
}

// sized returns a slice as long as like, or nil if that is nil.
func sized[A, B any](like []B) []A {
	if like == nil {
		return nil
	}
	return make([]A, len(like))
}

// plain brings a field to agree that is left out only when it is the zero value, as its tag says.
func plain[T any](d direction, stored, value *T) {
	if d == storing {
		*stored = *value
	} else {
		*value = *stored
	}
}

// pointer brings to agree what may be absent.
func pointer[S, V any](d direction, stored **S, value **V, one func(*S, *V)) {
	switch {
	case d == storing && *value != nil:
		*stored = new(S)
	case d == reading && *stored != nil:
		*value = new(V)
	default:
		return
	}
	one(*stored, *value)
}

// marshal writes JSON for people and not for web pages: "&" stays "&".
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false)
	if err := to.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// A span is a duration that is stored as people write it: "1h0m0s".
type span time.Duration

// MarshalText implements encoding.TextMarshaler.
func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}
