// Package config turns environment variables into one Config, and reports every problem with them at once.
//
// Variables is the list of all names, with meaning and default. Flags of a command line reach Load through its getenv,
// so that a problem has the same name wherever the value came from. No value of a secret is ever part of a problem.
package config
