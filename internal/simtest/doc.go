// Package simtest proves the pass by simulation: the real domain, the real pass, the real stored form and, in a share of
// the histories, the real publisher of SNS over a world in memory. Its every call may fail before or after its effect, be
// answered in part, arrive late, take all the time that a run has, or be the last of its run.
//
// A history is a list of steps, made from a seed: what happens to the jobs, when runs begin, and what becomes of each
// call that a run makes. An oracle, written from the design and not from internal/restore, follows what was saved and
// says what has to be told. The package holds tests only.
package simtest
