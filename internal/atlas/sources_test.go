package atlas

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

// sourceCases are the sources with what each one's requests look like.
var sourceCases = map[string]struct {
	target restore.Target
	legacy string // Options.LegacyAPI
	path   string
	accept string
	most   int // of a page
	job    func(id string) string
}{
	"legacy v1": {target, "", listPath, "application/json", 500, func(id string) string { return jobJSON(id, "FINISHED") }},
	"legacy v2": {target, "v2", "/api/atlas/v2/groups/" + project + "/clusters/Cluster0/restoreJobs",
		"application/vnd.atlas.2023-01-01+json", 500, func(id string) string { return jobJSON(id, "FINISHED") }},
	"manager": {managerTarget, "", "/api/public/v1.0/groups/" + project + "/clusters/" + clusterID + "/restoreJobs",
		"application/json", 100, func(id string) string { return managerJSON(id, "") }},
	"cloud": {cloudTarget, "", "/api/atlas/v2/groups/" + project + "/clusters/Cluster0/backup/restoreJobs",
		"application/vnd.atlas.2023-01-01+json", 500, func(id string) string { return cloudJSON(id, "") }},
	"flex": {flexTarget, "", "/api/atlas/v2/groups/" + project + "/flexClusters/Flex0/backup/restoreJobs",
		"application/vnd.atlas.2024-11-13+json", 500, func(id string) string { return flexJSON(id, "") }},
}

const clusterID = "7c88887880eef52e5f4d0e2d"

var (
	managerTarget = restore.Target{Source: restore.Manager, Project: project, Cluster: clusterID}
	cloudTarget   = restore.Target{Source: restore.Cloud, Project: project, Cluster: "Cluster0"}
	flexTarget    = restore.Target{Source: restore.Flex, Project: project, Cluster: "Flex0"}
)

// object writes a job of fields; those given last replace those of the base.
func object(base, fields string) string {
	merged := map[string]json.RawMessage{}
	for _, part := range []string{base, fields} {
		if err := json.Unmarshal([]byte("{"+part+"}"), &merged); err != nil {
			panic(err.Error() + " in " + part)
		}
	}
	out, err := json.Marshal(merged)
	if err != nil {
		panic(err)
	}
	return string(out)
}

func managerJSON(id, fields string) string {
	return object(fmt.Sprintf(`"id":%q,"groupId":%q,"clusterId":%q,"snapshotId":"5a6669d5e2bfb3461861360c","created":"2018-01-22T23:48:11Z",
"statusName":"FINISHED","encryptionEnabled":false,"links":[],"timestamp":{"date":"2018-01-22T22:44:54Z","increment":1},
"delivery":{"expirationHours":1,"expires":"2018-01-23T00:48:11Z","maxDownloads":1,"methodName":"HTTP","statusName":"READY",
"url":"https://CANARY-url/CANARY-path","authValue":"CANARY-auth"}`, id, project, clusterID), fields)
}

func cloudJSON(id, fields string) string {
	return object(fmt.Sprintf(`"id":%q,"snapshotId":"6a79468a2c88faeba59de489","deliveryType":"download","cancelled":false,"expired":false,
"failed":false,"deliveryUrl":[],"desiredTimestamp":{"increment":null,"time":null,"date":null},"timestamp":"2026-08-10T03:35:05Z","links":[]`, id), fields)
}

func flexJSON(id, fields string) string {
	return object(fmt.Sprintf(`"id":%q,"projectId":%q,"instanceName":"Flex0","snapshotId":"6a6f0000aaaaaaaaaaaaaaaa","status":"PENDING",
"deliveryType":"DOWNLOAD","expirationDate":"2026-08-10T09:03:29Z","restoreScheduledDate":"2026-08-10T03:03:29Z",
"snapshotFinishedDate":"2026-08-02T17:06:56Z"`, id, project), fields)
}

func TestWhatEachSourceIsAsked(t *testing.T) {
	for name, tt := range sourceCases {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				if strings.HasSuffix(r.URL.Path, "restoreJobs") {
					_, _ = io.WriteString(w, pageJSON("", tt.job(id(1))))
					return
				}
				_, _ = io.WriteString(w, tt.job(id(1)))
			})
			c := newClient(t, h, func(o *Options) { o.LegacyAPI = tt.legacy })
			pages, err := list(t.Context(), c, tt.target, 1000)
			if err != nil || ids(pages) != "0001" {
				t.Fatalf("got %s, %v", ids(pages), err)
			}
			want := fmt.Sprintf("%s?itemsPerPage=%d&pageNum=1", tt.path, tt.most)
			if got.URL.RequestURI() != want || got.Header.Get("Accept") != tt.accept {
				t.Errorf("asked %s as %s, want %s as %s", got.URL.RequestURI(), got.Header.Get("Accept"), want, tt.accept)
			}
			job, err := c.RestoreJob(t.Context(), tt.target, restore.JobID(id(1)))
			if err != nil || !job.Equal(pages[0][0]) || got.URL.Path != tt.path+"/"+id(1) || got.Header.Get("Accept") != tt.accept {
				t.Errorf("one job: asked %s as %s, got %+v, %v", got.URL.Path, got.Header.Get("Accept"), job, err)
			}
		})
	}
}

