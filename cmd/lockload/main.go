// Command lockload puts a pair of Lockstep nodes under the load of many clients,
// checks every answer, and compares what it measures with raw TCP.
package main

import (
	"os"
	"slices"

	"lockstep/cmd/internal/cli"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == hopMode {
		os.Exit(runHop(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == floodMode {
		os.Exit(runAttacker(os.Stdin, os.Stdout))
	}
	cli.CollectLess()
	p := newProgram()
	os.Exit(p.Main(p.withVerb(os.Args[1:])))
}

// withVerb adds the verb that is meant when there is none, so that nobody has to
// type it.
func (p *program) withVerb(args []string) []string {
	if len(args) > 0 && (args[0] == "help" || slices.ContainsFunc(p.Commands, func(c cli.Command) bool { return c.Verb == args[0] })) {
		return args
	}
	return append([]string{verbRun}, args...)
}
