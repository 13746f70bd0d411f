package sim

import (
	"reflect"
	"slices"
	"syscall"

	"lockstep/journal"
	"lockstep/replica"
)

// anything is regime 3: whatever may happen to machines, disks and the network,
// at any time. Only the memory of a majority is spared: no quorum outlives that.
func (f *faults) anything() {
	if f.over() {
		return
	}
	f.w.after(1+f.upTo(f.w.plan.quorum.rate), f.anything)
	if f.ruining {
		return
	}
	n := f.anyNode()
	if p := f.w.primary(); p != nil && f.happens(0.4) {
		n = p.node // there is most to go wrong
	}
	switch k := f.w.fate.IntN(100); {
	case k < 18:
		f.crashOne(n)
	case k < 38:
		f.pause(n)
	case k < 46:
		f.leave(n)
	case k < 54:
		f.cutOne(n)
	case k < 76:
		f.split(n)
	case k < 84:
		f.w.weather = someWeather(f.w.fate)
	case k < 88:
		f.slowDisk()
	case k < 91:
		f.powerCut()
	case k < 93:
		f.loseDirectory(n)
	case k < 96:
		f.spoilDisk(n)
	default:
		f.w.clients[f.w.fate.IntN(len(f.w.clients))].sever(f.w.fate.IntN(1<<len(f.w.nodes)), f.upTo(3*second))
	}
}

// crashOne ends a process. Without a log on disk its memory is lost with it.
func (f *faults) crashOne(n *node) {
	if f.w.survives(powerless, n) {
		f.crash(n, f.downFor())
	}
}

// powerCut takes several machines at one instant, often all.
func (f *faults) powerCut() {
	lost := slices.Clone(f.w.nodes)
	if f.happens(0.4) {
		f.w.fate.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
		lost = lost[:2]
	}
	if f.over() || f.w.plan.quorum != nil && !f.w.survives(powerless, lost...) {
		return
	}
	f.w.stats.PowerCuts++
	f.w.trace("faults", "power cut")
	for _, n := range lost {
		if n.proc != nil {
			n.crash(true)
			f.restart(n, f.downFor())
		}
	}
}

// leave has the node pass on its role before its process ends.
func (f *faults) leave(n *node) {
	p := n.proc
	if p == nil || p.paused || !f.w.survives(powerless, n) {
		return
	}
	f.w.stats.Stops++
	f.busy++
	p.leaving = true
	p.tell(leave)
	// The shell waits no longer than two seconds. When the faults are over, a node
	// must be back before everything has to be well.
	down := 2*second + min(f.downFor(), 6*second)
	f.w.after(down, func() {
		f.busy--
		if n.proc == p { // it never got to it
			n.crash(false)
		}
		f.revive(n)
	})
}

// revive starts a machine that has a part in the cluster.
func (f *faults) revive(n *node) {
	if !n.idle {
		n.start()
	}
}

func (f *faults) cutOne(n *node) {
	l := n.out[f.w.fate.IntN(len(n.out))]
	f.w.stats.Cuts++
	f.w.trace(string(n.name), "connection cut to", string(l.to.name))
	l.cut(f.happens(0.3))
}

// split blocks directions for a while: one, all of a machine's in or out, or all
// between two groups.
func (f *faults) split(n *node) {
	var blocked []*link
	switch f.w.fate.IntN(5) {
	case 0:
		blocked = append(blocked, n.out[f.w.fate.IntN(len(n.out))])
	case 1:
		blocked = n.out
	case 2:
		blocked = n.in
	case 3:
		blocked = slices.Concat(n.in, n.out)
	default:
		side := f.w.fate.IntN(1 << len(f.w.nodes))
		for _, l := range f.w.links {
			if side>>l.from.id&1 != side>>l.to.id&1 {
				blocked = append(blocked, l)
			}
		}
	}
	f.w.stats.Splits++
	d := f.pauseLength()
	for _, l := range blocked {
		f.w.trace(string(l.from.name), "cannot be heard by", string(l.to.name))
		l.blocked++
	}
	f.w.after(d, func() {
		for _, l := range blocked {
			l.blocked = max(0, l.blocked-1)
		}
	})
}

