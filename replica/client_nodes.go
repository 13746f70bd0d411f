package replica

import (
	"slices"

	"lockstep/lock"
)

// clientNode is a node that the client may ask. Its place among them is what
// attempts go by, so a place is given to another node only when no attempt
// refers to it any more.
type clientNode struct {
	id NodeID // empty if nobody has the place
	// self is what the node calls itself, or empty. By whatever name the others
	// mean it, it is asked by one only: two connections would get into each other's
	// way.
	self NodeID
	// seed is a configured node. It stays for ever: when the others have all gone,
	// it may know where to.
	seed bool
	told bool // it has told what it calls itself
	// The node is passed over in turn, if there are others, until these ticks: lost
	// since the connection to it broke, and no new one stands; silent since it did
	// not answer in time.
	lost, silent uint64
	refusal      string // why it will not talk to us

	// What the step at hand has for it.
	asks   []lock.Command
	looks  []Inquiry
	passes []GivenOrder
	bind   bool // to be asked who the members are
}

// binding is what is known of who the nodes are. A node that speaks an older
// version does not tell; then it is those that were configured, and those that
// hints name.
type binding struct {
	told  bool // by any node
	view  lock.View
	next  uint64 // the tick at which somebody is asked again, or never
	hasty uint64 // nobody is asked out of turn before
	moved bool   // the step at hand has changed who is to be asked

	// members are the last list. Until patience is over, or every seed has told
	// what it calls itself, nobody is taken from it who might be one of those.
	members  []NodeID
	pending  bool
	patience uint64
}

const (
	rebind      = 400 // ticks until somebody is asked again who the nodes are,
	rebindFirst = 40  // and until then while nobody has told
	rebindHaste = 20  // ticks between two askings out of turn
	nameless    = 20  // ticks for which seeds may keep what they call themselves to themselves
	lostFor     = 40  // ticks for which a lost node is passed over; each failure to connect begins them anew
	silentFor   = 12  // ticks for which one is that did not answer
	maxHinted   = 8   // nodes that hints alone speak for
)

// seeds makes the list that there is in the beginning.
func (c *Client) seeds() {
	for i, id := range c.cfg.Nodes {
		c.nodes = append(c.nodes, clientNode{id: id, seed: true})
		c.ring = append(c.ring, i)
	}
	c.binding.next = never
}

// node returns the place of a node, by the name that it is asked by or calls
// itself, or -1 if it has none.
func (c *Client) node(id NodeID) int {
	if id == "" {
		return -1
	}
	return slices.IndexFunc(c.nodes, func(n clientNode) bool { return n.id == id || n.self == id })
}

// enter gives a node a place. It returns -1 when there is none left.
func (c *Client) enter(id NodeID) int {
	if i := c.node(id); i >= 0 || id == "" {
		return i
	}
	i := slices.IndexFunc(c.nodes, func(n clientNode) bool { return n.id == "" })
	if i < 0 {
		if i = len(c.nodes); i == MaxClientNodes {
			return -1
		}
		c.nodes = append(c.nodes, clientNode{})
	}
	c.nodes[i].id = id
	c.binding.moved = true
	return i
}

// learnMembers takes in what a node tells of its cluster. A list of an older view
// than the last is believed only from the node that serves us: nobody else can
// know that views have begun anew. (One of the same view may be the older one too.
// It decides only whom to ask first.)
func (c *Client) learnMembers(ev Bound) {
	from := c.node(ev.From)
	c.speaks(from)
	if from >= 0 {
		c.nodes[from].told, c.nodes[from].self = true, ev.Self
	}
	if len(ev.Told.Members) == 0 || ev.Told.View < c.binding.view && from != c.primary {
		return
	}
	if !c.binding.told {
		c.binding.patience = c.now + nameless
	}
	c.binding.told, c.binding.view = true, ev.Told.View
	c.binding.members, c.binding.pending = inTurn(ev.Told.Members), true
	c.planBinding()
	c.bind()
}

// bind makes the members those who are asked, and the seeds the last of them.
func (c *Client) bind() {
	if c.now < c.binding.patience && c.mayConfuse() {
		return
	}
	c.binding.pending = false
	var ring []int
	for _, id := range c.binding.members {
		if i := c.enter(id); i >= 0 && !slices.Contains(ring, i) {
			ring = append(ring, i)
		}
	}
	for i := range c.nodes {
		if c.nodes[i].seed && !slices.Contains(ring, i) {
			ring = append(ring, i)
		}
	}
	if !slices.Equal(ring, c.ring) {
		c.ring = ring
		c.binding.moved = true
		c.leaveGone()
	}
}

// mayConfuse reports whether a member that is not known may be a seed, which has
// not told yet what it calls itself. It would be asked by two names.
func (c *Client) mayConfuse() bool {
	return slices.ContainsFunc(c.binding.members, func(id NodeID) bool { return c.node(id) < 0 }) &&
		slices.ContainsFunc(c.nodes, func(n clientNode) bool {
			return n.seed && !n.told && n.lost <= c.now && !slices.Contains(c.binding.members, n.id)
		})
}

// inTurn returns the members' addresses in the order of asking: those that serve
// first.
func inTurn(members []Member) (ids []NodeID) {
	for _, serves := range []bool{true, false} {
		for _, m := range members {
			if (m.Voter && !m.Quiet) == serves {
				ids = append(ids, m.Address)
			}
		}
	}
	return ids
}

