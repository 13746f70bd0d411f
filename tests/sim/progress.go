package sim

import (
	"lockstep/lock"
	"lockstep/replica"
)

// settleTicks is how long the pair may take to form, and a call to end, once
// the faults have stopped.
const settleTicks = 200

// formedNow reports whether both nodes say that they are a pair, and have just
// heard each other.
func (w *world) formedNow() bool {
	if w.nodes[0].inQuorum() || w.nodes[1].inQuorum() {
		return w.formedQuorum()
	}
	a, b := w.nodes[0].proc, w.nodes[1].proc
	return a != nil && b != nil && !a.paused && !b.paused &&
		a.status.View == b.status.View && a.status.Paired && b.status.Paired &&
		a.status.HeardAgo <= 1 && b.status.HeardAgo <= 1 && a.status.Role != b.status.Role &&
		len(a.disk.waiting) == 0 && len(b.disk.waiting) == 0 && len(a.peers.waiting) == 0 && len(b.peers.waiting) == 0
}

// watchSolo looks, in regime 1, whether a node that serves alone does: whoever
// still waits after two attempts of the longest kind waits for nothing. With a
// network that loses requests nothing can be said.
func (w *world) watchSolo() {
	w.after(tickLength, w.watchSolo)
	limit := instant(2*w.plan.maxAttempt)*clientTick + 30*tickLength
	for _, n := range w.nodes {
		p := n.proc
		if p == nil || p.paused || p.status.Role != replica.Solo || n.disk.view < p.status.View {
			if p != nil {
				p.soloAt = w.now
			}
			continue
		}
		if w.now-p.soloAt > limit && w.plan.clientLoss == 0 && !w.faults.over() {
			w.slowCalls("waits", p.soloAt, limit)
		}
	}
}

// watchEnd is planned for the moment when the faults stop.
func (w *world) watchEnd() {
	formed := false
	var look func()
	look = func() {
		formed = formed || w.formedNow()
		if !formed {
			w.after(tickLength, look)
		}
	}
	look()
	w.after(settleTicks*tickLength, func() {
		if !formed {
			w.fail("formed", "not formed %d ticks after the last fault: %s", settleTicks, w.standing())
		}
	})
	w.watchCalls()
}

func (w *world) standing() string {
	var s string
	for _, n := range w.nodes {
		if n.proc == nil {
			s += string(n.name) + " is down; "
			continue
		}
		s += show(n.proc.status) + "; "
	}
	return s
}

// watchCalls looks once a second for a call that takes too long.
func (w *world) watchCalls() {
	w.after(second, w.watchCalls)
	w.slowCalls("calls", w.plan.faultsEnd, settleTicks*tickLength)
	w.lostGrants()
}

// lostGrants looks for acquires that wait although they have been granted. If the
// answer was lost, a client finds out by asking again, the more rarely the longer
// it has waited: each rest is about as long as all before it together.
func (w *world) lostGrants() {
	for _, c := range w.clients {
		for _, k := range c.open() {
			limit := 4*second + (k.since-k.at)*3/2
			if k.wait && w.now-max(k.since, w.plan.faultsEnd) > limit {
				w.fail("calls", "client %d call %d: it does not find out what became of its wait for %q", c.id, k.id, k.name)
			}
		}
	}
}

// excuseCalls notes which calls wait for good reason: their client cannot ask, or
// stands in a queue.
func (w *world) excuseCalls() {
	for _, c := range w.clients {
		for _, k := range c.calls {
			if c.paused || c.severed != 0 || c.stranded() || w.waitsRightly(k) || w.plan.quorum != nil && !w.servable() {
				k.since = w.now
			}
		}
	}
}

func (w *world) slowCalls(check string, since, limit instant) {
	for _, c := range w.clients {
		for _, k := range c.open() {
			if w.now-max(k.since, since) > limit {
				w.fail(check, "client %d call %d: %s %q has waited since %.3fs: %s", c.id, k.id, verbName(k.verb), k.name, float64(k.since)/float64(second), w.standing())
			}
		}
	}
}

// waitsRightly reports whether an acquire stands in a queue of the table that
// serves.
func (w *world) waitsRightly(k *call) bool {
	if !k.wait || k.request == (lock.RequestID{}) {
		return false
	}
	for _, n := range w.nodes {
		if n.proc == nil || n.proc.table.place.in == nil || !hasRole(n.proc.status.Role) {
			continue
		}
		slot := n.proc.table.place.in.model.last[lane{k.request.Session, k.request.Slot}]
		if slot != nil && slot.command.ID() == k.request && slot.result.Outcome == lock.Waiting {
			return true
		}
	}
	return false
}

// atEnd is after the last event: nobody has asked for a while.
func (c *checker) atEnd() {
	w := c.w
	w.now = w.plan.end
	w.slowCalls("calls", w.plan.faultsEnd, w.plan.end-w.plan.callsEnd-2*second)
	if w.plan.quorum != nil {
		c.quorumAtEnd()
		return
	}
	a, b := w.nodes[0].proc, w.nodes[1].proc
	if !paired(a) || !paired(b) || a.status.View != b.status.View || apart(a.table.locks, b.table.locks) {
		w.fail("formed", "the idle pair is not one: %s", w.standing())
		return
	}
	c.leftBehind(a.table.place.in.model)
}

// leftBehind: nobody wants anything any more, so a session that is kept alive
// holds nothing and waits for nothing. In regime 2 a release may have been
// executed in a history that is over, and in regime 9 it may have been lost.
func (c *checker) leftBehind(m *model) {
	if !c.w.plan.strict {
		return
	}
	for _, by := range c.w.clients {
		if by.session == 0 || by.core == nil || c.ruin.undone[by.session] || m.sessions[by.session] == nil || by.clock() >= by.until {
			continue
		}
		for _, g := range m.grants {
			if g.session == by.session {
				c.w.fail("calls", "client %d has given everything back, and holds %x", by.id, g.token)
			}
		}
		for _, w := range m.waits {
			if w.request.Session == by.session {
				c.w.fail("calls", "client %d has given everything up, and waits by %+v", by.id, w.request)
			}
		}
	}
}

// apart leaves room for what is on its way at the last moment: a session may
// expire at any time.
func apart(a, b *lock.Table) bool {
	if a.Index() == b.Index() {
		return a.Digest() != b.Digest()
	}
	return max(a.Index(), b.Index()) > min(a.Index(), b.Index())+4
}

func paired(p *process) bool {
	return p != nil && p.status.Paired && (p.status.Role == replica.Primary || p.status.Role == replica.Backup)
}
