package sim

import (
	"math/rand/v2"
	"slices"

	"lockstep/replica"
)

// operator looks after the machines of a quorum: now and then it wants somebody
// else to be primary, or other machines to be members; it wipes what is damaged,
// and fetches what was removed.
type operator struct {
	w      *world
	r      *rand.Rand
	wish   *wish
	orders replica.OrderID // the last that was given
	leaves []*node         // removed, or about to be: they may give up
}

// wish is an order on its way, repeated until it is done or refused.
type wish struct {
	id      replica.OrderID
	order   replica.Order
	machine *node // that it is about; nil for a hand-over to anybody
	since   instant
	ask     *node // the next to ask
	then    *wish // when this one is done
}

// orderEvery is how often an order is repeated.
const orderEvery = 150 * millisecond

func newOperator(w *world) *operator {
	return &operator{w: w, r: rand.New(rand.NewPCG(w.opt.Seed, 6))}
}

func (o *operator) begin() {
	if o.w.plan.grows {
		o.later(15*second, func() { o.wish = o.add(o.spare()) })
	}
	o.later(5*second, o.want)
	o.w.after(orderEvery, o.repeat)
}

func (o *operator) later(most instant, run func()) {
	o.w.after(1+instant(o.r.Int64N(int64(most))), run)
}

// want thinks of something, unless something is under way.
func (o *operator) want() {
	if o.w.faults.over() {
		return
	}
	o.later(2*o.w.plan.quorum.wishes, o.want)
	ruined := o.w.faults.ruining || o.w.check.ruin.struck && !o.w.check.ruin.begun
	if o.wish == nil && o.w.check.formedOnce && !ruined {
		o.wish = o.think()
	}
}

func (o *operator) think() *wish {
	members := o.members()
	one := members[o.r.IntN(len(members))]
	spare := o.spare()
	switch k := o.r.IntN(100); {
	case k < 40:
		return o.handOver(one)
	case k < 45:
		return o.new(replica.Order{Kind: replica.Bootstrap, Force: o.w.plan.quorum.ruined && !o.w.check.ruin.struck}, one)
	case k < 65 && spare != nil:
		return o.add(spare)
	case k < 80 && spare != nil:
		first := o.add(spare)
		first.then = o.remove(one)
		return first
	case len(members) > 3 || len(members) == 3 && o.r.IntN(4) == 0:
		return o.remove(one)
	}
	return nil
}

func (o *operator) handOver(to *node) *wish {
	switch o.r.IntN(3) {
	case 0:
		return o.new(replica.Order{Kind: replica.SwitchOver, Address: to.name}, to)
	default:
		return o.new(replica.Order{Kind: replica.SwitchOver, Name: to.title}, to)
	}
}

func (o *operator) add(spare *node) *wish {
	return o.new(replica.Order{Kind: replica.AddMember, Name: spare.title, Address: spare.name, Quiet: spare.quiet}, spare)
}

func (o *operator) remove(one *node) *wish {
	return o.new(replica.Order{Kind: replica.RemoveMember, Name: one.title}, one)
}

func (o *operator) new(order replica.Order, machine *node) *wish {
	o.orders++
	return &wish{id: o.orders, order: order, machine: machine, since: o.w.now, ask: o.w.nodes[o.r.IntN(len(o.w.nodes))]}
}

// members are the machines that have a part in the cluster.
func (o *operator) members() []*node {
	return slices.DeleteFunc(slices.Clone(o.w.nodes), func(n *node) bool { return n.idle })
}

// addresses lists the members as a program that starts now is told of them.
func (o *operator) addresses() []replica.NodeID {
	var all []replica.NodeID
	for _, n := range o.members() {
		all = append(all, n.name)
	}
	return all
}

// spare is a machine that could be added.
func (o *operator) spare() *node {
	for _, n := range o.w.nodes {
		if n.idle && n.proc == nil && !n.fetched {
			return n
		}
	}
	return nil
}

// repeat asks the nodes one after the other, or whom they name, until the order
// is done.
func (o *operator) repeat() {
	w := o.w
	w.after(orderEvery, o.repeat)
	if o.wish == nil {
		return
	}
	me := o.wish
	if !o.prepare(me) {
		if w.now-me.since > o.patience(me) {
			o.settle("given up")
		}
		return
	}
	if w.happens(w.plan.clientLoss) {
		me.ask = w.nodes[o.r.IntN(len(w.nodes))]
		return
	}
	if n := me.machine; me.order.Kind == replica.AddMember && n.old && n.proc != nil && w.now-me.since > oldPatience {
		o.empties(n)
	}
	to := me.ask
	me.ask = w.nodes[o.r.IntN(len(w.nodes))]
	if me.order.Force {
		to = me.machine
	}
	w.after(50+w.upTo(w.weather.delayMax), func() {
		if p := to.proc; p != nil {
			p.clients.arrive(p, func() {
				p.replicator.post(func() {
					if me.order.Force && !w.check.ruin.struck && !p.served() {
						return // nobody means to give up a cluster that serves
					}
					p.orderer = o
					p.step(replica.Instruct{ID: me.id, Order: me.order})
				})
			})
		}
	})
}

