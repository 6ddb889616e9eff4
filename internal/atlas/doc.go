// Package atlas is the client of the MongoDB administration APIs that list restore jobs. Every source ends in
// restore.Job; download links and the values that open them have no field here, so they stop at this package.
//
// A request passes through a chain of http.RoundTrippers, outermost first, each with one task:
//
//	retry    tries again what may pass by itself, within the context's deadline
//	digest   answers the API's challenge (RFC 7616) and shares it between all requests
//	limit    keeps each project under the API's 100 requests a minute
//	bound    counts, times and buffers: no answer is larger or slower than foreseen
//
// Errors are *Error: they tell the kind of failure and what to do about it, and carry no secret.
package atlas
