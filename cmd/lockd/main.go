// Command lockd is a node of a Lockstep pair, or a whole pair in one process.
package main

import (
	"os"

	"lockstep/cmd/internal/cli"
)

func main() {
	cli.CollectLess()
	os.Exit(newProgram().Main(os.Args[1:]))
}
