package atlassim

import (
	"maps"
	"slices"
	"time"
)

// orgID is the organization of every project.
const orgID = "5a0000000000000000000001"

// An atlasCluster is the part of a cluster that v1.0 and v2 tell and that a watcher may care for. v1.0 tells the two
// kinds of backup apart; v2 knows one.
type atlasCluster struct {
	BackupEnabled         bool      `json:"backupEnabled"`
	ClusterType           string    `json:"clusterType"`
	CreateDate            time.Time `json:"createDate"`
	GroupID               string    `json:"groupId"`
	ID                    string    `json:"id"`
	Links                 []Link    `json:"links"`
	MongoDBVersion        string    `json:"mongoDBVersion"`
	Name                  string    `json:"name"`
	Paused                bool      `json:"paused"`
	ProviderBackupEnabled *bool     `json:"providerBackupEnabled,omitempty"` // v1.0 only
	StateName             string    `json:"stateName"`
}

// listClusters lists the clusters of a project other than Flex, and on request the deleted ones whose backups are
// retained.
func (s *Server) listClusters(v *visit) ([]entry, *problem) {
	return s.list(v, v.deleted, v.atlasCluster, DedicatedCluster, LegacyCluster)
}

// listFlexClusters lists the Flex clusters of a project.
func (s *Server) listFlexClusters(v *visit) ([]entry, *problem) {
	return s.list(v, false, v.flexCluster, FlexCluster)
}

func (s *Server) list(v *visit, deleted bool, show func(*cluster) any, kinds ...Kind) ([]entry, *problem) {
	if wrong := s.refuseProject(v); wrong != nil {
		return nil, wrong
	}
	if c := v.world[v.project][v.id]; c != nil { // v.id is "" in a listing
		if wrong := c.refuseFamily(slices.Contains(kinds, FlexCluster)); wrong != nil && c.kind != ManagedCluster {
			return nil, wrong
		}
	}
	var entries []entry
	for _, c := range v.world.in(v.project) {
		if c.kind.is(kinds...) && (deleted || !c.deleted) {
			entries = append(entries, entry{c.name, func(bool) any { return show(c) }})
		}
	}
	return entries, nil
}

func (v *visit) atlasCluster(c *cluster) any {
	shown := atlasCluster{
		BackupEnabled: c.kind.is(DedicatedCluster), ClusterType: "REPLICASET", CreateDate: clustersMade, GroupID: c.project,
		ID: ClusterID(c.project, c.name), Links: v.clusterLinks(c), MongoDBVersion: "8.0.4", Name: c.name, StateName: "IDLE",
	}
	if c.isSharded() {
		shown.ClusterType = "SHARDED"
	}
	if c.deleted {
		shown.StateName = "DELETED"
	}
	if v.route.root == rootV1 {
		shown.BackupEnabled, shown.ProviderBackupEnabled = c.kind.is(LegacyCluster), new(c.kind.is(DedicatedCluster))
	}
	return shown
}

// clusterLinks has a link to restore jobs, which was recorded to lead to those of Cloud Backup.
func (v *visit) clusterLinks(c *cluster) []Link {
	self := v.self(c.name)
	return []Link{self, {self.Href + "/backup/restoreJobs", "https://cloud.mongodb.com/restoreJobs"}}
}

func (v *visit) flexCluster(c *cluster) any {
	return map[string]any{
		"backupSettings":               map[string]bool{"enabled": true},
		"clusterType":                  "REPLICASET",
		"createDate":                   clustersMade,
		"groupId":                      c.project,
		"id":                           ClusterID(c.project, c.name),
		"links":                        []Link{v.self(c.name)},
		"mongoDBVersion":               "8.0.4",
		"name":                         c.name,
		"providerSettings":             map[string]any{"backingProviderName": "AWS", "diskSizeGB": 5, "providerName": "FLEX", "regionName": "US_EAST_1"},
		"stateName":                    "IDLE",
		"terminationProtectionEnabled": false,
		"versionReleaseSystem":         "LTS",
	}
}

// A managedCluster is a cluster as Cloud Manager and Ops Manager list it.
type managedCluster struct {
	ClusterName    string    `json:"clusterName"`
	GroupID        string    `json:"groupId"`
	ID             string    `json:"id"`
	LastHeartbeat  time.Time `json:"lastHeartbeat"`
	Links          []Link    `json:"links"`
	ReplicaSetName string    `json:"replicaSetName,omitempty"`
	ShardName      string    `json:"shardName,omitempty"`
	TypeName       string    `json:"typeName"`
}

// listManagedClusters lists what Cloud Manager calls clusters: a sharded cluster is there as a whole and once more for
// each of its shards, under the same name (ops-manager/reference/api/clusters). A shard shows once it has been restored.
func (s *Server) listManagedClusters(v *visit) ([]entry, *problem) {
	if wrong := s.refuseProject(v); wrong != nil {
		return nil, wrong
	}
	var entries []entry
	for _, c := range v.world.in(v.project) {
		if c.deleted || !c.kind.is(ManagedCluster) {
			continue
		}
		for _, m := range s.managedClusters(c) {
			m.Links = []Link{v.self(m.ID)}
			entries = append(entries, entry{m.ID, func(bool) any { return m }})
		}
	}
	return entries, nil
}

func (s *Server) managedClusters(c *cluster) []managedCluster {
	whole := managedCluster{
		ClusterName: c.name, GroupID: c.project, ID: ClusterID(c.project, c.name),
		LastHeartbeat: s.time().UTC().Truncate(time.Second), ReplicaSetName: c.name, TypeName: "REPLICA_SET",
	}
	if !c.isSharded() {
		return []managedCluster{whole}
	}
	shards := map[string]bool{}
	for _, j := range c.jobs {
		if j.BatchID != "" {
			shards[j.ClusterID] = true
		}
	}
	all := []managedCluster{whole}
	all[0].ReplicaSetName, all[0].TypeName = "", "SHARDED_REPLICA_SET"
	for _, id := range slices.Sorted(maps.Keys(shards)) {
		shard := whole
		shard.ID = id
		shard.ShardName = c.name + "-shard-" + id[len(id)-min(4, len(id)):]
		shard.ReplicaSetName = shard.ShardName
		all = append(all, shard)
	}
	return all
}

// listProjects lists the projects that the caller may see.
func (s *Server) listProjects(v *visit) ([]entry, *problem) {
	if v.id != "" {
		if wrong := s.refuseProject(v); wrong != nil {
			return nil, wrong
		}
	}
	var entries []entry
	for _, id := range slices.Sorted(maps.Keys(v.world)) {
		if s.may(v.key, id) {
			entries = append(entries, entry{id, func(bool) any { return v.showProject(id) }})
		}
	}
	return entries, nil
}

func (v *visit) showProject(id string) any {
	shown := map[string]any{"id": id, "name": "Project " + id, "orgId": orgID, "links": []Link{v.self(id)}}
	if v.route.root == rootPublic {
		shown["publicApiEnabled"], shown["activeAgentCount"], shown["tags"] = true, 1, []string{}
		return shown
	}
	shown["created"], shown["clusterCount"] = clustersMade, len(v.world[id])
	return shown
}
