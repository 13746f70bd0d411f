package sim

import (
	"errors"
	"math/rand/v2"
	"strings"

	"lockstep/journal"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// drawGrowing draws a pair under the first regime's faults that an operator makes a
// quorum of, which then goes on under the third's.
func (p *plan) drawGrowing(r *rand.Rand) {
	p.drawQuorum(r)
	q := p.quorum
	q.size, q.spares, q.quiet = 2, 1+r.IntN(2), -1
	p.grows = true
	p.drawMild(r)
	p.badInstalls = 0
	if p.durable = q.config.Durable; p.durable {
		p.pair.Durable, p.pair.RetainBytes = true, q.config.RetainBytes
		p.disk = min(p.disk, tickLength/2) // there is more to write
	}
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

// hosted is a node of a pair, in a host by which it may become one of a quorum.
func (p *process) hosted(pair *replica.Pair, cfg *replica.PairConfig) replica.Core {
	if !p.w.plan.grows {
		return pair
	}
	of := p.w.plan.quorum.config
	of.Address, of.Quiet, of.Incarnation, of.NewCluster = p.node.name, p.node.quiet, p.inc, cfg.NewCluster
	of.Codec = numbering{&p.w.codec, p}
	return quorum.NewPair(pair, of)
}

// takeOver begins the quorum's log with what lies in that of the pair: the node had
// decided, and ended before the log was begun.
func (p *process) takeOver(kept replica.Recovered) replica.Recovered {
	b := p.node.disk.became
	c, err := replica.ReadPair(kept, &p.w.codec)
	locks := lock.NewTable()
	if err == nil && len(c.Snapshot) > 0 {
		var snap lock.Snapshot
		if snap, err = messages.DecodeSnapshot(c.Snapshot); err == nil {
			locks, err = lock.Restore(snap)
		}
	}
	if err == nil {
		for _, e := range c.Entries {
			locks.Apply(e)
		}
		p.w.stats.TakenOver++
		begins := quorum.BeginGrown(b, locks.Digest(), messages.EncodeSnapshot(locks.Snapshot()))
		err = errors.Join(p.disk.log.Begin(headerOf(b)), p.disk.log.Append(begins), p.disk.log.Sync())
		kept = replica.Recovered{Snapshot: begins.Snapshot, State: begins.State}
	}
	if err != nil || locks.Index() != b.Index {
		p.w.fail("exit", "%s cannot go on with its copy of the pair at %d, instead of %d: %v", p.node.name, locks.Index(), b.Index, err)
	}
	return kept
}

func headerOf(b *replica.Became) journal.Header {
	return journal.Header{Node: b.Name(), Member: b.Self, Cluster: b.Cluster}
}

// turn notes that a node of the pair has become one of a quorum.
func (p *process) turn(ev replica.Event) {
	if core, ok := p.core.(*quorum.Pair); !ok || p.member != 0 || !core.Turned() {
		return
	}
	p.member = p.drawn
	p.w.stats.Turns++
	p.w.trace(string(p.node.name), "turns")
	if e, ok := ev.(replica.Received); ok && p.promised && (e.From != p.w.nodes[1-p.node.id].name || e.Incarnation != p.promisedTo) {
		p.w.stats.Hearsay++
	}
}

// notePromise follows a backup's promise until its end.
func (p *process) notePromise(effects []replica.Effect) {
	if p.promised && p.member == 0 && p.status.Role != replica.Backup {
		p.promised = false
		p.w.stats.Forgone++
	}
	for _, e := range effects {
		if s, ok := e.(replica.Send); ok && !p.promised {
			if m, ok := s.Message.(replica.Grown); ok && m.Ready {
				p.promised, p.promisedTo = true, p.peerInc[p.w.nodes[1-p.node.id]]
			}
		}
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
	if f.waiting || f.over() || !f.happens(0.3) {
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
