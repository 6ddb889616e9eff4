package atlas

import (
	"strings"
	"testing"

	"restorewatch/internal/restore"
)

func TestFlexDerivation(t *testing.T) {
	const url = `"snapshotUrl":"https://CANARY-url/x.tgz"`
	for fields, want := range map[string]string{
		``:                              "IN_PROGRESS HTTP IN_PROGRESS",
		`"status":"QUEUED"`:             "IN_PROGRESS HTTP IN_PROGRESS",
		`"status":"RUNNING"`:            "IN_PROGRESS HTTP IN_PROGRESS",
		`"status":"COMPLETED"`:          "FINISHED HTTP -",
		`"status":"COMPLETED",` + url:   "FINISHED HTTP READY 09:03:29",
		`"status":"FAILED"`:             "BROKEN HTTP -",
		`"status":"PAUSED_BY_MARTIANS"`: "PAUSED_BY_MARTIANS HTTP -",
		`"status":null`:                 "- HTTP -",
		`"status":"completed"`:          "completed HTTP -",
		`"snapshotUrl":null`:            "IN_PROGRESS HTTP IN_PROGRESS",
		`"snapshotUrl":""`:              "IN_PROGRESS HTTP IN_PROGRESS",
		`"expirationDate":"soon","status":"COMPLETED",` + url:                                  "FINISHED HTTP READY",
		`"deliveryType":"RESTORE","targetProjectId":"p","targetDeploymentItemName":"c",` + url: "IN_PROGRESS AUTOMATED_RESTORE - to p/c",
		`"deliveryType":"RESTORE","status":"COMPLETED"`:                                        "FINISHED AUTOMATED_RESTORE -",
		`"deliveryType":"download","status":"COMPLETED",` + url:                                "FINISHED HTTP READY 09:03:29",
		`"deliveryType":"TELEPORT","status":"COMPLETED",` + url:                                "FINISHED TELEPORT -",
		`"targetProjectId":"p","targetDeploymentItemName":"c"`:                                 "IN_PROGRESS HTTP IN_PROGRESS",
	} {
		job, err := decodeJob([]byte(flexJSON(id(1), fields)), flexJob, flexTarget)
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		d := job.Delivery
		got := orNone(string(job.Status)) + " " + d.Method + " " + orNone(string(d.Status))
		if !d.Expires.IsZero() {
			got += " " + d.Expires.Format("15:04:05")
		}
		if d.TargetCluster != "" {
			got += " to " + d.TargetProject + "/" + d.TargetCluster
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", fields, got, want)
		}
	}
}

func TestFlexFields(t *testing.T) {
	want := restore.Job{
		ID: restore.JobID(id(1)), ProjectID: project, ClusterName: "Flex0", SnapshotID: "6a6f0000aaaaaaaaaaaaaaaa",
		Created: date("2026-08-10T03:03:29Z"), Status: restore.InProgress,
		Delivery: restore.Delivery{Method: "HTTP", Status: restore.DeliveryInProgress},
	}
	job, err := decodeJob([]byte(flexJSON(id(1), "")), flexJob, flexTarget)
	if err != nil || !job.Equal(want) {
		t.Errorf("got  %+v, %v\nwant %+v", job, err, want)
	}
	want.Created = date("2018-01-22T23:48:11Z")
	bare := `"restoreScheduledDate":null,"projectId":null,"instanceName":7`
	if job, err = decodeJob([]byte(flexJSON(id(1), bare)), flexJob, flexTarget); err != nil || !job.Equal(want) {
		t.Errorf("bare:\ngot  %+v, %v\nwant %+v", job, err, want)
	}
}

func TestFlexRefuses(t *testing.T) {
	for fields, word := range map[string]string{
		`"status":7`:                 "its status is a number, not a string",
		`"deliveryType":true`:        "its deliveryType is a boolean, not a string",
		`"snapshotUrl":{"href":"x"}`: "its snapshotUrl is neither",
		`"id":null`:                  "it has no id",
		`"id":"a b"`:                 "its id",
	} {
		_, err := decodePage([]byte(pageJSON("", flexJSON(id(0), ""), flexJSON(id(1), fields))), flexJob, flexTarget)
		if err == nil || !strings.Contains(err.Error(), "job 2: ") || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: error %v, want one about job 2 that says %q", fields, err, word)
		}
	}
}

func TestFlexFixture(t *testing.T) {
	p, err := decodePage(fixture(t, "flex.json"), flexJob, flexTarget)
	decodedAs(t, p, err,
		"000005 IN_PROGRESS HTTP IN_PROGRESS",
		"000004 FINISHED HTTP READY until 08:00:00",
		"000003 BROKEN AUTOMATED_RESTORE - to 6b77777887d9d61443b41645/cluster-2 (no download)",
		"000002 FINISHED AUTOMATED_RESTORE - to 6b77777887d9d61443b41645/cluster-1 (no download)",
		"000001 HIBERNATING HTTP -",
	)
}

func FuzzFlex(f *testing.F) {
	f.Add(fixture(f, "flex.json"))
	f.Add([]byte(pageJSON("", flexJSON(id(1), `"snapshotUrl":["x",null],"expirationDate":7`))))
	fuzzPages(f, flex.page, flexTarget, nil)
}
