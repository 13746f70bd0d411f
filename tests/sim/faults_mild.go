package sim

import "lockstep/replica"

var leave = replica.Leave{}

// lookMild is regime 1: the next fault comes only when the pair has formed again
// and nobody counts.
func (f *faults) lookMild() {
	if f.over() {
		return
	}
	if f.w.plan.grows && f.w.check.formedOnce {
		f.w.check.calm = false
		f.w.after(f.upTo(3*second), f.anything) // the pair and its fault model are over
		return
	}
	f.w.after(1+f.upTo(tickLength/2), f.lookMild)
	switch {
	case f.busy > 0:
	case f.w.check.calm || f.w.formedNow():
		f.formed()
	case f.waiting && f.happens(0.05):
		f.disturbJoiner()
	}
}

// formed notes the pair and injects a fault when the time has come, which is
// often at once: the first moments of a pair are its weakest.
func (f *faults) formed() {
	if f.waiting {
		f.waiting = false
		if f.w.switcher != nil {
			f.w.switcher.formed()
		}
		if f.w.check.excused {
			f.w.check.excused, f.w.check.excusedAt = false, f.w.now
		}
		f.w.check.calm = true
		if f.happens(0.6) {
			f.next = f.w.now + f.upTo(2*second)
		}
	}
	if f.w.now >= f.next {
		f.waiting = true
		f.w.check.calm = false
		f.mild()
	}
}

// renewal is a primary that has just begun a new view. That takes it a moment
// only, so faults are sent there on purpose.
func (f *faults) renewal(n *node) {
	if !f.w.check.calm || f.over() || !f.happens(0.1) {
		return
	}
	f.w.after(f.upTo(4*millisecond), func() {
		if !f.w.check.calm || f.over() {
			return
		}
		f.waiting, f.w.check.calm = true, false
		if f.happens(0.5) {
			f.stopCleanly(n)
		} else {
			f.mild()
		}
	})
}

func (f *faults) mild() {
	if f.w.switcher != nil && f.happens(0.5) {
		f.w.switcher.want()
		return
	}
	n := f.anyNode()
	if f.w.plan.grows && !f.w.nodes[0].inQuorum() && !f.w.nodes[1].inQuorum() {
		n = f.w.nodes[f.w.fate.IntN(2)] // the third has no part in it yet
	}
	f.mildTo(n)
}

func (f *faults) mildTo(n *node) {
	switch k := f.w.fate.IntN(100); {
	case k < 35:
		f.crash(n, f.downFor())
	case k < 65:
		f.pause(n)
	case k < 75:
		f.stopCleanly(n)
	case k < 92 || f.w.plan.grows && (!f.w.plan.durable || n.id > 1):
		f.cut(1 + f.w.fate.IntN(3))
	case !f.w.plan.durable || f.w.plan.grows || f.happens(0.5):
		f.loseEverything(n)
	default:
		f.crash(n, f.downFor())
		f.w.stats.Wipes++
		f.w.trace(string(n.name), "loses its directory")
		n.wipe()
	}
}

// loseEverything crashes both nodes, the other while the first is still down:
// when the first is back and joining, a second fault would overlap with the first
// one's repair. Locks and sessions are lost; nothing else may be.
func (f *faults) loseEverything(n *node) {
	f.w.check.excused = true
	other := f.w.nodes[1-n.id]
	gap := f.downFor()
	if f.happens(0.3) {
		gap = 0
	}
	f.crash(n, gap+f.downFor())
	f.busy++
	f.w.after(gap, func() {
		f.busy--
		f.crash(other, f.downFor())
	})
}

// disturbJoiner breaks a node without a role while the other serves alone. That
// is no second fault: there is nothing to lose on it.
func (f *faults) disturbJoiner() {
	for i, n := range f.w.nodes {
		if i > 1 {
			return
		}
		other := f.w.nodes[1-i].proc
		if n.proc == nil || other == nil || other.paused || n.proc.paused ||
			hasRole(n.proc.status.Role) || other.status.Role != replica.Solo {
			continue
		}
		if f.happens(0.5) {
			f.crash(n, f.downFor())
		} else {
			f.pause(n)
		}
		return
	}
}
