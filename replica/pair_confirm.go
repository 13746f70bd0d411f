package replica

import (
	"slices"

	"lockstep/lock"
)

// A keep-alive and a question are never ordered, so nothing about them shows
// whether this node still reigns. A primary that was paused believes it does,
// and would tell a client that its lease goes on, while the other node has long
// given the lock away. So whoever wants to answer without an entry puts a
// Barrier before it (T1):
//
//   - SOLO confirms it when its view is on disk; it has nobody to ask.
//   - PRIMARY asks the backup, by a round of Confirm and Confirmation that began
//     after the barrier had come. The backup answers only in the primary's own
//     view, so it had not gone on alone when the barrier came.
//   - Every other role refuses it, and so does the loss of a role.
//
// An older round proves nothing: its answer may have been under way before the
// pause. One round is under way at a time, and all barriers that come meanwhile
// share the next.
type barriers struct {
	arrived BarrierID // the last that came
	covered BarrierID // the last that had come when the round under way began
	settled BarrierID // the last that was answered; covered, if no round is under way
	round   uint64    // numbers the rounds of this life
}

// onBarrier notes it; confirm answers, at the end of this step or later.
func (p *Pair) onBarrier(id BarrierID) {
	if id <= p.barriers.arrived {
		panic("replica: a barrier whose number has not risen")
	}
	p.barriers.arrived = id
}

// confirm answers the barriers as far as the role lets it. It ends every step:
// whatever a step does to the role, no barrier is left behind by it.
func (p *Pair) confirm() {
	b := &p.barriers
	if b.settled == b.arrived {
		return
	}
	switch p.role {
	case Solo:
		if p.usable() && p.begun() {
			p.confirmTo(b.arrived)
		}
	case Primary:
		// A backup that has not taken START yet could only be demoted by Confirm.
		if !p.starting && p.begun() && b.covered == b.settled {
			b.round++
			b.covered = b.arrived
			p.ask()
		}
	default:
		b.settled, b.covered = b.arrived, b.arrived
		p.out = append(p.out, Barred{ID: b.arrived, Hint: p.hint()}) // true whatever the disk holds
	}
}

func (p *Pair) confirmTo(id BarrierID) {
	p.barriers.settled, p.barriers.covered = id, id
	p.do(Confirmed{ID: id})
}

// ask sends the round under way, the first time or again: at every tick, since
// either half of it may be lost.
func (p *Pair) ask() {
	if p.barriers.covered > p.barriers.settled {
		p.send(Confirm{View: p.view, Round: p.barriers.round})
	}
}

// cancel ends the round under way: its view is over. The barriers stay.
func (b *barriers) cancel() { b.covered = b.settled }

// onConfirm is the backup's half: it is still this primary's backup.
func (p *Pair) onConfirm(m Confirm) {
	if p.role == Backup {
		p.send(Confirmation{View: p.view, Round: m.Round, Index: p.kept()})
	}
}

// onConfirmation ends a round. The backup answers its own clients as soon as it
// has an entry; who was answered there and then looks here must find the same,
// although the acknowledgement of that entry may be lost. So it counts as one.
func (p *Pair) onConfirmation(m Confirmation) {
	if p.role != Primary {
		return
	}
	p.onAck(m.Index)
	if b := &p.barriers; m.Round == b.round && b.covered > b.settled {
		p.confirmTo(b.covered)
	}
}

// reigns reports whether this node orders commands.
func (p *Pair) reigns() bool { return p.role == Primary || p.role == Solo }

// begun reports whether everything of the views before has been applied. Without
// a log on disk that is so from the start.
func (p *Pair) begun() bool { return p.order.applied >= p.order.inherited }

// announce tells the lock table when a reign has begun or ended, for the
// sessions' time-outs (T3). It comes at the end of a step: what was pending has
// been applied by then. Began waits for the disk like everything of a view; an
// end does not, and with it went what waited.
func (p *Pair) announce() {
	var now lock.View
	if p.reigns() {
		now = p.view
	}
	switch {
	case now == p.reign:
		return
	case now == 0:
		p.out = append(p.out, Ended{})
	case !p.begun():
		return
	default:
		p.do(Began{View: now})
	}
	p.reign = now
}

// submitClock queues what the clock of this very reign asks for (T2). A later
// reign counts anew, so that what comes late is for nobody: it is not refused,
// relayed or parked. It passes the queue's limit, because it is proposed once;
// the table bounds it, by its sessions and its grants.
func (p *Pair) submitClock(s Submit) {
	if p.reigns() && s.View == p.view {
		p.order.add(s.Commands)
		p.pump()
	}
}

// dropClock takes out of the queue what the clock of the last reign asked for.
func (o *order) dropClock() {
	if slices.ContainsFunc(o.queue, ofClock) {
		o.queue = slices.DeleteFunc(slices.Clone(o.queue), ofClock)
	}
}

func ofClock(c lock.Command) bool { return c.Verb.OfClock() }
