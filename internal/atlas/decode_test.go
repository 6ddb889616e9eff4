package atlas

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/restore"
)

func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func TestDecodeWholeJob(t *testing.T) {
	p, err := decodePage([]byte(pageJSON("?pageNum=2&itemsPerPage=1", jobJSON(id(1), "FINISHED"))), legacyJob, target)
	if err != nil {
		t.Fatal(err)
	}
	want := restore.Job{
		ID: restore.JobID(id(1)), ProjectID: project, ClusterID: "7c88887880eef52e5f4d0e2d", ClusterName: "Cluster0",
		BatchID: "5a66783b80eef5354c77ee13", SnapshotID: "5a6669d5e2bfb3461861360c",
		Created: date("2018-01-22T23:48:11Z"), Status: restore.Finished,
		Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryExpired, Expires: date("2018-01-22T23:49:38Z"),
			ExpirationHours: 48, MaxDownloads: 2147483647},
		Hashes: []restore.Hash{
			{File: "a.tar.gz", Algorithm: "SHA1", Sum: "86bc2f50"},
			{File: "b.tar.gz", Algorithm: "SHA1", Sum: "a98af3c1"},
		},
		Timestamp: restore.Timestamp{Date: date("2018-01-22T22:44:54Z"), Increment: 1},
	}
	if len(p.jobs) != 1 || !reflect.DeepEqual(p.jobs[0], want) {
		t.Errorf("got  %+v\nwant %+v", p.jobs, want)
	}
	if p.next != "itemsPerPage=1&pageNum=2" {
		t.Errorf("next %q", p.next)
	}
}

// plain is what a job that has an id alone is read as.
var plain = restore.Job{ID: restore.JobID(id(1)), ProjectID: project, ClusterName: "Cluster0", Created: date("2018-01-22T23:48:11Z")}

func with(f func(*restore.Job)) restore.Job {
	j := plain
	f(&j)
	return j
}

func TestDecodeTolerates(t *testing.T) {
	long := strings.Repeat("ü", 600)
	tolerates(t, map[string]restore.Job{
		``:                                    plain,
		`"somethingNew":{"a":[1,{"b":null}]}`: plain,
		`"groupId":null,"clusterId":null,"clusterName":null,"batchId":null,"snapshotId":null,"created":null,"statusName":null,"delivery":null,"hashes":null,"encryptionEnabled":null,"pointInTime":null,"timestamp":null`: plain,
		`"groupId":1,"clusterId":[],"clusterName":{},"batchId":true,"snapshotId":1.5,"created":7,"delivery":"HTTP","hashes":{},"encryptionEnabled":"yes","pointInTime":1,"timestamp":"now"`:                               plain,
		`"statusName":"NEW_WORD"`:                     with(func(j *restore.Job) { j.Status = "NEW_WORD" }),
		`"groupId":"g","clusterName":"n"`:             with(func(j *restore.Job) { j.ProjectID, j.ClusterName = "g", "n" }),
		`"encryptionEnabled":true,"pointInTime":true`: with(func(j *restore.Job) { j.EncryptionEnabled, j.PointInTime = true, true }),

		`"hashes":[]`: plain,
		`"hashes":[null,7,"x",{},{"typeName":"SHA1"}]`: plain,
		`"hashes":[{"fileName":"b"},{"hash":"h"},{"fileName":"b"},null]`: with(func(j *restore.Job) {
			j.Hashes = []restore.Hash{{Sum: "h"}, {File: "b"}}
		}),
		`"hashes":[{"fileName":"` + long + `","hash":"h"}]`: with(func(j *restore.Job) {
			j.Hashes = []restore.Hash{{File: long[:1024], Sum: "h"}}
		}),
		`"snapshotId":"` + strings.Repeat("é", 512) + `z"`: with(func(j *restore.Job) { j.SnapshotID = strings.Repeat("é", 512) }),
		`"snapshotId":"a` + strings.Repeat("é", 512) + `"`: with(func(j *restore.Job) { j.SnapshotID = "a" + strings.Repeat("é", 511) }),
	})
}

