package atlas

import (
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

func TestCloudDerivation(t *testing.T) {
	const url = `"https://CANARY-url/x.tar.gz"`
	for fields, want := range map[string]string{
		``:                              "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":null`:            "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":""`:              "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":[""]`:            "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":[null]`:          "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":[7,{}]`:          "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":[[` + url + `]]`: "IN_PROGRESS IN_PROGRESS",
		`"deliveryUrl":` + url:          "FINISHED READY",
		`"deliveryUrl":[` + url + `]`:   "FINISHED READY",
		`"deliveryUrl":[null,` + url + `],"expiresAt":"2026-08-10T04:44:52Z"`: "FINISHED READY 04:44:52",
		`"deliveryType":"DOWNLOAD","deliveryUrl":` + url:                      "FINISHED READY",
		`"components":null`:                                                            "IN_PROGRESS IN_PROGRESS",
		`"components":[{"downloadUrl":null},{}]`:                                       "IN_PROGRESS IN_PROGRESS",
		`"components":[{"downloadUrl":null},{"downloadUrl":` + url + `}]`:              "FINISHED READY",
		`"components":[{"privateDownloadDeliveryUrls":[{"deliveryUrl":` + url + `}]}]`: "FINISHED READY",
		`"privateDownloadDeliveryUrls":[{"endpointId":"e"}]`:                           "IN_PROGRESS IN_PROGRESS",
		`"privateDownloadDeliveryUrls":[{"deliveryUrl":` + url + `}]`:                  "FINISHED READY",

		`"expiresAt":"2026-08-10T04:44:52Z"`:                                     "FINISHED -",
		`"expiresAt":"2026-08-10T04:44:52Z","components":[{"downloadUrl":null}]`: "FINISHED -",
		`"expiresAt":"soon"`:                      "FINISHED -",
		`"expiresAt":"soon","deliveryUrl":` + url: "FINISHED READY",
		`"finishedAt":"2026-08-10T03:40:10Z"`:     "FINISHED -",
		`"expired":true`:                          "FINISHED EXPIRED",
		`"expired":true,"expiresAt":"2026-08-10T04:44:52Z","deliveryUrl":` + url: "FINISHED EXPIRED 04:44:52",
		`"failed":true`:                      "BROKEN -",
		`"failed":true,"cancelled":true`:     "BROKEN -",
		`"failed":true,"deliveryUrl":` + url: "BROKEN READY",
		`"failed":true,"finishedAt":"x"`:     "BROKEN -",
		`"cancelled":true`:                   "KILLED -",
		`"cancelled":true,"expired":true`:    "KILLED EXPIRED",
		`"failed":null,"cancelled":null,"expired":null,"finishedAt":null,"expiresAt":null`: "IN_PROGRESS IN_PROGRESS",

		`"deliveryType":"automated"`:                                          "IN_PROGRESS - AUTOMATED_RESTORE",
		`"deliveryType":"automated","finishedAt":"2026-08-10T03:40:10Z"`:      "FINISHED - AUTOMATED_RESTORE",
		`"deliveryType":"automated","expiresAt":"2026-08-10T04:44:52Z"`:       "IN_PROGRESS - AUTOMATED_RESTORE",
		`"deliveryType":"automated","expired":true`:                           "IN_PROGRESS - AUTOMATED_RESTORE",
		`"deliveryType":"automated","deliveryUrl":` + url:                     "IN_PROGRESS - AUTOMATED_RESTORE",
		`"deliveryType":"pointInTime","failed":true`:                          "BROKEN - AUTOMATED_RESTORE",
		`"deliveryType":"cloneIntoSpace","finishedAt":"2026-08-10T03:40:10Z"`: "FINISHED - cloneIntoSpace",
		`"deliveryType":null`:                                                 "IN_PROGRESS - -",
	} {
		p, err := decodePage([]byte(pageJSON("", cloudJSON(id(1), fields))), cloudJob, cloudTarget)
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		j := p.jobs[0]
		got := string(j.Status) + " " + orNone(string(j.Delivery.Status))
		if !j.Delivery.Expires.IsZero() {
			got += " " + j.Delivery.Expires.Format("15:04:05")
		}
		if j.Delivery.Method != "HTTP" {
			got += " " + orNone(j.Delivery.Method)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", fields, got, want)
		}
	}
}

func TestCloudFields(t *testing.T) {
	stamp := restore.Timestamp{Date: date("2026-08-10T03:35:05Z")}
	for fields, want := range map[string]restore.Job{
		``: {Timestamp: stamp},
		`"timestamp":{"date":"2026-08-10T03:35:05Z","increment":4}`: {Timestamp: restore.Timestamp{Date: stamp.Date, Increment: 4}},
		`"timestamp":null`:                          {},
		`"timestamp":[]`:                            {},
		`"desiredTimestamp":null`:                   {Timestamp: stamp},
		`"desiredTimestamp":"2026-01-01T00:00:00Z"`: {Timestamp: stamp},
		`"timestamp":null,"desiredTimestamp":{"date":"2026-08-10T03:00:00Z","increment":"2","time":1786330800}`: {
			Timestamp: restore.Timestamp{Date: date("2026-08-10T03:00:00Z"), Increment: 2}},
		`"deliveryType":"pointInTime","targetClusterName":"c","targetGroupId":"g","targetDeploymentItemName":"atlas-1"`: {
			PointInTime: true, Timestamp: stamp, Delivery: restore.Delivery{TargetProject: "g", TargetCluster: "c"}},
		`"targetClusterName":"c","targetGroupId":"g"`:                                {Timestamp: stamp}, // of a download it would deny the download
		`"oplogTs":7,"pointInTimeUTCSeconds":"x","createdAt":"2020-01-01T00:00:00Z"`: {Timestamp: stamp},
	} {
		job, err := decodeJob([]byte(cloudJSON(id(1), fields)), cloudJob, cloudTarget)
		if err != nil {
			t.Errorf("%s: %v", fields, err)
		}
		want.ID, want.ProjectID, want.ClusterName = restore.JobID(id(1)), project, "Cluster0"
		want.SnapshotID, want.Created = "6a79468a2c88faeba59de489", date("2018-01-22T23:48:11Z")
		want.Status = restore.InProgress
		if want.Delivery.Method = "HTTP"; want.PointInTime {
			want.Delivery.Method = "AUTOMATED_RESTORE"
		} else {
			want.Delivery.Status = restore.DeliveryInProgress
		}
		if !job.Equal(want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", fields, job, want)
		}
	}
}

func TestCloudRefuses(t *testing.T) {
	for fields, word := range map[string]string{
		`"failed":"no"`:                     "its failed is a string, not a boolean",
		`"cancelled":0`:                     "its cancelled is a number, not a boolean",
		`"EXPIRED":[]`:                      "its expired is an array, not a boolean",
		`"finishedAt":true`:                 "its finishedAt is a boolean, not a string",
		`"expiresAt":1786330800`:            "its expiresAt is a number, not a string",
		`"deliveryType":["x"]`:              "its deliveryType is an array, not a string",
		`"deliveryUrl":{"a":"b"}`:           "its deliveryUrl is neither a string nor an array",
		`"deliveryUrl":true`:                "its deliveryUrl is neither",
		`"components":{}`:                   "its components is an object, not an array",
		`"id":"a/b"`:                        "its id",
		`"id":""`:                           "it has no id",
		`"privateDownloadDeliveryUrls":"x"`: "its privateDownloadDeliveryUrls is a string",
	} {
		_, err := decodePage([]byte(pageJSON("", cloudJSON(id(0), ""), cloudJSON(id(1), fields))), cloudJob, cloudTarget)
		if err == nil || !strings.Contains(err.Error(), "job 2: ") || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %v, want one about job 2 that says %q", fields, err, word)
		}
	}
}

