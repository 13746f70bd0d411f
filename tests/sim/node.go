package sim

import (
	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/lock"
	"lockstep/replica"
)

// node is a machine: a disk, and a process while one runs.
type node struct {
	w    *world
	id   int
	name replica.NodeID
	disk identity
	proc *process // nil: nothing runs
	// The links to and from every other node, in the order of the nodes.
	out, in []*link
	// dark says that the machine has vanished without a word: nobody is told
	// that its connections ended or that nobody listens.
	dark bool

	safe lock.Index // of a pair: up to here its order is on disk

	// Of a quorum:
	title string // the operator's name for it
	peers []replica.Peer
	quiet bool
	fs    *journaltest.Disk
	log   replica.MemberID // whose log lies in fs
	// members is what its log last said of the cluster.
	members []replica.MemberStatus
	doomed  bool // it will be wiped
	fetched bool // the operator has it
	idle    bool // it has no part in the cluster, and is not started
	anew    bool // it was one of the pair, and is started as one of the quorum
	old     bool // it was given up for lost, and has what it had
}

// identity is the file that outlives a process.
type identity struct {
	written     bool
	incarnation replica.Incarnation
	view        lock.View
	cluster     replica.ClusterID
	became      *replica.Became // of a pair that has become a quorum
}

// process is one life of a node. What it holds is lost with it.
type process struct {
	w    *world
	node *node
	disk *writer
	inc  replica.Incarnation
	core replica.Core

	replicator, tableActor actor
	table                  table

	paused, dead   bool
	pausedAt       instant
	pauses         int // counts them, so that a wake-up knows its own
	peers, clients socket
	missed         bool // a tick fell due during the pause
	tickOut        bool // a tick waits to be handled
	countOut       bool // and one at the table
	lastPost       instant
	lastTick       instant
	peerInc        map[*node]replica.Incarnation // the others' lives, as far as they were heard
	status         replica.Status
	spread         spread
	relayed        map[lock.RequestID]bool // what the peer has relayed in this life
	friends        []replica.NodeID        // of a quorum: whose messages get to the core
	member, drawn  replica.MemberID        // drawn is that of a pair's node, for the time to come
	looked         uint64                  // ticks, at some of which its status was looked at
	orders         int                     // answers to orders in this step
	orderer        orderer                 // whose order the core is stepped with
	leaving, over  bool                    // it was told to stop, and has
	spoilt         bool                    // a bad copy was put in place of the table
	passing        bool                    // it hands its role over in this step
	kept           lock.View               // that it handed over, with a copy that it keeps
	anew           bool                    // an operator has had it begin another cluster
	finishing      bool                    // it applies the rest of its log, for that
	begins         *history                // with which it begins another cluster
	promised       bool                    // a backup has told the primary that it does not go on alone
	promisedTo     replica.Incarnation
	soloAt         instant // SOLO, awake and with its view on disk ever since
}

func (n *node) linkTo(address replica.NodeID) *link {
	for _, l := range n.out {
		if l.to.name == address {
			return l
		}
	}
	panic("no link from " + string(n.name) + " to " + string(address))
}

// start begins a new life. The new incarnation is on disk before anything else
// happens.
func (n *node) start() {
	if n.proc != nil || n.fetched {
		return
	}
	w := n.w
	n.dark = false
	before := n.disk
	n.disk.incarnation = max(before.incarnation+1, replica.Incarnation(w.now/millisecond))
	n.disk.written = true
	p := &process{w: w, node: n, inc: n.disk.incarnation, spread: spread{}, relayed: map[lock.RequestID]bool{}, peerInc: map[*node]replica.Incarnation{}}
	p.disk = &writer{p: p}
	if n.inQuorum() {
		p.core = p.quorumCore(before)
	} else {
		p.core = p.pairCore(before)
	}
	if p.core == nil {
		return
	}
	p.status = p.core.Status()
	p.replicator.p, p.tableActor.p = p, p
	p.table = newTable(p)
	p.lastPost, p.lastTick, p.soloAt = w.now, w.now, w.now
	n.proc = p
	w.trace(string(n.name), "starts", p.inc, before)
	w.after(w.upTo(w.plan.period[n.id]), p.timer)
	for _, l := range n.out {
		if !n.inQuorum() && l.to.id < 2 {
			l.dial(p)
			p.friends = append(p.friends, l.to.name)
		}
	}
	for _, l := range n.in {
		l.greet()
	}
}

func (p *process) pairCore(before identity) replica.Core {
	cfg := p.w.plan.pair
	cfg.AsPrimary = p.node.id == 0
	cfg.Incarnation = p.inc
	cfg.HasIdentity, cfg.View, cfg.Cluster = before.written, before.view, before.cluster
	cfg.NewCluster = replica.ClusterID(p.w.chance.Uint64() | 1)
	if p.w.plan.grows {
		p.drawn = replica.MemberID(p.w.chance.Uint64() | 1)
		cfg.Member = p.drawn
	}
	if !p.w.plan.durable {
		return p.hosted(replica.NewPair(cfg), &cfg)
	}
	log, kept, _, err := journal.Open(p.node.fs)
	if err == nil {
		cfg.Codec, cfg.Log = numbering{&p.w.codec, p}, kept
		p.disk.log, p.disk.header = log, journal.Header{Node: string(p.node.name)}
		copied, _ := replica.ReadPair(kept, cfg.Codec) // none has no last entry
		p.disk.last, p.node.safe = copied.Last, copied.Last
		var core *replica.Pair
		if core, err = replica.OpenPair(cfg); err == nil {
			return p.hosted(core, &cfg)
		}
	}
	p.w.fail("exit", "%s does not start: %v", p.node.name, err)
	return nil
}

