package sim

import (
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// ruin is what the checker knows of a cluster that has lost a majority for good,
// and of the one that an operator has begun with what was left. What only the lost
// had is gone: entries that were answered, sessions, and with them beliefs. The
// node that goes on may have entries that nobody else agreed to, and takes them
// for settled. All else holds through it:
//
//   - Tokens and session ids of the new cluster are above all that were ever drawn.
//   - What the node had stays, in its order: a session that it knows lives on with
//     its locks, a request is not executed again, and no lease is granted beside it.
//   - Whoever comes back out of the old cluster serves nobody, and has no part in
//     the new one but with another log.
type ruin struct {
	struck bool
	before replica.ClusterID         // the cluster that is lost
	begun  bool                      // another one has begun
	buried map[replica.MemberID]bool // members of the old one, but for the node that goes on
	undone map[lock.SessionID]bool   // sessions of whose entries some may be gone
}

// nobody is the cluster of a history that no node goes on with.
const nobody replica.ClusterID = 1

// over reports whether a cluster has been given up.
func (r *ruin) over(cluster replica.ClusterID) bool { return r.begun && cluster == r.before }

// struckDown notes which cluster is lost.
func (c *checker) struckDown(survivor *node) {
	c.ruin = ruin{struck: true, before: survivor.proc.status.Cluster, buried: map[replica.MemberID]bool{}, undone: map[lock.SessionID]bool{}}
	for _, h := range c.histories {
		h.cluster = c.ruin.before
	}
	for _, n := range c.w.nodes {
		for _, m := range n.members {
			c.ruin.buried[m.ID] = m.ID != survivor.proc.member
		}
	}
}

// goesOn reports whether more can be answered in a history. In one that is over
// a node may still come to what had been settled.
func (c *checker) goesOn(h *history) bool { return h.cluster == 0 || !c.ruin.over(h.cluster) }

// steppedInRuin looks at nodes of a cluster that is over, and of the one that
// follows.
func (c *checker) steppedInRuin(p *process, before replica.Status) {
	r, now := &c.ruin, p.status
	switch {
	case !r.struck:
		return
	case p.begins != nil && now.Cluster != before.Cluster:
		p.begins.cluster, p.begins = now.Cluster, nil
	case r.over(now.Cluster) && now.Role == replica.Primary:
		c.w.fail("buried", "%s reigns in cluster %x, which was given up", p.node.name, uint64(now.Cluster))
	}
	if !r.begun || r.over(now.Cluster) {
		return
	}
	if i := slices.IndexFunc(now.Members, func(m replica.MemberStatus) bool { return r.buried[m.ID] }); i >= 0 {
		c.w.fail("buried", "%s has a member of the cluster that was given up: %+v", p.node.name, now.Members[i])
	}
}

// bootstraps notes a node that begins another cluster, in the step that has just
// been carried out. The rest of its log is on its way to its table.
func (c *checker) bootstraps(p *process, effects []replica.Effect) {
	begins := slices.ContainsFunc(effects, func(e replica.Effect) bool {
		o, ok := e.(replica.Instructed)
		return ok && o.Ordered.Kind == replica.Executed && o.Ordered.Outcome == replica.OrderWorking
	})
	if !begins || p.anew || p.dead {
		return
	}
	if !c.ruin.struck {
		c.w.fail("orders", "%s begins another cluster, and nothing is lost: %s", p.node.name, c.w.standing())
	}
	p.anew, p.finishing = true, true
	for _, h := range c.histories {
		if h.cluster == 0 {
			h.cluster = nobody // the node had begun before, and that came to nothing
		}
	}
	p.node.quiet = false // the operator takes the flag away
	c.w.stats.Bootstraps++
	before := c.last()
	cuts := slices.ContainsFunc(effects, func(e replica.Effect) bool { _, ok := e.(replica.TakeSnapshot); return ok })
	old := p.status.Cluster
	if !cuts {
		old = 0 // it is of the other one already
	}
	p.tableActor.post(func() { c.begunAnew(&p.table, before, old) })
}

// begunAnew: what the table has by now is where another history begins. The node
// is of the other cluster when that is cut, or at once if it has nothing.
func (c *checker) begunAnew(t *table, before *history, old replica.ClusterID) {
	p, at := t.p, t.place
	p.finishing = false
	c.executed = map[lock.RequestID]lock.Index{}
	var h *history
	if at.n == 0 {
		h = c.begin().in
	} else {
		h = c.fork(at).in
	}
	if p.status.Cluster == old {
		h.cluster, p.begins = 0, h
	} else {
		h.cluster = p.status.Cluster
	}
	t.place = place{in: h, n: at.n}
	if before != nil && (at.in != before || at.n < len(before.entries)) {
		for id := range h.model.sessions {
			c.ruin.undone[id] = true
		}
	}
	c.carryOver(h)
}

// carryOver has everything that still stands stand in the new history.
func (c *checker) carryOver(h *history) {
	for i, e := range h.entries {
		if h.firsts[i] == e.Index {
			c.executes(e, h.results[i])
		}
	}
	for id := range h.model.sessions {
		c.openedIn[id] = h
	}
	for _, l := range c.leases() {
		if h.model.holding(l.name, l.token) != nil {
			l.in = h
		}
	}
	for _, g := range h.model.grants {
		delete(c.revoked, g.token)
	}
	c.answered = place{in: h, n: min(c.answered.n, len(h.entries))}
}
