package replica

import "lockstep/lock"

// MemberID names a log: it is drawn when a node's log begins and dies with it,
// so a node that has lost its log comes back as another member (R2). Zero is
// none.
type MemberID uint64

// Member is one of those who keep the order.
type Member struct {
	ID      MemberID
	Name    string // chosen by the operator; unique in the cluster
	Address NodeID
	Voter   bool // counts for a majority; a learner only copies
	Quiet   bool // keeps log and state, and serves nobody
}

// MemberStatus is what one node knows of a member.
type MemberStatus struct {
	Member
	Role     Role   // as far as it is known
	Match    uint64 // the last entry of the log that it is known to have
	Heard    bool   // it was heard at all,
	HeardAgo uint64 // so many ticks ago
}

// Peer is a node as an operator lists it.
type Peer struct {
	Name    string
	Address NodeID
}

// Became is what a node of a pair has become: a member of the quorum that goes on
// with what the pair had after entry Index.
type Became struct {
	Self    MemberID
	Cluster ClusterID
	View    lock.View // with which the quorum's log begins, above all of the pair
	Index   lock.Index
	Members []Member
}

// Name is what the node goes by.
func (b *Became) Name() string {
	for _, m := range b.Members {
		if m.ID == b.Self {
			return m.Name
		}
	}
	return ""
}

// Peers lists the members as an operator would.
func (b *Became) Peers() []Peer {
	peers := make([]Peer, len(b.Members))
	for i, m := range b.Members {
		peers[i] = Peer{m.Name, m.Address}
	}
	return peers
}

// OrderID names an operator's order for the nodes: all its repeats share it.
type OrderID uint64

// OrderKind says what an operator wants.
type OrderKind uint8

// The kinds. Their values are those on the wire.
const (
	AddMember    OrderKind = 1 // Name, Address, Quiet: done when it votes
	RemoveMember OrderKind = 2 // Name
	SwitchOver   OrderKind = 3 // Name or Address of the next primary
	Bootstrap    OrderKind = 4 // the asked node begins a new cluster with what it has; Force confirms
)

// Order is what an operator wants of a cluster. It may be repeated until it is
// Done: an order that is done already is Done.
type Order struct {
	Kind    OrderKind
	Name    string
	Address NodeID
	Quiet   bool
	Force   bool
}

// OrderOutcome says what became of an order.
type OrderOutcome uint8

// The outcomes. Their values are those on the wire.
const (
	OrderDone    OrderOutcome = 1
	OrderWorking OrderOutcome = 2 // ask again; Text says how far it is
	OrderRefused OrderOutcome = 3 // Text says why, and what would help
)

// Ordered answers an order. Outcome and Text go with Executed.
type Ordered struct {
	ID      OrderID
	Kind    AnswerKind
	Hint    NodeID // with NotPrimary
	Outcome OrderOutcome
	Text    string
}

// Told is what a client is told of the cluster.
type Told struct {
	View    lock.View
	Members []Member
}

// NodeReport is what is known of one node.
type NodeReport struct {
	Node    NodeID  // as it was asked
	Name    string  // as others know it; may be empty
	Status  *Status // nil if it did not answer
	Version uint32  // of the protocol, the newest that it speaks
}
