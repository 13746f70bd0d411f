package remote

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
)

// ignoreDeadLetters replaces the system's event stream by one that does not log
// what reached nobody: with actors and processes that come and go that is
// everyday life, and the library starts a timer for it, which outlives the
// process in tests. What the framework itself relies on is kept: whoever watches
// an actor that has stopped is told so, and a request to nobody fails at once.
func ignoreDeadLetters(system *actor.ActorSystem) {
	system.EventStream = eventstream.NewEventStream()
	system.EventStream.Subscribe(func(e any) {
		dead, ok := e.(*actor.DeadLetterEvent)
		if !ok {
			return
		}
		if dead.Sender != nil {
			system.Root.Send(dead.Sender, &actor.DeadLetterResponse{Target: dead.PID})
		}
		watch, ok := dead.Message.(*actor.Watch)
		if !ok {
			return
		}
		if watcher, ok := system.ProcessRegistry.GetLocal(watch.Watcher.GetId()); ok {
			watcher.SendSystemMessage(watch.Watcher, &actor.Terminated{Who: dead.PID, Why: actor.TerminatedReason_NotFound})
		}
	})
}
