package atlassim_test

import (
	"fmt"
	"slices"
	"testing"

	"restorewatch/internal/atlassim"
)

// An API knows the clusters of its own kind and refuses others, or says that it has nothing.
func TestKinds(t *testing.T) {
	const (
		isFlex  = "400 CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"
		notFlex = "400 CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"
		unknown = "404 CLUSTER_NOT_FOUND"
	)
	tests := map[atlassim.Kind]struct{ legacy, cloud, flex, manager string }{
		"":                        {"2", "2", "2", "2"},
		atlassim.DedicatedCluster: {"0", "2", notFlex, unknown},
		atlassim.FlexCluster:      {isFlex, isFlex, "2", unknown},
		atlassim.LegacyCluster:    {"2", "0", notFlex, unknown},
		atlassim.ManagedCluster:   {unknown, unknown, unknown, "2"},
	}
	for kind, want := range tests {
		sim := simulate(2)
		sim.SetCluster(project, "Cluster0", kind)
		c := call(t, sim)
		for _, tt := range []struct{ accept, uri, want string }{
			{"", jobs, want.legacy}, {v2, legacyV2, want.legacy}, {v2, cloudJobs, want.cloud}, {v2Flex, flexJobs, want.flex},
			{"", inV1 + "/clusters/Cluster0/backup/restoreJobs", want.cloud}, {"", managerJobs("Cluster0"), want.manager},
		} {
			got := c.refusal(tt.accept, tt.uri)
			if got == "200" {
				got = fmt.Sprint(len(c.results(tt.accept, tt.uri)))
			}
			if got != tt.want {
				t.Errorf("%q cluster, %s: %s, want %s", kind, tt.uri, got, tt.want)
			}
		}
	}
}

func names(results []fields, field string) (got []string) {
	for _, r := range results {
		got = append(got, fmt.Sprint(r[field]))
	}
	return got
}

func TestClusterLists(t *testing.T) {
	sim := new(atlassim.Server)
	for name, kind := range map[string]atlassim.Kind{
		"D": atlassim.DedicatedCluster, "F": atlassim.FlexCluster, "L": atlassim.LegacyCluster, "M": atlassim.ManagedCluster, "X": "",
	} {
		sim.SetCluster(project, name, kind)
	}
	sim.SetCluster(project, "Gone", atlassim.DedicatedCluster)
	sim.SetCluster(project, "Kept", atlassim.DedicatedCluster)
	sim.DeleteCluster(project, "Gone")
	sim.DeleteClusterRetaining(project, "Kept")
	c := call(t, sim)
	tests := []struct {
		accept, uri, field string
		want               []string
	}{
		{v2Cluster, inV2 + "/clusters", "name", []string{"D", "L", "X"}},
		{"", inV1 + "/clusters", "name", []string{"D", "L", "X"}},
		{v2Cluster, inV2 + "/clusters?includeDeletedWithRetainedBackups=true", "name", []string{"D", "Kept", "L", "X"}},
		{v2Cluster, inV2 + "/clusters?itemsPerPage=2&pageNum=2", "name", []string{"X"}},
		{v2Flex, inV2 + "/flexClusters", "name", []string{"F", "X"}},
		{"", inPublic + "/clusters", "clusterName", []string{"M", "X"}},
		{"", inPublic + "/clusters", "id", []string{atlassim.ClusterID(project, "M"), atlassim.ClusterID(project, "X")}},
	}
	for _, tt := range tests {
		if got := names(c.results(tt.accept, tt.uri), tt.field); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.uri, got, tt.want)
		}
	}
	if got := c.results("", inV1+"/clusters")[1]; got["backupEnabled"] != true || got["providerBackupEnabled"] != false {
		t.Errorf("the legacy cluster in v1.0: %v", got)
	}
	if got := c.refusal("", inV1+"/clusters?includeDeletedWithRetainedBackups=maybe"); got != "400 INVALID_QUERY_PARAMETER" {
		t.Errorf("a bad parameter: %s", got)
	}
}

func TestOneCluster(t *testing.T) {
	sim := simulate(1)
	sim.SetCluster(project, "Cluster0", atlassim.DedicatedCluster)
	sim.SetCluster(project, "F", atlassim.FlexCluster)
	c := call(t, sim)
	for _, tt := range []struct{ accept, uri, want string }{
		{v2Cluster, inV2 + "/clusters/Cluster0", "200"},
		{v2Cluster, inV2 + "/clusters/F", "400 CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API"},
		{v2Cluster, inV2 + "/clusters/No", "404 CLUSTER_NOT_FOUND"},
		{v2Flex, inV2 + "/flexClusters/F", "200"},
		{v2Flex, inV2 + "/flexClusters/Cluster0", "400 CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API"},
		{"", inPublic + "/clusters/Cluster0", "404 INVALID_CLUSTER_ID"},
		{v2, "/api/atlas/v2/groups/" + project, "200"},
		{v2, "/api/atlas/v2/groups/none", "404 GROUP_NOT_FOUND"},
		{v2Cluster, "/api/atlas/v2/groups/none/clusters", "404 GROUP_NOT_FOUND"},
	} {
		if got := c.refusal(tt.accept, tt.uri); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.uri, got, tt.want)
		}
	}
}

