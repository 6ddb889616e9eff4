// Command restorewatch tells what happens to MongoDB restore jobs.
package main

import (
	"os"

	"restorewatch/internal/cli"
	"restorewatch/internal/outbound"
)

func main() {
	outbound.GuardLog(os.Stderr)
	os.Exit(cli.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}
