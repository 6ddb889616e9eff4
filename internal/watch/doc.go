// Package watch is the pass: it lists the restore jobs of each target, lets the domain find the news, saves what
// changed and publishes what was saved.
//
// State and the news it caused are one record, written by one conditional save. Publishing reads only what was saved,
// so what an earlier run left behind and what this run found take the same path.
package watch
