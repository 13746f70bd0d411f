package replica

import (
	"fmt"

	"lockstep/lock"
)

// hasRole reports whether the node holds a copy that counts.
func (p *Pair) hasRole() bool {
	return p.role == Primary || p.role == Backup || p.role == Solo
}

// enter takes a role in a view. The view is refused to lower ones from this
// step on, but nothing that follows leaves the node before the view is on disk:
// a node that crashed in between must not use the same view again (P0).
func (p *Pair) enter(role Role, view lock.View, why string) {
	if view > lock.MaxView {
		p.exit(fmt.Sprintf("view %d is past the last one, %d: start a new pair with empty state directories", view, lock.MaxView))
		return
	}
	p.role = role
	p.suspect.clear()
	p.barriers.cancel()
	p.farewell, p.growth = 0, nil
	p.order.numbered, p.order.inherited = 0, p.order.last
	p.order.dropClock()
	p.mark(role, view)
	p.see(view)
	p.say(false, fmt.Sprintf("%s in view %d: %s", role, view, why))
}

// see remembers the highest view.
func (p *Pair) see(view lock.View) {
	if view > p.view {
		p.view = view
		p.out = append(p.out, Persist{View: view, Cluster: p.cluster})
	}
}

// adopt takes over the pair's cluster id, which goes to disk like a view.
func (p *Pair) adopt(cluster ClusterID) {
	if cluster == p.cluster {
		return
	}
	p.cluster, p.synced = cluster, 0
	p.out = append(p.out, Persist{View: p.view, Cluster: cluster})
}

// do passes an effect on, or holds it back until the view is on disk, in the
// identity and, with the role, in the log.
func (p *Pair) do(e Effect) {
	if !p.usable() {
		p.held = append(p.held, e)
		return
	}
	p.out = append(p.out, e)
}

// usable reports whether the view is on disk and nothing waits for that.
func (p *Pair) usable() bool { return p.onDisk() && len(p.held) == 0 }

func (p *Pair) onDisk() bool { return p.synced >= p.view && p.disk.done >= p.disk.role }

// dropHeld forgets what was held back. What among it asks the table for something
// will never be done.
func (p *Pair) dropHeld() {
	for _, e := range p.held {
		switch e.(type) {
		case Install:
			p.installs--
		case TakeSnapshot:
			p.snapshots--
		}
	}
	p.held = nil
}

func (p *Pair) send(m Message) { p.do(Send{To: p.peer, Message: m}) }

// say and exit are for people and wait for nothing.
func (p *Pair) say(warn bool, text string) { p.out = append(p.out, Say{Warn: warn, Text: text}) }

func (p *Pair) exit(reason string) {
	p.over = true
	p.out = append(p.out, Exit{Reason: reason})
}

// onSynced lets go what waited, once no newer view waits.
func (p *Pair) onSynced(view lock.View) {
	p.synced = max(p.synced, view)
	p.release()
}

func (p *Pair) release() {
	if p.onDisk() {
		p.out = append(p.out, p.held...)
		p.held = nil
	}
}

// roleMessage is a message that only a node with a role sends.
type roleMessage interface {
	Message
	of() lock.View
}

func (m Heartbeat) of() lock.View    { return m.View }
func (m Forward) of() lock.View      { return m.View }
func (m Ack) of() lock.View          { return m.View }
func (m Relay) of() lock.View        { return m.View }
func (m Confirm) of() lock.View      { return m.View }
func (m Confirmation) of() lock.View { return m.View }
func (m Alone) of() lock.View        { return m.View }
func (m Outdated) of() lock.View     { return m.View }
func (m Bye) of() lock.View          { return m.View }
func (m Grow) of() lock.View         { return m.View }
func (m Grown) of() lock.View        { return m.View }