// crash ends the process at once. What it wrote but was not told of may be on
// disk or not. A dark crash takes the machine along.
func (n *node) crash(dark bool) {
	p := n.proc
	if p == nil {
		return
	}
	n.w.trace(string(n.name), "dies", dark)
	p.dead, n.proc, n.dark = true, nil, dark
	p.disk.crash()
	if dark && n.fs != nil {
		n.fs = n.fs.Crash()
	}
	for _, l := range n.out {
		l.senderDied(dark)
	}
	for _, l := range n.in {
		l.receiverDied(dark)
	}
	n.w.check.countCopies()
	if dark {
		return
	}
	for _, c := range n.w.clients {
		if n.w.happens(0.7) {
			c.later(n.w.upTo(20*millisecond), func() { c.step(replica.NodeLost{Node: n.name}) })
		}
	}
}

// timer is the process's only clock. While the process is paused at most one
// tick is kept for it.
func (p *process) timer() {
	if p.dead {
		return
	}
	p.w.after(p.w.plan.period[p.node.id], p.timer)
	if p.paused {
		p.missed = true
		return
	}
	p.postTick()
}

// postTick puts a tick into the queue that frames share, unless the last one
// still waits there (P2).
func (p *process) postTick() {
	p.postCount()
	if p.tickOut {
		return
	}
	p.tickOut = true
	limit := 2 * p.w.plan.period[p.node.id]
	gapAtPost := p.w.now-p.lastPost > limit
	p.lastPost = p.w.now
	p.replicator.post(func() {
		p.tickOut = false
		gap := p.w.now-p.lastTick > limit
		if p.w.plan.gapAtPost {
			gap = gapAtPost
		}
		p.lastTick = p.w.now
		p.step(replica.Tick{Gap: gap})
	})
}

// postCount puts a tick into the table's queue in the same way (T2).
func (p *process) postCount() {
	if p.countOut {
		return
	}
	p.countOut = true
	p.tableActor.post(func() {
		p.countOut = false
		p.table.tick()
	})
}

// pause stops the process; its timers and the network go on.
func (p *process) pause(d instant) {
	if p.dead || p.paused {
		return
	}
	p.paused, p.pausedAt = true, p.w.now
	p.pauses++
	mine := p.pauses
	p.w.after(d, func() {
		if p.pauses == mine {
			p.wake()
		}
	})
}

// wake lets the process go on, timers first: what waits in the socket may be
// read a good while after the tick that fell due in the meantime. The core has
// N ticks for that (P2).
func (p *process) wake() {
	if p.dead || !p.paused {
		return
	}
	p.paused = false
	if p.w.now-p.pausedAt > 2*tickLength {
		p.w.upsetBehind()
	}
	p.replicator.resume()
	p.tableActor.resume()
	if p.missed {
		p.missed = false
		p.postTick()
	}
	late := p.lateness()
	p.peers.wake(p, late)
	p.clients.wake(p, min(late, p.w.upTo(2*late+1)))
}

// lateness is how much later the socket is read than the first tick is handled.
// Only a pause that shows as a gap between ticks has a long one: after a shorter
// one the reader gets its turn at once, and no rule would forgive it more.
func (p *process) lateness() instant {
	late := oneOf(p.w.chance, 0, p.w.upTo(millisecond), p.w.upTo(p.w.plan.late), max(0, p.w.plan.late-p.w.upTo(5*millisecond)))
	if (p.w.plan.regime == 1 || p.w.plan.grows) && p.w.now-p.pausedAt <= 2*p.w.plan.period[p.node.id] {
		late = min(late, millisecond)
	}
	return late
}

// socket is where frames wait that nobody has read yet: the peer's, or those of
// the clients. Which of the two is read first after a pause is anybody's guess.
type socket struct {
	waiting []func()
	reading bool // it will be read, at readAt
	readAt  instant
}

// arrive is something coming from the network. What came before and was not
// read yet goes first.
func (s *socket) arrive(p *process, m func()) {
	if p.dead {
		return
	}
	if p.paused || len(s.waiting) > 0 {
		s.waiting = append(s.waiting, m)
		return
	}
	m()
}

func (p *process) arrive(m func()) { p.peers.arrive(p, m) }

// wake has the socket read a while after the process goes on. A stall in that
// time does not put the reading off.
func (s *socket) wake(p *process, late instant) {
	if len(s.waiting) == 0 || !s.reading {
		s.readAt = p.w.now + late
	}
	s.reading = true
	p.w.agenda.add(max(p.w.now, s.readAt), func() { s.read(p) })
}

func (s *socket) read(p *process) {
	if p.dead || p.paused {
		return
	}
	waiting := s.waiting
	s.waiting, s.reading = nil, false
	for _, m := range waiting {
		m()
	}
}

// actor is a queue whose messages are handled one at a time.
type actor struct {
	p         *process
	queue     []func()
	scheduled bool
}

func (a *actor) post(m func()) {
	a.queue = append(a.queue, m)
	a.resume()
}

func (a *actor) resume() {
	if a.scheduled || a.p.paused || len(a.queue) == 0 {
		return
	}
	a.scheduled = true
	a.p.w.after(1+a.p.w.upTo(80), a.handle)
}

func (a *actor) handle() {
	a.scheduled = false
	if a.p.dead || a.p.paused {
		return
	}
	m := a.queue[0]
	a.queue = a.queue[1:]
	m()
	a.resume()
}
