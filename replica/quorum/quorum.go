package quorum

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"

	"lockstep/lock"
	"lockstep/replica"
)

// Quorum is one node's part in the protocol. One actor owns it.
//
// The engine orders entries and knows who leads; everything else lives in files
// of its own:
//
//	engine.go    the engine's settings, and who may speak to it
//	ready.go     what the engine wants: writing, sending, applying (R1, R4)
//	storage.go   the log in memory, as the engine reads it
//	record.go    what the disk keeps, as bytes
//	recover.go   going on where a log ends (R2, R3)
//	view.go      views, and what waits for the identity
//	requests.go  queue, batches, answers (R5, R6)
//	reads.go     barriers and reigns (R7, T1, T3)
//	handover.go  giving the reign to another node, and leaving
//	found.go     founding a cluster, seeking one
//	members.go   who belongs to it (R9)
//	changes.go   newcomers and replacements (R2, R9)
//	orders.go    what operators want
//	bootstrap.go beginning anew when the majority is lost
//	snapshot.go  cutting the log short (R8)
//	transfer.go  snapshots on their way, the sender's side
//	intake.go    and the receiver's
//	digest.go    comparing states (R4)
type Quorum struct {
	cfg Config

	member  replica.MemberID // the name of the log (R2)
	cluster replica.ClusterID
	log     *storage      // nil: there is none yet, and the node seeks
	node    *raft.RawNode // the engine; nil without a log
	over    bool          // it left, or has to exit: nothing happens any more

	out   []replica.Effect // of this step
	ticks uint64           // of this life

	views  views
	engine engineState
	disk   disk

	applied     uint64     // the last entry of the engine given to the lock table
	appliedTerm uint64     // its term
	index       lock.Index // commands applied: the last entry of the lock table

	queue     []lock.Command // without a number yet
	proposals []proposal     // numbered here, and not yet applied
	numbered  uint64         // commands numbered in this view (S3)
	reign     lock.View      // that of the last Began; zero after Ended
	reads     reads
	handover  *handover
	leaving   bool
	left      uint64 // the tick at which Leave came

	roster    roster
	heard     map[replica.NodeID]*life
	seekers   map[replica.NodeID]*seeker
	befriends []replica.NodeID // of the last Befriend
	// befriendDue says that it has to be looked at again.
	befriendDue bool
	founding    uint64                  // the tick at which this node founded the cluster; zero: it did not
	led         uint64                  // the tick at which a primary was last known
	seen        lock.View               // the highest that somebody else has told of
	adding      string                  // the newcomer that an order of this reign has last taken in
	removing    string                  // the member that an order of this reign has last removed
	proofs      map[replica.Order]place // what must be applied before an order that seems done is
	tail        uint64                  // the last entry that was given to the log

	cuts      cuts
	transfers []*transfer
	intake    *intake
	arrived   *arrival
	digests   digests
	bootstrap *bootstrap
	retired   bool   // this node was removed
	asked     uint64 // the tick at which it last asked an unknown member who belongs to the cluster
	// bootstrapped is the order that has begun this cluster.
	bootstrapped replica.OrderID
	awaken       []replica.Effect // before those of the first step
}

