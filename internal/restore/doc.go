// Package restore is the domain: what a restore job is, what is remembered of one, and what is news.
//
// A Job is one restore job as its API lists it now. A Record is what is remembered of one subject (a job, a
// batch of jobs, or the watched target itself) together with its outbox, the events not yet known to be published.
// A Ledger is every record of one target. Observing a listing yields the records that changed, each with the news
// that the change caused.
//
// Everything here is a pure function of its arguments: no I/O, no clock, no log, no wire format. Values are never
// edited in place, so an old ledger stays valid next to the new one.
package restore
