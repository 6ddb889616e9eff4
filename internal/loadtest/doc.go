// Package loadtest measures what much work costs the function that would be deployed: memory, processor time, and
// requests to the API, the table and the topic, for 10 to 10,000 jobs, 1 to 1,000 targets and 5 to 5,000 changes in one
// tick. It asserts bounds on memory and exact or bounded numbers of requests, and that every event owed arrives once and
// in order, however little of the work fits one run.
//
// Time is reported and not asserted. The package holds tests only, and they need Linux: what a process takes is read from
// /proc, and the limits that Lambda sets are set by control groups.
package loadtest
