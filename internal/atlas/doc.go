// Package atlas is the client of the MongoDB administration APIs that list restore jobs: Cloud Manager and Ops Manager,
// Atlas Cloud Backup, Atlas Flex and Atlas legacy backup. Each has a file of its own, with the table by which its answers
// become restore.Job, in the words of the legacy API. Download links and the values that open them have no field here,
// so they stop at this package; where a status depends on a link, only that it is there is read.
//
// A request passes through a chain of http.RoundTrippers, outermost first, each with one task:
//
//	retrier        tries again what may pass by itself, within the context's deadline
//	authenticator  gives an API key's answer to the challenge (digester), or a service account's token (bearer)
//	gatekeeper     stops requests to a project whose limit the API says is reached, and no others
//	limiter        keeps each project under the 100 requests a minute of v1.0
//	bound          counts, times and buffers: no answer is larger or slower than foreseen
//
// Errors are *Error: they tell the kind of failure and what to do about it, and carry no secret.
package atlas
