package lockstep

import (
	"cmp"
	"context"
	"time"

	"lockstep/muster"
	"lockstep/replica"
)

// NodeStatus is where one node stands.
type NodeStatus struct {
	Name   string        // the address by which it is known
	Node   string        // its name in the cluster; a node of a pair goes by its address
	Role   string        // joining, primary, backup, solo, demoted, electing or quiet; empty if it did not answer
	View   uint64        // the reign that it takes part in
	Index  uint64        // the last entry of the order that it has applied
	Peer   string        // of a pair
	Paired bool          // it and its peer hold the same locks
	Heard  time.Duration // since it last heard its peer; negative if never
	Err    error         // why there is no answer, or nil

	Version uint32 // of the protocol between processes, the newest that it speaks
	Quorum  bool   // it is one of three or more, or of a cluster that may grow to them
	Durable bool   // what it answers is on disk
	Members []MemberStatus
	// Where its log stands. Of a quorum these count more than the order's entries.
	First, Last, Committed uint64
	DiskBytes              uint64 // of the log and its snapshot
}

// MemberStatus is what one node knows of a member.
type MemberStatus struct {
	Member
	Role  string        // as far as it is known
	Match uint64        // the last entry of the log that it is known to have
	Heard time.Duration // since it was last heard; negative if never
}

// Status asks every node where it stands: those that are known, and those that
// they name. A node that does not answer before ctx ends has an Err; ctx should
// have a deadline.
func (c *Client) Status(ctx context.Context) []NodeStatus {
	reports := c.caller.AskStatus(ctx)
	all := make([]NodeStatus, len(reports))
	for i, report := range reports {
		if report.Status == nil {
			all[i] = NodeStatus{Name: string(report.Node), Node: report.Name, Err: ErrNoAnswer}
			continue
		}
		all[i] = nodeStatus(report.NodeReport)
	}
	return all
}

func nodeStatus(r replica.NodeReport) NodeStatus {
	n := muster.NodeOf(r)
	status := NodeStatus{
		Name: n.Address, Node: cmp.Or(r.Status.Name, n.Address), // one of an older version says no name
		Role: n.Role, View: uint64(n.View), Index: uint64(n.Index), Peer: n.Peer, Paired: n.Paired, Heard: n.Heard, Version: n.Protocol,
		Quorum: n.Quorum, Durable: n.Durable, First: n.First, Last: n.Last, Committed: n.Committed, DiskBytes: n.DiskBytes,
	}
	for i, m := range n.Members {
		known := r.Status.Members[i]
		status.Members = append(status.Members, MemberStatus{Member: member(known.Member), Role: known.Role.String(), Match: m.Match, Heard: m.Heard})
	}
	return status
}
