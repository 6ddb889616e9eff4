package atlassim_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// lives has a restore of each kind, on one cluster that every API tells.
const lives = `
project 0123456789abcdef01234567
cluster Cluster0
job file     hours=1
job broken
job unmade
job killed
job into     target=Copy
job back     target=Copy pit
job query    method=QUERY
job config   batch=b hours=1
job shard    batch=b hours=2

at 0s   file,broken,unmade,killed,into,back,query,config,shard created
at 5m   file      delivery=PENDING
at 10m  file      delivery=IN_PROGRESS
at 15m  file      status=FINISHED
at 20m  file      delivery=READY
at 25m  file      delivery=INTERRUPTED
at 30m  file      downloaded
at 80m  file      delivery=EXPIRED
at 20m  broken    status=BROKEN
at 20m  unmade    status=FINISHED delivery=FAILED
at 20m  killed    status=KILLED delivery=INTERRUPTED
at 20m  into,back status=FINISHED
at 20m  config    status=FINISHED delivery=READY
at 30m  shard     status=FINISHED delivery=READY
at 40m  config    downloaded
at 50m  config    delivery=MAX_DOWNLOADS_EXCEEDED
at 150m shard     delivery=EXPIRED
`

// A stage plays lives on a clock that stands where the test puts it.
type stage struct {
	*caller
	sim *atlassim.Server
	now time.Time
}

func play(t *testing.T) *stage {
	s := &stage{sim: new(atlassim.Server), now: start}
	s.sim.Now = func() time.Time { return s.now }
	s.sim.NonceLife = 1000 * time.Hour
	s.sim.Play(parse(t, lives), start, 1)
	s.caller = call(t, s.sim)
	return s
}

// at lists uri when elapsed has gone by, by id.
func (s *stage) at(elapsed time.Duration, accept, uri string) map[string]fields {
	s.t.Helper()
	s.now = start.Add(elapsed)
	found := map[string]fields{}
	for _, r := range s.results(accept, uri) {
		found[r["id"].(string)] = r
	}
	return found
}

// idOf is the id of a job of lives, or of its batch.
func idOf(t *testing.T, name string) string {
	t.Helper()
	j, ok := at(parse(t, lives), "Cluster0", 0)[name]
	switch {
	case !ok:
		t.Fatalf("no job %s", name)
	case j.BatchID != "":
		return j.BatchID
	}
	return j.ID
}

// told condenses what Cloud Backup tells of a restore: what is set, and which links there are.
func told(job fields) string {
	words := []string{fmt.Sprint(job["deliveryType"])}
	for _, flag := range []string{"cancelled", "expired", "failed"} {
		if job[flag] == true {
			words = append(words, flag)
		}
	}
	for _, date := range []string{"finishedAt", "expiresAt"} {
		if at, ok := job[date].(string); ok {
			words = append(words, date+"="+at[11:16])
		}
	}
	if urls, _ := job["deliveryUrl"].([]any); len(urls) > 0 {
		words = append(words, "link")
	}
	components, _ := job["components"].([]any)
	for _, c := range components {
		link := "null"
		if c.(fields)["downloadUrl"] != nil {
			link = "link"
		}
		words = append(words, fmt.Sprintf("%s+%d", link, len(c.(fields)["privateDownloadDeliveryUrls"].([]any))))
	}
	return strings.Join(words, " ")
}

// The world begins at 09:00.
func TestCloudBackupTellsALife(t *testing.T) {
	s := play(t)
	tests := []struct {
		job     string
		minutes time.Duration
		want    string
	}{
		{"file", 0, "download"},
		{"file", 10, "download"},
		{"file", 15, "download"}, // FINISHED is not told of a download
		{"file", 20, "download expiresAt=10:20 link"},
		{"file", 25, "download expiresAt=10:20 link"},
		{"file", 30, "download expiresAt=10:20 link"},
		{"file", 80, "download expired expiresAt=10:20"},
		{"broken", 20, "download failed"},
		{"unmade", 20, "download failed"},
		{"killed", 20, "download cancelled"},
		{"into", 19, "automated"},
		{"into", 20, "automated finishedAt=09:20"},
		{"into", 100, "automated finishedAt=09:20"},
		{"back", 20, "pointInTime finishedAt=09:20"},
		{"config", 0, "download null+0 null+0"},
		{"config", 20, "download expiresAt=10:20 link+1 null+0"},
		{"config", 30, "download expiresAt=10:20 link+1 link+1"},
		{"config", 40, "download expiresAt=10:20 null+0 link+1"}, // used
		{"config", 50, "download expiresAt=10:20 null+0 link+1"},
		{"config", 150, "download expired expiresAt=10:20 null+0 null+0"},
	}
	for _, tt := range tests {
		got := told(s.at(tt.minutes*time.Minute, v2, cloudJobs)[idOf(t, tt.job)])
		if got != tt.want {
			t.Errorf("%s after %d minutes: %s, want %s", tt.job, tt.minutes, got, tt.want)
		}
	}
	if n := len(s.at(0, v2, cloudJobs)); n != 7 {
		t.Errorf("%d restores, want 7: a batch is one, a query is none", n)
	}
}

