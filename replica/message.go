package replica

import "lockstep/lock"

// Message is what the nodes of a pair say to each other. Slices in a message
// are never changed after it was sent.
type Message interface{ message() }

// The messages of a role. Each carries the sender's view; only a message of the
// receiver's own view counts as a sign of life (P2).
type (
	// Heartbeat is sent at every tick by PRIMARY and BACKUP. Index is the last
	// entry that the sender has, on disk if it is durable: what was lost shows by
	// it. A durable primary sends one too whenever its disk has got further.
	Heartbeat struct {
		View  lock.View
		Index lock.Index
	}

	// Forward brings the entries after those sent before (P1). They were
	// numbered in View or, right after a rejoin, in an earlier one.
	Forward struct {
		View    lock.View
		Entries []lock.Entry
	}

	// Ack says that the sender has every entry up to Index, on disk if it is
	// durable.
	Ack struct {
		View  lock.View
		Index lock.Index
	}

	// Relay hands the primary requests that clients sent to the backup (P4).
	Relay struct {
		View     lock.View
		Commands []lock.Command
	}

	// Confirm asks the backup whether it still is one in View (T1). Round numbers
	// the asking.
	Confirm struct {
		View  lock.View
		Round uint64
	}

	// Confirmation is its answer: it is, and has every entry up to Index, as in Ack.
	Confirmation struct {
		View  lock.View
		Round uint64
		Index lock.Index
	}

	// Alone is sent at every tick, for ever, by a node that is SOLO (P3, P5).
	Alone struct{ View lock.View }

	// Outdated answers a message of a lower view (P6).
	Outdated struct{ View lock.View }

	// Bye says that the sender gave up its role in View: it stops, or joins again.
	Bye struct{ View lock.View }

	// Grow asks the backup to get ready for a quorum that begins with the state
	// after entry Index. Round numbers the attempts of the primary's life; with
	// zero it asks only whether, and as which member, the backup could.
	Grow struct {
		View    lock.View
		Round   uint64
		Index   lock.Index
		Digest  lock.Digest // of that state
		Cluster ClusterID   // of the quorum
		Begins  lock.View   // of its log's first entry
		Members []Member
	}

	// Grown is its answer. Ready is a promise: the sender goes on alone only when it
	// knows that the primary has not decided, and never will.
	Grown struct {
		View   lock.View
		Round  uint64
		Member MemberID
		Ready  bool
		Reason string // for which it will not, if there is one
	}
)

// The joining messages. They never demote anybody, are never answered
// Outdated, and are no sign of life of a role (P6).
type (
	// Hello is sent at every tick by a node without a role.
	Hello struct {
		Role      Role
		View      lock.View // the highest it has seen
		AsPrimary bool      // started as primary
		Pair      [2]NodeID // the addresses it was started with: primary, backup
		// Knows is the life of the receiver that the sender has heard, or zero.
		Knows Incarnation
		// Of the copy in the sender's log (P8): the view of its last role and the
		// last entry. LogView is zero if the sender holds no copy.
		LogView  lock.View
		LogIndex lock.Index
	}

	// Refusal tells a newcomer that it cannot be part of this pair or cluster.
	// Member is whom it means: by now somebody else may be at its address. Zero is
	// whoever gets it.
	Refusal struct {
		Reason string
		Member MemberID
	}

	// Chunk is a piece of a snapshot. Base is the index of its last entry and,
	// with the view, its name.
	Chunk struct {
		View   lock.View
		Base   lock.Index
		Offset uint64
		Total  uint64
		Bytes  []byte
	}

	// Tail brings a joiner the entries after its snapshot, or after a Tail.
	Tail struct {
		View    lock.View
		Base    lock.Index
		Entries []lock.Entry
	}

	// Report says how far a joiner has got with the snapshot Base.
	Report struct {
		View      lock.View // of the snapshot
		Highest   lock.View // the highest that the joiner has seen
		Base      lock.Index
		Offset    uint64 // bytes of the snapshot that it has
		Installed bool
		Digest    lock.Digest // of the installed state, after entry Base
		Index     lock.Index  // the last entry that it has, if installed
	}

	// Start makes the joiner that holds everything up to Index the backup of
	// View (P7).
	Start struct {
		View    lock.View
		Index   lock.Index
		Cluster ClusterID
		// Founding says that the pair begins empty: Index is zero.
		Founding bool
	}
)

// The messages of a quorum, beside the engine's own. A snapshot travels as
// Chunk and Report, whose View is its term and whose Base is its index.
type (
	// Engine is a message of the consensus engine, encoded by it.
	Engine struct{ Bytes []byte }

	// Seek is sent at every tick by a node without a log.
	Seek struct {
		Member MemberID // drawn for the log that it wants to begin
		Name   string
		Quiet  bool
		Fresh  bool      // it has never had a part in a cluster
		View   lock.View // the highest it has seen
		Peers  []Peer    // that it was started with, itself among them
		// Knows is the life of the receiver that the sender has heard, or zero.
		Knows Incarnation
	}

	// Found gives a node that seeks the configuration with which its log begins.
	Found struct {
		Cluster ClusterID
		View    lock.View
		Members []Member
	}

	// Digests says what the sender's state was after some entries, the newest
	// last (R4).
	Digests struct{ At []DigestAt }
)

// DigestAt is the digest of the state after an entry of the engine's log.
type DigestAt struct {
	Index  uint64
	Digest lock.Digest
}

func (Engine) message()       {}
func (Seek) message()         {}
func (Found) message()        {}
func (Digests) message()      {}
func (Heartbeat) message()    {}
func (Forward) message()      {}
func (Ack) message()          {}
func (Relay) message()        {}
func (Confirm) message()      {}
func (Confirmation) message() {}
func (Alone) message()        {}
func (Outdated) message()     {}
func (Bye) message()          {}
func (Grow) message()         {}
func (Grown) message()        {}
func (Hello) message()        {}
func (Refusal) message()      {}
func (Chunk) message()        {}
func (Tail) message()         {}
func (Report) message()       {}
func (Start) message()        {}
