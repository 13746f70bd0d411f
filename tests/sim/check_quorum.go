package sim

import (
	"encoding/binary"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// steppedInQuorum looks at a node of a quorum after each step of its core.
func (c *checker) steppedInQuorum(p *process, before replica.Status) {
	now := p.status
	if now.View < before.View {
		c.w.fail("one-reign", "%s went back from view %d to %d", p.node.name, before.View, now.View)
	}
	c.steppedInRuin(p, before)
	if len(now.Members) > 0 && !c.ruin.over(now.Cluster) {
		p.node.members = now.Members
		c.founded = true
	}
	c.reigned(p)
	if now.Role != before.Role && now.Role == replica.Primary {
		c.w.stats.Reigns++
	}
}

// obeyed checks an order that a node calls done.
func (c *checker) obeyed(p *process, o replica.Order) {
	named := func(m replica.MemberStatus) bool { return m.Name == o.Name }
	voter := func(m replica.MemberStatus) bool { return named(m) && m.Voter }
	switch o.Kind {
	case replica.AddMember:
		if !slices.ContainsFunc(p.status.Members, voter) {
			c.w.fail("orders", "%s says that %s has been added: %s", p.node.name, o.Name, show(p.status))
		}
	case replica.RemoveMember:
		if slices.ContainsFunc(p.status.Members, named) {
			c.w.fail("orders", "%s says that %s has been removed: %s", p.node.name, o.Name, show(p.status))
		}
	case replica.Bootstrap:
		if p.status.Role != replica.Primary || p.status.Cluster == c.ruin.before {
			c.w.fail("orders", "%s says that it has begun another cluster than %x: %s", p.node.name, uint64(c.ruin.before), show(p.status))
		}
	}
}

// tip is how many entries any node has applied.
func (c *checker) tip() int {
	if h := c.last(); h != nil {
		return len(h.entries)
	}
	return 0
}

// begun: in a quorum a reign begins behind all that any view before it has
// settled. Nothing of these comes to light later (R6).
func (c *checker) begun(t *table, view lock.View) {
	if !t.p.node.inQuorum() || t.place.lost || t.place.n == c.tip() {
		return
	}
	if e := c.last().entries[t.place.n]; e.View < view {
		c.w.fail("reigns", "%s begins view %d after %d entries, and %+v is settled", t.p.node.name, view, t.place.n, e)
	}
}

// confirmed: in a quorum who answers without an entry has applied all that any
// node had when it was asked (R7).
func (c *checker) confirmed(t *table, b behind) {
	switch {
	case !t.p.node.inQuorum():
	case c.ruin.over(t.p.status.Cluster):
		c.w.fail("buried", "%s answers, and its cluster was given up", t.p.node.name)
	case t.place.lost:
		c.w.fail("digest", "%s answers from a state that nobody ever had", t.p.node.name)
	case b.of == c.last() && t.place.n < b.floor:
		c.w.fail("barriers", "%s answers from the state after %d, and was asked when %d were settled", t.p.node.name, t.place.n, b.floor)
	}
}

// The engine's messages, as far as they are looked at.
const (
	fieldType, fieldTerm = 1, 4
	preVote, preVoteResp = 17, 18
)

// engineView is the view of one of the engine's messages, which are protobuf; a
// question about an election to come has none.
func engineView(b []byte) lock.View {
	var kind, term uint64
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return 0
		}
		b = b[n:]
		value, m := binary.Uvarint(b)
		if m <= 0 {
			return 0
		}
		b = b[m:]
		switch {
		case tag&7 == 2 && value <= uint64(len(b)): // bytes, of that length
			b = b[value:]
		case tag&7 != 0:
			return 0
		case tag>>3 == fieldType:
			kind = value
		case tag>>3 == fieldTerm:
			term = value
		}
	}
	if kind == preVote || kind == preVoteResp {
		return 0
	}
	return lock.View(term)
}

// watchService looks, time and again, whether a quorum could serve: a primary that runs
// and has a majority within reach, and a network and disks that are not too bad.
func (w *world) watchService() {
	w.after(tickLength, w.watchService)
	c := &w.check
	if w.formedQuorum() {
		c.formedOnce, c.formedAt = true, w.now
	}
	if w.servable() {
		return
	}
	c.disturbed()
	if n := len(c.outages); n > 0 && w.now-c.outages[n-1].end <= 4*tickLength {
		c.outages[n-1].end = w.now
		return
	}
	c.outages = append(c.outages, outage{w.now, w.now})
}

// outage is a time in which the quorum could not serve.
type outage struct{ begin, end instant }

func (w *world) servable() bool {
	bad := w.weather.loss > 0.02 || w.weather.delayMax > 2*tickLength || w.plan.disk > 2*tickLength || w.plan.late > 4*tickLength
	if bad && !w.faults.over() {
		return false
	}
	return slices.ContainsFunc(w.nodes, func(n *node) bool {
		p := n.proc
		return p != nil && !p.paused && p.status.Role == replica.Primary && w.reaches(n, p.status.Members)
	})
}

// reaches reports whether a majority can speak with the node.
func (w *world) reaches(n *node, members []replica.MemberStatus) bool {
	var voters, near int
	for _, m := range members {
		if !m.Voter {
			continue
		}
		voters++
		other := w.nodeAt(m.Address)
		if other == n || other.proc != nil && !other.proc.paused && other.proc.member == m.ID &&
			n.linkTo(other.name).open() && other.linkTo(n.name).open() {
			near++
		}
	}
	return near > voters/2
}

// outlasts reports whether what kept the quorum from serving lately was one
// fail-over at most.
func (c *checker) outlasts(ttl instant) bool {
	var first, last instant
	for _, o := range c.outages {
		if o.end+2*ttl < c.w.now {
			continue
		}
		if first == 0 {
			first = o.begin
		}
		last = o.end
	}
	return last-first <= c.w.plan.failover()
}
