package atlas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"restorewatch/internal/restore"
)

// The shapes that the API answers with ("Get All Legacy Backup Restore Jobs", Response Elements). What is not declared
// is not read; delivery.url, urlV2, authHeader and authValue must never be declared.
type (
	wirePage struct {
		Links   []wireLink `json:"links"`
		Results []wireJob  `json:"results"`
	}
	wireLink struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	}
	wireJob struct {
		ID                string        `json:"id"`
		GroupID           string        `json:"groupId"`
		ClusterID         string        `json:"clusterId"`
		ClusterName       string        `json:"clusterName"`
		BatchID           string        `json:"batchId"`
		SnapshotID        string        `json:"snapshotId"`
		Created           string        `json:"created"`
		StatusName        string        `json:"statusName"`
		Delivery          wireDelivery  `json:"delivery"`
		Hashes            []wireHash    `json:"hashes"`
		EncryptionEnabled bool          `json:"encryptionEnabled"`
		PointInTime       bool          `json:"pointInTime"`
		Timestamp         wireTimestamp `json:"timestamp"`
	}
	wireDelivery struct {
		MethodName        string `json:"methodName"`
		StatusName        string `json:"statusName"`
		Expires           string `json:"expires"`
		ExpirationHours   number `json:"expirationHours"`
		MaxDownloads      number `json:"maxDownloads"`
		TargetGroupID     string `json:"targetGroupId"`
		TargetClusterName string `json:"targetClusterName"`
		TargetClusterID   string `json:"targetClusterId"`
	}
	wireHash struct {
		TypeName string `json:"typeName"`
		FileName string `json:"fileName"`
		Hash     string `json:"hash"`
	}
	wireTimestamp struct {
		Date      string `json:"date"`
		Increment number `json:"increment"`
	}
)

// maxCommas bounds the values of a page, which bounds the memory that it unpacks to: "[]," is three bytes of JSON and
// some 400 of a job. A full page of 500 jobs with a hash each has about 15,000.
const maxCommas = 100_000

// decodePage reads one page of a listing. An optional field of a wrong type counts as absent; what a record's identity,
// a job's status or the way to the next page depends on must be right.
func decodePage(body []byte, decode decoder, t restore.Target) (page, error) {
	if n := bytes.Count(body, []byte{','}); n > maxCommas {
		return page{}, fmt.Errorf("a page of %d bytes with %d commas is none that a listing has", len(body), n)
	}
	var wire wirePage
	if err := unmarshal(body, &wire, checkPage); err != nil {
		return page{}, err
	}
	if wire.Results == nil {
		return page{}, checkPage(body)
	}
	next, err := nextQuery(wire.Links)
	if err != nil {
		return page{}, err
	}
	jobs, err := decodeJobs(wire.Results, decode, t)
	return page{jobs: jobs, next: next}, err
}

func decodeJobs(results []wireJob, decode decoder, t restore.Target) ([]restore.Job, error) {
	jobs := make([]restore.Job, 0, len(results))
	at := make(map[restore.JobID]int, len(results))
	for i, wire := range results {
		job, err := decode(wire, t)
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

func decodeJob(body []byte, decode decoder, t restore.Target) (restore.Job, error) {
	var wire wireJob
	if err := unmarshal(body, &wire, checkJob); err != nil {
		return restore.Job{}, err
	}
	return decode(wire, t)
}

// unmarshal reads body into v. encoding/json goes on after a value of a wrong type, leaves that field alone and tells
// the first one at the end: check then says whether one that matters was among them.
func unmarshal(body []byte, v any, check func([]byte) error) error {
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
func checkPage(body []byte) error {
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
	var jobs []json.RawMessage
	_ = json.Unmarshal(shape.Results, &jobs) // a valid array: seen above
	for i, job := range jobs {
		if err := checkJob(job); err != nil {
			return fmt.Errorf("job %d: %w", i+1, err)
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

func checkJob(body []byte) error {
	var shape struct {
		ID         json.RawMessage `json:"id"`
		StatusName json.RawMessage `json:"statusName"`
	}
	if err := json.Unmarshal(body, &shape); err != nil {
		return fmt.Errorf("it is %s, not an object", kind(body))
	}
	if k := kind(shape.ID); k != "a string" && k != "missing" && k != "null" { // the decoder refuses a job without id
		return fmt.Errorf("its id is %s, not a string", k)
	}
	if k := kind(shape.StatusName); k != "a string" && k != "missing" && k != "null" {
		return fmt.Errorf("its statusName is %s, not a string", k)
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