// prepare starts the machine that is to be added, and notes the one that is to
// go. Nobody is sent away while others are missing.
func (o *operator) prepare(me *wish) bool {
	switch me.order.Kind {
	case replica.AddMember:
		if n := me.machine; n.idle && !n.fetched {
			n.idle = false
			o.leaves = slices.DeleteFunc(o.leaves, func(one *node) bool { return one == n })
			n.peers = o.peers()
			n.start()
		}
	case replica.RemoveMember:
		if !slices.Contains(o.leaves, me.machine) {
			if !o.w.survives(wiped, me.machine) {
				return false
			}
			o.leaves = append(o.leaves, me.machine)
		}
	}
	return true
}

// peers lists the members, and whoever is about to be one.
func (o *operator) peers() []replica.Peer {
	var all []replica.Peer
	for _, n := range o.members() {
		all = append(all, replica.Peer{Name: n.title, Address: n.name})
	}
	return all
}

// hears is the answer to an order, as it sets out.
func (o *operator) hears(p *process, a replica.Ordered) {
	w := o.w
	if o.wish == nil || a.ID != o.wish.id {
		return
	}
	if a.Kind == replica.Executed && a.Outcome == replica.OrderDone {
		w.check.obeyed(p, o.wish.order)
	}
	if w.happens(w.plan.clientLoss) {
		return
	}
	w.after(50+w.upTo(w.weather.delayMax), func() { o.heard(p, a) })
}

func (o *operator) heard(p *process, a replica.Ordered) {
	me := o.wish
	if me == nil || a.ID != me.id {
		return
	}
	w := o.w
	switch {
	case a.Kind == replica.NotPrimary && a.Hint != "":
		me.ask = w.nodeAt(a.Hint)
	case a.Kind != replica.Executed:
	case a.Outcome == replica.OrderRefused && me.order.Force && p.status.Role == replica.Primary && p.status.Cluster != w.check.ruin.before:
		o.done(me) // in a former life of the node, and the answer was lost
	case a.Outcome == replica.OrderRefused:
		w.trace("operator", "is refused", a.Text)
		w.stats.OrdersRefused++
		if w.now-me.since > o.patience(me) {
			o.settle("given up")
		}
	case a.Outcome == replica.OrderDone:
		w.stats.OrdersDone++
		o.done(me)
	default:
		me.ask = p.node
	}
}

func (o *operator) done(me *wish) {
	if me.order.Kind == replica.Bootstrap {
		o.begun(me)
	}
	if me.order.Kind == replica.RemoveMember {
		o.w.after(second, func() { o.fetch(me.machine) })
	}
	o.settle("done")
	o.wish = me.then
	if o.w.check.ruin.struck && o.w.faults.over() {
		o.wish = nil // the others have to do without it
	}
	if o.wish != nil {
		o.wish.since = o.w.now
	}
}

// patience is how long an order is repeated although it is refused. A machine
// that was started is added in the end.
func (o *operator) patience(me *wish) instant {
	switch {
	case me.order.Kind == replica.AddMember, me.order.Force && o.w.check.ruin.struck:
		return 1 << 60
	case me.order.Kind == replica.RemoveMember:
		return 10 * second
	default:
		return 0
	}
}

// settle ends a wish.
func (o *operator) settle(how string) {
	o.w.trace("operator", "order", o.wish.order, how)
	o.wish = nil
}

// excuses reports whether a process may give up: it was removed, what it holds was
// spoilt, or its cluster was given up.
func (o *operator) excuses(p *process) bool {
	return p.spoilt || slices.Contains(o.leaves, p.node) || o.w.check.ruin.over(p.status.Cluster)
}

// retire fetches a machine that has given up; gone says that it has no part in the
// cluster any more.
func (o *operator) retire(n *node, gone bool) {
	n.idle, n.fetched = gone, true
	o.later(2*second, func() {
		n.wipe()
		n.fetched = false
		if gone {
			o.leaves = slices.DeleteFunc(o.leaves, func(one *node) bool { return one == n })
			return
		}
		n.start()
	})
}

// startAgain starts a machine with the list of those who are members now.
func (o *operator) startAgain(n *node) {
	o.later(second, func() {
		n.peers = o.peers()
		if !n.idle {
			n.start()
		}
	})
}

// fetch switches off a removed machine that has no log to learn it from.
func (o *operator) fetch(n *node) {
	if n.idle || !slices.Contains(o.leaves, n) {
		return
	}
	if n.proc == nil || len(n.proc.status.Members) > 0 {
		o.w.after(second, func() { o.fetch(n) }) // it will give up by itself
		return
	}
	n.crash(false)
	o.retire(n, true)
}

// failed is a machine whose log cannot be read: what has rotten is wiped, and
// everything else tried again.
func (o *operator) failed(n *node, err error) {
	o.w.trace(string(n.name), "does not start:", err.Error())
	o.w.stats.Refusals++
	if n.doomed {
		o.retire(n, false)
		return
	}
	o.later(second, func() {
		if !n.idle {
			n.start()
		}
	})
}
