package main

import (
	"slices"
	"time"

	"lockstep"
	"lockstep/lock"
	"lockstep/muster"
)

// standing is where the nodes stand, seen together.
type standing struct {
	nodes   []lockstep.NodeStatus
	primary *lockstep.NodeStatus // the one of the highest view, or nil
	picture *muster.Picture
}

func newStanding(nodes []lockstep.NodeStatus) *standing {
	all := make([]muster.Node, len(nodes))
	for i, n := range nodes {
		all[i] = mustered(n)
	}
	s := &standing{nodes: make([]lockstep.NodeStatus, len(nodes)), picture: muster.New(all)}
	for i, seen := range s.picture.Nodes { // in its order
		s.nodes[i] = nodes[slices.IndexFunc(nodes, func(n lockstep.NodeStatus) bool { return n.Name == seen.Address })]
		if s.picture.Reigns(seen) {
			s.primary = &s.nodes[i]
		}
	}
	return s
}

// mustered is a node as the picture wants it.
func mustered(n lockstep.NodeStatus) muster.Node {
	seen := muster.Node{
		Address: n.Name, Name: n.Node, Silent: n.Err != nil, Role: n.Role, View: lock.View(n.View), Index: lock.Index(n.Index),
		Peer: n.Peer, Paired: n.Paired, Heard: n.Heard, Quorum: n.Quorum, Durable: n.Durable,
		First: n.First, Last: n.Last, Committed: n.Committed, DiskBytes: n.DiskBytes, Protocol: n.Version,
	}
	for _, m := range n.Members {
		seen.Members = append(seen.Members, muster.Member{
			Name: m.Name, Address: m.Address, Voter: m.Voter, Quiet: m.Quiet, Match: m.Match, Heard: m.Heard,
		})
	}
	return seen
}

// pair reports whether the nodes are no cluster.
func (s *standing) pair() bool { return s.picture.Pair() }

func (s *standing) members() []muster.Member { return s.picture.Members() }

func (s *standing) member(address string) (muster.Member, bool) { return s.picture.Member(address) }

// name is what the operator calls a node; who is no member has none.
func (s *standing) name(n lockstep.NodeStatus) string { return s.picture.NameOf(mustered(n)) }

// lag is how many entries a node is behind the primary; -1 if that is not known.
func (s *standing) lag(n lockstep.NodeStatus) int64 { return s.picture.Lag(mustered(n)) }

// heard is how long ago another node has heard this one: the primary, or any if
// there is none.
func (s *standing) heard(n lockstep.NodeStatus) time.Duration { return s.picture.Heard(mustered(n)) }

// safe reports whether any one node may fail now, as far as the nodes are made
// for it.
func (s *standing) safe(warnings []muster.Warning) bool { return s.picture.Safe(warnings) }

// warnings tell what is not safe, the worst first.
func (s *standing) warnings(why map[string]string) []muster.Warning { return s.picture.Warnings(why) }
