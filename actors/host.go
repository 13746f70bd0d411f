package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/messages"
	"lockstep/replica"
)

// Host is the process that actors live in. Package remote implements it.
type Host interface {
	Mail
	// Root spawns actors and sends to them from outside.
	Root() *actor.RootContext
	// Workers runs the actors of this process.
	Workers() actor.Dispatcher
	// Address is the name under which other processes reach this one.
	Address() replica.NodeID
	// Serve tells the door where a node's actors are.
	Serve(lockTable, replicator *actor.PID)
	// Know says which nodes a client wants to be dialled until they answer, in place
	// of those that it wanted before. Clients hear of the links to them.
	Know(client messages.ClientID, nodes []replica.NodeID)
	// Enroll and Dismiss tell the door where a client's answers go.
	Enroll(client messages.ClientID, pid *actor.PID)
	Dismiss(client messages.ClientID)
}