// leaveGone takes every attempt away from the nodes that have left the ring, and
// their places from them. Those that an order was given to stay for as long.
func (c *Client) leaveGone() {
	var gone uint64
	for i := range c.nodes {
		if c.nodes[i].id != "" && !slices.Contains(c.ring, i) && !c.orders.bindTo(i) {
			gone |= 1 << i
			c.nodes[i] = clientNode{}
		}
	}
	if gone == 0 {
		return
	}
	if gone>>c.primary&1 != 0 {
		c.primary, c.swayed = c.ring[0], true
	}
	c.eachAttempt(func(a *attempt, e errand) {
		a.tried &^= gone
		switch {
		case gone>>a.node&1 == 0:
		case a.asked && e.kind != forSession || a.asked && c.session.stage == opening:
			c.replace(a, e)
		default: // it backs off, or it is the last word of a client that closes
			a.node = c.ring[0]
		}
	})
}

// eachAttempt visits every attempt that is not over.
func (c *Client) eachAttempt(visit func(*attempt, errand)) {
	if s := &c.session; s.stage == opening || s.stage == closing {
		visit(&s.attempt, errand{kind: forSession})
	}
	if k := &c.session.keepAlive; c.session.stage == opened && k.open {
		visit(&k.attempt, errand{kind: forKeepAlive})
	}
	for i := range c.slots.all {
		if s := &c.slots.all[i]; s.state != free {
			visit(&s.attempt, errand{slot: lock.Slot(i)})
		}
	}
	for i := range c.inquiries.open {
		one := &c.inquiries.open[i]
		visit(&one.attempt, errand{kind: forInquiry, inquiry: one})
	}
	for i := range c.orders.open {
		one := &c.orders.open[i]
		visit(&one.attempt, errand{kind: forOrder, order: one})
	}
	for _, one := range c.cargo.all {
		visit(&one.attempt, one.errand())
	}
}

// hinted returns the place of the node that a hint names, or -1. While nobody has
// told who the nodes are, a hint is enough to make one; later it is a reason to
// ask again.
func (c *Client) hinted(by int, hint NodeID) int {
	i := c.node(hint)
	switch {
	case i >= 0 || hint == "":
		return i
	case c.binding.told || len(c.ring) >= len(c.cfg.Nodes)+maxHinted:
		c.rebindFrom(by)
		return -1
	}
	if i = c.enter(hint); i >= 0 {
		c.ring = append(c.ring, i)
	}
	return i
}

// reached asks a node to which a connection stands who the others are.
func (c *Client) reached(ev NodeReached) {
	node := c.node(ev.Node)
	if node < 0 {
		return
	}
	c.nodes[node].lost, c.nodes[node].silent = 0, 0
	c.nodes[node].bind = true
	if c.binding.next == never {
		c.planBinding()
	}
}

func (c *Client) planBinding() {
	span := rebindFirst
	if c.binding.told {
		span = rebind
	}
	c.binding.next = c.now + uint64(c.random.around(span))
}

func (c *Client) bindingTick() {
	if c.binding.pending {
		c.bind()
	}
	if c.binding.next <= c.now {
		c.planBinding()
		c.nodes[c.primary].bind = true
	}
}

// rebindFrom asks a node out of turn, for something does not fit what is known.
// Before any was reached there is nothing known.
func (c *Client) rebindFrom(node int) {
	if c.binding.next != never && c.binding.hasty <= c.now {
		c.binding.hasty = c.now + rebindHaste
		c.nodes[node].bind = true
	}
}

// speaks takes note of a node that is heard.
func (c *Client) speaks(node int) {
	if node >= 0 {
		c.nodes[node].lost, c.nodes[node].silent = 0, 0
		c.nodes[node].refusal = ""
	}
}

func (c *Client) isLost(node int) bool { return max(c.nodes[node].lost, c.nodes[node].silent) > c.now }

// allAreLost reports whether there is nobody who seems to be well.
func (c *Client) allAreLost() bool {
	return !slices.ContainsFunc(c.ring, func(i int) bool { return !c.isLost(i) })
}

// first returns the node to ask first: the primary, unless no connection to it
// stands and another node is well.
func (c *Client) first() int {
	if c.nodes[c.primary].lost > c.now && !c.allAreLost() {
		return c.after(c.primary)
	}
	return c.primary
}

// after returns the next node in turn: the next that is not lost, if there is
// one. From a node that is not in the ring it is the first.
func (c *Client) after(node int) int {
	all, at := len(c.ring), slices.Index(c.ring, node)
	for ahead := 1; ahead <= all; ahead++ {
		if next := c.ring[(at+ahead)%all]; !c.isLost(next) {
			return next
		}
	}
	return c.ring[(at+1)%all]
}

// known lists the nodes in the order of asking.
func (c *Client) known() []NodeID {
	ids := make([]NodeID, 0, len(c.nodes))
	for _, i := range c.ring {
		ids = append(ids, c.nodes[i].id)
	}
	for i := range c.nodes { // to which an order was given
		if c.nodes[i].id != "" && !slices.Contains(c.ring, i) {
			ids = append(ids, c.nodes[i].id)
		}
	}
	return ids
}
