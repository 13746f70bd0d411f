package replica

import "lockstep/lock"

// Pair is the protocol of two nodes as a step function. One actor owns it.
//
// The rules live in files of their own:
//
//	pair_view.go     views and roles: what waits for the disk (P0), demotion (P6)
//	pair_order.go    numbering, forwarding, acknowledging, applying (P1)
//	pair_relay.go    requests that reach the backup (P4)
//	pair_confirm.go  barriers, reigns and what their clock asks for (T1, T2, T3)
//	pair_suspect.go  suspicion and its consequences (P2, P3, P5, P9)
//	pair_found.go    founding, newcomers, wrong peers, farewell (P0)
//	pair_transfer.go rejoin, the survivor's side (P7)
//	pair_intake.go   rejoin, the joiner's side (P7)
//	pair_disk.go     the log on disk, and what counts (P8)
//	pair_handover.go operators' orders
//	pair_grow.go     becoming a quorum
//	pair_recover.go  what a restarted node does with its log (P8)
type Pair struct {
	cfg  PairConfig
	peer NodeID

	role    Role
	view    lock.View // of the role; without a role, the highest seen
	cluster ClusterID
	over    bool // it left, or has to exit: nothing happens any more

	out    []Effect  // of this step
	held   []Effect  // they wait until synced has reached view
	synced lock.View // the highest view that is on disk

	life    peerLife
	suspect suspicion
	order   order
	park    park
	disk    ledger
	copy    *restored // without a role: the log's from former lives, or that of a role that was handed over

	barriers barriers
	reign    lock.View // that of the last Began; zero after Ended

	// starting is set from the step that made this node PRIMARY until the
	// backup's first acknowledgement: START is sent at every tick (P7).
	starting bool
	founding bool      // the START that is being sent founds an empty pair
	renewing bool      // it takes the backup of the last view along (S3)
	transfer *transfer // SOLO, and PRIMARY while starting: a joiner is being fed
	intake   *intake   // without a role: what has come of a snapshot
	passing  bool      // PRIMARY: it hands over when the backup has everything
	growth   *growth   // PRIMARY and BACKUP: they are about to become a quorum
	grows    grows     // what is known for that
	farewell lock.View // DEMOTED: of the role that it handed over, until the peer has gone on
	installs int       // Install effects whose Installed has not come yet
	// snapshots counts the TakeSnapshot effects that were not answered yet.
	snapshots int
}

// PairConfig is what a node of a pair is started with.
type PairConfig struct {
	Pair        [2]NodeID // the primary's address, the backup's
	AsPrimary   bool      // which of them this node is
	Incarnation Incarnation

	// What the identity file said; HasIdentity is false for a first start.
	HasIdentity bool
	View        lock.View
	Cluster     ClusterID

	Member       MemberID   // drawn for this life; used if the pair becomes a quorum
	NewCluster   ClusterID  // the id that a pair founded by this node gets
	SuspectTicks int        // N of rule P2; at least MinSuspectTicks
	Solo         SoloPolicy // who may go on alone after suspicion
	TrustRefused bool       // rule P9
	Found        bool       // found alone although an identity exists

	// Durable says that entries are on disk before they count: every Store is
	// answered by Stored. Log is what the disk has kept of former lives.
	Durable bool
	Codec   Codec // if Durable
	Log     Recovered

	// Zero means the default.
	// MaxBatch is how many entries go into one Forward. A bounded batch lets the
	// primary answer one while the backup works on the next.
	MaxBatch       int
	MaxQueue       int    // requests that wait for their number
	EntriesPerView uint64 // entries that one view may number (S3)
	ChunkBytes     int    // bytes of one piece of a snapshot
	MaxRetained    int    // entries kept for a joiner
	RetainBytes    uint64 // of the log behind its snapshot, until a new one is taken
}

// MinSuspectTicks is the least N that keeps two healthy nodes from suspecting
// each other when one heartbeat is lost and the others are a tick late (P2).
const MinSuspectTicks = 6

// SoloPolicy says who may go on alone on suspicion. It chooses between being
// available and being safe in a partition; proofs of death (a newer life of the
// peer, its farewell, P9) are not limited by it.
type SoloPolicy uint8

