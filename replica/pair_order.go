package replica

import (
	"slices"

	"lockstep/lock"
)

// order is the list of entries as this node knows it:
//
//	1 ... base | base+1 ... applied ... last |  queue
//	 forgotten |          kept               |  without a number yet
//
// On a PRIMARY acked trails last by the batch in flight, and applied equals
// acked but right after a rejoin, when the backup still fetches what was
// executed alone. On every other node applied equals last.
//
// With a log on disk, applied trails on every node by what is not on disk yet,
// here or where it has to be too (see ledger).
type order struct {
	entries []lock.Entry // base+1 to last; never changed once written
	base    lock.Index
	last    lock.Index
	applied lock.Index // given to the lock table
	acked   lock.Index // PRIMARY: the backup has everything up to it
	stored  lock.Index // of a durable node: it is on disk here up to this
	safe    lock.Index // BACKUP, durable: and on the primary's disk up to this

	queue    []lock.Command
	unparked int    // of the queue, the first: this node has relayed them, as a backup (P4)
	numbered uint64 // entries numbered in this view (S3)
	idle     int    // PRIMARY: ticks without an acknowledgement while one is due
	// inherited is the last entry of the views before this one. Until it has been
	// applied the reign has not begun: a session that gets its full time-out may
	// be expired by an entry that is still on its way to the disk (T3).
	inherited lock.Index
}

// startAt forgets everything before an index that is in place already.
func (o *order) startAt(index lock.Index) {
	*o = order{
		base: index, last: index, applied: index, acked: index, stored: index, safe: index,
		queue: o.queue, unparked: o.unparked,
	}
}

// after returns the kept entries behind an index, not to be changed.
func (o *order) after(index lock.Index) []lock.Entry {
	from := int(max(index, o.base) - o.base)
	return o.entries[from:len(o.entries):len(o.entries)]
}

// number gives the first n of the queue their places and returns them.
func (o *order) number(view lock.View, n int) []lock.Entry {
	o.entries = slices.Grow(o.entries, n)
	for _, c := range o.queue[:n] {
		o.last++
		o.entries = append(o.entries, lock.Entry{View: view, Index: o.last, Command: c})
	}
	o.queue = o.queue[n:]
	o.unparked = max(0, o.unparked-n)
	if len(o.queue) == 0 {
		o.queue = nil
	}
	o.numbered += uint64(n)
	return o.after(o.last - lock.Index(n))
}

// forget drops the entries up to an index.
func (o *order) forget(index lock.Index) {
	o.entries = o.after(index)
	o.base = max(o.base, index)
	if len(o.entries) == 0 {
		// A fresh array: messages on their way may still show the old one.
		o.entries = nil
	}
}

// submit takes requests of clients, and what the clock asks for.
func (p *Pair) submit(s Submit) {
	switch {
	case s.View != 0:
		p.submitClock(s)
	case p.reigns():
		p.enqueue(s.Commands)
	case p.role == Backup:
		p.relay(s.Commands)
	default:
		p.refuse(s.Commands, NotPrimary, p.hint())
	}
}

// hint is where a client may be better off.
func (p *Pair) hint() NodeID {
	if p.life.serving || p.role == Backup {
		return p.peer
	}
	return ""
}

func (p *Pair) enqueue(commands []lock.Command) {
	room := max(0, p.cfg.MaxQueue-len(p.order.queue))
	if len(commands) > room {
		p.refuse(commands[room:], Overloaded, "")
		commands = commands[:room]
	}
	p.order.add(commands)
	p.pump()
}

// add queues commands. Their array stays the sender's, not to be written to.
func (o *order) add(commands []lock.Command) {
	if len(o.queue) == 0 {
		o.queue = commands[:len(commands):len(commands)]
		return
	}
	o.queue = append(o.queue, commands...)
}

// pump numbers what has queued: alone at once, with a backup or a log on disk
// everything that came while a batch was in flight as the next batch (group
// commit).
func (p *Pair) pump() {
	switch {
	case len(p.order.queue) == 0:
	case p.kept() != p.order.last || p.passing || p.pausing():
	case p.role == Solo:
		n := len(p.order.queue)
		if p.cfg.Durable {
			n = p.queued() // so that the next need not wait for all of it
		}
		p.renewView(n)
		n = min(n, len(p.order.queue)) // what the last view's clock asked for has gone
		p.keep(p.order.number(p.view, n))
		p.apply(p.order.upTo(p.kept()))
		p.feed(false)
	case p.role == Primary && !p.starting && p.order.acked == p.order.last:
		n := p.queued()
		n = int(min(uint64(n), p.cfg.EntriesPerView))
		if p.renewView(n) {
			return // the backup's first acknowledgement pumps again
		}
		p.order.idle = 0
		entries := p.order.number(p.view, n)
		p.forward(entries)
		p.keep(entries) // while it travels
	}
}

// queued is how many of the queue make the next batch.
func (p *Pair) queued() int {
	return p.batch(len(p.order.queue), func(i int) *lock.Command { return &p.order.queue[i] })
}

