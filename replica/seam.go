package replica

import "lockstep/lock"

// NodeID names a node: it is the address under which the others reach it.
type NodeID string

// Incarnation tells the lives of one node apart: each start has a higher one.
type Incarnation uint64

// ClusterID names a pair for ever. Zero is "none yet".
type ClusterID uint64

// BarrierID numbers the barriers that a lock table puts to its core.
type BarrierID uint64

// Role is what a node is for its lock table.
type Role uint8

// The roles. Their values are those on the wire.
const (
	Joining Role = 1 // knows nothing; serves nobody
	Primary Role = 2 // orders commands and answers when the backup has them
	Backup  Role = 3 // holds all that the primary answers; relays requests to it
	Solo    Role = 4 // orders and answers alone
	Demoted Role = 5 // has missed entries; serves nobody until it has joined again

	Electing Role = 6 // of a quorum: knows of no primary
	Quiet    Role = 7 // of a quorum: copies and votes, and serves nobody
)

// String returns the role's name as it stands in JSON.
func (r Role) String() string {
	switch r {
	case Joining:
		return "joining"
	case Primary:
		return "primary"
	case Backup:
		return "backup"
	case Solo:
		return "solo"
	case Demoted:
		return "demoted"
	case Electing:
		return "electing"
	case Quiet:
		return "quiet"
	default:
		return "unknown"
	}
}

// Core is the seam between a protocol and the actor that runs it.
type Core interface {
	// Step handles one event and returns what is to be done, in order. The
	// slice is valid until the next Step.
	Step(Event) []Effect
	// Status tells where the node stands, for people.
	Status() Status
}

// Status is what `lockc status` shows of one node.
type Status struct {
	Node     NodeID
	Role     Role
	View     lock.View
	Index    lock.Index // the last entry known to be in the order here
	Peer     NodeID
	Paired   bool   // a primary and a backup that have heard each other in this view
	Heard    bool   // whether the peer was heard at all
	HeardAgo uint64 // ticks since a frame of the peer was last handled
	TickMS   uint64 // the length of a tick in milliseconds; the shell fills it in
	Cluster  ClusterID

	Name    string         // of the node; a node of a pair goes by its address
	Quorum  bool           // three or more nodes, or a cluster that may grow to them
	Durable bool           // entries are on disk before they count
	Members []MemberStatus // of a pair both nodes
	// Where the log stands. Of a quorum these count the engine's entries.
	First, Last, Committed uint64
	DiskBytes              uint64 // of the log and its snapshot; the shell fills it in
}

// Event is something that happened to a node.
type Event interface{ event() }

// The events.
type (
	// Tick is one unit of logical time. Gap says that more than two periods have
	// gone by since the last one was handled: the process was paused.
	Tick struct{ Gap bool }

	// Submit brings requests that clients sent to this node or, with a View, what
	// its own clock wants done in that reign (T2). The clock is never answered:
	// what cannot be done in that very reign is forgotten.
	Submit struct {
		Commands []lock.Command
		View     lock.View
	}

	// Barrier asks whether this node still reigns at a moment after this event
	// (T1). It comes back as Confirmed or Barred. IDs rise.
	Barrier struct{ ID BarrierID }

	// Received is a message of another node. From is authenticated; a message
	// for a former life of this node never gets here.
	Received struct {
		From        NodeID
		Incarnation Incarnation // of the sender
		Cluster     ClusterID   // zero if the sender has none yet
		// NewConnection marks the first message on a connection of the sender.
		NewConnection bool
		Message       Message
	}

	// StreamEnded says that a peer's connection to us has ended and that its
	// last frame was handled before this. Incarnation is the life it served.
	StreamEnded struct {
		Node        NodeID
		Incarnation Incarnation
	}

	// DialRefused says that nobody listens at a peer's address.
	DialRefused struct{ Node NodeID }

	// LinkUp says that a new connection to a peer stands: what was sent on the
	// last one may be lost.
	LinkUp struct{ Node NodeID }

	// LinkDown says that the connection to a peer broke: what was sent on it may
	// be lost.
	LinkDown struct{ Node NodeID }

	// Synced says that the identity up to View is on disk.
	Synced struct{ View lock.View }

	// Stored says that every Store up to Seq is on disk.
	Stored struct{ Seq uint64 }

	// Fingerprinted brings the digest of the state after entry Index.
	Fingerprinted struct {
		Index  lock.Index
		Digest lock.Digest
	}

	// Instruct brings an operator's order. Exactly one Instructed answers it, in
	// the same step.
	Instruct struct {
		ID    OrderID
		Order Order
	}

	// SnapshotTaken brings the encoded state after entry Index.
	SnapshotTaken struct {
		Index  lock.Index
		Digest lock.Digest
		Bytes  []byte
	}

	// Installed says that the state after entry Index is in place. A snapshot
	// that could not be decoded has OK false.
	Installed struct {
		Index  lock.Index
		Digest lock.Digest
		OK     bool
	}

	// Leave asks the node to give up its role for good and to say so (bye).
	Leave struct{}
)