func (f *faults) slowDisk() {
	f.w.plan.disk = oneOf(f.w.fate, 500, upTo(f.w.fate, 4*tickLength), upTo(f.w.fate, 20*tickLength))
}

// loseDirectory wipes a machine, with its process or while it is down.
func (f *faults) loseDirectory(n *node) {
	if n.idle || !f.w.check.formedOnce || !f.w.survives(wiped, n) {
		return
	}
	if n.proc != nil {
		f.crash(n, f.downFor())
	}
	f.w.stats.Wipes++
	f.w.trace(string(n.name), "loses its directory")
	n.wipe()
}

// spoilDisk has the disk fail soon, fill up or rot. What rots is not needed any
// more, or the node does not start with it.
func (f *faults) spoilDisk(n *node) {
	if n.fs == nil || n.idle || n.fetched || !f.w.check.formedOnce || !f.w.survives(wiped, n) {
		return
	}
	switch f.w.fate.IntN(3) {
	case 0:
		n.fs.FailAt(1+f.w.fate.IntN(30), syscall.EIO)
	case 1:
		n.fs.SetRoom(f.w.fate.IntN(4000))
	default:
		if n.proc != nil {
			f.crash(n, f.downFor())
		}
		f.rot(n)
	}
}

func (f *faults) rot(n *node) {
	whole, err := opened(f.w, n.fs.Files())
	if n.proc != nil || err != nil {
		return
	}
	name, at, ok := n.fs.Rot()
	if !ok {
		return
	}
	left, err := opened(f.w, n.fs.Files())
	if err == nil && !begins(whole, left) {
		f.w.fail("decay", "%s reads what has rotten, in %s at %d", n.name, name, at)
	}
	if err == nil && !reflect.DeepEqual(whole, left) {
		f.w.fail("rot", "%s takes a wrong bit, at %d of %s, for something else", n.name, at, name)
		return
	}
	f.w.stats.Rots++
	f.w.trace(string(n.name), "disk has rotten:", name, at, err)
	n.doomed = err != nil
}

// begins reports whether what is left of a log is its beginning.
func begins(whole, left replica.Recovered) bool {
	return len(left.Entries) <= len(whole.Entries) && reflect.DeepEqual(whole.Snapshot, left.Snapshot) &&
		reflect.DeepEqual(whole.Entries[:len(left.Entries)], left.Entries)
}

// opened reads a log without touching it.
func opened(w *world, files map[string][]byte) (replica.Recovered, error) {
	d := w.newDisk()
	d.Put(files)
	_, kept, _, err := journal.Open(d)
	return kept, err
}

// powerless and wiped say what a machine forgets.
func powerless(n *node) replica.MemberID { return n.kept() }

func wiped(*node) replica.MemberID { return 0 }

// survives reports whether a majority of every configuration that is in force
// somewhere, or may be soon, remembers what it knew when the nodes have
// forgotten.
func (w *world) survives(after func(*node) replica.MemberID, lost ...*node) bool {
	alive := map[replica.MemberID]bool{}
	for _, n := range w.nodes {
		if slices.Contains(lost, n) {
			alive[after(n)] = true
		} else {
			alive[n.memory()] = true
		}
	}
	if w.check.founded && !w.check.formedOnce && slices.ContainsFunc(lost, func(n *node) bool { return after(n) != n.memory() }) {
		return false // the newcomers know of nothing yet
	}
	for _, n := range w.nodes {
		if len(n.members) > 0 && !w.enough(n.members, alive) {
			return false
		}
	}
	return true
}

// enough looks at one configuration, and at what it may turn into: a node that is
// being replaced may count under either name, a newcomer who is dead by now may
// count, and a member may be about to leave.
func (w *world) enough(members []replica.MemberStatus, alive map[replica.MemberID]bool) bool {
	var voters, living, before, dead int
	for _, m := range members {
		other := slices.IndexFunc(members, func(o replica.MemberStatus) bool { return o.Name == m.Name && o.ID != m.ID })
		if !m.Voter {
			if other < 0 && !alive[m.ID] {
				dead++
			}
			continue
		}
		voters++
		if alive[m.ID] {
			living++
			if other < 0 || alive[members[other].ID] {
				before++
			}
		}
	}
	return living > (voters+dead)/2 && before > voters/2 && (len(w.operator.leaves) == 0 || living-1 > (voters-1)/2)
}
