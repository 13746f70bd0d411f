package sim

import "lockstep/replica"

// formedQuorum reports whether every machine that has a part in the cluster runs
// and is a member who has all that the primary has, and nobody else is.
func (w *world) formedQuorum() bool {
	primary := w.primary()
	if primary == nil {
		return false
	}
	want := primary.status
	running := 0
	for _, n := range w.nodes {
		if n.idle {
			continue
		}
		if !n.inQuorum() {
			return false
		}
		running++
		p := n.proc
		if p == nil || p.paused || p.status.View != want.View || len(p.status.Members) != len(want.Members) || len(p.disk.waiting) > 0 || len(p.peers.waiting) > 0 {
			return false
		}
		if p.status.Index+4 < want.Index || p.table.locks.Index()+4 < want.Index {
			return false
		}
		switch p.status.Role {
		case replica.Backup, replica.Quiet:
		case replica.Primary:
			if p != primary {
				return false
			}
		default:
			return false
		}
	}
	for _, m := range want.Members {
		if p := w.nodeAt(m.Address).proc; !m.Voter || p == nil || p.member != m.ID {
			return false
		}
	}
	return running == len(want.Members)
}

// primary is the one with the highest view.
func (w *world) primary() *process {
	var one *process
	for _, n := range w.nodes {
		if p := n.proc; p != nil && !p.paused && p.status.Role == replica.Primary && (one == nil || p.status.View > one.status.View) {
			one = p
		}
	}
	return one
}

// quorumAtEnd is after the last event: all members have the same state, and it
// holds all that was ever ordered (durability).
func (c *checker) quorumAtEnd() {
	w := c.w
	// A session may expire at the last moment, and that entry may end the view.
	election := instant(3*w.plan.suspect) * tickLength
	if !w.formedNow() && w.now-c.formedAt > max(second, election) {
		w.fail("formed", "the idle quorum is not one: %s", w.standing())
		return
	}
	first := w.primary()
	if first == nil {
		return // the last election is under way
	}
	for _, n := range w.nodes {
		if n.proc != nil && !n.idle && apart(first.table.locks, n.proc.table.locks) {
			w.fail("digest", "%s and %s are apart in the end: %s", first.node.name, n.name, w.standing())
		}
	}
	if h := c.last(); h != nil {
		if first.table.place.n < len(h.entries) {
			w.fail("durability", "%d entries were ordered, and %d are left", len(h.entries), first.table.place.n)
		}
		c.leftBehind(h.model)
	}
}
