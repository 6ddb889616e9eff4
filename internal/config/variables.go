package config

import "slices"

// The names of the environment variables that this version reads.
const (
	EnvWatch             = "WATCH"
	EnvBaseURL           = "ATLAS_BASE_URL"
	EnvPublicKey         = "ATLAS_PUBLIC_KEY"
	EnvPrivateKey        = "ATLAS_PRIVATE_KEY"
	EnvCredentialsSecret = "ATLAS_CREDENTIALS_SECRET"
	EnvStateTable        = "STATE_TABLE"
	EnvStateFile         = "STATE_FILE"
	EnvTopicARN          = "EVENTS_TOPIC_ARN"
	EnvExpiryWarnings    = "EXPIRY_WARNINGS"
	EnvStuckAfter        = "STUCK_AFTER"
	EnvUnreachableAfter  = "UNREACHABLE_AFTER"
	EnvLogLevel          = "LOG_LEVEL"
)

// DefaultStateFile is where the command line keeps its state unless told otherwise, relative to where it runs.
const DefaultStateFile = "restorewatch.db"

// A Variable is one environment variable.
type Variable struct {
	Name    string
	Meaning string
	Default string // what an unset or blank variable stands for; "" if nothing
	Local   bool   // of the command line only: the function in Lambda does not take it from its template
}

var variables = []Variable{
	{Name: EnvWatch, Meaning: "targets, separated by commas or white space: legacy:PROJECT_ID/CLUSTER"},
	{Name: EnvBaseURL, Default: "https://cloud.mongodb.com",
		Meaning: "scheme and host of the API; https, or http on loopback only"},
	{Name: EnvPublicKey, Local: true, Meaning: "public half of the API key"},
	{Name: EnvPrivateKey, Local: true, Meaning: "private half of the API key"},
	{Name: EnvCredentialsSecret,
		Meaning: `name or ARN of a Secrets Manager secret, {"publicKey":…,"privateKey":…}; instead of the two above`},
	{Name: EnvStateTable, Meaning: "DynamoDB table that holds the state"},
	{Name: EnvStateFile, Local: true, Meaning: "SQLite file that holds the state, instead of a table; " +
		DefaultStateFile + " where neither is given"},
	{Name: EnvTopicARN, Meaning: "SNS topic that gets the events; an ARN ending in .fifo is a FIFO topic"},
	{Name: EnvExpiryWarnings, Default: "24h,6h,1h,15m",
		Meaning: "times left at which a download link is about to expire: Go durations, separated by commas"},
	{Name: EnvStuckAfter, Default: "24h", Meaning: "age at which a job that is not over is stuck; 0 means never"},
	{Name: EnvUnreachableAfter, Default: "3", Meaning: "failing passes in a row before a target is told to be unreachable"},
	{Name: EnvLogLevel, Default: "info", Meaning: "debug, info, warn or error"},
}

// absent are the variables of the contract that this version does not serve. One that is set is a problem: to ignore it
// would leave somebody waiting for messages that never come.
var absent = []Problem{
	{"ATLAS_CLIENT_ID", absentAccount},
	{"ATLAS_CLIENT_SECRET", absentAccount},
	{"SLACK_WEBHOOK_URL", absentOutput},
	{"SLACK_WEBHOOK_SECRET", absentOutput},
	{"SLACK_MIN_SEVERITY", absentOutput},
	{"CHAT_TOPIC_ARN", absentOutput},
	{"EVENT_BUS_NAME", absentOutput},
	{"WEBHOOK_URL", absentOutput},
	{"WEBHOOK_SECRET", absentOutput},
	{"ATLAS_CA_FILE", "this version trusts the system's certificate authorities only; unset it"},
}

const (
	absentAccount = "service accounts are not available in this version; use an API key: " +
		EnvPublicKey + " and " + EnvPrivateKey + ", or " + EnvCredentialsSecret
	absentOutput = "this version has no such output; unset it, and subscribe to the topic of " + EnvTopicARN + " instead"
	legacyAPI    = "LEGACY_API" // v1, which is all there is, is no problem
)

// Variables returns every variable that this version reads, in the order in which to explain them.
func Variables() []Variable { return slices.Clone(variables) }

// defaultOf returns the default of a variable.
func defaultOf(name string) string {
	i := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == name })
	return variables[i].Default
}
