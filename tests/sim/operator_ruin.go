package sim

import "lockstep/replica"

// beginAnew has the node that is left begin another cluster, and takes the others
// in: with nothing, or with what they had before they are emptied.
func (o *operator) beginAnew(one *node, lost []*node) {
	first := o.new(replica.Order{Kind: replica.Bootstrap, Force: true}, one)
	last := first
	for _, n := range lost {
		last.then = o.add(n)
		last = last.then
	}
	o.wish = first
	if o.r.IntN(2) == 0 {
		o.interrupt(first)
	}
}

// interrupt ends the process that is to begin a cluster, about then. Without a log
// on disk that is the end of all that it had.
func (o *operator) interrupt(me *wish) {
	f := &o.w.faults
	p := me.machine.proc
	o.w.after(2*millisecond, func() {
		switch {
		case o.wish != me || f.over():
		case p != nil && p.anew:
			o.later(oneOf(o.r, 2*millisecond, 20*millisecond, 200*millisecond), func() {
				if o.w.plan.quorum.config.Durable || o.wish == me && p.status.Role != replica.Primary {
					f.crash(me.machine, f.downFor())
				}
			})
		default:
			o.interrupt(me)
		}
	})
}

// served reports whether a node is the primary, or hears it: it refuses to begin
// another cluster, forced or not.
func (p *process) served() bool {
	s := p.core.Status()
	return s.Role == replica.Primary || s.Role == replica.Backup && s.Heard && s.HeardAgo <= 2
}

// oldPatience is how long the operator waits for a node to say that it must be
// emptied. One that knows nobody who is left never does.
const oldPatience = 8 * second

func (o *operator) empties(n *node) {
	n.crash(false)
	o.retire(n, false)
}

// begun: another cluster goes on. Some of those that were given up for lost are
// there again, as they were.
func (o *operator) begun(me *wish) {
	o.w.check.ruin.begun = true
	for next := me.then; next != nil; next = next.then {
		if n := next.machine; n.old && o.r.IntN(2) == 0 {
			n.start()
		}
	}
}
