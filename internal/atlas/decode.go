package atlas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"restorewatch/internal/restore"
)

// A wirePage is one page of a listing; R is the shape of what is listed.
type (
	wirePage[R any] struct {
		Links   []wireLink `json:"links"`
		Results []R        `json:"results"`
	}
	wireLink struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	}
)

// A wire is the shape of a job, or of something else that is listed, in one API.
type wire interface {
	shape() shape
}

// A shape says what must be right of something that is listed.
type shape struct {
	noun   string  // what it is, as errors tell it
	vitals []vital // the fields that its identity or its status depends on; others of a wrong type count as absent
}

// A vital is the name of a field and the kind of JSON that it must have, unless it is null or missing.
type vital struct{ name, kind string }

// A decoder turns one job of an answer into the domain's. It refuses only what cannot be remembered or would be told
// wrongly.
type decoder[W wire] func(W, restore.Target) (restore.Job, error)

// pageOf and jobOf hide which shape a decoder is for.
func pageOf[W wire](decode decoder[W]) func([]byte, restore.Target) (page, error) {
	return func(body []byte, t restore.Target) (page, error) { return decodePage(body, decode, t) }
}

func jobOf[W wire](decode decoder[W]) func([]byte, restore.Target) (restore.Job, error) {
	return func(body []byte, t restore.Target) (restore.Job, error) { return decodeJob(body, decode, t) }
}

// maxCommas bounds the values of an answer, which bounds the memory that it unpacks to: "[]," is three bytes of JSON and
// some 400 of a job. A full page of 500 jobs with a hash each has about 15,000.
const maxCommas = 100_000

// decodePage reads one page of a listing of jobs.
func decodePage[W wire](body []byte, decode decoder[W], t restore.Target) (page, error) {
	results, next, err := decodeResults[W](body)
	if err != nil {
		return page{}, err
	}
	jobs, err := decodeJobs(results, decode, t)
	return page{jobs: jobs, next: next}, err
}

// decodeResults reads one page of any listing and returns what it lists and the query of the next page.
func decodeResults[W wire](body []byte) (results []W, next string, err error) {
	check := func(body []byte) error { return checkPage(body, (*new(W)).shape()) }
	var listed wirePage[W]
	if err := unmarshal(body, &listed, check); err != nil {
		return nil, "", err
	}
	if listed.Results == nil {
		return nil, "", check(body)
	}
	next, err = nextQuery(listed.Links)
	return listed.Results, next, err
}

func decodeJobs[W wire](results []W, decode decoder[W], t restore.Target) ([]restore.Job, error) {
	jobs := make([]restore.Job, 0, len(results))
	at := make(map[restore.JobID]int, len(results))
	for i, w := range results {
		job, err := decode(w, t)
		if err != nil {
			return nil, fmt.Errorf("job %d: %w", i+1, err)
		}
		if first, ok := at[job.ID]; !ok {
			at[job.ID] = len(jobs)
			jobs = append(jobs, job)
		} else if !jobs[first].Equal(job) {
			return nil, fmt.Errorf("job %d: another job of this page has its id %s and differs", i+1, job.ID)
		}
	}
	return jobs, nil
}

func decodeJob[W wire](body []byte, decode decoder[W], t restore.Target) (restore.Job, error) {
	var w W
	if err := unmarshal(body, &w, func(body []byte) error { return checkVital(body, w.shape()) }); err != nil {
		return restore.Job{}, err
	}
	return decode(w, t)
}

// unmarshal reads body into v. encoding/json goes on after a value of a wrong type, leaves that field alone and tells
// the first one at the end: check then says whether one that matters was among them.
func unmarshal(body []byte, v any, check func([]byte) error) error {
	if n := bytes.Count(body, []byte{','}); n > maxCommas {
		return fmt.Errorf("%d bytes with %d commas are no answer that the API gives", len(body), n)
	}
	err := json.Unmarshal(body, v)
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return check(body)
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		if int(syntax.Offset) >= len(body) {
			return fmt.Errorf("the JSON is cut off after %d bytes", len(body))
		}
		return fmt.Errorf("not JSON from byte %d on", syntax.Offset)
	}
	return err
}

// checkPage looks for a wrong type where it matters. It runs only on pages that have one somewhere.
func checkPage(body []byte, s shape) error {
	var shape struct {
		Links   json.RawMessage `json:"links"`
		Results json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(body, &shape); err != nil {
		return fmt.Errorf("the answer is %s, not an object", kind(body))
	}
	if kind(shape.Results) != "an array" {
		return fmt.Errorf("results is %s, not an array%s", kind(shape.Results), refusalIn(body))
	}
	if err := checkLinks(shape.Links); err != nil {
		return err
	}
	var results []json.RawMessage
	_ = json.Unmarshal(shape.Results, &results) // a valid array: seen above
	for i, result := range results {
		if err := checkVital(result, s); err != nil {
			return fmt.Errorf("%s %d: %w", s.noun, i+1, err)
		}
	}
	return nil
}

// checkLinks refuses what may hide that there is another page: an unfinished listing must not pass for a whole one.
func checkLinks(raw json.RawMessage) error {
	if k := kind(raw); k == "missing" || k == "null" {
		return nil
	} else if k != "an array" {
		return fmt.Errorf("links is %s, not an array", k)
	}
	var links []json.RawMessage
	_ = json.Unmarshal(raw, &links) // a valid array: seen above
	for _, link := range links {
		var shape struct{ Rel, Href json.RawMessage }
		if json.Unmarshal(link, &shape) != nil || string(shape.Rel) != `"next"` {
			continue
		}
		if k := kind(shape.Href); k != "a string" && k != "null" && k != "missing" {
			return fmt.Errorf("the href of the next link is %s, not a string", k)
		}
	}
	return nil
}

// checkVital refuses a vital field of a wrong type. Names are compared as encoding/json does it.
func checkVital(body []byte, s shape) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("it is %s, not an object", kind(body))
	}
	for name, raw := range fields {
		for _, v := range s.vitals {
			if k := kind(raw); strings.EqualFold(name, v.name) && k != "null" && k != v.kind {
				return fmt.Errorf("its %s is %s, not %s", v.name, k, v.kind)
			}
		}
	}
	return nil
}

// kind names the type of a JSON value.
func kind(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "missing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// refusalIn tells what an error object says that came with status 200.
func refusalIn(body []byte) string {
	r, ok := decodeRefusal(body)
	if !ok {
		return ""
	}
	return clean(fmt.Sprintf("; the answer is an error: %s %s", r.Code, strings.TrimSpace(r.Detail)), 300)
}

// looksLikeJSON reports whether body is an object or an array as far as its first character tells.
func looksLikeJSON(body []byte) bool {
	k := kind(body[:min(len(body), 512)])
	return k == "an object" || k == "an array"
}