func TestOnlyTwoSourcesHaveBatches(t *testing.T) {
	for name, tt := range sourceCases {
		c := newClient(t, serve(pageJSON("")), func(o *Options) { o.LegacyAPI = tt.legacy })
		var err error
		for _, e := range c.BatchJobs(t.Context(), tt.target, "5a66783b80eef5354c77ee13") {
			err = e
		}
		if has := tt.target.Source == restore.Legacy || tt.target.Source == restore.Manager; has != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLegacyAPIOption(t *testing.T) {
	_, err := New(Options{BaseURL: "https://host.test", Keys: StaticKey("a", "b"), LegacyAPI: "v3"})
	if err == nil || !strings.Contains(err.Error(), `legacy API "v3": want v1 or v2`) {
		t.Errorf("got %v", err)
	}
}

// What opens a backup appears in nothing that the client hands out, whichever source is asked and whatever it answers.
func TestCanariesOfEverySource(t *testing.T) {
	secrets := map[restore.Source]string{
		restore.Cloud: `"deliveryUrl":["https://CANARY-url/CANARY-path"],"components":[{"replicaSetName":"s0","downloadUrl":"https://CANARY-component",
"privateDownloadDeliveryUrls":[{"endpointId":"vpce-1","deliveryUrl":"https://CANARY-private"}]}],
"privateDownloadDeliveryUrls":[{"endpointId":"vpce-1","deliveryUrl":"https://CANARY-private"}]`,
		restore.Flex: `"status":"COMPLETED","snapshotUrl":"https://CANARY-snapshot"`,
	}
	breaks := []func(string) string{
		func(page string) string { return page },
		func(page string) string { return page[:len(page)*3/4] },
		func(page string) string { return strings.ReplaceAll(page, `"https://CANARY`, `{"a":"https://CANARY`) },
		func(page string) string { return strings.Replace(page, `"results":`, `"results":"CANARY-url",`, 1) },
		func(page string) string { return strings.Replace(page, `"id":`, `"id":"CANARY-url /",`, 1) },
		func(page string) string {
			return strings.Replace(page, `"snapshotId"`, `"failed":"CANARY-url","status":["CANARY-url"],"x"`, 1)
		},
		func(page string) string { return strings.Replace(page, `[`, `["CANARY-url",`, 1) },
	}
	for name, tt := range sourceCases {
		for i, mend := range breaks {
			for _, status := range []int{200, 401, 404, 500} {
				job := strings.Replace(tt.job(id(1)), `"id":`, secrets[tt.target.Source]+`,"id":`, 1)
				if secrets[tt.target.Source] == "" {
					job = tt.job(id(1))
				}
				if !strings.Contains(job, "CANARY") {
					t.Fatalf("%s: nothing planted", name)
				}
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, mend(pageJSON("", job)))
				})
				c := newClient(t, h, func(o *Options) { o.LegacyAPI = tt.legacy })
				pages, err := list(t.Context(), c, tt.target, 100)
				out := fmt.Sprintf("%+v %#v", pages, pages)
				if e, ok := err.(*Error); ok {
					out += e.Error() + e.Hint() + fmt.Sprintf("%+v %v", *e, e.Unwrap())
				}
				// A body whose id is broken is quoted by the character that broke it, which is no secret.
				if at := strings.Index(out, "CANARY"); at >= 0 {
					t.Errorf("%s, broken in way %d, status %d: %.300s", name, i, status, out[max(at-100, 0):])
				}
				if i == 0 && status == 200 && err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// fixture reads a body written by hand in the shape of a recorded answer.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	body, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// decodedAs compares the jobs of a fixture, each told in one line.
func decodedAs(t *testing.T, p page, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, j := range p.jobs {
		d := j.Delivery
		line := fmt.Sprintf("%s %s %s", j.ID[18:], orNone(string(j.Status)), orNone(d.Method))
		line += " " + orNone(string(d.Status))
		if !d.Expires.IsZero() {
			line += " until " + d.Expires.Format("15:04:05")
		}
		if d.TargetCluster != "" {
			line += " to " + d.TargetProject + "/" + d.TargetCluster
		}
		if !d.Download() {
			line += " (no download)"
		}
		got = append(got, line)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