func TestDecodeNumbersAndTimes(t *testing.T) {
	increment := func(n int64) restore.Job { return with(func(j *restore.Job) { j.Timestamp.Increment = n }) }
	created := func(s string) restore.Job { return with(func(j *restore.Job) { j.Created = date(s) }) }
	tolerates(t, map[string]restore.Job{
		`"timestamp":{"increment":7}`:                      increment(7),
		`"timestamp":{"increment":"7"}`:                    increment(7),
		`"timestamp":{"increment":7.0}`:                    increment(7),
		`"timestamp":{"increment":"7e0"}`:                  increment(7),
		`"timestamp":{"increment":4294967295}`:             increment(4294967295),
		`"timestamp":{"increment":4294967296}`:             plain,
		`"timestamp":{"increment":-1}`:                     plain,
		`"timestamp":{"increment":7.5}`:                    plain,
		`"timestamp":{"increment":1e400}`:                  plain,
		`"timestamp":{"increment":"NaN"}`:                  plain,
		`"timestamp":{"increment":"many"}`:                 plain,
		`"timestamp":{"increment":[7]}`:                    plain,
		`"timestamp":{"increment":null,"date":null}`:       plain,
		`"timestamp":{"date":"2018-01-22T22:44:54.999Z"}`:  with(func(j *restore.Job) { j.Timestamp.Date = date("2018-01-22T22:44:54Z") }),
		`"created":"2018-01-23T01:48:11.5+02:00"`:          created("2018-01-22T23:48:11Z"),
		`"created":"2018-01-23T01:48:12+0200"`:             created("2018-01-22T23:48:12Z"),
		`"created":"2018-01-22T23:48:13"`:                  created("2018-01-22T23:48:13Z"),
		`"created":"2018-01-22T23:48:14.123456"`:           created("2018-01-22T23:48:14Z"),
		`"created":"yesterday"`:                            plain,
		`"created":""`:                                     plain,
		`"created":"0001-01-01T00:00:00Z"`:                 plain,
		`"created":"9999-12-31T23:59:59-23:00"`:            plain,
		`"delivery":{"expires":"soon","maxDownloads":-1}`:  plain,
		`"delivery":{"expirationHours":99999999999999999}`: plain,
		`"delivery":{"expirationHours":"48","maxDownloads":1.0,"methodName":"SCP","statusName":"PENDING"}`: with(func(j *restore.Job) {
			j.Delivery = restore.Delivery{ExpirationHours: 48, MaxDownloads: 1, Method: "SCP", Status: restore.DeliveryPending}
		}),
		`"delivery":{"targetGroupId":"g","targetClusterId":"i"}`:     with(func(j *restore.Job) { j.Delivery.TargetProject, j.Delivery.TargetCluster = "g", "i" }),
		`"delivery":{"targetClusterName":"n","targetClusterId":"i"}`: with(func(j *restore.Job) { j.Delivery.TargetCluster = "n" }),
	})
}

// tolerates reads each row, what a job holds beside its id, next to another job.
func tolerates(t *testing.T, rows map[string]restore.Job) {
	t.Helper()
	for fields, want := range rows {
		body := fmt.Sprintf(`{"id":%q`, id(1))
		if fields != "" {
			body += "," + fields
		}
		p, err := decodePage([]byte(pageJSON("", jobJSON(id(0), "KILLED"), body+"}")), legacyJob, target)
		if err != nil || len(p.jobs) != 2 {
			t.Errorf("%.200s: got %d jobs, %v", fields, len(p.jobs), err)
			continue
		}
		if !reflect.DeepEqual(p.jobs[1], want) {
			t.Errorf("%.200s:\ngot  %+v\nwant %+v", fields, p.jobs[1], want)
		}
		if p.jobs[0].Status != restore.Killed || len(p.jobs[0].Hashes) != 2 {
			t.Errorf("%.200s: its neighbour became %+v", fields, p.jobs[0])
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for job, word := range map[string]string{
		`{}`:                  "it has no id",
		`{"id":null}`:         "it has no id",
		`{"id":""}`:           "it has no id",
		`null`:                "it has no id",
		`{"id":7}`:            "its id is a number, not a string",
		`{"id":["a"]}`:        "its id is an array",
		`7`:                   "it is a number, not an object",
		`[]`:                  "it is an array",
		`"x"`:                 "it is a string",
		`{"id":"a/b"}`:        `its id: it has a character that none can have: '/'`,
		`{"id":"a\u0000"}`:    `'\x00'`,
		`{"id":"a\u001b[2J"}`: `'\x1b'`,
		`{"id":"ä"}`:          "its id",
		`{"id":".."}`:         "its id",
		"{\"id\":\"\xff\"}":   "its id",
		`{"id":"` + strings.Repeat("a", 129) + `"}`: "129 bytes long",
		`{"id":"a","batchId":"b c"}`:                "its batchId",
		`{"id":"a","statusName":7}`:                 "its statusName is a number, not a string",
		`{"id":"a","statusName":["FINISHED"]}`:      "its statusName is an array",
	} {
		_, err := decodePage([]byte(pageJSON("", jobJSON(id(0), "KILLED"), job)), legacyJob, target)
		if err == nil || !strings.Contains(err.Error(), "job 2: ") || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %v, want one about job 2 that says %q", job, err, word)
		}
	}
}

// A page that would unpack to a hundred times its size is refused before it does.
func TestPageOfTooManyValues(t *testing.T) {
	body := []byte(`{"results":[` + strings.Repeat("[],", maxBody/3-10) + `[]]}`)
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := decodePage(body, legacyJob, target); err == nil || !strings.Contains(err.Error(), "commas") {
			t.Errorf("got %v", err)
		}
	})
	if allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
	if n := strings.Count(string(page500()), ","); n > maxCommas/4 {
		t.Errorf("a true page has %d commas, too near the limit of %d", n, maxCommas)
	}
}