// Config is what a node of a quorum is started with.
type Config struct {
	Name    string
	Address replica.NodeID
	Peers   []replica.Peer // those that it was started with, itself among them
	Quiet   bool
	// Found lets a node that is alone in Peers found a cluster of itself. It cannot
	// know by silence that the list has not grown since.
	Found bool

	Incarnation replica.Incarnation
	// Member is drawn for this life. It is used if there is no log.
	Member replica.MemberID
	// What the identity file said; HasIdentity is false for a first start.
	HasIdentity bool
	View        lock.View
	Cluster     replica.ClusterID
	NewCluster  replica.ClusterID // the id that a cluster founded by this node gets

	// BootstrapFloor is the least view of a cluster that is begun anew by a node
	// which knows of none; see Floor.
	BootstrapFloor lock.View

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

func (cfg *Config) setDefaults() {
	orDefault(&cfg.ElectionTicks, 10)
	orDefault(&cfg.MaxBatch, 1024)
	// Measured with 1,024 outstanding: in memory larger batches are worth more than
	// a second one; on disk one is written while the next is on its way.
	orDefault(&cfg.MaxInFlight, 1+int(flag(cfg.Durable)))
	orDefault(&cfg.MaxQueue, 1<<16)
	// Each entry draws one token at most, and so does each wait that an earlier
	// view has left, when it is granted in this one (S3).
	orDefault(&cfg.EntriesPerView, 1<<40-1-lock.MaxWaits)
	orDefault(&cfg.ChunkBytes, 128<<10)
	orDefault(&cfg.RetainBytes, 64<<20)
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Step handles one event. See replica.Core.
func (q *Quorum) Step(ev replica.Event) []replica.Effect {
	q.out = q.out[:0]
	if q.over {
		q.turnAway(ev)
		return q.out
	}
	q.awake()
	switch e := ev.(type) {
	case replica.Tick:
		q.tick()
	case replica.Submit:
		q.submit(e)
	case replica.Barrier:
		q.onBarrier(e.ID)
	case replica.Received:
		q.received(e)
	case replica.LinkDown:
		q.onLinkDown(e.Node)
	case replica.LinkUp, replica.StreamEnded, replica.DialRefused:
		// The engine asks again by itself, and nobody is dead because a
		// connection is.
	case replica.Synced:
		q.onSynced(e.View)
	case replica.Stored:
		q.onStored(e.Seq)
	case replica.SnapshotTaken:
		q.onSnapshotTaken(e)
	case replica.Installed:
		q.onInstalled(e)
	case replica.Fingerprinted:
		q.onFingerprinted(e)
	case replica.Instruct:
		q.instruct(e)
	case replica.Leave:
		q.leave()
	default:
		panic("quorum: an event that Quorum does not know")
	}
	q.settle()
	return q.out
}

// settle carries on until nothing is left to do in this step.
func (q *Quorum) settle() {
	q.drain()
	q.announce()
	for q.pump() {
		q.drain()
	}
	q.confirm()
	q.drain()
	q.passOn()
	q.drain()
	q.announce()
	q.confirm()
	q.drain()
	q.saveChange()
	q.befriend()
}

// tick is one unit of time. What is said at every tick repairs what was lost.
// A gap needs no care: whoever suspects wrongly is not voted for, since the
// others hear their leader.
func (q *Quorum) tick() {
	q.ticks++
	q.befriendDue = true
	if q.bootstrap != nil {
		return
	}
	if q.node == nil {
		q.seek()
		q.tryFound()
		q.sayWaiting()
		return
	}
	if q.views.highest < lock.MaxView || q.leading() {
		q.node.Tick() // nobody is elected past the last view
	}
	q.drain()
	q.tickFounding()
	q.tickLost()
	q.callIn()
	q.tickHandover()
	q.tickQuiet()
	q.tickChanges()
	q.tickTransfers()
	q.tickSnapshot()
	q.tickDigest()
	q.tickState()
	q.tickRetired()
}

// received sorts out who speaks before it looks at what is said.
func (q *Quorum) received(e replica.Received) {
	if q.bootstrap != nil {
		return // the old cluster is over, and the new one has not begun
	}
	l := q.lifeOf(e.From)
	if l == nil || e.Incarnation < l.incarnation {
		return
	}
	if e.Incarnation > l.incarnation {
		*l = life{incarnation: e.Incarnation}
	}
	switch m := e.Message.(type) {
	case replica.Seek:
		q.onSeek(e, m)
		return
	case replica.Found:
		q.onFound(e, m)
		return
	case replica.Refusal:
		q.onRefusal(e, m)
		return
	case replica.Hello:
		q.onHello(e.From)
		return
	}
	if q.node == nil || e.Cluster != q.cluster {
		return // R9
	}
	l.heard, l.at = true, q.ticks
	switch m := e.Message.(type) {
	case replica.Engine:
		q.onEngine(e.From, m)
	case replica.Chunk:
		q.onChunk(e.From, m)
	case replica.Report:
		q.onReport(e.From, m)
	case replica.Digests:
		q.onDigests(e.From, m)
	}
	// Everything else is said between the nodes of a pair.
}

// onHello sends a node of a pair away, which would wait for ever. One that has
// promised to become a node of this cluster learns that it has.
func (q *Quorum) onHello(from replica.NodeID) {
	if q.node != nil && q.begun() && len(q.roster.members) > 0 {
		q.send(from, replica.Found{Cluster: q.cluster, View: q.foundView(), Members: q.roster.members})
	}
	q.send(from, replica.Refusal{Reason: fmt.Sprintf("%s at %s is a node of a cluster, and knows no pairs; start a node of it with lockd node, and with an empty -data directory if this one had promised to be one",
		q.cfg.Name, q.cfg.Address)})
}

// life is what is known of a node's present life.
type life struct {
	incarnation replica.Incarnation
	heard       bool // with a log of this cluster
	at          uint64
}

// maxLives bounds of how many addresses something is remembered.
const maxLives = 256

// lifeOf returns what is known of an address; nil if too many speak who are no
// members.
func (q *Quorum) lifeOf(address replica.NodeID) *life {
	l := q.heard[address]
	if l == nil && (len(q.heard) < maxLives || q.occupied(address)) {
		l = &life{}
		q.heard[address] = l
	}
	return l
}

// heardLately reports whether a node was heard in the last so many ticks. This
// node hears itself.
func (q *Quorum) heardLately(address replica.NodeID, ticks int) bool {
	if address == q.cfg.Address {
		return true
	}
	l := q.heard[address]
	return l != nil && l.heard && q.ticks-l.at <= uint64(ticks)
}

// isThere reports whether a member was heard in the last so many ticks, and not
// a newcomer in its place: whoever has lost his log comes back under another name,
// and as long as that one copies, his former self is a member, and dead.
func (q *Quorum) isThere(m replica.Member, ticks int) bool {
	succeeded := m.Voter && slices.ContainsFunc(q.roster.members, func(n replica.Member) bool {
		return n.Address == m.Address && !n.Voter
	})
	return q.heardLately(m.Address, ticks) && !succeeded
}

func (q *Quorum) onLinkDown(address replica.NodeID) {
	if q.node == nil {
		return
	}
	for _, m := range q.roster.members {
		if m.Address == address && m.ID != q.member {
			q.node.ReportUnreachable(uint64(m.ID))
		}
	}
}

// say and exit are for people and wait for nothing.
func (q *Quorum) say(warn bool, text string) {
	q.out = append(q.out, replica.Say{Warn: warn, Text: text})
}

func (q *Quorum) exit(reason string) {
	if !q.over {
		q.over = true
		q.out = append(q.out, replica.Exit{Reason: reason})
	}
}

// leading reports whether the engine leads; ready whether it may also order and
// answer (R6): an entry of its own term is applied here, so everything that any
// term before it has committed is.
func (q *Quorum) leading() bool { return q.node != nil && q.engine.role == raft.StateLeader }

func (q *Quorum) ready() bool { return q.caughtUp() && !q.quiet() }

// caughtUp is ready but for a quiet node.
func (q *Quorum) caughtUp() bool { return q.leading() && q.appliedTerm == q.engine.term }

// quiet reports whether this node serves nobody.
func (q *Quorum) quiet() bool {
	if q.cfg.Quiet {
		return true
	}
	self, _ := q.roster.byID(q.member)
	return self.Quiet
}

// engineState is what the engine has told of itself.
type engineState struct {
	term   uint64
	leader uint64 // who leads, as far as is known
	role   raft.StateType
	commit uint64
	vote   uint64
}
