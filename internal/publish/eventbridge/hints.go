package eventbridge

const (
	later   = "the events stay in the outbox and are published by a later run"
	allow   = "the role may not publish: allow events:PutEvents on the bus"
	policy  = "the bus refuses it: its own policy must allow the role to put events of source restorewatch"
	missing = "the bus does not exist: check EVENT_BUS_NAME, its region and its account"
)

// hints are by error code of the API, of the whole call or of an entry (API reference of PutEvents, "Errors", and of
// PutEventsResultEntry; common errors).
var hints = map[string]string{ //nolint:gosec // codes and advice that name credentials, and hold none
	"ResourceNotFoundException":           missing,
	"InvalidArgument":                     "check that EVENT_BUS_NAME is the name or ARN of a bus in the region that AWS_REGION names",
	"ValidationException":                 "check that EVENT_BUS_NAME is the name or ARN of a bus in the region that AWS_REGION names",
	"InvalidAccountIdException":           "check the account in the ARN of EVENT_BUS_NAME",
	"AccessDeniedException":               allow,
	"NotAuthorizedForSourceException":     policy,
	"NotAuthorizedForDetailTypeException": policy,
	"UnrecognizedClientException":         "AWS does not know the credentials: check AWS_ACCESS_KEY_ID or the role",
	"ExpiredTokenException":               "the AWS credentials have expired: renew them",
	"InvalidSignatureException":           "the AWS credentials are wrong: check AWS_SECRET_ACCESS_KEY",
	"ThrottlingException":                 "EventBridge refuses more requests for now: " + later,
	"InternalFailure":                     "EventBridge failed: " + later,
	"InternalException":                   "EventBridge failed: " + later,
	"ServiceUnavailable":                  "EventBridge failed: " + later,
}
