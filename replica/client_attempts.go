package replica

import (
	"slices"

	"lockstep/lock"
)

// attempt is where a request stands on its way through the nodes. A round lasts
// until a time-out. Within it the request may be sent again at once, to a node
// that a hint names or in place of one that was lost, but to each node once, so
// that nodes which point at each other or refuse connections are not asked as
// fast as they answer.
type attempt struct {
	due    uint64 // the tick that ends the round
	tried  uint64 // the nodes sent to at once in this round, a bit each
	node   int    // asked, or to be asked when due
	rounds uint8  // that have passed; each is longer than the last
	rests  uint8  // that a wait has had; each is longer than the last
	barren uint8  // answers in a row that have led nowhere
	asked  bool   // an answer of node is awaited; else the request is backing off
	// resting is a request that node has answered once and will answer again when
	// there is more to say: a wait.
	resting bool
}

// errand is what an attempt is made for. It is made into a command or an inquiry
// each time that it is sent.
type errand struct {
	kind    errandKind
	slot    lock.Slot
	inquiry *inquiry
	order   *instruction
	carried *carried
}

type errandKind uint8

const (
	forSlot    errandKind = iota
	forSession            // to open or close it
	forKeepAlive
	forInquiry
	forOrder
	forCarried
)

// fixed says that only the node that was asked first may be asked.
func (e errand) fixed() bool { return e.kind == forOrder && e.order.only }

// awaits says that no answer is no news of the node: it waits for events.
func (e errand) awaits() bool {
	return e.kind == forInquiry && e.inquiry.query.Kind == lock.QueryEvents
}

// send asks the attempt's node.
func (c *Client) send(a *attempt, e errand) {
	a.asked = true
	a.resting = false
	a.due = c.now + uint64(c.patience(a.rounds, e))
	switch e.kind {
	case forSlot:
		c.ask(a.node, c.command(e.slot))
	case forSession:
		c.ask(a.node, c.sessionCommand())
	case forKeepAlive:
		c.ask(a.node, c.session.keepAliveCommand())
	case forCarried:
		c.ask(a.node, e.carried.sending())
	case forInquiry:
		n := &c.nodes[a.node]
		n.looks = append(n.looks, Inquiry{e.inquiry.id, e.inquiry.query})
	case forOrder:
		n := &c.nodes[a.node]
		n.passes = append(n.passes, GivenOrder{e.order.id, e.order.order})
	}
}

func (c *Client) ask(node int, cmd lock.Command) {
	n := &c.nodes[node]
	n.asks = append(n.asks, cmd)
}

// patience is for how many ticks an attempt waits. The first has no jitter: its
// start is as random as the call that it serves.
func (c *Client) patience(rounds uint8, e errand) int {
	switch {
	case e.awaits():
		return c.random.around(longPoll)
	case rounds == 0:
		return c.cfg.FirstAttempt
	default:
		return c.random.around(backOff(c.cfg, rounds))
	}
}

// backOff doubles with every round. It stops at a value whose jitter ends at
// the maximum.
func backOff(cfg ClientConfig, rounds uint8) int {
	ticks, most := cfg.FirstAttempt, max(1, cfg.MaxAttempt*4/5)
	for range rounds {
		if ticks *= 2; ticks >= most {
			return most
		}
	}
	return min(ticks, most)
}

// again starts the next round: after a time-out with the next node, after a
// back-off with the one that was chosen then, unless it was lost since. A rest was
// no trouble: what follows it is as good as new. A pause makes no round longer:
// who has answered is well.
func (c *Client) again(a *attempt, e errand) {
	if a.resting {
		*a = attempt{node: c.first(), rests: a.rests}
		c.send(a, e)
		return
	}
	if a.asked && !e.awaits() {
		c.nodes[a.node].silent = c.now + silentFor
	}
	if (a.asked || c.isLost(a.node) && !c.allAreLost()) && !e.fixed() {
		a.node = c.after(a.node)
	}
	if a.rounds > 1 || a.barren > hopeful/2 {
		c.rebindFrom(a.node)
	}
	a.tried = 0
	if !a.asked && a.barren > 0 {
		c.send(a, e)
		return
	}
	a.rounds = min(a.rounds+1, 100)
	c.send(a, e)
}

// notYet handles an answer that is not final. One of a node asked in an earlier
// attempt says nothing about this one.
func (c *Client) notYet(a *attempt, e errand, from int, kind AnswerKind, hint NodeID) {
	if !a.asked || from != a.node {
		return
	}
	switch kind {
	case NotPrimary, Moved:
		c.follow(a, e, c.hinted(from, hint))
	case NoQuorum:
		c.wantPrimary()
		c.pause(a, e, c.after(a.node))
	case Overloaded:
		// Who is overloaded is alive: the primary stays the one to ask.
		c.served()
		c.wait(a, c.primary)
	}
}

