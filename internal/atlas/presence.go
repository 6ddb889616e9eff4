package atlas

import (
	"bytes"
	"encoding/json"
	"slices"
)

// A presence says whether there is a download link, which is all that may be known of one: whoever has it has the
// backup. Reading one keeps nothing of its text.
type presence int

const (
	absent  presence = iota // none, null, "" or []
	present                 // a string, or an array with one
	unclear                 // neither a string nor an array
)

// UnmarshalJSON implements json.Unmarshaler. It never fails: an error would quote what it is about.
func (p *presence) UnmarshalJSON(raw []byte) error {
	switch kind(raw) {
	case "null":
		*p = absent
	case "a string":
		*p = presenceOf(raw)
	case "an array":
		*p = absent
		var each []filled
		_ = json.Unmarshal(raw, &each) // valid, or it would not have come here
		if slices.Contains(each, true) {
			*p = present
		}
	default:
		*p = unclear
	}
	return nil
}

func presenceOf(raw []byte) presence {
	if len(bytes.Trim(raw, "\" \t\r\n")) > 0 {
		return present
	}
	return absent
}

// filled says whether an element is a string that is not empty. Elements of arrays are looked at no deeper.
type filled bool

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (f *filled) UnmarshalJSON(raw []byte) error {
	*f = filled(kind(raw) == "a string" && presenceOf(raw) == present)
	return nil
}
