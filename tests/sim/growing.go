package sim

import (
	"math/rand/v2"
	"strings"

	"lockstep/replica"
	"lockstep/replica/quorum"
)

// drawGrowing draws a pair under the first regime's faults that an operator makes a
// quorum of, which then goes on under the third's.
func (p *plan) drawGrowing(r *rand.Rand) {
	p.drawQuorum(r)
	q := p.quorum
	q.size, q.spares, q.quiet, q.config.Durable = 2, 1+r.IntN(2), -1, false
	p.grows = true
	p.drawMild(r)
	p.badInstalls = 0
	p.suspect = max(p.suspect, p.pair.SuspectTicks)
}

// inQuorum reports whether a machine is one of a quorum, or becomes one when it
// starts.
func (n *node) inQuorum() bool {
	switch {
	case n.w.plan.quorum == nil:
		return false
	case !n.w.plan.grows || n.id > 1 || n.anew || n.disk.became != nil:
		return true
	default:
		return n.proc != nil && n.proc.member != 0
	}
}

// growingCore is a node of a pair that may become one of a quorum.
func (p *process) growingCore(cfg replica.PairConfig) replica.Core {
	cfg.Member = replica.MemberID(p.w.chance.Uint64() | 1)
	of := p.w.plan.quorum.config
	of.Address, of.Quiet, of.Incarnation, of.NewCluster = p.node.name, p.node.quiet, p.inc, cfg.NewCluster
	of.Codec = numbering{&p.w.codec, p}
	p.drawn = cfg.Member
	return quorum.NewPair(replica.NewPair(cfg), of)
}

// turn notes that a node of the pair has become one of a quorum.
func (p *process) turn() {
	if core, ok := p.core.(*quorum.Pair); ok && p.member == 0 && core.Turned() {
		p.member = p.drawn
		p.w.stats.Turns++
		p.w.trace(string(p.node.name), "turns")
	}
}

// outOfDate reports whether a node of the pair gives up because it has missed that
// there is a quorum.
func (n *node) outOfDate(reason string) bool {
	return n.w.plan.grows && !n.inQuorum() && strings.Contains(reason, "knows no pairs")
}

// joinAnew empties the machine and starts it as a node of the quorum.
func (o *operator) joinAnew(n *node) {
	o.w.stats.Late++
	n.crash(false)
	o.later(second, func() {
		n.wipe()
		n.anew = true
		n.peers = o.peers()
		n.start()
	})
}

// grows is a message by which a pair becomes a quorum. That takes a moment only, so
// faults are sent there on purpose.
func (f *faults) grows(p *process, m replica.Message) {
	switch m := m.(type) {
	case replica.Grow:
		if m.Round == 0 {
			return
		}
	case replica.Grown:
		if m.Round == 0 {
			return
		}
	case replica.Engine, replica.Found, replica.Seek:
		if !f.w.plan.grows || f.w.check.formedOnce || p.member == 0 || p.node.id > 1 {
			return
		}
	default:
		return
	}
	if f.waiting || f.over() || !f.happens(0.15) {
		return
	}
	f.waiting, f.w.check.calm = true, false
	n := p.node
	if f.happens(0.6) {
		n = f.anyNode()
	}
	f.busy++
	f.w.after(f.upTo(oneOf(f.w.fate, millisecond/10, 4*millisecond, 2*tickLength)), func() {
		f.busy--
		if f.w.check.formedOnce {
			return
		}
		f.mildTo(n)
		if n.id > 1 {
			f.busy++
			f.recovers(n)
		}
	})
}

// recovers waits for the third machine, which a pair does without: a quorum that
// begins with it would have two faults at once.
func (f *faults) recovers(n *node) {
	f.w.after(2*second, func() {
		if !f.over() && (n.proc == nil || n.proc.paused) {
			f.recovers(n)
			return
		}
		f.busy--
	})
}
