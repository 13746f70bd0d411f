package sim

import (
	"slices"

	"lockstep/replica"
)

// planRuin has a majority lost for good, once, at some time in the first half.
func (f *faults) planRuin() {
	if f.w.plan.quorum.ruined {
		f.w.after(f.w.plan.end/12+f.upTo(f.w.plan.end/5), f.ruin)
	}
}

// ruinLate reports whether it is too late for that: what follows takes a while.
func (f *faults) ruinLate() bool { return f.w.now > f.w.plan.faultsEnd*5/8 }

// ruin chooses who will be left, and often keeps the others from it for a while:
// then they know what it does not, or it what they do not.
func (f *faults) ruin() {
	one := f.anyNode()
	if f.ruinLate() {
		return
	}
	if p := one.proc; p == nil || p.paused || len(p.status.Members) < 2 {
		f.w.after(100*millisecond, f.ruin)
		return
	}
	f.ruining = true
	var blocked []*link
	if f.happens(0.6) {
		blocked = slices.Concat(one.in, one.out)
	}
	for _, l := range blocked {
		l.blocked++
	}
	f.w.after(f.upTo(2*second), func() { f.strike(one, blocked) })
}

// strike ends all members but one, as soon as nobody is about to become a member,
// or to be one no more. Fewer than a majority keep what they have, and come back.
func (f *faults) strike(one *node, blocked []*link) {
	w := f.w
	if !f.ruinLate() && !f.ripe(one) {
		w.after(50*millisecond, func() { f.strike(one, blocked) })
		return
	}
	f.ruining = false
	for _, l := range blocked {
		l.blocked = max(0, l.blocked-1)
	}
	if f.ruinLate() {
		return
	}
	w.stats.Ruins++
	w.trace("faults", "all is lost but", string(one.name))
	w.check.struckDown(one)
	w.operator.wish = nil
	var lost []*node
	may := (len(one.members) - 1) / 2 // and one that is no member of theirs any more
	for _, n := range w.operator.members() {
		n.members = nil
		if n == one {
			continue
		}
		n.crash(f.happens(0.5))
		n.idle = true
		if n.old = may > 0 && f.happens(0.5); n.old {
			may--
		} else {
			n.wipe()
		}
		lost = append(lost, n)
	}
	f.harm(one)
	w.fate.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
	w.operator.later(3*second, func() { w.operator.beginAnew(one, lost) })
}

// harm is what befalls the node that is left, too: now and then its process ends,
// and now and then nothing of it is left either.
func (f *faults) harm(one *node) {
	switch f.w.fate.IntN(6) {
	case 0:
		f.crash(one, f.downFor())
	case 1:
		f.crash(one, f.downFor())
		one.wipe()
	}
}

// ripe reports whether all machines of the cluster run, and agree on who belongs to
// it.
func (f *faults) ripe(one *node) bool {
	w := f.w
	members := w.operator.members()
	if len(members) < 2 || !slices.Contains(members, one) || !w.check.formedOnce || len(w.operator.leaves) > 0 {
		return false
	}
	for _, n := range w.nodes {
		if n.fetched || len(n.members) > 0 && !sameMembers(n.members, one.members) {
			return false
		}
	}
	for _, n := range members {
		if n.proc == nil || n.doomed || len(n.members) != len(members) || len(n.proc.status.Members) == 0 {
			return false
		}
	}
	return true
}

func sameMembers(a, b []replica.MemberStatus) bool {
	return slices.EqualFunc(a, b, func(m, n replica.MemberStatus) bool { return m.ID == n.ID && m.Voter && n.Voter })
}
