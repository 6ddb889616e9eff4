package atlas

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"restorewatch/internal/restore"
)

// FuzzDecodePage is the fuzzer of the legacy shape, whose words are the domain's: what was read can be written again.
func FuzzDecodePage(f *testing.F) {
	for _, body := range []string{
		pageJSON("", jobs(1, 2, 3)...), pageJSON(next(2), jobs(1)...), pageJSON(""),
		`{"results":[{"id":"a","created":"2018-01-22T23:48:11.5+01:00","timestamp":{"increment":"3"},"hashes":[{"hash":"x"},7]}]}`,
		`{"results":[{"id":"a","statusName":null,"delivery":7}],"links":[{"rel":"next","href":"?a=%zz"}]}`,
		`{"results":[{"id":"5a66783b80eef5354c77ee16"},{"ID":"x","id":null}]}`,
	} {
		f.Add([]byte(body))
	}
	fuzzPages(f, legacyV1.page, target, nil, func(t *testing.T, p page) {
		again, err := decodePage(wireOf(p.jobs), legacyJob, target)
		if err != nil || len(again.jobs) != len(p.jobs) {
			t.Fatalf("read again: %d jobs, %v; want %d", len(again.jobs), err, len(p.jobs))
		}
		for i, j := range again.jobs {
			if !j.Equal(p.jobs[i]) {
				t.Errorf("read again:\ngot  %+v\nwant %+v", j, p.jobs[i])
			}
		}
	})
}

