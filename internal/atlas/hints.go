package atlas

import (
	"net/http"

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
	switch e.kind {
	case restore.FailedCredentials:
		return "The API does not accept the key: check both halves of it, that it has not been deleted, and that it " +
			"belongs to the host in ATLAS_BASE_URL."
	case restore.FailedAccessList:
		return e.accessListHint()
	case restore.FailedForbidden:
		return "The key is known but may not read this: give it the role Project Read Only in project " +
			e.Target.Project + "."
	case restore.FailedNotFound:
		return "Check the project id and the cluster name in WATCH; the cluster may have been deleted or renamed."
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
	"NOT_IN_GROUP": "The key is in no such project, or there is none: check the project id in WATCH, and give the key " +
		"the role Project Read Only there.",
	"ACCOUNT_SUSPENDED":            "The organization is suspended for an unpaid bill: its owner has to settle it.",
	"NO_PAYMENT_INFORMATION_FOUND": "The organization has no payment method: its owner has to add one.",
	"CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API": "This is a Flex cluster: watch it with the source flex " +
		"instead of this one.",
}

func (e *Error) accessListHint() string {
	address := "the address that the requests come from"
	if e.Address != "" {
		address = e.Address
	}
	return "Add " + address + " to the API access list of the key. The address of a Lambda function changes unless the " +
		"function is in a VPC behind a NAT gateway with an Elastic IP."
}

func (e *Error) unavailableHint() string {
	if e.Status != 0 {
		return "The API has trouble of its own: the next run tries again. If it stays, see the status page of the service."
	}
	return "The API could not be reached: the next run tries again. If it stays, check ATLAS_BASE_URL and the way out " +
		"(a Lambda function in a VPC needs a NAT gateway)."
}

func (e *Error) configHint() string {
	switch e.Status {
	case http.StatusNotAcceptable, http.StatusGone:
		return "The host does not serve this version of the API, or no longer: LEGACY_API says which one is asked for."
	case 0:
		return "Correct this target in WATCH."
	}
	return "The API finds the request itself wrong: check the target in WATCH and that its source fits the cluster."
}