func TestCloudFixture(t *testing.T) {
	p, err := decodePage(fixture(t, "cloud.json"), cloudJob, cloudTarget)
	decodedAs(t, p, err,
		"000008 IN_PROGRESS HTTP IN_PROGRESS",
		"000007 FINISHED HTTP READY until 04:44:52",
		"000006 FINISHED HTTP READY until 04:50:00",
		"000005 FINISHED HTTP -",
		"000004 FINISHED HTTP EXPIRED until 02:00:00",
		"000003 BROKEN AUTOMATED_RESTORE - to 6a794320c0eb9e7a17728a63/other (no download)",
		"000002 KILLED HTTP -",
		"000001 FINISHED AUTOMATED_RESTORE - to 6a794320c0eb9e7a17728a63/target-1 (no download)",
	)
}

// One download, from its start to its end, as the API tells it: the words never go back, whatever becomes of the link.
func TestCloudDownloadNeverGoesBack(t *testing.T) {
	const expires = `"expiresAt":"2026-08-10T04:44:52Z"`
	want := []string{"IN_PROGRESS IN_PROGRESS", "FINISHED READY", "FINISHED READY", "FINISHED READY", "FINISHED EXPIRED"}
	known := restore.Job{}
	for i, fields := range []string{
		``, `"deliveryUrl":["https://CANARY-url/"],` + expires, `"deliveryUrl":null,` + expires, expires, `"expired":true,` + expires,
	} {
		job, err := decodeJob([]byte(cloudJSON(id(1), fields)), cloudJob, cloudTarget)
		if err != nil {
			t.Fatal(err)
		}
		if job.Delivery.Status == "" { // as the domain does
			job.Delivery.Status = known.Delivery.Status
		}
		if got := string(job.Status) + " " + string(job.Delivery.Status); got != want[i] {
			t.Errorf("step %d: got %q, want %q", i+1, got, want[i])
		}
		known = job
	}
}

func FuzzCloud(f *testing.F) {
	f.Add(fixture(f, "cloud.json"))
	f.Add([]byte(pageJSON("", cloudJSON(id(1), `"deliveryUrl":[[["x"]]],"components":[7,null,{"downloadUrl":[null,"x"]}]`))))
	f.Add([]byte(pageJSON("", cloudJSON(id(1), `"timestamp":{"date":7,"increment":"x"},"desiredTimestamp":[{}]`))))
	fuzzPages(f, cloud.page, cloudTarget, map[restore.Status]bool{
		restore.InProgress: true, restore.Finished: true, restore.Broken: true, restore.Killed: true,
	})
}
