package replica

import "lockstep/lock"

// Message is what the nodes of a pair say to each other. Slices in a message
// are never changed after it was sent.
type Message interface{ message() }

// The messages of a role. Each carries the sender's view; only a message of the
// receiver's own view counts as a sign of life (P2).
type (
	// Heartbeat is sent at every tick by PRIMARY and BACKUP. Index is the last
	// entry that the sender has: what was lost shows by it.
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

	// Ack says that the sender has every entry up to Index.
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

	// Confirmation is its answer: it is, and has every entry up to Index.
	Confirmation struct {
		View  lock.View
		Round uint64
		Index lock.Index
	}

	// Alone is sent at every tick, for ever, by a node that is SOLO (P3, P5).
	Alone struct{ View lock.View }

	// Outdated answers a message of a lower view (P6).
	Outdated struct{ View lock.View }

	// Bye says that the sender gave up its role in View and stops.
	Bye struct{ View lock.View }
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
	}

	// Refusal tells a newcomer that it cannot be part of this pair.
	Refusal struct{ Reason string }

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

func (Heartbeat) message()    {}
func (Forward) message()      {}
func (Ack) message()          {}
func (Relay) message()        {}
func (Confirm) message()      {}
func (Confirmation) message() {}
func (Alone) message()        {}
func (Outdated) message()     {}
func (Bye) message()          {}
func (Hello) message()        {}
func (Refusal) message()      {}
func (Chunk) message()        {}
func (Tail) message()         {}
func (Report) message()       {}
func (Start) message()        {}
