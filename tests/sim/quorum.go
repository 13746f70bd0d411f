package sim

import (
	"slices"
	"strings"

	"lockstep/journal"
	"lockstep/journal/journaltest"
	"lockstep/replica"
	"lockstep/replica/quorum"
)

// today is a day on which clusters are begun anew, in seconds of Unix time.
const today = 1_800_000_000

// quorumCore opens the log and begins the node's part. It returns nil if the log
// is damaged: then the operator takes the machine in hand.
func (p *process) quorumCore(before identity) replica.Core {
	w, n := p.w, p.node
	if w.check.formedOnce && !n.old {
		n.peers = w.operator.peers() // the operator keeps the lists up to date
	} else if b := n.disk.became; b != nil {
		n.peers = b.Peers()
	}
	cfg := w.plan.quorum.config
	cfg.Name, cfg.Address, cfg.Peers, cfg.Quiet = n.title, n.name, n.peers, n.quiet
	cfg.Incarnation = p.inc
	cfg.Member = replica.MemberID(w.chance.Uint64() | 1)
	cfg.HasIdentity, cfg.View, cfg.Cluster = before.view > 0, before.view, before.cluster
	cfg.NewCluster = replica.ClusterID(w.chance.Uint64() | 1)
	cfg.BootstrapFloor = quorum.Floor(today + int64(w.now/second))
	cfg.Codec = numbering{&w.codec, p}
	var kept replica.Recovered
	if cfg.Durable {
		var owner journal.Header
		var err error
		n.fs.SetRoom(-1) // the operator has made room
		p.disk.log, kept, owner, err = journal.Open(n.fs)
		if err != nil {
			w.operator.failed(n, err)
			return nil
		}
		n.log = 0
		if b := n.disk.became; b != nil && owner != (journal.Header{}) && owner.Member == 0 {
			kept, owner = p.takeOver(kept), headerOf(b)
		}
		if !kept.Empty() {
			// The identity is written before the log is, when another cluster begins.
			cfg.Member, cfg.Cluster, n.log = owner.Member, owner.Cluster, owner.Member
		}
		p.disk.header = journal.Header{Member: cfg.Member, Node: n.title}
	}
	core, err := quorum.New(cfg, kept)
	if err != nil {
		w.fail("exit", "%s does not start: %v", n.name, err)
		return nil
	}
	p.member = cfg.Member
	return core
}

// befriend dials whom it does not dial yet, and hears nobody else.
func (p *process) befriend(nodes []replica.NodeID) {
	p.friends = slices.Clone(nodes)
	for _, l := range p.node.out {
		if slices.Contains(nodes, l.to.name) && l.by != p {
			l.dial(p)
		}
	}
}

// passes is the door of a quorum's node: strangers may only introduce themselves.
func (p *process) passes(f frame, from replica.NodeID) bool {
	if p.w.plan.quorum == nil || slices.Contains(p.friends, from) {
		return true
	}
	switch f.message.(type) {
	case replica.Seek, replica.Hello:
		return true
	}
	return false
}

// orderer is who gives orders.
type orderer interface {
	hears(*process, replica.Ordered)
}

func (p *process) instructed(o replica.Ordered) {
	p.orders++
	p.orderer.hears(p, o)
}

// exits is a node that says that it cannot go on.
func (p *process) exits(reason string) {
	if p.node.outOfDate(reason) {
		p.w.operator.joinAnew(p.node)
		return
	}
	if p.w.plan.quorum != nil && len(p.status.Members) == 0 && strings.Contains(reason, "same -peers") {
		// It has nothing yet, and neither has the one that was started with another
		// list.
		p.node.crash(false)
		p.w.operator.startAgain(p.node)
		return
	}
	if p.w.plan.quorum == nil || !p.w.operator.excuses(p) {
		p.w.fail("exit", "%s gives up: %s", p.node.name, reason)
		return
	}
	p.w.stats.Exits++
	p.node.crash(false)
	p.w.operator.retire(p.node, p.node.idle || strings.Contains(reason, "removed"))
}

// wipe empties the machine's directory.
func (n *node) wipe() {
	n.anew = n.anew || n.disk.became != nil
	n.disk, n.log, n.members, n.doomed, n.old = identity{}, 0, nil, false, false
	if n.fs != nil {
		n.fs = n.w.newDisk()
	}
}

// memory is the name of the log that the machine would still have after losing
// its power: whoever has none keeps it while its process lives.
func (n *node) memory() replica.MemberID {
	if n.proc != nil && !n.proc.leaving && !n.doomed {
		return n.proc.member
	}
	return n.kept()
}

// kept is what the disk alone would bring back.
func (n *node) kept() replica.MemberID {
	if n.fs == nil || n.doomed {
		return 0
	}
	return n.log
}

// beginQuorum starts the founders, one a little after the other.
func (w *world) beginQuorum() {
	for _, n := range w.nodes {
		if !n.idle {
			w.after(w.upTo(oneOf(w.fate, tickLength, 20*tickLength)), n.start)
		}
	}
	w.operator.begin()
	w.after(tickLength, w.watchService)
}

// newDisk is an empty directory for a log.
func (w *world) newDisk() *journaltest.Disk {
	d := journaltest.New(w.decay)
	d.SetGarbles(true)
	return d
}

// tells reports whether a step may have changed what the status says, of which a
// quorum's is dear: most steps only say something, which changes nothing but how
// far a node is. That is looked at now and then.
func (p *process) tells(ev replica.Event, effects []replica.Effect) bool {
	if _, ok := ev.(replica.Tick); ok {
		p.looked++
		return p.looked%4 == 0
	}
	for _, e := range effects {
		switch e.(type) {
		case replica.Send, replica.Apply, replica.Store, replica.Confirmed:
		default:
			return true
		}
	}
	return false
}
