package sim

import (
	"lockstep/lock"
	"lockstep/replica"
)

// checker watches the whole world. What each check promises stands in doc.go.
type checker struct {
	w         *world
	histories []*history
	reigns    map[lock.View]reign
	requests  map[lock.RequestID]*request
	executed  map[lock.RequestID]lock.Index // in slots, through all histories
	drawn     uint64                        // the highest token or id, through all histories
	answered  place                         // the highest entry that was answered, in the last history
	openedIn  map[lock.SessionID]*history
	noCopy    bool // the last copy has gone, and no entry came since
	excused   bool // regime 1: the faults mean to destroy every copy
	calm      bool // regime 1: the pair has formed, and no fault came since

	revoked     map[lock.Token]instant     // when an operator took a grant away
	lastSent    map[lock.SessionID]instant // when a client last said something for the session
	inquiries   map[inquiry]place          // the highest entry answered before it was first sent
	disturbedAt instant                    // the last fault or new reign
	outages     []outage                   // of a quorum, in their order
	founded     bool                       // somebody is a member of a quorum
	formedOnce  bool                       // the quorum has formed
	formedAt    instant                    // and last then
	excusedAt   instant                    // when the faults last meant to destroy every copy
	ruin        ruin
}

// reign is who was primary or solo in a view, and in which life.
type reign struct {
	node int
	inc  replica.Incarnation
	role replica.Role
}

func newChecker(w *world) checker {
	return checker{
		w: w, reigns: map[lock.View]reign{}, requests: map[lock.RequestID]*request{},
		executed: map[lock.RequestID]lock.Index{}, openedIn: map[lock.SessionID]*history{},
		revoked: map[lock.Token]instant{}, inquiries: map[inquiry]place{},
		lastSent: map[lock.SessionID]instant{},
	}
}

func hasRole(r replica.Role) bool {
	return r == replica.Primary || r == replica.Backup || r == replica.Solo
}

// stepped looks at a node after each step of its replicator.
func (c *checker) stepped(p *process, before replica.Status) {
	now := p.status
	if p.node.inQuorum() {
		c.steppedInQuorum(p, before)
		return
	}
	if now.View < before.View {
		c.w.fail("one-reign", "%s went back from view %d to %d", p.node.name, before.View, now.View)
	}
	c.reigned(p)
	if now.Role != replica.Solo {
		p.soloAt = c.w.now
	}
	if now.Role == before.Role {
		if now.Role == replica.Primary && now.View != before.View {
			c.w.faults.renewal(p.node)
		}
		return
	}
	anew := !hasRole(before.Role) && now.Role != replica.Backup && hasRole(now.Role) && p.kept == 0
	if anew && !c.noCopy && len(c.histories) > 0 && !c.w.plan.durable {
		c.w.fail("new-history", "%s becomes %s with an empty table while a copy of history %d exists", p.node.name, now.Role, len(c.histories))
	}
	if hasRole(now.Role) {
		p.kept = 0
	}
	c.countCopies()
	if now.Role == replica.Demoted {
		c.w.stats.Demotions++
	}
	if c.calm && hasRole(before.Role) {
		c.w.fail("healthy", "%s turns from %s to %s although nothing has failed", p.node.name, before.Role, now.Role)
	}
}

// reigned notes who rules a view, once the view is on disk: one that is not
// may be used by somebody else after a crash (P0).
func (c *checker) reigned(p *process) {
	s := p.status
	if s.Role != replica.Primary && s.Role != replica.Solo || p.node.disk.view < s.View {
		return
	}
	me := reign{p.node.id, p.inc, s.Role}
	if other, ok := c.reigns[s.View]; ok && other != me {
		c.w.fail("one-reign", "view %d: %s life %d is %s, and node %d life %d was %s",
			s.View, p.node.name, p.inc, s.Role, other.node, other.inc, other.role)
	}
	c.reigns[s.View] = me
}

// sends checks that no message of a view leaves before the view is on disk.
func (c *checker) sends(p *process, m replica.Message) {
	if v := viewOf(m); v > p.node.disk.view {
		c.w.fail("view-on-disk", "%s sends %s with %d on disk", p.node.name, show(m), p.node.disk.view)
	}
}

func viewOf(m replica.Message) lock.View {
	switch m := m.(type) {
	case replica.Heartbeat:
		return m.View
	case replica.Forward:
		return m.View
	case replica.Ack:
		return m.View
	case replica.Relay:
		return m.View
	case replica.Alone:
		return m.View
	case replica.Outdated:
		return m.View
	case replica.Bye:
		return m.View
	case replica.Start:
		return m.View
	case replica.Confirm:
		return m.View
	case replica.Confirmation:
		return m.View
	case replica.Grow:
		return m.View
	case replica.Grown:
		return m.View
	case replica.Found:
		return m.View
	case replica.Engine:
		return engineView(m.Bytes)
	default:
		return 0
	}
}