// follow takes a hint at once, unless it is none, was taken in this round, or
// names a node that is lost: the nodes may not know that yet.
func (c *Client) follow(a *attempt, e errand, hint int) {
	if hint < 0 || hint == a.node || e.fixed() || c.isLost(hint) && !c.allAreLost() || !c.sendAtOnce(a, e, hint) {
		c.pause(a, e, c.after(a.node))
	}
}

// replace finds another node for a request whose node was lost: one that is not
// lost too, unless all are. The lost node itself is the last choice: a new
// connection may do.
func (c *Client) replace(a *attempt, e errand) {
	lost, all := a.node, c.allAreLost()
	if e.fixed() {
		if !c.sendAtOnce(a, e, lost) {
			c.wait(a, lost)
		}
		return
	}
	at := slices.Index(c.ring, lost)
	for ahead := 1; ahead <= len(c.ring); ahead++ {
		i := c.ring[(at+ahead)%len(c.ring)]
		if i != lost && (all || !c.isLost(i)) && c.sendAtOnce(a, e, i) {
			return
		}
	}
	switch {
	case !all:
		c.pause(a, e, c.after(lost))
	case at < 0 || !c.sendAtOnce(a, e, lost):
		c.wait(a, c.after(lost))
	}
}

// sendAtOnce sends to a node that was not sent to at once in this round yet.
func (c *Client) sendAtOnce(a *attempt, e errand, node int) bool {
	if a.tried>>node&1 != 0 {
		return false
	}
	a.tried |= 1 << node
	a.node = node
	c.send(a, e)
	return true
}

// wait backs off before the next round, which will ask the given node.
func (c *Client) wait(a *attempt, node int) {
	a.asked = false
	a.node = node
	a.barren = 0
	a.due = c.now + uint64(c.random.around(backOff(c.cfg, a.rounds)))
}

// hopeful is how many answers in a row may lead nowhere until the pauses between
// them grow: three seconds are enough to elect a primary.
const hopeful = 40

// pause follows an answer that has led nowhere, as they all do while there is no
// primary. It is short, since the next one is elected within a second, and grows
// when that takes much longer.
func (c *Client) pause(a *attempt, e errand, node int) {
	a.asked = false
	if !e.fixed() {
		a.node = node
	}
	a.rounds = 0
	a.barren = min(a.barren+1, 100)
	a.due = c.now + uint64(c.pauseAfter(int(a.barren)))
}

// pauseAfter is 50 to 100 ms as long as there is hope.
func (c *Client) pauseAfter(barren int) int {
	most := max(1, c.cfg.MaxAttempt*4/5)
	if barren <= hopeful {
		return min(most, 2+int(c.random.next()%3))
	}
	return c.random.around(min(most, 3<<min(barren-hopeful, 10)))
}

// wantPrimary takes note that nobody knows of a primary. If nothing else is heard
// for as long as two attempts take, with their pauses, it is no longer known why
// there is no answer.
func (c *Client) wantPrimary() {
	c.wanting = c.clock + 4*Instant(c.cfg.MaxAttempt)*ClientTickPeriod
	c.wanted = true
}

// served takes note that somebody serves.
func (c *Client) served() {
	c.wanted = c.wanted || c.wanting != 0
	c.wanting = 0
}

// trust remembers who executed a request: new ones go there first. Who serves
// knows who the nodes are, if a node that had just begun did not.
func (c *Client) trust(node int) {
	c.served()
	if node < 0 {
		return
	}
	c.swayed = c.swayed || node != c.primary
	c.primary = node
	if !c.binding.told {
		c.rebindFrom(node)
	}
}

// nodeLost asks elsewhere what was asked there. The node stays the one believed
// to be primary until another has executed something: a connection that broke
// while idle proves nothing.
func (c *Client) nodeLost(ev NodeLost) {
	if node := c.node(ev.Node); node >= 0 {
		c.nodes[node].refusal = ""
		c.nodes[node].lost = c.now + lostFor
		c.moveFrom(node)
	}
}

// nodeRefused asks elsewhere too. When nobody else is left, the callers are told
// why; later calls try again, since a node may have been upgraded by then.
func (c *Client) nodeRefused(ev NodeRefused) {
	node := c.node(ev.Node)
	if node < 0 {
		return
	}
	c.nodes[node].refusal = "refused: " + ev.Reason
	for _, i := range c.ring {
		if c.nodes[i].refusal == "" {
			c.moveFrom(node)
			return
		}
	}
	for i := range c.nodes {
		c.nodes[i].refusal = ""
	}
	c.sessionHopeless()
	err := &IncompatibleError{ev.Node, ev.Reason}
	c.failAll(err)
	c.failInquiries(err)
	c.failOrders(err)
	c.failCargo(err)
}

func (c *Client) moveFrom(node int) {
	c.sessionLost(node)
	c.keepAliveLost(node)
	for i := range c.slots.all {
		s := &c.slots.all[i]
		if s.state != free && s.attempt.asked && s.attempt.node == node {
			c.replace(&s.attempt, errand{slot: lock.Slot(i)})
		}
	}
	c.inquiriesLost(node)
	c.ordersLost(node)
	c.cargoLost(node)
}
