package sim

import "math/rand/v2"

// upsetClients is what befalls the programs, in both regimes and whatever the
// nodes are doing: they stand still or sleep, they are killed, and the network
// hides nodes from them.
func (w *world) upsetClients() {
	r := w.doom
	w.after(1+instant(r.Int64N(int64(2*w.plan.upset))), func() {
		if w.faults.over() {
			return
		}
		w.upsetClients()
		w.clients[r.IntN(len(w.clients))].beUpset(r)
	})
}

// upsetBehind upsets a client when a node goes on after a pause: what was answered
// late is then the last that it hears.
func (w *world) upsetBehind() {
	r := w.doom
	if w.faults.over() || r.IntN(2) == 0 {
		return
	}
	c := w.clients[r.IntN(len(w.clients))]
	w.after(instant(r.Int64N(int64(4*tickLength))), func() {
		if !w.faults.over() {
			c.beUpset(r)
		}
	})
}

func (c *client) beUpset(r *rand.Rand) {
	switch k := r.IntN(10); {
	case k < 4:
		c.pause(c.absence(r))
	case k < 7:
		c.sever(1+r.IntN(3), c.absence(r))
	default:
		c.kill()
	}
}

// absence is short, or about as long as the session may be silent, or anything.
func (c *client) absence(r *rand.Rand) instant {
	ttl := span(c.ttl)
	switch r.IntN(3) {
	case 0:
		return 1 + instant(r.Int64N(int64(4*clientTick)))
	case 1:
		return ttl*9/10 + instant(r.Int64N(int64(ttl/5)))
	default:
		return 1 + instant(r.Int64N(int64(2*ttl)))
	}
}

// sever hides nodes from the client for a while, a bit for each.
func (c *client) sever(nodes int, d instant) {
	c.w.stats.ClientCuts++
	c.severed, c.upset = nodes, c.w.now
	c.w.after(d, func() { c.severed, c.upset = 0, c.w.now })
}