// onRoleMessage compares views first (P6).
func (p *Pair) onRoleMessage(m roleMessage) {
	if m.of() > lock.MaxView {
		return // no node can have taken it
	}
	p.life.view = max(p.life.view, m.of())
	p.life.serving = true
	switch {
	case !p.hasRole():
		p.suspect.alive()
		if p.outdates(m) {
			p.giveUp(Demoted)
		}
		if m.of() > p.farewell {
			p.farewell = 0
		}
		p.see(m.of())
		p.takeBack(m)
	case m.of() > p.view:
		p.demote(m.of())
	case m.of() < p.view:
		p.onLowerView(m)
	default:
		p.onOwnView(m)
	}
}

// onLowerView tells the peer that its view is over. An Outdated of a lower view
// is our own past coming back, and a Bye needs no answer.
func (p *Pair) onLowerView(m roleMessage) {
	if p.renewing && m.of() == p.view-1 {
		// The backup lives. It has not taken START yet, and shall not be demoted
		// for it.
		p.suspect.alive()
		if _, ok := m.(Bye); ok {
			p.onBye()
		}
		return
	}
	switch m.(type) {
	case Outdated, Bye:
	default:
		p.send(Outdated{View: p.view})
	}
}

// onOwnView handles what a peer of the same view says: a sign of life (P2).
func (p *Pair) onOwnView(m roleMessage) {
	p.suspect.alive()
	switch m := m.(type) {
	case Heartbeat:
		p.onHeartbeat(m)
	case Forward:
		p.onForward(m)
	case Ack:
		p.onAck(m.Index)
	case Relay:
		p.onRelay(m)
	case Confirm:
		p.onConfirm(m)
	case Confirmation:
		p.onConfirmation(m)
	case Bye:
		p.onBye()
	case Grow:
		p.onGrow(m)
	case Grown:
		p.onGrown(m)
	}
}

// demote gives up the role: somebody reigns in a higher view, so entries are
// missing here (P6, P7). What was never numbered or relayed was certainly not
// executed by this node; of everything else nobody here knows.
func (p *Pair) demote(view lock.View) {
	p.dropHeld() // of a view that never came to be
	p.role = Demoted
	p.suspect.clear()
	p.mark(Demoted, view)
	p.see(view)
	p.say(true, fmt.Sprintf("demoted: the peer reigns in view %d; what this node held is out of date", view))
	p.dropRole(p.peer)
	p.do(Reset{})
}

// dropRole empties everything that belongs to a role and tells those who wait.
func (p *Pair) dropRole(hint NodeID) {
	p.refuse(p.unordered(), NotPrimary, hint)
	p.do(Abandon{Hint: hint})
	p.order = order{}
	p.disk.writes, p.disk.taking = nil, nil
	p.park = park{}
	p.starting, p.founding, p.renewing, p.passing = false, false, false, false
	p.transfer, p.intake, p.growth = nil, nil, nil
}

// unordered returns the queued requests that are certainly not executed through
// this node: a repeat of one that has its number already may be, and what was
// relayed may be executed by the peer.
func (p *Pair) unordered() []lock.Command {
	if len(p.order.queue) == 0 {
		return nil
	}
	pending := map[lock.RequestID]bool{}
	for _, e := range p.order.after(p.order.applied) {
		pending[e.Command.ID()] = true
	}
	for _, c := range p.order.queue[:p.order.unparked] {
		pending[c.ID()] = true
	}
	var certain []lock.Command
	for _, c := range p.order.queue {
		if !c.Verb.OfClock() && !pending[c.ID()] {
			certain = append(certain, c)
		}
	}
	return certain
}

// refuse answers requests that were not executed by this attempt.
func (p *Pair) refuse(commands []lock.Command, kind AnswerKind, hint NodeID) {
	if len(commands) == 0 {
		return
	}
	ids := make([]lock.RequestID, len(commands))
	for i, c := range commands {
		ids[i] = c.ID()
	}
	p.do(Refuse{Requests: ids, Kind: kind, Hint: hint})
}
