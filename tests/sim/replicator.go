package sim

import (
	"lockstep/lock"
	"lockstep/replica"
)

// step hands the core one event and carries out what comes back, in order.
func (p *process) step(ev replica.Event) {
	if p.dead || p.w.violation != nil {
		return
	}
	if p.w.opt.Trace != nil {
		p.w.trace(string(p.node.name), "<-", ev)
	}
	switch e := ev.(type) {
	case replica.Submit:
		if e.View == 0 {
			p.spread.submitted(e.Commands, p.relayed)
		}
	case replica.Received:
		if m, ok := e.Message.(replica.Relay); ok {
			for _, c := range m.Commands {
				p.relayed[c.ID()] = true
			}
		}
	case replica.Installed:
		p.table.spoilt = false
	}
	effects := p.core.Step(ev)
	before := p.status
	p.turn(ev)
	if !p.node.inQuorum() || p.tells(ev, effects) {
		p.status = p.core.Status()
	}
	if p.w.plan.grows && p.member == 0 {
		p.notePromise(effects)
	}
	p.passing = p.w.switcher != nil && p.w.switcher.stepped(p, before, effects)
	p.w.check.stepped(p, before)
	p.orders = 0
	for _, e := range effects {
		if p.dead {
			break // its disk failed
		}
		if p.w.opt.Trace != nil {
			p.w.trace(string(p.node.name), "  ", e)
		}
		p.perform(e)
	}
	in, ok := ev.(replica.Instruct)
	if ok && p.orders != 1 && !p.over {
		p.w.fail("orders", "%s answers an order %d times: %+v", p.node.name, p.orders, ev)
	}
	if ok && in.Order.Kind == replica.Bootstrap {
		p.w.check.bootstraps(p, effects)
	}
}

// ends stops the process after its last step; what was said last still has to
// leave the machine.
func (p *process) ends() {
	p.over = true
	p.w.after(p.w.upTo(5*millisecond), func() {
		if !p.dead {
			p.node.crash(false)
		}
	})
}

func (p *process) perform(e replica.Effect) {
	switch e := e.(type) {
	case replica.Send:
		p.w.check.sends(p, e.Message)
		p.w.faults.grows(p, e.Message)
		p.spread.note(e.Message)
		p.node.linkTo(e.To).send(p, e.Message)
	case replica.Apply:
		p.spread.applied(e.Entries)
		// A quorum gives out what is settled, and who hands over what has been.
		ruled := p.node.inQuorum() || hasRole(p.status.Role) || p.passing
		p.tableActor.post(func() { p.table.apply(e.Entries, ruled) })
	case replica.Refuse:
		for _, id := range e.Requests {
			if p.spread.refused(id) {
				p.w.fail("refused", "%s answers that it has not executed %+v, which it has sent to its peer", p.node.name, id)
			}
		}
		p.tableActor.post(func() { p.table.refuse(e) })
	case replica.Abandon:
		clear(p.spread)
		p.tableActor.post(func() { p.table.abandon(e.Hint) })
	case replica.Confirmed:
		p.tableActor.post(func() { p.table.confirmed(e.ID) })
	case replica.Barred:
		p.tableActor.post(func() { p.table.barred(e.ID, e.Hint) })
	case replica.Began:
		p.w.check.disturbed()
		p.tableActor.post(func() { p.table.began(e.View) })
	case replica.Ended:
		p.tableActor.post(p.table.ended)
	case replica.Persist:
		p.disk.write(write{view: e.View, cluster: e.Cluster, became: e.Became})
	case replica.Store:
		p.disk.write(write{store: &e})
	case replica.Fingerprint:
		p.tableActor.post(p.table.fingerprint)
	case replica.Befriend:
		p.befriend(e.Nodes)
	case replica.Instructed:
		p.instructed(e.Ordered)
	case replica.Left:
		p.ends()
	case replica.TakeSnapshot:
		p.tableActor.post(p.table.takeSnapshot)
	case replica.Install:
		p.kept = 0
		p.tableActor.post(func() { p.table.install(e.Bytes) })
	case replica.Reset:
		p.kept = 0
		p.tableActor.post(p.table.reset)
	case replica.ResetLink:
		p.node.linkTo(e.To).cut(oneOf(p.w.chance, true, false))
	case replica.Say:
	case replica.Exit:
		p.exits(e.Reason)
	}
}

// tell posts something to the replicator from the same process or its links.
func (p *process) tell(ev replica.Event) {
	if !p.dead {
		p.replicator.post(func() { p.step(ev) })
	}
}

// spread is what a process's clients have asked it and wait for: false when the
// request is still here, true when it was sent to the peer. From then on it may
// be executed at any time, so nobody may be told that it was not (P4).
type spread map[lock.RequestID]bool

// submitted leaves out what has come from the peer, too: it may be refused, and be
// executed all the same.
func (s spread) submitted(commands []lock.Command, relayed map[lock.RequestID]bool) {
	for _, c := range commands {
		if !relayed[c.ID()] {
			s[c.ID()] = false
		}
	}
}

func (s spread) sent(id lock.RequestID) {
	if _, ok := s[id]; ok {
		s[id] = true
	}
}

// refused reports whether the refusal is a lie.
func (s spread) refused(id lock.RequestID) bool {
	sent := s[id]
	delete(s, id)
	return sent
}

func (s spread) note(m replica.Message) {
	switch m := m.(type) {
	case replica.Relay:
		for _, c := range m.Commands {
			s.sent(c.ID())
		}
	case replica.Forward:
		for _, e := range m.Entries {
			s.sent(e.Command.ID())
		}
	}
}

func (s spread) applied(entries []lock.Entry) {
	for _, e := range entries {
		delete(s, e.Command.ID())
	}
}
