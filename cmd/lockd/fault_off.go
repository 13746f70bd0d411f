//go:build !lockfaults

package main

import (
	"flag"
	"io"

	"lockstep/cmd/internal/cli"
	"lockstep/remote"
)

const faultFlag = "fault"

// fault is nothing: a node that is not built for tests fails by itself only.
type fault struct{}

// addFaultFlag refuses the flag with a reason that is better than "unknown". The
// help does not show it.
func addFaultFlag(flags *flag.FlagSet, _ *fault) {
	flags.Func(faultFlag, "", func(string) error {
		return cli.Misuse("a node that dies on purpose is for tests: build one with -tags lockfaults")
	})
}

func (fault) arm(*remote.Node, io.Writer) {}