// The policies.
const (
	SoloBoth        SoloPolicy = iota // either node
	SoloPrimaryOnly                   // only the primary
	SoloNone                          // neither: both wait
)

// peerLife is what is known of the present life of the other node.
type peerLife struct {
	incarnation Incarnation
	view        lock.View // the highest that a message of this life carried
	serving     bool      // it spoke with a role, so it is worth a hint
	streamEnded bool      // its connection ended and was handled to the end (P9)
	refusals    int       // dials that were refused since then (P9)
	heard       bool
	ago         uint64 // ticks since it was last heard
}

// OpenPair is NewPair for a node that may have a log. It fails if the log makes
// no sense.
func OpenPair(cfg PairConfig) (*Pair, error) {
	log := cfg.Log
	cfg.Log = Recovered{}
	p := NewPair(cfg)
	if err := p.recover(&log); err != nil {
		return nil, err
	}
	return p, nil
}

// NewPair returns a node without a role, which is how every node starts (P0). It
// looks at no log.
func NewPair(cfg PairConfig) *Pair {
	cfg.setDefaults()
	p := &Pair{
		cfg:     cfg,
		peer:    cfg.Pair[0],
		role:    Joining,
		view:    cfg.View,
		synced:  cfg.View,
		cluster: cfg.Cluster,
		suspect: suspicion{limit: cfg.SuspectTicks},
	}
	if cfg.AsPrimary {
		p.peer = cfg.Pair[1]
	}
	return p
}