// countCopies counts the processes that hold a copy that counts; a paused one
// does. In regime 1 there is always one, unless the faults mean otherwise.
func (c *checker) countCopies() {
	if c.w.plan.quorum != nil || c.w.plan.durable {
		return // it takes more to lose what is on disks
	}
	for _, n := range c.w.nodes {
		if n.proc != nil && (hasRole(n.proc.status.Role) || n.proc.keepsCopy()) {
			return
		}
	}
	if s := c.w.switcher; s != nil && s.costsCopy() {
		c.excused = true
	}
	if !c.noCopy && len(c.histories) > 0 {
		c.w.stats.Losses++
	}
	c.noCopy = true
	if c.w.plan.regime == 1 && len(c.histories) > 0 && !c.excused {
		c.w.fail("memory", "no node has a copy any more, after one fault at a time")
	}
}

// applied checks one entry that a table has run, and returns where it stands.
// ruled says that the replicator had a role when it gave the entry out.
func (c *checker) applied(t *table, e lock.Entry, got lock.Result, ruled bool) place {
	at := t.place
	if at.lost {
		if ruled && !t.p.spoilt {
			c.w.fail("digest", "%s has a role with a state that nobody ever had", t.p.node.name)
		}
		return at
	}
	at, known := c.follow(t.p, at, e)
	switch {
	case known:
	case at.n == 0:
		at = c.beginAnew(t)
	case c.w.plan.strict && !t.p.finishing:
		c.w.fail("one-order", "%s applies %+v where history %d has %+v", t.p.node.name, e, at.in.number, at.in.entries[at.n])
		return at
	default:
		at = c.fork(at)
		if t.p.finishing {
			at.in.cluster = nobody
		}
	}
	at = c.enter(t, at, e, got)
	if ruled {
		at.in.settled = max(at.in.settled, at.n)
	}
	t.place = at
	return at
}

func (c *checker) beginAnew(t *table) place {
	if h := c.last(); h != nil && len(h.entries) == 0 && h.of(t.p) {
		return place{in: h}
	}
	if c.w.plan.strict && len(c.histories) > 0 && !c.noCopy && !t.p.finishing {
		c.w.fail("new-history", "%s begins with an empty table while a copy of history %d exists", t.p.node.name, len(c.histories))
	}
	c.noCopy = false
	return c.begin()
}

// enter adds the entry to its history, or compares with what is there.
func (c *checker) enter(t *table, at place, e lock.Entry, got lock.Result) place {
	h, i, digest := at.in, at.n, t.locks.Digest()
	over := endings(t, i+1, e)
	c.records(t, over)
	switch {
	case i == len(h.entries):
		h.ended = append(h.ended, over...)
		c.extend(t, h, e, got, digest)
	case h.results[i] != got || h.digests[i] != digest:
		c.w.fail("digest", "%s, entry %+v: result %+v, and %+v on another node (digests %x %x)",
			t.p.node.name, e, got, h.results[i], digest, h.digests[i])
	}
	return place{in: h, n: i + 1, first: h.firsts[i]}
}

// extend puts the entry at the tip of its history: here it is judged.
func (c *checker) extend(t *table, h *history, e lock.Entry, got lock.Result, digest lock.Digest) {
	passed := passings(t.locks.Events())
	first, wrong := h.model.judge(e, got, passed)
	if wrong != "" {
		c.w.fail(h.model.check, "%s, entry %+v: %s", t.p.node.name, e, wrong)
	}
	h.entries, h.results, h.times = append(h.entries, e), append(h.results, got), append(h.times, c.w.now)
	h.firsts, h.digests = append(h.firsts, first), append(h.digests, digest)
	if len(passed) > 0 {
		h.passed[e.Index] = passed
	}
	c.w.stats.Entries++
	c.w.stats.Passed += len(passed)
	if got.Outcome == lock.Opened {
		c.openedIn[got.Session] = h
	}
	if c.w.plan.strict && !t.p.finishing && c.goesOn(h) {
		c.drewNow(t, e, h.model.drew)
		if first == e.Index {
			c.executedNow(t, e, got)
		}
		c.ends(t, h, e)
	}
}

// passings are the grants after a wait, each told of once for every name.
func passings(events []lock.Event) []passing {
	var all []passing
	for _, e := range events {
		one := passing{e.Request, e.Token}
		if e.Kind == lock.LockAcquired && e.Request != (lock.RequestID{}) && (len(all) == 0 || all[len(all)-1] != one) {
			all = append(all, one)
		}
	}
	return all
}
