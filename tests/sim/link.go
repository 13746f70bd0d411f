package sim

import "lockstep/replica"

// link is one direction between the nodes, as the links of package remote will
// be: it dials, it loses what was on its way when a connection broke, and it
// keeps the order within a connection.
type link struct {
	w       *world
	from    *node
	to      *node
	conn    *conn
	by      *process // who dials, or did last
	serial  int      // of connections and dials
	blocked int      // a partition: nothing gets through, nothing connects
	row     int      // frames lost in a row
	queue   []frame
}

// conn is one connection of a link.
type conn struct {
	number   int
	from, to *process
	sent     int // frames
	limit    int // once broken: frames above it are lost
	broken   bool
	lastAt   instant // when the last frame arrives: order is kept
	heard    bool    // a frame was handled
}

type frame struct {
	from, to replica.Incarnation
	cluster  replica.ClusterID
	message  replica.Message
}

// queueLimit is what a link keeps while it has no connection.
const queueLimit = 20

func (l *link) send(p *process, m replica.Message) {
	f := frame{from: p.inc, to: p.peerInc[l.to], cluster: p.status.Cluster, message: m}
	if l.conn == nil || l.conn.from != p {
		if l.w.plan.queueWhileDown && len(l.queue) < queueLimit {
			l.queue = append(l.queue, f)
		}
		if l.by != p {
			l.dial(p) // an answer to a stranger
		}
		return
	}
	l.put(l.conn, f)
}

// put sends a frame on a connection. A lost one leaves a silent gap.
func (l *link) put(c *conn, f frame) {
	lost := !l.open() || l.w.happens(l.w.weather.loss) && l.row < l.w.weather.lossRow
	if lost {
		l.row++
		return
	}
	l.row = 0
	times := 1
	if l.w.happens(l.w.weather.dup) {
		times = 2
	}
	for range times {
		at := l.w.now + l.w.weather.delayMin + l.w.upTo(l.w.weather.delayMax)
		c.lastAt = max(c.lastAt+1, at)
		c.sent++
		number := c.sent
		l.w.agenda.add(c.lastAt, func() { l.arrive(c, number, f) })
	}
}

func (l *link) arrive(c *conn, number int, f frame) {
	if c.broken && number > c.limit {
		return
	}
	c.to.arrive(func() { c.to.replicator.post(func() { c.handle(f) }) })
}

// handle is the door: a frame for a former life is dropped.
func (c *conn) handle(f frame) {
	p := c.to
	if f.to != 0 && f.to != p.inc || !p.passes(f, c.from.node.name) {
		return
	}
	if p.w.plan.grows && f.from < p.peerInc[c.from.node] {
		return // of a former life, by the connection to the next one
	}
	p.peerInc[c.from.node] = max(p.peerInc[c.from.node], f.from)
	first := !c.heard
	c.heard = true
	p.step(replica.Received{
		From: c.from.node.name, Incarnation: f.from, Cluster: f.cluster,
		NewConnection: first, Message: f.message,
	})
}

// dial tries to connect until it succeeds or another dial has begun. A paused
// process accepts nothing, and refuses nothing.
func (l *link) dial(p *process) {
	l.by = p
	l.serial++
	l.try(p, l.serial)
}

func (l *link) try(p *process, serial int) {
	if p.dead || serial != l.serial {
		return
	}
	peer := l.to
	again := func() { l.try(p, serial) }
	switch {
	case l.w.happens(0.3) && l.back().heard() && l.open() && peer.proc != nil:
		// A refusal that proves nothing: the peer's own stream to us stands (P9).
		p.arrive(func() { p.tell(replica.DialRefused{Node: l.to.name}) })
		l.w.after(20*millisecond, again)
	case !l.open() || peer.dark || peer.proc != nil && peer.proc.paused:
		l.w.after(20*millisecond, again)
	case peer.proc == nil:
		p.arrive(func() { p.tell(replica.DialRefused{Node: l.to.name}) })
		l.w.after(20*millisecond, again)
	default:
		to := peer.proc
		l.w.after(50+l.w.upTo(millisecond), func() { l.connect(p, to, serial) })
	}
}

func (l *link) connect(p, to *process, serial int) {
	if p.dead || serial != l.serial {
		return
	}
	if to.dead || to.paused || !l.open() {
		l.try(p, serial)
		return
	}
	c := &conn{number: serial, from: p, to: to, lastAt: l.w.now}
	l.conn = c
	if l.w.plan.quorum != nil {
		p.peerInc[l.to] = to.inc // the links of package remote introduce themselves
	}
	l.w.trace(string(p.node.name), "connected")
	p.arrive(func() { p.tell(replica.LinkUp{Node: l.to.name}) })
	waiting := l.queue
	l.queue = nil
	for _, f := range waiting {
		l.put(c, f)
	}
}

// cut breaks the connection. Frames on their way are lost from some point on,
// or all of them arrive late, after those of the next connection perhaps.
func (l *link) cut(keep bool) {
	c := l.conn
	if c == nil {
		return
	}
	l.breakOff(c, keep, false)
	p := c.from
	l.serial++
	serial := l.serial
	l.w.after(l.w.upTo(l.w.weather.reconnect), func() { l.try(p, serial) })
}

func (l *link) breakOff(c *conn, keep, silent bool) {
	l.conn = nil
	if l.w.plan.quorum != nil {
		c.from.arrive(func() { c.from.tell(replica.LinkDown{Node: l.to.name}) })
	}
	c.broken, c.limit = true, c.sent
	if !keep {
		c.limit -= l.w.chance.IntN(6)
	}
	if !silent {
		l.w.agenda.add(max(l.w.now, c.lastAt)+1, func() { c.end(l) })
	}
}

// end tells the receiver, behind the last frame, unless it has heard the next
// connection already: the stream of that life has not ended then.
func (c *conn) end(next *link) {
	p := c.to
	ended := func() {
		if !next.heard() {
			p.step(replica.StreamEnded{Node: c.from.node.name, Incarnation: c.from.inc})
		}
	}
	p.arrive(func() { p.replicator.post(ended) })
}

// senderDied ends the connection at the other side.
func (l *link) senderDied(silent bool) {
	l.serial++
	l.queue = nil
	if l.conn != nil {
		l.breakOff(l.conn, l.w.happens(0.5), silent)
	}
}

// receiverDied makes the sender dial again; a machine that vanished leaves the
// connection standing, into which everything disappears.
func (l *link) receiverDied(silent bool) {
	if l.conn != nil && !silent {
		l.cut(false)
	}
}

// greet is called when the receiver's machine is there again: it knows nothing
// of a connection with a former life and says so.
func (l *link) greet() {
	if c := l.conn; c != nil && c.to.dead {
		l.cut(false)
	}
}

// open reports whether frames get through.
func (l *link) open() bool { return l.blocked == 0 }

// back is the other direction.
func (l *link) back() *link { return l.to.linkTo(l.from.name) }

func (l *link) heard() bool { return l.conn != nil && l.conn.heard }