// A deleted cluster with retained backups keeps its Cloud Backup restores, and nothing else.
func TestDeletedClusters(t *testing.T) {
	sim := new(atlassim.Server)
	sim.Play(parse(t, small), start, 1)
	c := call(t, sim)
	replica := func() []string {
		return []string{c.refusal(v2, inV2+"/clusters/Replica/backup/restoreJobs"), c.refusal("", inV1+"/clusters/Replica/restoreJobs"),
			c.refusal("", managerJobs("Replica"))}
	}
	const gone = "404 CLUSTER_NOT_FOUND"
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"played", func() {}, []string{"200", "200", "200"}},
		{"deleted with its backups retained", func() { sim.DeleteClusterRetaining(project, "Replica") }, []string{"200", gone, gone}},
		{"deleted", func() { sim.DeleteCluster(project, "Replica") }, []string{gone, gone, gone}},
		{"set again", func() { sim.SetCluster(project, "Replica", "") }, []string{"200", "200", "200"}},
	} {
		step.do()
		if got := replica(); !slices.Equal(got, step.want) {
			t.Errorf("%s: %v, want %v", step.name, got, step.want)
		}
	}
}

func TestProjectLists(t *testing.T) {
	const second = "fedcba9876543210fedcba98"
	sim := simulate(1)
	sim.SetCluster(second, "C", "")
	sim.Keys = map[string]string{"guest": "g", "owner": "o"}
	sim.Access = map[string][]string{"guest": {second}}
	for key, want := range map[string][]string{"owner": {project, second}, "guest": {second}} {
		for uri, accept := range map[string]string{"/api/atlas/v2/groups": v2, "/api/atlas/v1.0/groups": "", "/api/public/v1.0/groups": ""} {
			c := call(t, sim)
			c.key, c.password = key, key[:1]
			if got := names(c.results(accept, uri), "id"); !slices.Equal(got, want) {
				t.Errorf("%s sees by %s: %v, want %v", key, uri, got, want)
			}
			if got := names(c.results(accept, uri+"?itemsPerPage=1"), "id"); len(got) != 1 || got[0] != want[0] {
				t.Errorf("%s sees on one page of %s: %v", key, uri, got)
			}
		}
	}
	c := call(t, sim)
	c.key, c.password = "guest", "g"
	if got := c.refusal(v2Cluster, inV2+"/clusters"); got != "401 NOT_IN_GROUP" {
		t.Errorf("the clusters of a project that is not the guest's: %s", got)
	}
}

func TestRoles(t *testing.T) {
	sim := simulate(1)
	sim.ReadOnly = []string{atlassim.DefaultPublicKey}
	c := call(t, sim)
	for uri, accept := range map[string]string{jobs: "", legacyV2: v2, flexJobs: v2Flex, inV2 + "/clusters": v2Cluster} {
		if got := c.refusal(accept, uri); got != "200" {
			t.Errorf("Project Read Only, %s: %s", uri, got)
		}
	}
	if got := c.refusal(v2, cloudJobs); got != "401 USER_UNAUTHORIZED" {
		t.Errorf("Project Read Only, Cloud Backup: %s", got)
	}
}

// One scenario can be told of a cluster of any kind.
func TestKindOfAPlayedCluster(t *testing.T) {
	s := play(t)
	s.sim.SetCluster(project, "Cluster0", atlassim.FlexCluster)
	if got := s.refusal(v2, cloudJobs); got != "400 CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API" {
		t.Errorf("Cloud Backup: %s", got)
	}
	if n := len(s.at(0, v2Flex, flexJobs)); n != 8 {
		t.Errorf("%d jobs by Flex, want 8: all but the query", n)
	}
}

// The log tells what each project and each API was asked.
func TestLogByProjectAndAPI(t *testing.T) {
	sim := simulate(1)
	c := call(t, sim)
	c.results("", jobs)
	c.results(v2, legacyV2)
	c.results(v2, cloudJobs)
	c.results(v2Flex, flexJobs)
	c.results("", managerJobs("Cluster0"))
	c.results(v2Cluster, inV2+"/clusters")
	c.results(v2, "/api/atlas/v2/groups")
	c.refusal(v2, "/api/atlas/v2/orgs")
	var got []atlassim.API
	for _, r := range sim.Requests() {
		got = append(got, r.API)
	}
	want := []atlassim.API{
		atlassim.LegacyAPI, atlassim.LegacyAPI, atlassim.LegacyV2API, atlassim.CloudAPI, atlassim.FlexAPI, atlassim.ManagerAPI,
		atlassim.ClustersAPI, atlassim.ProjectsAPI, "",
	}
	if !slices.Equal(got, want) {
		t.Errorf("APIs %q, want %q", got, want)
	}
	if n := sim.CountIn(project); n != 7 {
		t.Errorf("%d requests about the project, want 7", n)
	}
}

func TestFaultsByProjectAndAPI(t *testing.T) {
	sim := simulate(1)
	sim.SetCluster("other", "C", "")
	sim.FailMatching(1, atlassim.InProject("other"), atlassim.Status(500))
	sim.FailMatching(1, atlassim.OfAPI(atlassim.CloudAPI), atlassim.Status(503))
	c := call(t, sim)
	for _, tt := range []struct{ accept, uri, want string }{
		{"", jobs, "200"}, {"", "/api/atlas/v1.0/groups/other", "500 UNEXPECTED_ERROR"}, {v2, cloudJobs, "503 UNEXPECTED_ERROR"},
		{"", "/api/atlas/v1.0/groups/other", "200"}, {v2, cloudJobs, "200"},
	} {
		if got := c.refusal(tt.accept, tt.uri); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.uri, got, tt.want)
		}
	}
}
