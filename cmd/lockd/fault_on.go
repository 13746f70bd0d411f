//go:build lockfaults

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"lockstep/actors"
	"lockstep/cmd/internal/cli"
	"lockstep/remote"
)

const faultFlag = "fault"

// fault is how this node dies when SIGUSR1 asks for it.
type fault struct{ kind string }

func addFaultFlag(flags *flag.FlagSet, f *fault) {
	cli.Choice(flags, &f.kind, faultFlag, "none",
		"`how` SIGUSR1 makes this node die: before-reply, before-ack or none; the node\nlives on and is silent (for tests: this is not a lockd to rely on)",
		[]string{"none", "before-reply", "before-ack"}, []string{"", "before-reply", "before-ack"})
}

// arm waits for the signal. Both moments are told on stderr, so that a test need
// not guess.
func (f fault) arm(node *remote.Node, stderr io.Writer) {
	if f.kind == "" {
		return
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for range asked {
			f.strike(node, stderr)
			fmt.Fprintln(stderr, "fault: armed")
		}
	}()
}

// strike arms the actor concerned: it has its order before any request that is
// sent after this.
func (f fault) strike(node *remote.Node, stderr io.Writer) {
	died := func(what string) func() {
		return func() {
			node.Silence()
			fmt.Fprintf(stderr, "fault: died before the %s\n", what)
		}
	}
	if f.kind == "before-reply" {
		node.Root().Send(node.Actors.LockTable, actors.DieBeforeReply{Died: died("reply")})
		return
	}
	node.Root().Send(node.Actors.Replicator, actors.DieBeforeAck{Died: died("acknowledgement")})
}
