package sim

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// ends looks, in regime 1, at what an entry has taken away from its holders: they
// know already (T2, T4), unless an operator did it. An entry counts from the
// first time that any node applies it: a lock that it frees may be granted from
// then on.
func (c *checker) ends(t *table, h *history, e lock.Entry) {
	lost := h.model.lost
	switch e.Command.Verb {
	case lock.Revoke:
		for _, token := range lost {
			c.revoked[token] = c.w.now
		}
		c.w.stats.Revoked += len(lost)
	case lock.Expire:
		c.w.stats.Expired++
		c.expired(t, h, e)
	case lock.EndHold:
		c.w.stats.Overheld += len(lost)
		for _, l := range c.leases() {
			if l.in == h && slices.Contains(lost, l.token) && l.believed() {
				c.w.fail("told", "%s ends the hold of %x while client %d believes in it for %d ms more", t.p.node.name, l.token, l.client.id, l.until-l.client.clock())
			}
		}
	}
}

// expired: the client of a session that expires believes in it no more.
func (c *checker) expired(t *table, h *history, e lock.Entry) {
	for _, by := range c.w.clients {
		if by.session == e.Command.Session && by.clock() < by.until {
			c.w.fail("told", "%s expires session %x while client %d believes in it for %d ms more",
				t.p.node.name, by.session, by.id, by.until-by.clock())
		}
	}
}

func (c *checker) leases() []*lease {
	var all []*lease
	for _, by := range c.w.clients {
		all = append(all, by.leases...)
	}
	return all
}

// believedAgain looks at everything that a client believes in from now on.
func (c *checker) believedAgain(by *client) {
	for _, l := range by.leases {
		c.believed(l)
	}
}

// believed looks, in regime 1, at a lease in which a client begins to believe: it
// stands at the nodes, and no two clients believe in what one of them only can
// have. What an operator took away is excepted: its holder is told after it
// happened. So is what was granted before every copy was lost.
func (c *checker) believed(l *lease) {
	if !c.w.plan.strict || c.wasRevoked(l) || !l.believed() {
		return
	}
	var others []*grant
	var holders []string
	seen := []lock.Token{l.token}
	for _, o := range c.leases() {
		if o.in == l.in && !slices.Contains(seen, o.token) && !c.wasRevoked(o) && o.believed() {
			seen = append(seen, o.token)
			others = append(others, &grant{token: o.token, wants: o.wants})
			holders = append(holders, fmt.Sprintf("client %d %x %+v", o.client.id, o.token, o.wants))
		}
	}
	for _, w := range l.wants {
		if !besides(w, others) {
			c.w.fail("belief", "client %d believes to have %+v by %x beside %s", l.client.id, w, l.token, holders)
		}
	}
	if l.in == c.last() && l.in.model.holding(l.name, l.token) == nil {
		c.w.fail("told", "client %d begins to believe in %x, which has ended", l.client.id, l.token)
	}
}

// last is the history that goes on.
func (c *checker) last() *history {
	if len(c.histories) == 0 {
		return nil
	}
	return c.histories[len(c.histories)-1]
}

// lost is a session that its client gives up, or is told of as gone. In regime 1
// that is no client that could reach the nodes all the time and has the patience
// for a failover or two: they cost no session.
func (c *checker) lost(by *client, cause error) {
	if errors.Is(cause, replica.ErrReleased) || !c.w.plan.strict {
		return
	}
	ttl := span(by.ttl)
	if c.w.plan.lingers(by.ttl) && by.severed == 0 && c.w.now-by.upset > 2*ttl && c.openedIn[by.session] == by.heard &&
		!c.excused && (c.excusedAt == 0 || c.w.now-c.excusedAt > 2*ttl) && (c.w.plan.quorum == nil || c.outlasts(ttl)) {
		c.w.fail("linger", "client %d loses session %x, and nothing kept it from its nodes: %v", by.id, by.session, cause)
	}
}