// fuzzPages decodes anything with one decoder. Either the whole page is refused, by an error that is short and shows no
// link, or each job of the body is there, once, in its order, within bounds, and no other. Nothing of a download link is
// in either.
func fuzzPages(f *testing.F, decode func([]byte, restore.Target) (page, error), to restore.Target,
	words map[restore.Status]bool, also ...func(*testing.T, page)) {
	for _, body := range []string{
		`{"results":null}`, `[]`, `null`, ``, `{`, `<html>`, `{"results":[null]}`, `{"results":[{}],"links":7}`,
		`{"errorCode":"X","detail":"\u001b[2J"}`, `{"results":[{"id":"https://CANARY-id/"}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := decode(body, to)
		var answer any
		tokens := json.NewDecoder(bytes.NewReader(body))
		tokens.UseNumber() // whose range is no matter of the JSON
		understood := json.Valid(body) && tokens.Decode(&answer) == nil
		if linksAlone(answer) && strings.Contains(fmt.Sprintf("%+v %v", p, err), "CANARY") {
			t.Errorf("a link is in %+v, %v", p, err)
		}
		if err != nil {
			checkText(t, clean(err.Error(), 300), 301)
			return
		}
		if !understood {
			t.Fatalf("what is no JSON gave %+v", p)
		}
		if !ambiguous(body) {
			checkListed(t, p.jobs, answer)
		}
		for _, j := range p.jobs {
			checkJob(t, j, to, words)
		}
		checkNext(t, p.next)
		for _, check := range also {
			check(t, p)
		}
		if again, err := decode(body, to); err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("read again: %v, %v; want %v", again, err, p)
		}
	})
}

// checkText wants one line of what people can read.
func checkText(t *testing.T, text string, most int) {
	t.Helper()
	if n := len([]rune(text)); n == 0 || n > most {
		t.Errorf("a text of %d characters: %q", n, text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("unprintable %+q in %q", text[i:min(i+4, len(text))], text)
	}
}

// checkListed wants the jobs to be those of the body, read in another way than the decoders do.
func checkListed(t *testing.T, got []restore.Job, answer any) {
	t.Helper()
	var want []restore.JobID
	results, ok := field(answer, "results").([]any)
	if !ok {
		t.Fatal("decoded a page without results")
	}
	for _, result := range results {
		id, ok := field(result, "id").(string)
		if !ok {
			t.Fatalf("decoded a page with a job without an id: %v", result)
		}
		if !slices.Contains(want, restore.JobID(id)) {
			want = append(want, restore.JobID(id))
		}
	}
	var ids []restore.JobID
	for _, j := range got {
		ids = append(ids, j.ID)
	}
	if !slices.Equal(ids, want) {
		t.Errorf("decoded the jobs %q, the body has %q", ids, want)
	}
}

func checkJob(t *testing.T, j restore.Job, to restore.Target, words map[restore.Status]bool) {
	t.Helper()
	if checkID(string(j.ID)) != nil || j.BatchID != "" && checkID(string(j.BatchID)) != nil {
		t.Errorf("job %q of batch %q cannot be remembered", j.ID, j.BatchID)
	}
	for _, at := range []time.Time{j.Created, j.Delivery.Expires, j.Timestamp.Date} {
		if _, err := at.MarshalJSON(); err != nil || at.Nanosecond() != 0 || at.Location() != time.UTC {
			t.Errorf("job %s has the time %v", j.ID, at)
		}
	}
	d := j.Delivery
	for _, text := range []string{j.ProjectID, j.ClusterID, j.ClusterName, j.HostID, j.SnapshotID, string(j.Status), d.Method,
		string(d.Status), d.TargetProject, d.TargetCluster} {
		if len(text) > maxText {
			t.Errorf("job %s has a text of %d bytes", j.ID, len(text))
		}
	}
	if d.MaxDownloads < 0 || d.ExpirationHours < 0 || j.Timestamp.Increment < 0 {
		t.Errorf("job %s counts below nothing: %+v", j.ID, j)
	}
	if !slices.IsSortedFunc(j.Hashes, restore.Hash.Compare) || len(slices.Compact(slices.Clone(j.Hashes))) != len(j.Hashes) {
		t.Errorf("job %s has the hashes %v", j.ID, j.Hashes)
	}
	if words != nil && !words[j.Status] {
		t.Errorf("job %s has the status %q", j.ID, j.Status)
	}
	derived := to.Source == restore.Cloud || to.Source == restore.Flex
	if derived && !d.Expires.IsZero() && !d.Download() {
		t.Errorf("job %s expires and is no download: %+v", j.ID, d)
	}
}

// checkNext wants the query of the next page to be one, in one spelling.
func checkNext(t *testing.T, query string) {
	t.Helper()
	if values, err := url.ParseQuery(query); err != nil || values.Encode() != query || len(query) > 3*maxQuery {
		t.Errorf("the next page is %q, %v", query, err)
	}
}

// field returns a field of a JSON object, found as encoding/json does it.
func field(v any, name string) any {
	object, _ := v.(map[string]any)
	for n, value := range object {
		if strings.EqualFold(n, name) {
			return value
		}
	}
	return nil
}

// links are the fields whose values open a backup.
var links = []string{"url", "urlV2", "authHeader", "authValue", "authBearer", "deliveryUrl", "downloadUrl", "snapshotUrl",
	"privateDownloadDeliveryUrls"}

// linksAlone reports whether the canary is in nothing but links, or nowhere.
func linksAlone(v any) bool {
	switch v := v.(type) {
	case string:
		return !strings.Contains(v, "CANARY")
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !linksAlone(e) })
	case map[string]any:
		for name, value := range v {
			isLink := slices.ContainsFunc(links, func(l string) bool { return strings.EqualFold(l, name) })
			if strings.Contains(name, "CANARY") || !isLink && !linksAlone(value) {
				return false
			}
		}
	}
	return true
}

// ambiguous reports whether an object names a field twice, in which case readers differ in what it says (RFC 8259, 4).
// body is valid JSON.
func ambiguous(body []byte) bool {
	tokens := json.NewDecoder(bytes.NewReader(body))
	twice := false
	var value func()
	value = func() {
		token, _ := tokens.Token()
		delim, ok := token.(json.Delim)
		var names []string
		for ok && tokens.More() {
			if delim == '{' {
				token, _ := tokens.Token()
				name, _ := token.(string)
				twice = twice || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
				names = append(names, name)
			}
			value()
		}
		if ok {
			_, _ = tokens.Token() // the end of it
		}
	}
	value()
	return twice
}

// FuzzClusters decodes anything as a list of clusters or projects: what is found can be watched, belongs to the project
// asked for, and stands in the body.
func FuzzClusters(f *testing.F) {
	for _, body := range []string{
		pageJSON(next(2), clusterJSON(id(1), "Animals", "REPLICA_SET", ""), `{"name":"a","id":7}`, `null`),
		pageJSON("", newDeployment().clusters...), `{"results":[{"NAME":"x","id":"a b"},{"name":"*"}]}`,
		`{"results":[{"name":"A","id":"1"},{"name":"5a66783b80eef5354c770001","id":"2"}]}`, `{"results":[{"name":"../x"}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, source := range []restore.Source{restore.Manager, restore.Cloud} {
			star := restore.Target{Source: source, Project: project, Cluster: "*"}
			found, err := decodeFound(body, func(w wireCluster) (Cluster, error) { return w.cluster(star) })
			if err != nil {
				checkText(t, clean(err.Error(), 300), 301)
				continue
			}
			found = slices.DeleteFunc(found, func(c Cluster) bool { return c == (Cluster{}) })
			if source == restore.Manager {
				found = addressable(found)
			}
			for _, c := range found {
				checkCluster(t, c, source)
			}
		}
		projects, err := decodeFound(body, projectOfWire)
		for _, p := range projects {
			if err != nil || checkID(p.ID) != nil || len(p.Name) > maxText {
				t.Errorf("project %+v, %v", p, err)
			}
		}
	})
}

func decodeFound[W wire, R any](body []byte, decode func(W) (R, error)) ([]R, error) {
	results, _, err := decodeResults[W](body)
	if err != nil {
		return nil, err
	}
	return decodeEach(results, decode)
}

func checkCluster(t *testing.T, c Cluster, source restore.Source) {
	t.Helper()
	if c.Target.Project != project || c.Target.Source != source || len(c.Name) > maxText {
		t.Errorf("found %+v", c)
	}
	if source == restore.Manager && c.Target.Cluster == c.ID {
		if checkID(c.ID) != nil {
			t.Errorf("no URL names %q", c.ID)
		}
		return
	}
	if !watchable(c.Target) || source == restore.Manager && isObjectID(c.Target.Cluster) {
		t.Errorf("%q cannot be watched", c.Target)
	}
}
