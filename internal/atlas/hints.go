package atlas

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"restorewatch/internal/restore"
)

// Hint says in plain words what to do about the failure.
func (e *Error) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	if hint := codeHints[e.Code]; hint != "" {
		return hint
	}
	if e.foreign {
		return e.foreignHint()
	}
	switch e.kind {
	case restore.FailedCredentials:
		return "The API does not accept the key: check both halves of it, that it has not been deleted or, as the secret of " +
			"a service account does, expired, and that it belongs to the host in ATLAS_BASE_URL."
	case restore.FailedAccessList:
		return e.accessListHint()
	case restore.FailedForbidden:
		return e.roleHint()
	case restore.FailedNotFound:
		return e.notFoundHint()
	case restore.FailedRateLimited:
		return "Nothing to do if it passes: the next run tries again. If it stays, run less often, watch fewer " +
			"clusters of this project, or see what else uses the API there."
	case restore.FailedUnavailable:
		return e.unavailableHint()
	case restore.FailedConfig:
		return e.configHint()
	default:
		return "Check that ATLAS_BASE_URL leads to the API itself. If it does, the API has changed: please report " +
			"this message."
	}
}

// codeHints are for refusals that say more than their status does.
var codeHints = map[string]string{
	"ACCOUNT_SUSPENDED":            "The organization is suspended for an unpaid bill: its owner has to settle it.",
	"NO_PAYMENT_INFORMATION_FOUND": "The organization has no payment method: its owner has to add one.",
	"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API": "This is a Flex cluster: watch it with the source flex " +
		"instead of this one.",
	"CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API": "This is not a Flex cluster: watch it with the source cloud " +
		"instead of flex.",
}

// roleHint names the role that the source needs.
func (e *Error) roleHint() string {
	role := readOnly
	if e.api != nil && e.Verb != listingClusters && e.Verb != listingProjects {
		role = e.api.role
	}
	if e.Code == "NOT_IN_GROUP" {
		return "The key is in no such project, or there is none: check the project id in WATCH, and give the key " +
			"the role " + role + " there."
	}
	hint := "The key is known but may not read this: give it the role " + role + " in project " + e.Target.Project + "."
	if role != readOnly {
		hint += " " + readOnly + " does not suffice for the source " + string(e.Target.Source) + "."
	}
	if e.Code == "FEATURE_UNSUPPORTED" {
		hint = "The project's plan or this sort of cluster does not offer this: check the source in WATCH. If it is right: " + hint
	}
	return hint
}

// projectCodes and clusterCodes are the 404s that say which of the two is not there.
var (
	projectCodes = []string{"GROUP_NOT_FOUND", "INVALID_GROUP_ID"}
	clusterCodes = []string{"CLUSTER_NOT_FOUND", "INVALID_CLUSTER_ID"}
)

// notFoundHint tells a wrong name from a path that the host does not know.
func (e *Error) notFoundHint() string {
	hints := []string{"Check the project id and the cluster name in WATCH; the cluster may have been deleted or renamed."}
	switch {
	case slices.Contains(projectCodes, e.Code):
		hints = []string{"Check the project id in WATCH; the project may have been deleted, or belong to another host than ATLAS_BASE_URL."}
	case e.api == nil:
	case !e.api.byID && isObjectID(e.Target.Cluster):
		hints = append(hints, "What WATCH has looks like a cluster's id, and the source "+string(e.Target.Source)+" wants its name.")
	case e.api.byID && isObjectID(e.Target.Cluster):
		hints = append(hints, "The source "+string(e.Target.Source)+" takes a cluster's name too.")
	}
	known := slices.Contains(projectCodes, e.Code) || slices.Contains(clusterCodes, e.Code)
	if e.api != nil && !known {
		hints = append(hints, e.api.gone)
	}
	return strings.Join(hints, " ")
}

// foreignHint is for answers of somebody else; or of the API where it has no resource, which may be in any form.
func (e *Error) foreignHint() string {
	hint := "Something between restorewatch and the API answered in its place, such as a proxy, a firewall or a " +
		"maintenance page: check ATLAS_BASE_URL and the way to it."
	switch e.Status {
	case http.StatusNotFound, http.StatusNotAcceptable, http.StatusGone:
		if e.api != nil {
			hint += " " + e.api.gone
		}
	}
	return hint
}

func (e *Error) accessListHint() string {
	return "Add " + cmp.Or(e.Address, "the address that the requests come from") + " to the API access list of the key. " +
		"The address of a Lambda function changes unless the function is in a VPC behind a NAT gateway with an Elastic IP."
}

func (e *Error) unavailableHint() string {
	if e.Status != 0 {
		return "The API has trouble of its own: the next run tries again. If it stays, see the status page of the service."
	}
	if certificate(e.err) {
		return "The server's certificate is of an authority that is not known here. If it is your own, as of an Ops Manager, " +
			"name its PEM file in ATLAS_CA_FILE; otherwise something stands between restorewatch and the API."
	}
	return "The API could not be reached: the next run tries again. If it stays, check ATLAS_BASE_URL and the way out " +
		"(a Lambda function in a VPC needs a NAT gateway)."
}

func (e *Error) configHint() string {
	switch e.Status {
	case http.StatusNotAcceptable, http.StatusGone:
		hint := "The host does not serve this version of the API, or no longer."
		if e.api != nil {
			hint += " " + e.api.gone
		}
		return hint
	case 0:
		return "Correct this target in WATCH."
	}
	return "The API finds the request itself wrong: check the target in WATCH and that its source fits the cluster."
}