// batchBytes is about how much one message brings: a link carries no message of
// more than a few MiB, and would drop each repeat of it too.
const batchBytes = 1 << 20

// batch says how many of n commands fit into one message: at least one.
func (p *Pair) batch(n int, command func(int) *lock.Command) int {
	n = min(n, p.cfg.MaxBatch)
	bytes := 0
	for i := range n {
		if bytes += command(i).Weight(); bytes > batchBytes && i > 0 {
			return i
		}
	}
	return n
}

// soloStep is how far a SOLO node leaves its view behind when it needs another
// one. Two nodes that cannot hear each other must never reach the same view, and
// after the base view v there are four who may be SOLO: the primary (v+1), the
// backup (v+2), the backup that has taken a renewal (v+3), and the primary that
// does not know whether it has (v+4).
const soloStep = 4

// renewView begins a new view before this one runs out of tokens (S3). It reports whether numbering has to wait for that.
func (p *Pair) renewView(n int) bool {
	if p.order.numbered+uint64(n) <= p.cfg.EntriesPerView {
		return false
	}
	const why = "the last view has drawn all its tokens"
	if p.role == Solo {
		p.enter(Solo, p.view+soloStep, why)
		p.transfer = nil // the joiner must be told the new view
		return false
	}
	// The backup has everything, so it can come along. Going on without it would
	// be a way to be alone that no silence has earned: a primary that was paused
	// would serve beside the backup that has taken over since.
	p.enter(Primary, p.view+1, why)
	p.starting, p.renewing = true, true
	p.start()
	return true
}

// apply gives entries to the lock table. They are the ones behind applied.
func (p *Pair) apply(entries []lock.Entry) {
	if len(entries) == 0 {
		return
	}
	p.order.applied = entries[len(entries)-1].Index
	p.do(Apply{Entries: entries})
	if p.transfer == nil {
		p.order.forget(p.order.applied)
	}
}

func (p *Pair) forward(entries []lock.Entry) {
	if len(entries) > 0 && !p.starting { // until it has started, it is fed
		p.send(Forward{View: p.view, Entries: entries})
	}
}

// forwardAgain repeats what the backup has not acknowledged: the batch in flight,
// or right after a rejoin the first of what the backup still has to fetch.
func (p *Pair) forwardAgain() {
	entries := p.order.after(p.order.acked)
	n := p.batch(len(entries), func(i int) *lock.Command { return &entries[i].Command })
	p.forward(entries[:n:n])
}

// resend repeats the batch in flight when two ticks have passed without any
// acknowledgement of it: the frame or the acknowledgement was lost (P1).
func (p *Pair) resend() {
	if p.order.acked == p.order.last {
		return
	}
	if p.order.idle++; p.order.idle >= 2 {
		p.order.idle = 0
		p.forwardAgain()
	}
}

// onForward is the backup's half of P1: only the next entry counts, and the
// acknowledgement tells how far that reaches.
func (p *Pair) onForward(m Forward) {
	if p.role != Backup {
		return
	}
	fresh := behind(m.Entries, p.order.last)
	if len(fresh) > 0 && fresh[0].Index == p.order.last+1 {
		p.take(fresh)
		if p.cfg.Durable {
			return // the acknowledgement comes with Stored
		}
	}
	p.send(Ack{View: p.view, Index: p.kept()})
}

// behind returns the entries after an index: what came again is not taken again.
func behind(entries []lock.Entry, index lock.Index) []lock.Entry {
	for len(entries) > 0 && entries[0].Index <= index {
		entries = entries[1:]
	}
	return entries
}

// take applies entries that follow the last one here, or writes them to the log,
// which comes first.
func (p *Pair) take(entries []lock.Entry) {
	last := entries[len(entries)-1].Index
	p.park.remove(entries)
	if p.cfg.Durable {
		p.order.entries = append(p.order.entries, entries...)
		p.order.last = last
		p.keep(entries)
		return
	}
	p.do(Apply{Entries: entries})
	p.order.startAt(last)
}

// onHeartbeat repairs a lost acknowledgement; the backup's heartbeat is one. The
// primary's tells a backup with a log how far it may apply: the backup answers
// its own clients then, and no answer may rest on one disk alone.
func (p *Pair) onHeartbeat(m Heartbeat) {
	switch {
	case p.role == Primary:
		p.onAck(m.Index)
	case p.role == Backup && p.cfg.Durable:
		p.order.safe = max(p.order.safe, m.Index)
		p.settle()
	}
}

// onAck commits what the backup has: it is in both memories now (P1).
func (p *Pair) onAck(index lock.Index) {
	if p.role != Primary {
		return
	}
	if index > p.order.last {
		panic("replica: the backup acknowledges an entry that was never sent")
	}
	p.started(index)
	if index > p.order.acked {
		p.order.acked, p.order.idle = index, 0
	}
	p.settle()
}

// upTo returns the entries behind applied up to an index.
func (o *order) upTo(index lock.Index) []lock.Entry {
	if index <= o.applied {
		return nil
	}
	entries := o.after(o.applied)
	n := int(index - o.applied)
	return entries[:n:n]
}