func (Tick) event()          {}
func (Submit) event()        {}
func (Barrier) event()       {}
func (Received) event()      {}
func (StreamEnded) event()   {}
func (DialRefused) event()   {}
func (LinkUp) event()        {}
func (LinkDown) event()      {}
func (Synced) event()        {}
func (Stored) event()        {}
func (Fingerprinted) event() {}
func (Instruct) event()      {}
func (SnapshotTaken) event() {}
func (Installed) event()     {}
func (Leave) event()         {}

// Effect is something that the shell has to do.
type Effect interface{ effect() }

// The effects.
type (
	// Send gives a message to the link to a node.
	Send struct {
		To      NodeID
		Message Message
	}

	// Apply runs entries on the lock table; whoever asked for them here is
	// answered.
	Apply struct{ Entries []lock.Entry }

	// Refuse answers requests that this node will not order: the attempt was not
	// executed. Kind is NotPrimary or Overloaded.
	Refuse struct {
		Requests []lock.RequestID
		Kind     AnswerKind
		Hint     NodeID
	}

	// Abandon answers `moved` to everybody who still waits here: the outcome of
	// what they asked is not known on this node.
	Abandon struct{ Hint NodeID }

	// Confirmed answers all barriers up to ID that were not answered yet: each
	// came while this node reigned, and it has reigned since.
	Confirmed struct{ ID BarrierID }

	// Barred answers all barriers up to ID that were not answered yet: this node
	// does not reign; ask Hint. Kind is NotPrimary, which zero is too, or NoQuorum.
	Barred struct {
		ID   BarrierID
		Kind AnswerKind
		Hint NodeID
	}

	// Began says that this node is PRIMARY or SOLO in View: every session has its
	// full time-out again (T3). What was ordered before has been applied. A new
	// view of the same role is a new reign.
	Began struct{ View lock.View }

	// Ended says that the node lost that role. It may come without a Began, if
	// the view was over before it was on disk.
	Ended struct{}

	// Persist writes View and Cluster into the identity file and comes back as
	// Synced. With Became the node is no node of a pair from then on.
	Persist struct {
		View    lock.View
		Cluster ClusterID
		Became  *Became
	}

	// Turn ends a Pair: the node goes on as a member of a quorum. Whoever hosts the
	// core does that in the same step; no shell ever sees it.
	Turn struct {
		Became Became
		Digest lock.Digest
		Table  []byte // the state after entry Became.Index
		Stores uint64 // of this node's log so far
		Event  Event  // by which it has learned of it, which is the quorum's, or nil
	}

	// Store writes to the log on disk: the snapshot, then the state, then the
	// entries. It comes back as Stored when all of it would survive a loss of
	// power (R1). Seq rises by one. A node without a log on disk has none of it.
	Store struct {
		Seq uint64
		// Snapshot, if not nil, replaces the entries up to its index; with Whole,
		// all entries, since they are another history's.
		Snapshot *LogSnapshot
		Whole    bool
		State    []byte // nil leaves what was there
		Entries  []LogEntry
		// Lazy may wait for the next Store that is not: what it says can be found
		// out again.
		Lazy bool
	}

	// Fingerprint asks for the digest of the table; it comes back as
	// Fingerprinted.
	Fingerprint struct{}

	// Instructed answers an Instruct.
	Instructed struct{ Ordered Ordered }

	// Left answers Leave: the role has passed on, or nobody could take it, and the
	// farewell is among the effects before this one.
	Left struct{}

	// Befriend says which nodes the protocol is spoken with from now on: they are
	// dialled until they answer, and only their messages get here.
	Befriend struct{ Nodes []NodeID }

	// TakeSnapshot asks for the table's state; it comes back as SnapshotTaken.
	TakeSnapshot struct{}

	// Install replaces the table by a snapshot; it comes back as Installed.
	Install struct{ Bytes []byte }

	// Reset replaces the table by an empty one, as before entry 1.
	Reset struct{}

	// ResetLink cuts the connection to a node, with all that queued on it.
	ResetLink struct{ To NodeID }

	// Say tells people what happened, in one line.
	Say struct {
		Warn bool
		Text string
	}

	// Exit ends the process: it cannot be part of this pair. Reason is for
	// people. Effects before it are carried out first.
	Exit struct{ Reason string }
)

func (Send) effect()         {}
func (Apply) effect()        {}
func (Refuse) effect()       {}
func (Abandon) effect()      {}
func (Confirmed) effect()    {}
func (Barred) effect()       {}
func (Began) effect()        {}
func (Ended) effect()        {}
func (Persist) effect()      {}
func (Turn) effect()         {}
func (Store) effect()        {}
func (Fingerprint) effect()  {}
func (Instructed) effect()   {}
func (Left) effect()         {}
func (Befriend) effect()     {}
func (TakeSnapshot) effect() {}
func (Install) effect()      {}
func (Reset) effect()        {}
func (ResetLink) effect()    {}
func (Say) effect()          {}
func (Exit) effect()         {}
