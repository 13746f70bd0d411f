// Command lockload puts a pair of Lockstep nodes under the load of many clients,
// checks every answer, and compares what it measures with raw TCP.
package main

import (
	"os"

	"lockstep/cmd/internal/cli"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == hopMode {
		os.Exit(runHop(os.Args[2:]))
	}
	cli.CollectLess()
	os.Exit(newProgram().Main(withVerb(os.Args[1:])))
}

// withVerb adds the one verb that there is, so that nobody has to type it.
func withVerb(args []string) []string {
	if len(args) > 0 && args[0] == verbRun {
		return args
	}
	return append([]string{verbRun}, args...)
}