// The very fields of an automated restore, as they were recorded.
func TestCloudBackupShape(t *testing.T) {
	s := play(t)
	id := idOf(t, "into")
	got := s.at(time.Hour, v2, cloudJobs)[id]
	links := got["links"].([]any)
	var rels []string
	for _, l := range links {
		rels = append(rels, l.(fields)["rel"].(string))
	}
	const rel = "https://cloud.mongodb.com/"
	if want := []string{"self", rel + "cluster", rel + "snapshot", rel + "group"}; !reflect.DeepEqual(rels, want) {
		t.Errorf("links %v", rels)
	}
	delete(got, "links")
	want := fields{
		"cancelled": false, "deliveryType": "automated", "deliveryUrl": []any{}, "expired": false, "failed": false,
		"desiredTimestamp": fields{"increment": nil, "time": nil, "date": nil}, "finishedAt": "2026-11-23T09:20:00Z", "id": id,
		"snapshotId": got["snapshotId"], "targetClusterName": "Copy", "targetGroupId": project, "timestamp": "2026-11-23T08:00:00Z",
		"targetDeploymentItemName": got["targetDeploymentItemName"],
	}
	if !reflect.DeepEqual(got, want) || !strings.HasPrefix(fmt.Sprint(got["targetDeploymentItemName"]), "atlas-") {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	back := s.at(time.Hour, v2, cloudJobs)[idOf(t, "back")]
	if to := back["desiredTimestamp"].(fields); to["date"] != "2026-11-23T08:00:00Z" || to["increment"] != 1.0 ||
		to["time"] != back["pointInTimeUTCSeconds"] || back["oplogInc"] != 1.0 || back["oplogTs"] != to["time"] {
		t.Errorf("a restore to a point in time: %v", back)
	}
	if one, _ := s.get(cloudJobs + "/" + id); one.StatusCode != 200 {
		t.Errorf("by its id: %s", one.Status)
	}
	if got := s.refusal(v2, cloudJobs+"/"+at(parse(t, lives), "Cluster0", 0)["config"].ID); got != "404 RESTORE_JOB_NOT_FOUND" {
		t.Errorf("a part of a batch by its id: %s", got)
	}
}

func TestCloudBackupKnobs(t *testing.T) {
	id := idOf(t, "file")
	field := func(s *stage, minutes time.Duration) string {
		job := s.at(minutes*time.Minute, v2, cloudJobs)[id]
		url, there := job["deliveryUrl"]
		switch {
		case !there:
			return "absent"
		case url == nil:
			return "null"
		}
		return reflect.TypeOf(url).Kind().String()
	}
	for form, want := range map[atlassim.URLForm][2]string{
		atlassim.URLArray: {"slice", "slice"}, atlassim.URLString: {"absent", "string"}, atlassim.URLNull: {"null", "slice"},
	} {
		s := play(t)
		s.sim.DeliveryURLs = form
		if got := [2]string{field(s, 0), field(s, 20)}; got != want {
			t.Errorf("form %d: without and with a link %v, want %v", form, got, want)
		}
	}
	s := play(t)
	s.sim.ExpiryOfRestores, s.sim.DeadLinks = true, true
	if got := told(s.at(20*time.Minute, v2, cloudJobs)[idOf(t, "into")]); got != "automated finishedAt=09:20 expiresAt=10:00" {
		t.Errorf("ExpiryOfRestores: %s", got)
	}
	if got := told(s.at(90*time.Minute, v2, cloudJobs)[id]); got != "download expired expiresAt=10:20 link" {
		t.Errorf("DeadLinks: %s", got)
	}
}

func TestFlexTellsALife(t *testing.T) {
	s := play(t)
	tests := []struct {
		job     string
		minutes time.Duration
		want    string
	}{
		{"file", 0, "DOWNLOAD PENDING 13:00"},
		{"file", 5, "DOWNLOAD QUEUED 13:00"},
		{"file", 10, "DOWNLOAD RUNNING 13:00"},
		{"file", 15, "DOWNLOAD RUNNING 13:00"},
		{"file", 20, "DOWNLOAD COMPLETED 10:20 finished link"},
		{"file", 25, "DOWNLOAD COMPLETED 10:20 finished link"},
		{"file", 80, "DOWNLOAD COMPLETED 10:20 finished"},
		{"broken", 20, "DOWNLOAD FAILED 13:00"},
		{"unmade", 20, "DOWNLOAD FAILED 13:00"},
		{"killed", 20, "DOWNLOAD FAILED 13:00"},
		{"into", 19, "RESTORE PENDING 15:00"},
		{"into", 20, "RESTORE COMPLETED 15:00 finished"},
		{"back", 20, "RESTORE COMPLETED 15:00 finished"},
	}
	for _, tt := range tests {
		job := s.at(tt.minutes*time.Minute, v2Flex, flexJobs)[idOf(t, tt.job)]
		got := fmt.Sprint(job["deliveryType"], " ", job["status"], " ", job["expirationDate"].(string)[11:16])
		if job["restoreFinishedDate"] != nil {
			got += " finished"
		}
		if job["snapshotUrl"] != nil {
			got += " link"
		}
		if got != tt.want {
			t.Errorf("%s after %d minutes: %s, want %s", tt.job, tt.minutes, got, tt.want)
		}
	}
	got := s.at(time.Hour, v2Flex, flexJobs)[idOf(t, "into")]
	want := fields{
		"deliveryType": "RESTORE", "expirationDate": "2026-11-23T15:00:00Z", "id": idOf(t, "into"), "instanceName": "Cluster0",
		"projectId": project, "restoreFinishedDate": "2026-11-23T09:20:00Z", "restoreScheduledDate": "2026-11-23T09:00:00Z",
		"snapshotFinishedDate": "2026-11-23T08:00:00Z", "snapshotId": got["snapshotId"], "status": "COMPLETED",
		"targetDeploymentItemName": "Copy", "targetProjectId": project,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
