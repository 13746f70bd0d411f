// Package muster sees the nodes together: where they stand beside each other, what
// of that is not safe, and who was the primary when. It is pure: what the nodes say
// of themselves goes in, and what follows from it comes out.
package muster

import (
	"cmp"
	"slices"
	"time"

	"lockstep/lock"
	"lockstep/replica"
)

// Told is what a node says when it is asked where it stands.
type Told struct {
	replica.NodeReport
	Reigns []Reign // that it has seen, the oldest first
}

// Node is where one node stands.
type Node struct {
	Address string
	Name    string        // in the cluster; may be empty
	Silent  bool          // it did not answer: nothing more is known
	Role    string        // as replica.Role says it
	View    lock.View     // the reign that it takes part in
	Index   lock.Index    // the last entry that it has applied
	Peer    string        // of a pair
	Paired  bool          // it and its peer hold the same locks
	Heard   time.Duration // since it last heard its peer; negative if never
	Quorum  bool          // it is one of three or more, or of a cluster that may grow to them
	Durable bool          // what it answers is on disk
	Members []Member      // as it knows them
	// Where its log stands.
	First, Last, Committed uint64
	DiskBytes              uint64
	Protocol               uint32 // the newest version that it speaks with others
}

// Member is what one node knows of another, and of itself.
type Member struct {
	Name    string
	Address string
	Voter   bool
	Quiet   bool
	Match   uint64        // the last entry of the log that it is known to have
	Heard   time.Duration // since it was last heard; negative if never
}

// NodeOf is what a report says.
func NodeOf(r replica.NodeReport) Node {
	s := r.Status
	if s == nil {
		return Node{Address: string(r.Node), Name: r.Name, Silent: true}
	}
	ago := func(heard bool, ticks uint64) time.Duration {
		if !heard {
			return -1
		}
		return time.Duration(ticks*s.TickMS) * time.Millisecond
	}
	n := Node{
		Address: string(s.Node), Name: cmp.Or(s.Name, r.Name), Role: s.Role.String(), View: s.View, Index: s.Index,
		Peer: string(s.Peer), Paired: s.Paired, Heard: ago(s.Heard, s.HeardAgo), Quorum: s.Quorum, Durable: s.Durable,
		First: s.First, Last: s.Last, Committed: s.Committed, DiskBytes: s.DiskBytes, Protocol: r.Version,
	}
	for _, m := range s.Members {
		n.Members = append(n.Members, Member{
			Name: m.Name, Address: string(m.Address), Voter: m.Voter, Quiet: m.Quiet, Match: m.Match, Heard: ago(m.Heard, m.HeardAgo),
		})
	}
	return n
}

// Picture is where the nodes stand, seen together.
type Picture struct {
	Nodes   []Node
	Primary *Node // the one of the highest view, or nil
}

// New puts the nodes of a cluster in the order of their names. Those of a pair stay
// in that in which they were asked: the primary's address first.
func New(nodes []Node) *Picture {
	p := &Picture{Nodes: slices.Clone(nodes)}
	find := func() {
		p.Primary = nil
		for i := range p.Nodes {
			if n := &p.Nodes[i]; reigns(*n) && (p.Primary == nil || n.View > p.Primary.View) {
				p.Primary = n
			}
		}
	}
	find()
	if !p.Pair() {
		names := map[string]string{} // which may be what the primary knows of them
		for _, n := range p.Nodes {
			names[n.Address] = p.NameOf(n)
		}
		slices.SortStableFunc(p.Nodes, func(a, b Node) int { return cmp.Compare(names[a.Address], names[b.Address]) })
		find()
	}
	return p
}

// reigns reports whether a node takes itself for the one that decides the order.
func reigns(n Node) bool {
	return !n.Silent && (n.Role == replica.Primary.String() || n.Role == replica.Solo.String())
}

// Pair reports whether the nodes are no cluster.
func (p *Picture) Pair() bool {
	return !slices.ContainsFunc(p.Nodes, func(n Node) bool { return n.Quorum })
}

// paired reports whether the nodes that keep the order are a pair, whoever is there to
// join them.
func (p *Picture) paired() bool {
	if p.Pair() {
		return true
	}
	return !slices.ContainsFunc(p.Nodes, func(n Node) bool { return n.Quorum && len(n.Members) > 0 }) &&
		slices.ContainsFunc(p.Nodes, func(n Node) bool { return !n.Quorum && !n.Silent })
}

// Reigns reports whether a node is the primary.
func (p *Picture) Reigns(n Node) bool { return p.Primary != nil && p.Primary.Address == n.Address }

// Members are those of the node that knows best: the primary, else the one that
// is furthest in the order.
func (p *Picture) Members() []Member {
	if p.Primary != nil {
		return p.Primary.Members
	}
	if len(p.Nodes) == 0 {
		return nil
	}
	return slices.MaxFunc(p.Nodes, func(a, b Node) int {
		return cmp.Or(cmp.Compare(min(1, len(a.Members)), min(1, len(b.Members))), cmp.Compare(a.View, b.View),
			cmp.Compare(a.Committed, b.Committed), cmp.Compare(len(a.Members), len(b.Members)))
	}).Members
}

// Member finds one by its address.
func (p *Picture) Member(address string) (Member, bool) {
	members := p.Members()
	if i := slices.IndexFunc(members, func(m Member) bool { return m.Address == address }); i >= 0 {
		return members[i], true
	}
	return Member{}, false
}

// NameOf is what the operator calls a node; who is no member has none, and goes by
// its address.
func (p *Picture) NameOf(n Node) string {
	if n.Name != "" && n.Name != n.Address {
		return n.Name
	}
	if m, ok := p.Member(n.Address); ok {
		return m.Name
	}
	return cmp.Or(n.Name, n.Address)
}

// Lag is how many entries a node is behind the primary; -1 if that is not known.
// Answers of two moments are compared, so that it may come out as less than none.
func (p *Picture) Lag(n Node) int64 {
	if p.Primary == nil {
		return -1
	}
	ahead, has := p.Primary.Last, n.Last
	switch m, known := p.Member(n.Address); {
	case !n.Silent && !n.Quorum:
		ahead, has = uint64(p.Primary.Index), uint64(n.Index)
	case !n.Silent:
	case known && !p.Reigns(n) && p.Primary.Quorum && m.Match > 0: // a new primary does not know yet
		has = m.Match
	default:
		return -1
	}
	return max(0, int64(ahead-has))
}

// Heard is how long ago another node has heard this one: the primary, or any if
// there is none; negative if never. It is 0 for the primary itself.
func (p *Picture) Heard(n Node) time.Duration {
	if p.Primary != nil {
		if p.Reigns(n) {
			return 0
		}
		if m, ok := p.Member(n.Address); ok {
			return m.Heard
		}
		return -1
	}
	last := time.Duration(-1)
	for _, other := range p.Nodes {
		for _, m := range other.Members {
			if other.Address != n.Address && m.Address == n.Address && m.Heard >= 0 && (last < 0 || m.Heard < last) {
				last = m.Heard
			}
		}
	}
	return last
}
