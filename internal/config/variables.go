package config

import "slices"

// The names of the environment variables that this version reads.
const (
	EnvWatch             = "WATCH"
	EnvBaseURL           = "ATLAS_BASE_URL"
	EnvPublicKey         = "ATLAS_PUBLIC_KEY"
	EnvPrivateKey        = "ATLAS_PRIVATE_KEY"
	EnvClientID          = "ATLAS_CLIENT_ID"
	EnvClientSecret      = "ATLAS_CLIENT_SECRET"      //nolint:gosec // the name of a variable, not its value
	EnvCredentialsSecret = "ATLAS_CREDENTIALS_SECRET" //nolint:gosec // the name of a variable, not its value
	EnvCAFile            = "ATLAS_CA_FILE"
	EnvLegacyAPI         = "LEGACY_API"
	EnvStateTable        = "STATE_TABLE"
	EnvStateFile         = "STATE_FILE"
	EnvTopicARN          = "EVENTS_TOPIC_ARN"
	EnvExpiryWarnings    = "EXPIRY_WARNINGS"
	EnvStuckAfter        = "STUCK_AFTER"
	EnvUnreachableAfter  = "UNREACHABLE_AFTER"
	EnvSlackURL          = "SLACK_WEBHOOK_URL"
	EnvSlackSecret       = "SLACK_WEBHOOK_SECRET" //nolint:gosec // the name of a variable, not its value
	EnvSlackMinSeverity  = "SLACK_MIN_SEVERITY"
	EnvChatTopicARN      = "CHAT_TOPIC_ARN"
	EnvEventBus          = "EVENT_BUS_NAME"
	EnvWebhookURL        = "WEBHOOK_URL"
	EnvWebhookSecret     = "WEBHOOK_SECRET"
	EnvLogLevel          = "LOG_LEVEL"
)

// DefaultStateFile is where the command line keeps its state unless told otherwise, relative to where it runs.
const DefaultStateFile = "restorewatch.db"

// A Variable is one environment variable.
type Variable struct {
	Name    string
	Meaning string
	Default string // what an unset or blank variable stands for; "" if nothing
	Local   bool   // the watcher in Lambda does not take it from its template
	Secret  bool   // whoever knows the value can use it: it is never shown
}

var variables = []Variable{
	{Name: EnvWatch, Meaning: "targets, separated by commas or white space: SOURCE:PROJECT_ID/CLUSTER; SOURCE is legacy, " +
		"manager, cloud or flex; * stands for every cluster of the project, */* for those of every project"},
	{Name: EnvBaseURL, Default: "https://cloud.mongodb.com",
		Meaning: "scheme and host of the API; https, or http on loopback only"},
	{Name: EnvPublicKey, Local: true, Meaning: "public half of the API key"},
	{Name: EnvPrivateKey, Local: true, Secret: true, Meaning: "private half of the API key"},
	{Name: EnvClientID, Local: true, Meaning: "client id of a service account, instead of the key"},
	{Name: EnvClientSecret, Local: true, Secret: true, Meaning: "secret of that service account"},
	{Name: EnvCredentialsSecret, Meaning: `name or ARN of a Secrets Manager secret, {"publicKey":…,"privateKey":…} or ` +
		`{"clientId":…,"clientSecret":…}; instead of the four above`},
	{Name: EnvCAFile, Local: true, Meaning: "PEM file of a private certificate authority, such as that of an Ops Manager"},
	{Name: EnvLegacyAPI, Default: "v1", Meaning: "path that serves the source legacy: v1, or v2 where v1 is gone"},
	{Name: EnvStateTable, Meaning: "DynamoDB table that holds the state"},
	{Name: EnvStateFile, Local: true, Meaning: "SQLite file that holds the state, instead of a table; " +
		DefaultStateFile + " where neither is given"},
	{Name: EnvTopicARN, Meaning: "SNS topic that gets the events; an ARN ending in .fifo is a FIFO topic"},
	{Name: EnvExpiryWarnings, Default: "24h,6h,1h,15m",
		Meaning: "times left at which a download link is about to expire: Go durations, separated by commas"},
	{Name: EnvStuckAfter, Default: "24h", Meaning: "age at which a job that is not over is stuck; 0 means never"},
	{Name: EnvUnreachableAfter, Default: "3", Meaning: "failing passes in a row before a target is told to be unreachable"},
	{Name: EnvSlackURL, Local: true, Secret: true, Meaning: "incoming webhook of Slack that gets the events"},
	{Name: EnvSlackSecret, Local: true,
		Meaning: "name or ARN of a Secrets Manager secret that holds the webhook's URL; instead of the one above"},
	{Name: EnvSlackMinSeverity, Local: true, Default: "info",
		Meaning: "least severity that goes to Slack: info, warning or critical"},
	{Name: EnvChatTopicARN, Meaning: "second SNS topic, for Amazon Q Developer in chat applications; no FIFO topic"},
	{Name: EnvEventBus, Meaning: "EventBridge bus that gets the events too: its name or ARN"},
	{Name: EnvWebhookURL, Local: true, Secret: true,
		Meaning: "address that gets each event as a CloudEvent by HTTP POST; https, or http on loopback only"},
	{Name: EnvWebhookSecret, Local: true, Secret: true,
		Meaning: "signs what goes to the address above with HMAC-SHA256; best 32 random bytes, such as openssl rand -hex 32 makes"},
	{Name: EnvLogLevel, Default: "info", Meaning: "debug, info, warn or error"},
}

// Variables returns every variable that this version reads, in the order in which to explain them.
func Variables() []Variable { return slices.Clone(variables) }

// defaultOf returns the default of a variable.
func defaultOf(name string) string {
	i := slices.IndexFunc(variables, func(v Variable) bool { return v.Name == name })
	return variables[i].Default
}
