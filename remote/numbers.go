package remote

import (
	"context"

	"lockstep/observe/metrics"
)

// Numbers returns what the node counts. What does not answer before ctx ends is
// missing.
func (n *Node) Numbers(ctx context.Context) metrics.Node {
	all := metrics.Node{Traffic: n.traffic.Read(), Refusals: n.Refusals()}
	n.Actors.Numbers(ctx, &all)
	return all
}

// Waits returns who waits and waited for what.
func (n *Node) Waits(ctx context.Context) (metrics.Waits, error) { return n.Actors.Waits(ctx) }
