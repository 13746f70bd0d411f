package replica

import "fmt"

// An operator may have the roles changed (SwitchOver). The primary stops
// numbering, waits until the backup has everything, gives up its role and says
// goodbye, by which the backup goes on alone at once. It stays in life and joins
// again by a snapshot. What had queued is refused with a hint and asked again
// there: no request fails, and none is in doubt.

// instruct answers an operator's order, once, in this step.
func (p *Pair) instruct(e Instruct) {
	answer := Ordered{ID: e.ID, Kind: Executed}
	switch e.Order.Kind {
	case SwitchOver:
		p.switchOver(e.Order, &answer)
	case AddMember, RemoveMember:
		answer.refuse("%s and %s are a pair and stay one; a cluster that can grow and shrink is of nodes started with lockd node", p.cfg.Pair[0], p.cfg.Pair[1])
	case Bootstrap:
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
		p.order.acked != p.order.last || p.kept() != p.order.last {
		return
	}
	p.say(false, fmt.Sprintf("handing over to %s, which has everything up to entry %d", p.peer, p.order.last))
	p.role, p.farewell = Demoted, p.view
	p.suspect.clear()
	p.dropRole(p.peer)
	p.do(Reset{})
	p.send(Bye{View: p.farewell})
}

// sayFarewell repeats the goodbye until the peer has gone on: by the joining
// messages alone it would find out late, and under a solo policy never.
func (p *Pair) sayFarewell() {
	if p.farewell != 0 {
		p.send(Bye{View: p.farewell})
	}
}
