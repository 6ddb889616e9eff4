package atlas

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"restorewatch/internal/restore"
)

// Cloud Manager and Ops Manager, "Get All Restore Jobs for One Cluster": the legacy shape, under a path that takes the
// cluster's id. Derived as in legacy.go; what differs:
//
//	restore.Job          from
//	ClusterName          the cluster asked for, by name or by id: the answers have none
//	ClusterID, HostID    clusterId; none on a job of a mirrored config server, which has a hostId in its place
//	Delivery.Method      also SCP, AUTOMATED_RESTORE, CLIENT_PIT_HTTP, CLIENT_PIT_SCP, THIRD_PARTY_COPY: verbatim, and a
//	                     download only as far as restore.Delivery.Download says
//	Delivery.Target…     targetGroupId, targetClusterName or else targetClusterId
//	not read             what SCP needs to get in (hostname, port, username, passwordTypeName, targetDirectory)
var manager = api{
	path:    under("api/public/v1.0/groups/{project}/clusters/{cluster}/restoreJobs"),
	accept:  json1,
	maxPage: 100, // "up to a maximum of 500" today; Ops Manager 3.6 said 100, and nobody says what more did there
	byID:    true,
	batches: true,
	role:    readOnly,
	gone:    "The source manager is Cloud Manager and Ops Manager; for Atlas the sources are cloud, flex and legacy.",
	page:    pageOf(legacyJob),
	job:     jobOf(legacyJob),
	clusters: resource{
		path: under("api/public/v1.0/groups/{project}/clusters"), accept: json1,
	},
	projects: resource{path: under("api/public/v1.0/groups"), accept: json1},
}

// addressed returns t as its listing's URL names it: where the API wants an id and t has a name, with the id that the
// project's clusters give for it.
func (c *Client) addressed(ctx context.Context, a *api, t restore.Target) (restore.Target, error) {
	if !a.byID || isObjectID(t.Cluster) {
		return t, nil
	}
	known, err := c.names.of(ctx, t.Project, func() ([]Cluster, error) { return c.allClusters(ctx, t.Source, t.Project) })
	if err != nil {
		if _, ok := errors.AsType[*Error](err); !ok { // somebody else was asking when the time was over
			err = &Error{Target: t, Verb: findingCluster, kind: restore.FailedUnavailable, err: err}
		}
		return restore.Target{}, err
	}
	return named(known, t)
}

const findingCluster = "find cluster"

// named returns t with the id of the one cluster that has its name, or this id.
func named(known []Cluster, t restore.Target) (restore.Target, error) {
	var ids []string
	for _, cluster := range known {
		if cluster.ID == t.Cluster {
			return t, nil
		}
		if cluster.Name == t.Cluster {
			ids = append(ids, cluster.ID)
		}
	}
	switch len(ids) {
	case 1:
		t.Cluster = ids[0]
		return t, nil
	case 0:
		return restore.Target{}, &Error{
			Target: t, Verb: findingCluster, kind: restore.FailedNotFound,
			Detail: fmt.Sprintf("none of the project's %d clusters has this name", len(known)),
			hint:   "Check the name in WATCH, or give the cluster's id, the 24 hex digits in its address in the web interface.",
		}
	}
	return restore.Target{}, &Error{
		Target: t, Verb: findingCluster, kind: restore.FailedConfig,
		Detail: fmt.Sprintf("%d clusters of the project have this name: %s", len(ids), clean(strings.Join(ids, ", "), 200)),
		hint:   "Give the id instead of the name in WATCH.",
	}
}
