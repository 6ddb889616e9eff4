package atlas

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"restorewatch/internal/restore"
)

// What the failure of each source says to do about it.
func TestHintsOfEachSource(t *testing.T) {
	with := func(t restore.Target, cluster string) restore.Target {
		t.Cluster = cluster
		return t
	}
	for name, tt := range map[string]struct {
		target restore.Target
		legacy string
		status int
		code   string // "" is an answer that is not in the API's form
		kind   restore.FailureKind
		words  []string
		not    string
	}{
		"role, legacy":   {target, "", 401, "USER_UNAUTHORIZED", restore.FailedForbidden, []string{"role Project Read Only in project " + project}, "suffice"},
		"role, legacy 2": {target, "v2", 403, "X", restore.FailedForbidden, []string{"role Project Read Only"}, "suffice"},
		"role, manager":  {managerTarget, "", 401, "USER_UNAUTHORIZED", restore.FailedForbidden, []string{"role Project Read Only"}, "suffice"},
		"role, flex":     {flexTarget, "", 401, "USER_UNAUTHORIZED", restore.FailedForbidden, []string{"role Project Read Only"}, "suffice"},
		"role, cloud": {cloudTarget, "", 401, "USER_UNAUTHORIZED", restore.FailedForbidden,
			[]string{"role Project Backup Manager", "Project Read Only does not suffice for the source cloud"}, ""},
		"project, cloud": {cloudTarget, "", 401, "NOT_IN_GROUP", restore.FailedForbidden, []string{"check the project id", "Project Backup Manager"}, ""},
		"plan":           {cloudTarget, "", 403, "FEATURE_UNSUPPORTED", restore.FailedForbidden, []string{"check the source", "Project Backup Manager"}, ""},

		"flex by cloud":  {cloudTarget, "", 400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", restore.FailedConfig, []string{"source flex"}, ""},
		"flex by legacy": {target, "v2", 400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API", restore.FailedConfig, []string{"source flex"}, ""},
		"cloud by flex":  {flexTarget, "", 400, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API", restore.FailedConfig, []string{"source cloud"}, ""},

		"v1 gone, 404":      {target, "", 404, "RESOURCE_NOT_FOUND", restore.FailedNotFound, []string{"LEGACY_API=v2"}, ""},
		"v1 gone, 404 html": {target, "", 404, "", restore.FailedNotFound, []string{"LEGACY_API=v2", "ATLAS_BASE_URL"}, ""},
		"v1 gone, 410":      {target, "", 410, "VERSION_GONE", restore.FailedConfig, []string{"LEGACY_API=v2"}, ""},
		"v1 gone, 410 html": {target, "", 410, "", restore.FailedConfig, []string{"LEGACY_API=v2"}, ""},
		"v1 gone, 406":      {target, "", 406, "X", restore.FailedConfig, []string{"LEGACY_API=v2"}, ""},
		"v2 gone":           {target, "v2", 410, "VERSION_GONE", restore.FailedConfig, []string{"source cloud"}, "LEGACY_API"},
		"manager gone":      {managerTarget, "", 404, "RESOURCE_NOT_FOUND", restore.FailedNotFound, []string{"Cloud Manager and Ops Manager"}, "LEGACY_API"},
		"cloud gone":        {cloudTarget, "", 410, "VERSION_GONE", restore.FailedConfig, []string{"newer restorewatch"}, "LEGACY_API"},
		"a page of a proxy": {target, "", 403, "", restore.FailedForbidden, []string{"proxy"}, "LEGACY_API"},

		"id for a name":        {with(cloudTarget, clusterID), "", 404, "CLUSTER_NOT_FOUND", restore.FailedNotFound, []string{"looks like a cluster's id", "cloud wants its name"}, "newer"},
		"id for a name, v1":    {with(target, clusterID), "", 404, "CLUSTER_NOT_FOUND", restore.FailedNotFound, []string{"looks like a cluster's id"}, "LEGACY_API"},
		"id for a name, flex":  {with(flexTarget, clusterID), "", 404, "CLUSTER_NOT_FOUND", restore.FailedNotFound, []string{"flex wants its name"}, ""},
		"wrong id":             {managerTarget, "", 404, "INVALID_CLUSTER_ID", restore.FailedNotFound, []string{"takes a cluster's name too"}, "wants"},
		"wrong name":           {cloudTarget, "", 404, "CLUSTER_NOT_FOUND", restore.FailedNotFound, []string{"deleted or renamed"}, "looks like"},
		"wrong project":        {cloudTarget, "", 404, "GROUP_NOT_FOUND", restore.FailedNotFound, []string{"Check the project id"}, "cluster name"},
		"expired secret":       {cloudTarget, "", 401, "UNEXPECTED_ERROR", restore.FailedCredentials, []string{"secret of a service account does, expired"}, ""},
		"address, any source":  {flexTarget, "", 403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", restore.FailedAccessList, []string{"Add 203.0.113.9", "Elastic IP"}, ""},
		"version not accepted": {flexTarget, "", 406, "", restore.FailedConfig, []string{"newer restorewatch"}, "LEGACY_API"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if tt.code == "" {
						w.WriteHeader(tt.status)
						_, _ = io.WriteString(w, "<html>")
						return
					}
					refuse(w, tt.status, tt.code, "detail", "203.0.113.9")
				})
				c := newClient(t, h, func(o *Options) { o.LegacyAPI = tt.legacy })
				_, err := list(t.Context(), c, tt.target, 100)
				e := failure(t, err, tt.kind)
				for _, word := range tt.words {
					if !strings.Contains(e.Hint(), word) {
						t.Errorf("hint %q does not say %q", e.Hint(), word)
					}
				}
				if tt.not != "" && strings.Contains(e.Hint(), tt.not) {
					t.Errorf("hint %q says %q", e.Hint(), tt.not)
				}
			})
		})
	}
}
