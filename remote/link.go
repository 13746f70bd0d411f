package remote

import (
	"runtime"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

// How long things may last, in ticks of the upkeep.
const (
	staleTicks   = 20 // what could not be sent for this long is thrown away (N6)
	knockTicks   = 2  // an unanswered knock is repeated
	dialTicks    = 100
	probeTicks   = 2 // then 4, 8 and so on
	maxProbeWait = 64
)

// What a link hears, besides *messages.Parcel.
type (
	flush      struct{} // from itself: it is time to send
	flushNow   struct{} // from itself: all that queued before it goes into one frame
	upkeep     struct{} // a tick
	heard      struct{} // from the door: credit or an answer came, or credit is owed
	connected  struct{} // from the transport
	terminated struct{} // from the transport: the connection broke, or none could be made
	reset      struct{} // Mail.Reset
)

// link is the way to one process. It packs all that waits for that process into
// one frame, and sends it when there is credit.
type link struct {
	process *Process
	n       *neighbour

	held     waiting
	flushing bool                // a flush is in the mailbox
	life     replica.Incarnation // the life that this connection was opened to
	dialling bool                // a knock waits in the transport, or was sent
	age      int                 // ticks since something began to wait in vain
	knocked  int                 // ticks since the last knock
	knockAt  uint64              // the tick of the last knock, counted from 1

	probeIn, probeGap int    // when to ask next whether the last frames were lost
	progress          uint64 // what had been seen at the last tick
}

func (l *link) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Parcel:
		l.add(ctx, m)
	case flush:
		// Whoever else is about to send gets into the same frame: what is posted
		// while this goroutine yields stands before the second flush.
		runtime.Gosched()
		ctx.Send(ctx.Self(), flushNow{})
	case flushNow:
		l.flushing = false
		l.flush()
	case heard:
		l.heard()
	case upkeep:
		l.upkeep()
	case connected:
		l.connected()
	case terminated:
		l.terminated()
	case reset:
		l.reset()
	case *actor.Started, *actor.Stopping, *actor.Stopped:
	default:
		l.process.log.Error("the link got a message that it does not know", "type", typeName(m))
	}
}

// add holds a parcel. Everything that is in the mailbox already joins it before
// the flush: the busier the process, the fuller the frames.
func (l *link) add(ctx actor.Context, p *messages.Parcel) {
	l.held.add(p)
	l.n.mu.Lock()
	l.n.waiting = true
	l.n.mu.Unlock()
	l.n.inMailbox.Add(-1)
	if l.held.overflowing() {
		l.process.refusals.count("overflow", "to "+string(l.n.name))
	}
	if !l.flushing {
		l.flushing = true
		ctx.Send(ctx.Self(), flush{})
	}
}

// flush sends what is held as far as there is credit.
func (l *link) flush() {
	for !l.held.empty() && l.mayBeSent() {
		l.send(l.held.take())
	}
	if l.held.empty() {
		l.age = 0
	}
	l.n.mu.Lock()
	l.n.waiting = !l.held.empty()
	l.n.mu.Unlock()
}

func (l *link) mayBeSent() bool {
	if l.process.held() {
		return false
	}
	l.n.mu.Lock()
	open := l.n.open
	credit := l.n.underWayLocked() < Window
	l.n.stalled = open && !credit
	l.n.mu.Unlock()
	if !open && !l.dialling {
		l.knock()
	}
	return open && credit
}

// header is what every frame to this process says. A frame without a parcel is
// the same in all versions: it is written in the oldest, which everybody reads.
// The caller holds n.mu.
func (l *link) headerLocked() messages.Header {
	n := l.n
	n.returned = n.handled
	return messages.Header{
		Cluster:         replica.ClusterID(l.process.cluster.Load()),
		From:            l.process.address,
		To:              n.name,
		FromIncarnation: l.process.cfg.Incarnation,
		ToIncarnation:   n.incarnation,
		Version:         messages.OldestVersion,
		Newest:          l.process.newest(),
		Proof:           n.theirs,
		Challenge:       n.ours,
		Seen:            n.handled,
	}
}

