package sim

// faults decides what breaks and when.
type faults struct {
	w       *world
	next    instant // regime 1: no fault before
	waiting bool    // regime 1: a fault came, and the pair has not formed since
	busy    int     // faults that are not over, such as a node that is down
	ruining bool    // a majority is about to be lost, and nothing else happens
}

func (f *faults) begin(w *world) {
	f.w = w
	f.waiting = true
	switch {
	case w.plan.grows:
		w.after(tickLength, f.lookMild)
	case w.plan.quorum != nil:
		w.after(f.upTo(3*second), f.anything)
		f.planRuin()
	case w.plan.regime == 1:
		w.after(tickLength, f.lookMild)
	default:
		w.after(f.upTo(second), f.rough)
	}
	w.after(f.upTo(second), f.stall)
	if w.plan.regime == 1 {
		w.watchSolo()
	}
	w.agenda.add(w.plan.faultsEnd, f.stop)
}

func (f *faults) over() bool { return f.w.now >= f.w.plan.faultsEnd }

func (f *faults) upTo(most instant) instant { return instant(f.w.fate.Int64N(int64(max(most, 1)))) }

func (f *faults) anyNode() *node { return f.w.nodes[f.w.fate.IntN(len(f.w.nodes))] }

func (f *faults) happens(probability float64) bool { return f.w.fate.Float64() < probability }

// stall stops a process for a moment, as a collection of garbage does. It is
// part of the weather, not a fault.
func (f *faults) stall() {
	if f.over() {
		return
	}
	if p := f.anyNode().proc; p != nil && !p.paused {
		p.pause(f.upTo(f.w.plan.stall))
	}
	f.w.after(f.upTo(2*second), f.stall)
}

// pauseLength is anything, and often about as long as suspicion takes.
func (f *faults) pauseLength() instant {
	n := instant(f.w.plan.suspect) * tickLength
	switch f.w.fate.IntN(3) {
	case 0:
		return f.upTo(3 * tickLength)
	case 1:
		return n - 3*tickLength + f.upTo(6*tickLength)
	default:
		return f.upTo(5 * n)
	}
}

// downFor is how long a node stays down: sometimes too short to be noticed.
func (f *faults) downFor() instant {
	switch k := f.w.fate.IntN(20); {
	case k < 8:
		return millisecond + f.upTo(3*tickLength)
	case k == 19:
		return 5*second + f.upTo(5*second) // long enough for whoever waits in vain
	}
	return f.pauseLength() + f.upTo(second)
}

func (f *faults) crash(n *node, down instant) {
	if n.proc == nil || f.over() {
		return
	}
	f.w.stats.Crashes++
	n.crash(f.happens(0.2))
	f.restart(n, down)
}

func (f *faults) restart(n *node, down instant) {
	f.busy++
	f.w.after(down, func() {
		f.busy--
		f.revive(n)
	})
}

func (f *faults) pause(n *node) {
	if n.proc == nil || n.proc.paused {
		return
	}
	f.w.stats.Pauses++
	d := f.pauseLength()
	f.w.trace(string(n.name), "paused for", d)
	n.proc.pause(d)
}

// stopCleanly lets the node give up its role and say so.
func (f *faults) stopCleanly(n *node) {
	p := n.proc
	if p == nil || p.paused {
		return
	}
	f.w.stats.Stops++
	f.busy++
	p.tell(leave)
	down := f.downFor()
	f.w.after(100*millisecond+down, func() {
		f.busy--
		if n.proc == p { // it never got to it
			n.crash(false)
		}
		n.start()
	})
}

// cut breaks connections, a bit for each direction.
func (f *faults) cut(which int) {
	for i, l := range f.w.links {
		if which>>i&1 != 0 {
			f.w.stats.Cuts++
			f.w.trace(string(l.from.name), "connection cut")
			l.cut(f.happens(0.3))
		}
	}
}

// stop ends all faults: every process runs, every frame arrives.
func (f *faults) stop() {
	w := f.w
	w.trace("faults", "stop")
	w.weather = fairWeather()
	w.plan.clientLoss, w.plan.stall, w.plan.late = 0, 0, millisecond
	w.plan.disk = min(w.plan.disk, 5*millisecond)
	w.check.calm = false
	for _, n := range w.nodes {
		if n.proc == nil {
			f.revive(n)
		}
		if n.proc != nil {
			n.proc.wake()
		}
		for _, l := range n.out {
			l.blocked = 0
			l.greet()
		}
	}
	for _, c := range w.clients {
		c.wake()
		c.severed, c.upset = 0, w.now
	}
	w.check.disturbed()
	w.watchEnd()
}
