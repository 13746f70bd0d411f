package actors

import (
	"lockstep/messages"
	"lockstep/muster"
	"lockstep/replica"
)

// Mail carries parcels to other processes. Package remote implements it; actors
// know nobody's address but as a name.
type Mail interface {
	// Send queues what the parcel holds for a process and returns at once. It
	// may be lost, and nobody tells. The parcel must not be changed afterwards.
	Send(to replica.NodeID, p messages.Parcel)
	// Reset cuts the connection to a process, with all that queued on it.
	Reset(to replica.NodeID)
	// Befriend says which nodes the protocol is spoken with from now on, besides
	// this one. They are dialled until they answer, only their protocol messages
	// reach the Replicator, and so does what the links to them report. A stranger
	// may introduce itself: its Hello and Seek pass.
	Befriend(nodes []replica.NodeID)
	// SetCluster puts the cluster's id on everything that is sent from now on.
	SetCluster(id replica.ClusterID)
}

// What arrives from other processes. The door (package remote) has checked the
// frame: From is the address that the sender proved to own.
type (
	// FromClients brings requests to a LockTable.
	FromClients struct {
		From     replica.NodeID
		By       string // who the sender is by its certificate, if it has shown one
		Peer     bool   // it is a node, which brings what clients of its API want
		Requests []messages.Request
		Traces   []messages.Trace // of some of them, in their order
	}

	// QueriesFromClients brings queries about the state to a LockTable.
	QueriesFromClients struct {
		From    replica.NodeID
		Queries []messages.Query
	}

	// FromPeer brings protocol messages to a Replicator, in the order of sending.
	FromPeer struct {
		From          replica.NodeID
		Incarnation   replica.Incarnation
		Cluster       replica.ClusterID
		NewConnection bool // the first frame on a connection of the sender
		Messages      []replica.Message
	}

	// OrdersFromClients brings what operators want to a Replicator.
	OrdersFromClients struct {
		From   replica.NodeID
		By     string // as in FromClients
		Orders []messages.Order
	}

	// MembersAsked asks a Replicator who the nodes of its cluster are.
	MembersAsked struct {
		From   replica.NodeID
		Client messages.ClientID
	}

	// StatusAsked asks a Replicator where it stands.
	StatusAsked struct {
		From   replica.NodeID
		Client messages.ClientID
	}

	// FromNode brings answers to a Client.
	FromNode struct {
		From    replica.NodeID
		Answers []replica.Answer
	}

	// ReportsFromNode brings what a node reported to a Client.
	ReportsFromNode struct {
		From    replica.NodeID
		Reports []replica.Reported
	}

	// NoticesFromNode tells a Client, unasked, what was taken from its session.
	NoticesFromNode struct {
		From    replica.NodeID
		Notices []messages.Notice
	}

	// StatusTold brings a status report to whoever asked. From is the name that
	// the node was asked by, which may not be what it calls itself. Version is as in
	// ToldByNode.
	StatusTold struct {
		From    replica.NodeID
		Status  replica.Status
		Reigns  []muster.Reign
		Version uint32
	}

	// OrderedFromNode brings to a Client what became of its orders.
	OrderedFromNode struct {
		From    replica.NodeID
		Ordered []replica.Ordered
	}

	// ToldByNode tells a Client who the nodes are. From is the name that the node
	// was asked by, Self what it calls itself, and Version the newest version of the
	// protocol that it speaks.
	ToldByNode struct {
		From    replica.NodeID
		Self    replica.NodeID
		Told    replica.Told
		Version uint32
	}

	// RefusedByNode says that a node will not talk to this process, and why.
	RefusedByNode struct {
		From   replica.NodeID
		Reason string
	}
)

// What the links report. All of it is a hint, never a proof, but for the order:
// StreamEnded comes after the last frame of that stream.
type (
	// LinkUp says that a new connection to a process stands.
	LinkUp struct{ Node replica.NodeID }

	// LinkDown says that the connection to a process broke, or that none could be
	// made: what was sent on it may be lost.
	LinkDown struct{ Node replica.NodeID }

	// DialRefused says that nobody listens at a process's address.
	DialRefused struct{ Node replica.NodeID }

	// StreamEnded says that a process's connection to us ended.
	StreamEnded struct {
		From        replica.NodeID
		Incarnation replica.Incarnation
	}
)