// send gives a parcel its number and transmits it.
func (l *link) send(p messages.Parcel) {
	l.n.mu.Lock()
	h := l.headerLocked()
	l.n.sent++
	h.Seq = l.n.sent
	h.Version = l.process.writes(l.n.reads)
	l.n.mu.Unlock()
	p = p.As(h.Version)
	f := messages.Encode(h, &p)
	if len(f.GetBody()) > maxFrameBytes {
		l.process.refusals.count("outgoing frame too large", "to "+string(l.n.name))
		return
	}
	l.transmit(f)
}

// bare sends a frame without a parcel. A numbered one is a probe: handling it
// settles all that was sent before, lost or not.
func (l *link) bare(numbered bool) {
	l.n.mu.Lock()
	h := l.headerLocked()
	if numbered {
		l.n.sent++
		h.Seq = l.n.sent
	}
	l.n.mu.Unlock()
	l.transmit(messages.Encode(h, &messages.Parcel{}))
}

// knock asks the process to answer (N2). It makes the transport connect.
func (l *link) knock() {
	if l.process.mute() {
		return
	}
	l.dialling, l.knocked, l.knockAt = true, 0, l.process.now()+1
	l.n.mu.Lock()
	h := l.headerLocked()
	l.n.mu.Unlock()
	h.ToIncarnation = 0
	l.transmit(messages.Encode(h, &messages.Parcel{}))
}

func (l *link) transmit(f *messages.Frame) {
	if l.process.mute() {
		return
	}
	l.process.transmit(l.n.name, f)
}

// heard acts on what the door wrote down about the process.
func (l *link) heard() {
	n := l.n
	n.mu.Lock()
	opened := !n.open && n.answered
	n.open = n.open || opened
	life := n.incarnation
	owed := n.handled > n.returned+Window/4
	n.mu.Unlock()
	if opened {
		l.dialling = false
		// What waited was meant for the life that was heard last.
		if l.life != 0 && l.life != life {
			l.held.clear()
		}
		l.life = life
		l.probeIn, l.probeGap = probeTicks, probeTicks
		l.process.tell(&actors.LinkUp{Node: n.name})
	}
	l.flush()
	if owed && l.owes() {
		l.bare(false)
	}
}

// owes reports whether the process does not know yet what was handled.
func (l *link) owes() bool {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	return l.n.open && l.n.handled != l.n.returned
}

// upkeep sees to what nobody's message would bring about.
func (l *link) upkeep() {
	l.knocked++
	l.n.mu.Lock()
	open, isConnected, stalled := l.n.open, l.n.connected, l.n.stalled
	seen, underWay := l.n.seen, l.n.underWayLocked()
	l.n.mu.Unlock()

	if (!open || stalled) && !l.held.empty() {
		if l.age++; l.age >= staleTicks {
			l.held.clear()
		}
	}
	switch {
	case open:
		l.probe(seen, underWay)
		if l.owes() {
			l.bare(false)
		}
	case !l.n.configured.Load() && l.held.empty():
		l.dialling = false
	case !l.dialling, isConnected && l.knocked >= knockTicks, l.knocked >= dialTicks:
		// Without a connection the first knock is still queued, and a second would
		// only queue behind it.
		l.knock()
	}
	l.flush()
}

// probe asks a process that has been silent about the last frames. A frozen one
// must not be buried in probes: they come ever more rarely.
func (l *link) probe(seen, underWay uint64) {
	if underWay == 0 || seen != l.progress {
		l.progress = seen
		l.probeIn, l.probeGap = probeTicks, probeTicks
		return
	}
	if l.probeIn--; l.probeIn > 0 {
		return
	}
	l.probeGap = min(2*l.probeGap, maxProbeWait)
	l.probeIn = l.probeGap
	l.bare(true)
}

func (l *link) connected() {
	l.n.mu.Lock()
	l.n.connected = true
	l.n.mu.Unlock()
}

// terminated forgets what was under way. What waited goes too: its senders hear
// of it, and will say it again or say something newer.
func (l *link) terminated() {
	l.n.disconnected()
	l.held.clear()
	l.dialling = false
	l.process.tell(&actors.LinkDown{Node: l.n.name})
	if l.n.configured.Load() && l.knockAt != l.process.now()+1 {
		l.knock() // at most once a tick, should connections break as soon as they stand
	}
	l.flush()
}

// reset cuts the connection. The transport reports it as terminated if there was
// one; if there was none, the knock that waits is as good as any.
func (l *link) reset() {
	l.held.clear()
	l.flush()
	l.process.transport.cut(l.n.name)
}
