package quorum

import (
	_ "go.etcd.io/raft/v3" // hosted here

	"lockstep/lock"
	"lockstep/replica"
)

// Quorum is one node's part in the protocol. One actor owns it.
type Quorum struct {
	cfg Config
}

// Config is what a node of a quorum is started with.
type Config struct {
	Name    string
	Address replica.NodeID
	Peers   []replica.Peer // those that it was started with, itself among them
	Quiet   bool

	Incarnation replica.Incarnation
	// Member is drawn for this life. It is used if there is no log.
	Member replica.MemberID
	// What the identity file said; HasIdentity is false for a first start.
	HasIdentity bool
	View        lock.View
	Cluster     replica.ClusterID
	NewCluster  replica.ClusterID // the id that a cluster founded by this node gets

	Durable bool // Store is carried out
	Codec   replica.Codec

	// Zero means the default.
	ElectionTicks  int    // 10: an election begins after 10 to 20 silent ticks
	MaxBatch       int    // commands in one entry of the engine
	MaxInFlight    int    // entries under way
	MaxQueue       int    // requests that wait for their number
	EntriesPerView uint64 // entries that one view may number (S3)
	ChunkBytes     int    // bytes of one piece of a snapshot
	RetainBytes    uint64 // of the log, before a snapshot takes its place
}

// New returns a node that goes on where its log ends; without one it seeks a
// cluster that it is a member of.
func New(cfg Config, log replica.Recovered) (*Quorum, error) {
	return &Quorum{cfg: cfg}, nil
}

// Step handles one event. See replica.Core.
func (q *Quorum) Step(ev replica.Event) []replica.Effect { return nil }

// Status tells where the node stands.
func (q *Quorum) Status() replica.Status { return replica.Status{} }
