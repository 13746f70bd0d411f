package lockstep

import (
	"context"
	"time"

	"lockstep/replica"
)

// NodeStatus is where one node stands.
type NodeStatus struct {
	Name   string
	Role   string // joining, primary, backup, solo or demoted; empty if it did not answer
	View   uint64 // the reign that it takes part in
	Index  uint64 // the last entry of the order that it has applied
	Peer   string
	Paired bool          // it and its peer hold the same locks
	Heard  time.Duration // since it last heard its peer; negative if never
	Err    error         // why there is no answer, or nil
}

// Status asks every node where it stands. A node that does not answer before
// ctx ends has an Err; ctx should have a deadline.
func (c *Client) Status(ctx context.Context) []NodeStatus {
	ids := nodeIDs(c.nodes)
	reports := c.caller.AskStatus(ctx, ids)
	all := make([]NodeStatus, len(ids))
	for i, id := range ids {
		report, ok := reports[id]
		if !ok {
			all[i] = NodeStatus{Name: string(id), Err: ErrNoAnswer}
			continue
		}
		all[i] = nodeStatus(report)
	}
	return all
}

func nodeStatus(s replica.Status) NodeStatus {
	heard := time.Duration(-1)
	if s.Heard {
		heard = time.Duration(s.HeardAgo*s.TickMS) * time.Millisecond
	}
	return NodeStatus{
		Name: string(s.Node), Role: s.Role.String(), View: uint64(s.View), Index: uint64(s.Index),
		Peer: string(s.Peer), Paired: s.Paired, Heard: heard,
	}
}