func TestCreatedWithoutObjectID(t *testing.T) {
	for _, id := range []string{"short", "5a66783b80eef5354c77ee1g", "5a66783b80eef5354c77ee1633", "zz66783b80eef5354c77ee16"} {
		p, err := decodePage([]byte(pageJSON("", `{"id":"`+id+`"}`)), legacyJob, target)
		if err != nil || !p.jobs[0].Created.IsZero() {
			t.Errorf("%s: created %v, %v", id, p.jobs, err)
		}
	}
}

// wireOf writes a job as the API would, so that what was read can be read again.
func wireOf(jobs []restore.Job) []byte {
	results := []wireJob{}
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.RFC3339)
	}
	for _, j := range jobs {
		w := wireJob{
			ID: string(j.ID), GroupID: j.ProjectID, ClusterID: j.ClusterID, ClusterName: j.ClusterName, BatchID: string(j.BatchID),
			HostID: j.HostID, SnapshotID: j.SnapshotID, Created: stamp(j.Created), StatusName: string(j.Status),
			EncryptionEnabled: j.EncryptionEnabled, PointInTime: j.PointInTime,
			Timestamp: wireTimestamp{Date: stamp(j.Timestamp.Date), Increment: number(j.Timestamp.Increment)},
			Delivery: wireDelivery{MethodName: j.Delivery.Method, StatusName: string(j.Delivery.Status), Expires: stamp(j.Delivery.Expires),
				ExpirationHours: number(j.Delivery.ExpirationHours), MaxDownloads: number(j.Delivery.MaxDownloads),
				TargetGroupID: j.Delivery.TargetProject, TargetClusterName: j.Delivery.TargetCluster},
		}
		for _, h := range j.Hashes {
			w.Hashes = append(w.Hashes, wireHash{TypeName: h.Algorithm, FileName: h.File, Hash: h.Sum})
		}
		results = append(results, w)
	}
	body, err := json.Marshal(wirePage[wireJob]{Results: results})
	if err != nil {
		panic(err)
	}
	return body
}

// page500 is a full page, of the size that a real one has.
func page500() []byte {
	url := "https://api-backup.mongodb.com/backup/restore/v2/pull/" + strings.Repeat("x", 200)
	var jobs []string
	for n := range 500 {
		jobs = append(jobs, strings.ReplaceAll(jobJSON(id(n), "FINISHED"), "https://CANARY-url/", url))
	}
	return []byte(pageJSON(next(2), jobs...))
}

func BenchmarkDecodePage(b *testing.B) {
	body := page500()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := decodePage(body, legacyJob, target); err != nil || len(p.jobs) != 500 {
			b.Fatal(len(p.jobs), err)
		}
	}
}

// BenchmarkUnchangedPage is the same page in a run without news.
func BenchmarkUnchangedPage(b *testing.B) {
	body, c := page500(), newCache()
	decode := func(body []byte) (page, error) { return decodePage(body, legacyJob, target) }
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if p, err := c.decode(cacheKey{target: target}, body, decode); err != nil || len(p.jobs) != 500 {
			b.Fatal(len(p.jobs), err)
		}
	}
}
