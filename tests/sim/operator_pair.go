package sim

import (
	"math/rand/v2"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// switcher is the operator of a pair, in the regimes that have one: now and then
// it wants the roles changed, and often a fault comes just then.
type switcher struct {
	w      *world
	r      *rand.Rand
	orders replica.OrderID // the last that was given
	wish   *exchange

	// Of the last handover, until the pair has formed again:
	heir   *node
	view   lock.View // that was handed over
	struck bool      // a fault came about then
}

// exchange is an order to change the roles, repeated until it is done or refused.
type exchange struct {
	id     replica.OrderID
	to     *node // that is to reign
	ask    *node // the next to ask
	since  instant
	onTurn bool // a fault comes when the role is handed over
	struck bool // a fault has come, or will
}

// exchangePatience is how long an order is repeated that is not done.
const exchangePatience = 10 * second

func newSwitcher(w *world) *switcher {
	s := &switcher{w: w, r: rand.New(rand.NewPCG(w.opt.Seed, 8))}
	w.after(orderEvery, s.repeat)
	return s
}

// want begins an exchange, as a fault of its own.
func (s *switcher) want() {
	w := s.w
	if s.wish != nil || w.faults.over() {
		return
	}
	s.orders++
	one := &exchange{id: s.orders, to: w.nodes[s.r.IntN(2)], ask: w.nodes[s.r.IntN(2)], since: w.now}
	if reigning(one.to.proc) && s.r.IntN(8) > 0 {
		one.to = w.nodes[1-one.to.id]
	}
	s.wish, s.struck = one, false
	w.faults.busy++
	w.trace("operator", "wants", string(one.to.name))
	switch k := s.r.IntN(4); {
	case k == 0:
		s.strikeIn(one, 400*millisecond)
	case k < 3:
		one.onTurn = true
	}
}

func reigning(p *process) bool {
	return p != nil && (p.status.Role == replica.Primary || p.status.Role == replica.Solo)
}

// strikeIn has a fault come within a time: in regime 1 the only one until the pair
// has formed again.
func (s *switcher) strikeIn(one *exchange, most instant) {
	one.struck, one.onTurn, s.struck = true, false, true
	f := &s.w.faults
	f.busy++
	s.w.after(1+instant(s.r.Int64N(int64(most))), func() {
		f.busy--
		if f.over() {
			return
		}
		n := s.w.nodes[s.r.IntN(2)]
		if s.heir != nil && s.r.IntN(2) == 0 {
			n = s.heir
		}
		switch k := s.r.IntN(10); {
		case k < 5:
			f.crash(n, f.downFor())
		case k < 7:
			f.pause(n)
		case k < 8:
			f.stopCleanly(n)
		default:
			f.cut(1 + s.r.IntN(3))
		}
	})
}

// repeat asks a node, or whom it names, until the roles are changed.
func (s *switcher) repeat() {
	w := s.w
	w.after(orderEvery, s.repeat)
	one := s.wish
	if one == nil {
		return
	}
	if w.now-one.since > exchangePatience {
		if w.plan.regime == 1 && !one.struck && w.plan.clientLoss == 0 {
			w.fail("orders", "the roles have not been changed in %d s, and nothing has failed: %s", exchangePatience/second, w.standing())
		}
		s.settle("given up")
		return
	}
	to := one.ask
	one.ask = w.nodes[s.r.IntN(2)]
	if w.happens(w.plan.clientLoss) {
		return
	}
	w.after(50+w.upTo(w.weather.delayMax), func() {
		if p := to.proc; p != nil {
			p.clients.arrive(p, func() {
				p.replicator.post(func() {
					p.orderer = s
					p.step(replica.Instruct{ID: one.id, Order: replica.Order{Kind: replica.SwitchOver, Address: one.to.name}})
				})
			})
		}
	})
}

// hears is the answer to an order, as it sets out.
func (s *switcher) hears(p *process, a replica.Ordered) {
	w, one := s.w, s.wish
	if one == nil || a.ID != one.id {
		return
	}
	if a.Kind == replica.Executed && a.Outcome == replica.OrderDone && (p.node != one.to || !reigning(p)) {
		w.fail("orders", "%s says that %s reigns: %s", p.node.name, one.to.name, show(p.status))
	}
	if w.happens(w.plan.clientLoss) {
		return
	}
	w.after(50+w.upTo(w.weather.delayMax), func() {
		if s.wish != one {
			return
		}
		switch {
		case a.Kind == replica.NotPrimary && a.Hint != "":
			one.ask = w.nodeAt(a.Hint)
		case a.Kind != replica.Executed:
		case a.Outcome == replica.OrderDone:
			w.stats.OrdersDone++
			s.settle("done")
		case a.Outcome == replica.OrderRefused:
			w.stats.OrdersRefused++
			s.settle(a.Text)
		default:
			one.ask = p.node
		}
	})
}

func (s *switcher) settle(how string) {
	s.w.trace("operator", how)
	s.wish = nil
	s.w.faults.busy--
}

// stepped notes a node that hands its role over, and keeps its copy: that is the
// moment for faults. It reports whether this is one.
func (s *switcher) stepped(p *process, before replica.Status, effects []replica.Effect) bool {
	now := p.status
	leaves := slices.ContainsFunc(effects, func(e replica.Effect) bool { _, ok := e.(replica.Left); return ok })
	if before.Role != replica.Primary || now.Role != replica.Demoted || now.View != before.View || leaves {
		return false
	}
	s.w.stats.Handovers++
	p.kept = now.View
	s.heir, s.view = s.w.nodes[1-p.node.id], now.View
	if s.wish != nil && s.wish.onTurn {
		s.strikeIn(s.wish, oneOf(s.r, millisecond, 10*millisecond, 100*millisecond, second))
	}
	return true
}

// formed: the pair has two copies again.
func (s *switcher) formed() {
	if s.struck {
		s.w.check.excusedAt = s.w.now // a session may wait for an heir that is away
	}
	s.heir, s.struck = nil, false
}

// keepsCopy reports whether a node that has handed its role over has a copy that
// counts: the heir has entered no view since, so it has not taken over.
func (p *process) keepsCopy() bool {
	return p.kept != 0 && p.w.nodes[1-p.node.id].disk.view <= p.kept
}

// costsCopy reports whether the heir has gone on, alone: until the other has joined
// it, a single fault may cost the only copy that counts.
func (s *switcher) costsCopy() bool { return s.heir != nil && s.heir.disk.view > s.view }
