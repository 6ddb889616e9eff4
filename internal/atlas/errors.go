package atlas

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"restorewatch/internal/restore"
)

// An Error is why the API could not be read. Its text is for people and holds no credentials and no address of a
// download; what the API or the network said is cut to one line.
type Error struct {
	Target     restore.Target
	Verb       string // what was asked for, such as "list restore jobs"
	Method     string
	Path       string // of the request's URL
	Page       int    // of a listing, from 1
	Status     int    // of the HTTP answer, 0 if there was none
	Code       string // the API's errorCode
	Detail     string
	Address    string        // the address that the API saw, when it refused it
	RetryAfter time.Duration // how long the API, or the limit per project, asks to wait

	kind    restore.FailureKind
	api     *api   // that was asked; nil if none was
	hint    string // "" means the usual one
	foreign bool   // the answer is not in the API's form
	passing bool   // the same request may fare better in a moment
	err     error
}

// Error says what happened, to which target and URL path, and what the API said.
func (e *Error) Error() string {
	var parts []string
	switch {
	case e.Path != "": // it names the project and the cluster
		parts = append(parts, e.Verb, e.Method+" "+e.Path)
	case e.Target != (restore.Target{}):
		parts = append(parts, clean(strings.TrimPrefix(e.Verb+" of ", " of ")+e.Target.String(), 300))
	}
	if e.Page > 1 {
		parts = append(parts, fmt.Sprintf("page %d", e.Page))
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		status := fmt.Sprintf("%d %s", e.Status, cmp.Or(e.Code, http.StatusText(e.Status)))
		parts = append(parts, strings.TrimSpace(status))
	}
	if detail := e.detail(); detail != "" {
		parts = append(parts, detail)
	}
	if e.err != nil {
		parts = append(parts, clean(e.err.Error(), 300))
	}
	return strings.Join(parts, ": ")
}

func (e *Error) detail() string {
	d := e.Detail
	if e.Address != "" && !strings.Contains(d, e.Address) {
		d = strings.TrimSpace(d + " (seen from " + e.Address + ")")
	}
	if e.RetryAfter > 0 {
		d = strings.TrimSpace(d + fmt.Sprintf(" (to be tried again after %v)", e.RetryAfter.Round(time.Second)))
	}
	return d
}

// Unwrap returns the cause, such as context.DeadlineExceeded or an error of the network.
func (e *Error) Unwrap() error { return e.err }

// FailureKind returns the class of the failure.
func (e *Error) FailureKind() restore.FailureKind { return e.kind }

// configError is a target that this client cannot watch as it is configured.
func configError(t restore.Target, detail, hint string) *Error {
	return &Error{Target: t, Detail: detail, kind: restore.FailedConfig, hint: hint}
}

// refused makes an error of an answer that is not 200.
func refused(res *http.Response) *Error {
	e := &Error{Status: res.StatusCode, RetryAfter: retryAfter(res.Header, time.Now())}
	said, ok := decodeRefusal(bodyOf(res))
	e.Code = clean(cmp.Or(said.Code, res.Header.Get("X-Error-Code")), 100)
	e.Detail = clean(cmp.Or(said.Detail, said.Reason), 300)
	e.kind = kindOf(e.Status, e.Code)
	switch {
	case !ok:
		e.Detail = describeForeign(res.Header.Get("Content-Type"), bodyOf(res))
		e.foreign = true
	case e.kind == restore.FailedAccessList:
		e.Address = addressIn(said.Parameters, said.Detail)
	}
	if others := otherSchemes(res); res.StatusCode == http.StatusUnauthorized && others != "" {
		e.Detail = strings.TrimSpace(e.Detail + " (the answer asks for the authentication " + others +
			", and only HTTP Digest is given)")
	}
	return e
}

// A refusal is the API's form of an error (Atlas Administration API, ApiError). parameters may be null.
type refusal struct {
	Code       string `json:"errorCode"`
	Detail     string `json:"detail"`
	Reason     string `json:"reason"`
	Parameters []any  `json:"parameters"`
}

// decodeRefusal reports whether body is an error in the API's form, however incomplete.
func decodeRefusal(body []byte) (refusal, bool) {
	var r refusal
	err := json.Unmarshal(body, &r)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		err = nil // the fields that do fit have been read
	}
	return r, err == nil && r.Code+r.Detail+r.Reason != ""
}

// accessListCodes are the refusals because of the caller's address, under their present and their older names.
var accessListCodes = []string{
	"IP_ADDRESS_NOT_ON_ACCESS_LIST", "IP_ADDRESS_NOT_ON_WHITELIST",
	"ORG_REQUIRES_ACCESS_LIST", "ORG_REQUIRES_WHITELIST",
}

// roleCodes are the 401s of a key that is known and may not read the project. UNEXPECTED_ERROR, which comes with every
// challenge, is not among them.
var roleCodes = []string{"USER_UNAUTHORIZED", "NOT_IN_GROUP"}

// kindOf classifies an answer by its HTTP status first and its errorCode second: one code, UNEXPECTED_ERROR, comes
// with 401, 404 and 500 alike. A version of the API that is gone (406, 410) is a matter of configuration, as is a
// request that it finds wrong (400): another try cannot help, a changed setting can.
func kindOf(status int, code string) restore.FailureKind {
	switch {
	case status == http.StatusUnauthorized && !slices.Contains(roleCodes, code):
		return restore.FailedCredentials
	case status == http.StatusForbidden && slices.Contains(accessListCodes, code):
		return restore.FailedAccessList
	case status == http.StatusUnauthorized, status == http.StatusPaymentRequired, status == http.StatusForbidden:
		return restore.FailedForbidden
	case status == http.StatusNotFound:
		return restore.FailedNotFound
	case status == http.StatusTooManyRequests:
		return restore.FailedRateLimited
	case status == http.StatusRequestTimeout, status >= 500:
		return restore.FailedUnavailable
	case status >= 400:
		return restore.FailedConfig
	}
	return restore.FailedInvalidResponse
}

// addressIn returns the caller's address as the API saw it: its first parameter, else the first address in its words.
func addressIn(parameters []any, detail string) string {
	words := strings.Fields(detail)
	if len(parameters) > 0 {
		if first, ok := parameters[0].(string); ok {
			words = slices.Insert(words, 0, first)
		}
	}
	for _, w := range words {
		if a, err := netip.ParseAddr(strings.Trim(w, `.,;:()[]"'`)); err == nil && a.Zone() == "" {
			return a.String()
		}
	}
	return ""
}

// describeForeign says what came in place of JSON. Only what calls itself a text, and does not begin like JSON, is quoted:
// anything else may be a piece of a listing, with links.
func describeForeign(contentType string, body []byte) string {
	what := clean(contentType, 60)
	if what == "" {
		what = "an answer without a content type"
	}
	switch text := strings.TrimSpace(string(body[:min(len(body), 2048)])); {
	case text == "":
		return "an empty answer instead of the API's JSON"
	case strings.ContainsAny(text[:1], "{[\""):
		return what + " that is not in the API's form"
	case !strings.HasPrefix(strings.ToLower(contentType), "text/"):
		return what + " instead of the API's JSON"
	default:
		return fmt.Sprintf("%s instead of the API's JSON: %q", what, clean(text, 80))
	}
}
