package atlassim_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"restorewatch/internal/atlassim"
)

// Cloud Manager tells the legacy life without two fields, and knows clusters by id alone.
func TestManagerTellsTheLegacyLife(t *testing.T) {
	s := play(t)
	for _, minutes := range []time.Duration{0, 15, 30, 60, 200} {
		legacy := s.at(minutes*time.Minute, "", jobs)
		manager := s.at(minutes*time.Minute, "", managerJobs("Cluster0"))
		if len(legacy) != 9 || !slices.Equal(slices.Sorted(maps.Keys(legacy)), slices.Sorted(maps.Keys(manager))) {
			t.Fatalf("after %d minutes: %d jobs there, %d here", minutes, len(legacy), len(manager))
		}
		for id, job := range legacy {
			delete(job, "clusterName")
			delete(job, "pointInTime")
			delete(job, "links")
			delete(manager[id], "links")
			if !reflect.DeepEqual(job, manager[id]) {
				t.Errorf("after %d minutes:\n%v\n%v", minutes, job, manager[id])
			}
		}
	}
}

// A sharded cluster is listed as a whole and by its shards, all of one name; the ids tell them apart.
func TestManagerListsShards(t *testing.T) {
	s := play(t)
	s.now = start
	listed := s.results("", inPublic+"/clusters")
	if got, want := names(listed, "clusterName"), []string{"Cluster0", "Cluster0", "Cluster0"}; !slices.Equal(got, want) {
		t.Errorf("names %v", got)
	}
	if got, want := names(listed, "typeName"), []string{"SHARDED_REPLICA_SET", "REPLICA_SET", "REPLICA_SET"}; !slices.Equal(got, want) {
		t.Errorf("types %v", got)
	}
	var counts []int
	for _, c := range listed {
		counts = append(counts, len(s.results("", inPublic+"/clusters/"+c["id"].(string)+"/restoreJobs")))
	}
	if want := []int{9, 1, 1}; !slices.Equal(counts, want) {
		t.Errorf("jobs by id %v, want %v", counts, want)
	}
	if listed[1]["shardName"] == listed[2]["shardName"] || listed[0]["shardName"] != nil {
		t.Errorf("shards %v", names(listed, "shardName"))
	}
}

func TestManagerWantsIDs(t *testing.T) {
	s := play(t)
	for cluster, want := range map[string]string{
		"Cluster0":                 "404 INVALID_CLUSTER_ID",
		"ffffffffffffffffffffffff": "404 CLUSTER_NOT_FOUND",
		atlassim.ClusterID("fedcba9876543210fedcba98", "Cluster0"): "404 CLUSTER_NOT_FOUND",
	} {
		if got := s.refusal("", inPublic+"/clusters/"+cluster+"/restoreJobs"); got != want {
			t.Errorf("%s: %s, want %s", cluster, got, want)
		}
	}
	if got := s.refusal("", inV1+"/clusters/"+atlassim.ClusterID(project, "Cluster0")+"/restoreJobs"); got != "404 CLUSTER_NOT_FOUND" {
		t.Errorf("Atlas, by id: %s", got)
	}
	if got := s.refusal("", "/api/public/v1.0/groups/none/clusters/x/restoreJobs"); got != "404 GROUP_NOT_FOUND" {
		t.Errorf("no such project: %s", got)
	}
}

func TestManagerBatch(t *testing.T) {
	s := play(t)
	if n := len(s.at(0, "", managerJobs("Cluster0")+"?batchId="+idOf(t, "config"))); n != 2 {
		t.Errorf("%d jobs in the batch", n)
	}
}

// What a test lays over a job stays, be it a field that the API would leave out.
func TestManagerExtra(t *testing.T) {
	given := someJobs(1)
	given[0].Extra = map[string]any{"hostId": "h", "clusterName": nil}
	sim := new(atlassim.Server)
	sim.SetJobs(project, "Cluster0", given)
	_, b := call(t, sim).get(managerJobs("Cluster0"))
	if !strings.Contains(string(b), `"hostId":"h"`) || !strings.Contains(string(b), `"clusterName":null`) {
		t.Errorf("%s", b)
	}
}

// Whatever gives access to a backup can be recognised, in every API.
func TestSecretsInEveryAPI(t *testing.T) {
	s := play(t)
	s.sim.Secret = "c4n4ry"
	s.now = start.Add(35 * time.Minute)
	for _, tt := range []struct {
		accept, uri string
		want        []string
	}{
		{"", jobs, []string{"-url/", "-urlV2/", "-authValue"}},
		{v2, legacyV2, []string{"-url/", "-urlV2/", "-authValue"}},
		{"", managerJobs("Cluster0"), []string{"-url/", "-urlV2/", "-authValue"}},
		{v2, cloudJobs, []string{"-deliveryUrl/", "-downloadUrl/", "-privateDownloadDeliveryUrls/"}},
		{v2Flex, flexJobs, []string{"-snapshotUrl/"}},
	} {
		s.accept = tt.accept
		_, b := s.get(tt.uri)
		for _, want := range tt.want {
			if !strings.Contains(string(b), "c4n4ry"+want) {
				t.Errorf("%s has no c4n4ry%s: %s", tt.uri, want, b)
			}
		}
		for link := range strings.SplitSeq(string(b), `"`) {
			if strings.Contains(link, ".gz") && strings.HasPrefix(link, "https://") && !strings.Contains(link, "c4n4ry") {
				t.Errorf("%s: a link without canary: %s", tt.uri, link)
			}
		}
	}
}
