package remote

import (
	"slices"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/replica"
)

// StartAgents starts what serves the sessions of an API in a node. They have to be
// closed before it leaves, or killed with it. Info is shown of the session that the
// node opens for itself, if it needs one.
func StartAgents(n *Node, info lock.Info) *actors.Agents {
	clock := actors.ThroughSuspend()
	if NetworkOf(n.Address()) != nil {
		clock = actors.Monotonic()
	}
	return actors.StartAgents(n.Process, actors.AgentsConfig{
		Nodes: slices.Concat([]replica.NodeID{n.Address()}, n.circle.Load().friends),
		Info:  info, Nonce: draw, Clock: clock, Traces: n.Actors.Tracer() != nil,
	})
}
