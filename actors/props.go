package actors

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"
)

// PanicExitCode is the exit code of a process in which an actor panicked.
const PanicExitCode = 3

// Props describes an actor whose panic ends the process, and which runs on the
// goroutine that posts to it while it is idle (see mailbox).
func Props(producer func() actor.Actor, opts ...actor.PropsOption) *actor.Props {
	opts = append(opts, actor.WithMailbox(newMailbox))
	return actor.PropsFromProducer(func() actor.Actor { return lastWords{producer()} }, opts...)
}

// lastWords keeps a panic from reaching the framework, which would restart the
// actor with an empty state.
type lastWords struct{ actor.Actor }

func (l lastWords) Receive(ctx actor.Context) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(os.Stderr, "lockstep: actor %s panicked on %T, and a node without it must not go on: %v\n%s",
				ctx.Self().Id, ctx.Message(), r, debug.Stack())
			os.Exit(PanicExitCode)
		}
	}()
	l.Actor.Receive(ctx)
}
