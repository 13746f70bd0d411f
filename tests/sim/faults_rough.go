package sim

import "lockstep/replica"

// rough is regime 2: anything, at any time.
func (f *faults) rough() {
	if f.over() {
		return
	}
	f.w.after(f.upTo(oneOf(f.w.fate, 5*tickLength, 3*second)), f.rough)
	if f.w.switcher != nil && f.happens(0.2) {
		f.w.switcher.want()
		return
	}
	n := f.anyNode()
	switch k := f.w.fate.IntN(100); {
	case k < 20:
		f.crash(n, f.downFor())
	case k < 40:
		f.pause(n)
	case k < 48:
		f.stopCleanly(n)
	case k < 60:
		f.cut(1 + f.w.fate.IntN(3))
	case k < 78:
		f.partition(1 + f.w.fate.IntN(3))
	case k < 82 && f.w.plan.durable:
		f.powerCut()
	case k < 84 && f.w.plan.durable:
		f.loseBackup()
	case k < 90:
		f.w.weather = roughWeather(f.w.fate)
	default:
		f.w.clients[f.w.fate.IntN(len(f.w.clients))].sever(f.w.fate.IntN(4), f.upTo(3*second))
	}
}

// loseBackup wipes the machine that was not started as primary, unless it has
// seen a view that the other has not: then the directory is all that keeps it
// from being used twice. (The other machine would found a pair of its own.)
func (f *faults) loseBackup() {
	first, n := f.w.nodes[0], f.w.nodes[1]
	if f.over() || first.proc == nil || first.proc.status.Role != replica.Primary && first.proc.status.Role != replica.Solo || n.disk.view > first.disk.view {
		return
	}
	f.crash(n, f.downFor())
	f.w.stats.Wipes++
	f.w.trace(string(n.name), "loses its directory")
	n.wipe()
}

// partition blocks directions for a while, a bit for each.
func (f *faults) partition(which int) {
	for i, l := range f.w.links {
		if which>>i&1 != 0 {
			f.w.trace(string(l.from.name), "cannot be heard")
			l.blocked = 1
			f.w.after(f.pauseLength(), func() { l.blocked = 0 })
		}
	}
}