func (cfg *PairConfig) setDefaults() {
	orDefault(&cfg.SuspectTicks, 8)
	orDefault(&cfg.MaxBatch, 512)
	orDefault(&cfg.MaxQueue, 1<<16)
	orDefault(&cfg.ChunkBytes, 128<<10)
	orDefault(&cfg.MaxRetained, 1<<20)
	orDefault(&cfg.RetainBytes, 64<<20)
	// Each entry draws one token at most, and so does each wait that an earlier
	// view has left, when it is granted in this one (S3).
	orDefault(&cfg.EntriesPerView, 1<<40-1-lock.MaxWaits)
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// self is this node's own address.
func (p *Pair) self() NodeID {
	if p.cfg.AsPrimary {
		return p.cfg.Pair[0]
	}
	return p.cfg.Pair[1]
}

// Step handles one event. See Core.
func (p *Pair) Step(ev Event) []Effect {
	p.out = p.out[:0]
	if p.over {
		return nil
	}
	p.installCopy()
	if p.turned(ev) {
		return p.out
	}
	switch e := ev.(type) {
	case Tick:
		p.tick(e)
	case Submit:
		p.submit(e)
	case Barrier:
		p.onBarrier(e.ID)
	case Received:
		p.received(e)
	case StreamEnded:
		p.onStreamEnded(e)
	case DialRefused:
		p.onDialRefused()
	case LinkUp:
		p.onLinkUp()
	case LinkDown: // the heartbeats will tell what it means
	case Synced:
		p.onSynced(e.View)
	case Stored:
		p.onStored(e.Seq)
	case SnapshotTaken:
		p.onSnapshotTaken(e)
	case Installed:
		p.onInstalled(e)
	case Instruct:
		p.instruct(e)
	case Leave:
		p.leave()
	default:
		panic("replica: an event that Pair does not know")
	}
	p.announce()
	p.confirm()
	return p.out
}

// tick is one unit of time. What is said at every tick repairs what was lost.
func (p *Pair) tick(t Tick) {
	p.life.ago++
	p.grows.ticks++
	suspects := p.suspect.tick(t.Gap)
	switch p.role {
	case Joining, Demoted:
		p.sayFarewell()
		p.hello()
		p.report()
		if suspects {
			p.foundAlone()
		}
	case Primary:
		if !p.renewing { // a backup that has not taken START yet would be demoted
			p.send(Heartbeat{View: p.view, Index: p.kept()})
		}
		p.start()
		p.resend()
		p.ask()
		p.askAgain()
		p.grow()
		p.feed(true)
		if suspects {
			p.onSuspicion()
		}
	case Backup:
		p.send(Heartbeat{View: p.view, Index: p.kept()})
		p.relayAgain()
		p.sayReady()
		if suspects {
			p.onSuspicion()
		}
	case Solo:
		p.send(Alone{View: p.view})
		p.feed(true)
		if suspects {
			p.onSilence()
		}
	}
}

// received sorts out who speaks before it looks at what is said.
func (p *Pair) received(e Received) {
	if m, ok := e.Message.(Seek); ok {
		p.onNewcomer(e, m)
	}
	if e.From != p.peer {
		p.onStranger(e)
		return
	}
	if e.Incarnation < p.life.incarnation || !p.sameCluster(e) {
		return
	}
	switch m := e.Message.(type) {
	case Seek:
		p.onSeek(m)
		return
	case Engine, Found, Digests:
		return // between the nodes of a cluster
	}
	if e.Incarnation > p.life.incarnation {
		p.onNewLife(e.Incarnation)
	}
	p.life.heard, p.life.ago = true, 0
	p.life.streamEnded, p.life.refusals = false, 0
	if e.NewConnection {
		p.suspect.count = 0
	}
	if m, ok := e.Message.(roleMessage); ok {
		p.onRoleMessage(m)
		return
	}
	p.onJoiningMessage(e)
}

// sameCluster drops what another cluster says, but for the messages by which a
// wrong peer is found out.
func (p *Pair) sameCluster(e Received) bool {
	switch e.Message.(type) {
	case Hello, Refusal, Start:
		return true
	default:
		return p.cluster == 0 || e.Cluster == 0 || e.Cluster == p.cluster
	}
}

func (p *Pair) onJoiningMessage(e Received) {
	if !p.hasRole() {
		p.suspect.alive() // a node that founds alone must have heard nobody at all
	}
	switch m := e.Message.(type) {
	case Hello:
		p.onHello(m, e.Cluster)
	case Refusal:
		p.onRefusal(m)
	case Chunk:
		p.onChunk(m, e.Cluster)
	case Tail:
		p.onTail(m)
	case Report:
		p.onReport(m)
	case Start:
		p.onStart(m)
	default:
		panic("replica: a message that Pair does not know")
	}
}

// onLinkUp repeats at once what the last connection may have lost.
func (p *Pair) onLinkUp() {
	switch p.role {
	case Joining, Demoted:
		p.hello()
	case Primary:
		p.forwardAgain()
		p.ask()
	case Solo:
		p.send(Alone{View: p.view})
	}
}

// Status tells where the node stands.
func (p *Pair) Status() Status {
	s := Status{
		Node: p.self(), Role: p.role, View: p.view, Index: p.order.applied,
		Peer: p.peer, Paired: p.paired(),
		Heard: p.life.heard, HeardAgo: p.life.ago, Cluster: p.cluster,
		Name: string(p.self()), Durable: p.cfg.Durable,
		Last: uint64(p.order.last), Committed: uint64(p.order.applied), First: uint64(p.order.base) + 1,
	}
	if p.cfg.Durable {
		s.First = uint64(p.disk.base) + 1
	}
	for _, node := range p.cfg.Pair {
		s.Members = append(s.Members, p.memberStatus(node))
	}
	return s
}

func (p *Pair) memberStatus(node NodeID) MemberStatus {
	m := MemberStatus{Member: Member{Name: string(node), Address: node, Voter: true}}
	if node == p.self() {
		m.Role, m.Match, m.Heard = p.role, uint64(p.order.last), true
		return m
	}
	m.Heard, m.HeardAgo = p.life.heard, p.life.ago
	if !p.life.heard {
		return m
	}
	switch {
	case p.role == Primary && !p.starting:
		m.Role, m.Match = Backup, uint64(p.order.acked)
	case p.role == Backup:
		m.Role, m.Match = Primary, uint64(p.order.last)
	case p.transfer != nil:
		m.Role, m.Match = Joining, uint64(p.transfer.index)
	case !p.hasRole() && p.life.serving:
		m.Role = Solo // as far as it is known
	}
	return m
}

// paired says whether a second copy exists as far as this node knows.
func (p *Pair) paired() bool {
	return (p.role == Primary && !p.starting || p.role == Backup) && p.suspect.count < p.suspect.limit
}
