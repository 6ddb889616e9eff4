// Command restorewatch tells what happens to MongoDB restore jobs.
package main

import (
	"os"

	"restorewatch/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Getenv, os.Stdout, os.Stderr)) }
