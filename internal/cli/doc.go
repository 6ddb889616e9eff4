// Package cli is the command line program: one file for each command, and the flags, streams and sentences that they
// share. It wires the same parts as the function in Lambda, with a file for the table and the terminal for the topic.
package cli
