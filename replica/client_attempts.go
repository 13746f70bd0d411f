package replica

import "lockstep/lock"

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
}

type errandKind uint8

const (
	forSlot    errandKind = iota
	forSession            // to open or close it
	forKeepAlive
	forInquiry
)

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
	case forInquiry:
		c.looks[a.node] = append(c.looks[a.node], Inquiry{e.inquiry.id, e.inquiry.query})
	}
}

func (c *Client) ask(node int, cmd lock.Command) {
	c.asks[node] = append(c.asks[node], cmd)
}

// patience is for how many ticks an attempt waits. The first has no jitter: its
// start is as random as the call that it serves.
func (c *Client) patience(rounds uint8, e errand) int {
	switch {
	case e.kind == forInquiry && e.inquiry.query.Kind == lock.QueryEvents:
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
// back-off with the one that was chosen then. A rest was no trouble: what follows
// it is as good as new.
func (c *Client) again(a *attempt, e errand) {
	if a.resting {
		*a = attempt{node: c.primary, rests: a.rests}
		c.send(a, e)
		return
	}
	if a.asked {
		a.node = c.after(a.node)
	}
	a.rounds = min(a.rounds+1, 100)
	a.tried = 0
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
		c.follow(a, e, c.node(hint))
	case Overloaded:
		// Who is overloaded is alive: the primary stays the one to ask.
		c.wait(a, c.primary)
	}
}

// follow takes a hint at once, unless it is none or was taken in this round.
func (c *Client) follow(a *attempt, e errand, hint int) {
	if hint < 0 || hint == a.node || !c.sendAtOnce(a, e, hint) {
		c.wait(a, c.after(a.node))
	}
}

// replace finds another node for a request whose node was lost. The lost node
// itself is the last choice: a new connection may do.
func (c *Client) replace(a *attempt, e errand) {
	lost := a.node
	for i := c.after(lost); i != lost; i = c.after(i) {
		if c.sendAtOnce(a, e, i) {
			return
		}
	}
	if !c.sendAtOnce(a, e, lost) {
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
	a.due = c.now + uint64(c.random.around(backOff(c.cfg, a.rounds)))
}

// after returns the next node in turn.
func (c *Client) after(node int) int { return (node + 1) % len(c.cfg.Nodes) }

// trust remembers who executed a request: new ones go there first.
func (c *Client) trust(node int) {
	if node >= 0 {
		c.primary = node
	}
}

// nodeLost asks elsewhere what was asked there. The node stays the one believed
// to be primary until another has executed something: a connection that broke
// while idle proves nothing.
func (c *Client) nodeLost(ev NodeLost) {
	if node := c.node(ev.Node); node >= 0 {
		c.refusals[node] = ""
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
	c.refusals[node] = "refused: " + ev.Reason
	for _, reason := range c.refusals {
		if reason == "" {
			c.moveFrom(node)
			return
		}
	}
	clear(c.refusals)
	c.sessionHopeless()
	err := &IncompatibleError{ev.Node, ev.Reason}
	c.failAll(err)
	c.failInquiries(err)
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
}
