package replica

import "fmt"

// An operator may have the roles changed (SwitchOver). The primary stops
// numbering, waits until the backup has everything, gives up its role and says
// goodbye, by which the backup goes on alone at once. It stays in life and joins
// again by a snapshot. What had queued is refused with a hint and asked again
// there: no request fails, and none is in doubt.
//
// Until the backup is heard to have gone on, its copy may be lost by one kill. So
// the former primary keeps its own, of view v, and answers nothing. It goes on
// with it, alone, only when the backup has certainly not taken over:
//
//   - A new life of the backup has seen no view above v. A view is on disk
//     before it is used, so nobody has reigned in v+2.
//   - The backup says goodbye in view v: it gave that role up for no other.
//
// Silence proves nothing: the backup may serve. Its new life that has seen more,
// and has nothing in memory, may have served, too: the copy is out of date.

// instruct answers an operator's order, once, in this step.
func (p *Pair) instruct(e Instruct) {
	answer := Ordered{ID: e.ID, Kind: Executed}
	switch e.Order.Kind {
	case SwitchOver:
		p.switchOver(e.Order, &answer)
	case AddMember:
		p.orderGrow(e.Order, &answer)
	case RemoveMember:
		answer.refuse("%s and %s are a pair, of which none can be removed; stop the one that is to go", p.cfg.Pair[0], p.cfg.Pair[1])
	case Bootstrap:
		if p.promised() {
			answer.refuse("%s was about to become a node of a cluster, and waits for %s: it would go on alone with what it has, up to entry %d; what %s has granted since is given up, and it could come back only with an empty state directory", p.self(), p.peer, p.order.last, p.peer)
			break
		}
		answer.refuse("%s and %s are a pair, whose nodes need no majority; if the other copy is lost, restart this node with -found", p.cfg.Pair[0], p.cfg.Pair[1])
	default:
		answer.refuse("this node does not know that order: it has an older version")
	}
	p.out = append(p.out, Instructed{Ordered: answer})
}

func (o *Ordered) refuse(format string, v ...any) {
	o.Outcome, o.Text = OrderRefused, fmt.Sprintf(format, v...)
}

func (o *Ordered) work(format string, v ...any) {
	o.Outcome, o.Text = OrderWorking, fmt.Sprintf(format, v...)
}

// switchOver is done when the node that it names reigns, which that node says.
func (p *Pair) switchOver(o Order, answer *Ordered) {
	target := o.Address
	if target == "" {
		target = NodeID(o.Name) // a node of a pair goes by its address
	}
	switch {
	case target != p.self() && target != p.peer:
		answer.refuse("%q is not of this pair: the next primary is %s or %s", target, p.cfg.Pair[0], p.cfg.Pair[1])
	case !p.reigns():
		answer.Kind, answer.Hint = NotPrimary, p.hint()
	case target == p.self():
		answer.Outcome, answer.Text = OrderDone, fmt.Sprintf("%s is the %s of view %d", p.self(), p.role, p.view)
	case p.role == Solo && p.transfer != nil && p.life.ago < uint64(p.suspect.limit):
		answer.work("%s joins, and has no copy yet", p.peer)
	case p.role == Solo:
		answer.refuse("%s is alone: %s has no copy, so nobody can take over; start %s and wait until it is the backup", p.self(), p.peer, p.peer)
	case p.growth != nil:
		answer.refuse("another change is under way: "+becoming, p.growth.of)
	case p.starting || p.suspect.count > 1:
		answer.work("%s is the backup, and silent at the moment", p.peer)
	default:
		p.passing = true
		p.passOn()
		answer.work("handing over to %s", p.peer)
	}
}

// passOn hands the role over once the backup has everything.
func (p *Pair) passOn() {
	if !p.passing || p.role != Primary || p.starting || !p.usable() ||
		p.order.acked != p.order.last || p.kept() != p.order.last || p.order.applied != p.order.last {
		return
	}
	p.say(false, fmt.Sprintf("handing over to %s, which has everything up to entry %d", p.peer, p.order.last))
	p.role, p.farewell = Demoted, p.view
	p.suspect.clear()
	p.copy = &restored{
		standing: standing{Primary, p.view}, handedTo: p.life.incarnation,
		asked: true, ready: true, base: p.order.last, last: p.order.last,
	}
	p.dropRole(p.peer)
	p.send(Bye{View: p.farewell})
}

// handed reports whether this node has a copy that it keeps for the case that the
// peer has died before it took over.
func (p *Pair) handed() bool { return p.copy != nil && p.copy.handedTo != 0 }

// outdates reports whether a message of a node with a role shows that others have
// gone on, in a later view or alone. After a handover the peer's past, when it was
// alone, may still be on its way.
func (p *Pair) outdates(m roleMessage) bool {
	if p.handed() {
		return m.of() > p.copy.view
	}
	_, alone := m.(Alone)
	return alone || m.of() > p.disk.says.view
}

// takeBack goes on with the copy when the peer gives up the role by which it was
// to take over.
func (p *Pair) takeBack(m roleMessage) {
	if _, ok := m.(Bye); ok && p.handed() && m.of() == p.copy.view {
		p.resume(p.view+1, fmt.Sprintf("%s has said goodbye before it took over", p.peer))
	}
}

// stillMine judges the copy by a peer without a role. It returns false if the
// copy must not be gone on with now.
func (p *Pair) stillMine(m Hello) bool {
	switch {
	case !p.handed():
		return true
	case p.life.incarnation == p.copy.handedTo:
		return false // from before it was the backup
	case !p.cfg.Durable && m.View > p.copy.view:
		p.giveUp(Demoted) // it may have reigned
		return false
	default:
		return true
	}
}

// handedEvery is how often, in times N, a node that waits for the peer to take
// over says so: twice a minute.
const handedEvery = 75

// waitForHeir tells what to do when the peer stays silent after a handover.
func (p *Pair) waitForHeir() {
	if n := p.suspect.count; p.handed() && (n == p.suspect.limit || n%(handedEvery*p.suspect.limit) == 0) {
		p.say(true, fmt.Sprintf("waiting for %s, which was to take over from view %d and is silent: it may serve, so this node, which keeps its copy, must not; start %s again with its state, or, if that is lost for good, with an empty state directory; do not stop this node", p.peer, p.copy.view, p.peer))
	}
}

// sayFarewell repeats the goodbye until the peer has gone on: by the joining
// messages alone it would find out late, and under a solo policy never.
func (p *Pair) sayFarewell() {
	if p.farewell != 0 {
		p.send(Bye{View: p.farewell})
	}
}