// lingers reports whether a session with this time-out must outlive two faults in
// a row: the time for suspicion, and for the client's attempts to find the node
// that goes on.
func (p *plan) lingers(ttl lock.Millis) bool {
	return (p.quorum != nil || p.pair.Solo == replica.SoloBoth) && p.clientLoss == 0 && span(ttl)*2/3 > 3*p.failover()
}

func (p *plan) failover() instant {
	n := instant(p.suspect)
	if p.quorum != nil {
		n *= 2
	}
	return (n+4)*tickLength + 2*p.disk + 4*p.network.delayMax + p.late + p.stall + instant(p.maxAttempt)*clientTick
}

// disturbed notes that the time-outs begin anew, or may stand still.
func (c *checker) disturbed() { c.disturbedAt = c.w.now }

// watchTime looks whether what time should end does end.
func (w *world) watchTime() {
	w.after(5*tickLength, w.watchTime)
	w.excuseCalls()
	if !w.faults.over() && !w.check.calm {
		w.check.disturbed()
	}
	if h := w.reigning(); h != nil && w.prompt() {
		w.check.overdue(h)
	}
	if w.plan.strict {
		w.check.untold()
	}
}

// overdue: whatever a dead client leaves behind passes on within its TTL, three
// ticks and a second of undisturbed time, and likewise what has lasted for its
// MaxHold, or was closed for a lock-delay. While the faults go on only regime 1
// knows what is undisturbed.
func (c *checker) overdue(h *history) {
	late := func(since instant, limit lock.Millis, what string, id uint64) {
		if c.w.now-max(since, c.disturbedAt) > patience(limit) {
			c.w.fail("orphans", "%s %x stands since %.3fs, and should for %d ms", what, id, float64(since)/float64(second), limit)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.model.sessions)) {
		one := h.model.sessions[id]
		late(max(c.lastSent[id]+c.w.weather.delayMax, h.times[one.at-1]), one.ttl, "the session of nobody", uint64(id))
	}
	for _, g := range h.model.grants {
		if g.maxHold != 0 {
			late(h.times[g.at-1], g.maxHold, "the grant", uint64(g.token))
		}
	}
	for _, d := range slices.SortedFunc(maps.Keys(h.model.closed), func(a, b lock.Holding) int { return cmp.Compare(a.Token, b.Token) }) {
		late(h.times[h.model.closed[d].at-1], h.model.closed[d].delay, "the lock-delay after", uint64(d.Token))
	}
}

// untold: who can reach the nodes hears of a revocation with its next keep-alive
// at the latest.
func (c *checker) untold() {
	for _, l := range c.leases() {
		since := max(c.revoked[l.token], l.client.upset, c.disturbedAt)
		if c.wasRevoked(l) && l.believed() && c.w.plan.clientLoss == 0 && l.client.severed == 0 && c.w.now-since > span(l.client.ttl)*2/5+c.w.plan.failover() {
			c.w.fail("told", "client %d believes in %x, which was revoked at %.3fs", l.client.id, l.token, float64(c.revoked[l.token])/float64(second))
		}
	}
}

func (c *checker) wasRevoked(l *lease) bool {
	_, revoked := c.revoked[l.token]
	return revoked
}

// patience adds to the promised time what the slowest clock and the stalls of
// a process may take from its ticks.
func patience(ttl lock.Millis) instant {
	return span(ttl)*103/100 + 3*tickLength + second + span(ttl)/10
}

// prompt reports whether an expiry is ordered soon after it was proposed: with
// tiny batches it queues for long behind requests.
func (w *world) prompt() bool { return w.plan.pair.MaxBatch == 0 || w.now > w.plan.callsEnd+second }

// reigning is the history of the node that orders.
func (w *world) reigning() *history {
	for _, n := range w.nodes {
		if p := n.proc; p != nil && !p.paused && (p.status.Role == replica.Primary || p.status.Role == replica.Solo) {
			return p.table.place.in
		}
	}
	return nil
}
