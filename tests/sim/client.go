package sim

import (
	"errors"

	"lockstep/lock"
	"lockstep/replica"
)

// client is a program: a client core with a few clerks that each have one call
// outstanding. It never crashes; it is closed and opened again now and then.
type client struct {
	w      *world
	id     int
	life   int
	core   *replica.Client
	calls  map[replica.CallID]*call
	nextID replica.CallID
	clerks []*clerk
	closed bool // between Shut and the next life
	// severed has a bit for each node that the network hides from the client.
	severed int
	heard   *history // that of the last result
	period  instant
}

// call is a clerk's wish, from the asking to the answer.
type call struct {
	id    replica.CallID
	clerk *clerk
	verb  lock.Verb
	name  string
	at    instant
}

func newClient(w *world, id int) *client {
	c := &client{w: w, id: id, period: tickLength + instant(w.whim.IntN(2001)-1000)}
	c.reopen()
	for i := range w.plan.clerks {
		c.clerks = append(c.clerks, newClerk(c, i))
	}
	return c
}

func (c *client) reopen() {
	c.life++
	c.closed = false
	c.calls = map[replica.CallID]*call{}
	nodes := []replica.NodeID{"a", "b"}
	if c.w.whim.IntN(4) == 0 {
		nodes[0], nodes[1] = nodes[1], nodes[0]
	}
	c.core = replica.NewClient(replica.ClientConfig{
		Nodes: nodes, Seed: c.w.whim.Uint64(),
		FirstAttempt: c.w.plan.firstAttempt, MaxAttempt: c.w.plan.maxAttempt,
	})
}

func (c *client) begin() {
	c.w.after(c.w.upTo(c.period), c.tick)
	for _, k := range c.clerks {
		k.think()
	}
}

func (c *client) tick() {
	c.w.after(c.period, c.tick)
	c.step(replica.ClientTick{})
}

// later runs something unless the client has been opened anew by then.
func (c *client) later(d instant, run func()) {
	life := c.life
	c.w.after(d, func() {
		if c.life == life {
			run()
		}
	})
}

func (c *client) step(ev replica.ClientEvent) []replica.ClientEffect {
	if c.w.violation != nil {
		return nil
	}
	var closed bool
	effects := c.core.Step(ev)
	for _, e := range effects {
		switch e := e.(type) {
		case replica.Ask:
			c.ask(e)
		case replica.Finish:
			for _, f := range e.Calls {
				c.finished(f, ev)
			}
		case replica.Closed:
			closed = true
		}
	}
	if closed {
		c.w.after(c.w.upTo(200*millisecond), c.reopen)
	}
	return effects
}

// ask sends requests to a node through a network that loses, repeats, delays
// and reorders.
func (c *client) ask(e replica.Ask) {
	for _, cmd := range e.Commands {
		c.w.check.asked(c, cmd)
	}
	times := 1
	if c.w.happens(c.w.weather.dup) {
		times = 2
	}
	n := c.w.nodes[nodeIndex(e.To)]
	for range times {
		if c.severed>>n.id&1 != 0 || c.w.happens(c.w.plan.clientLoss) {
			continue
		}
		c.w.after(50+c.w.upTo(c.w.weather.delayMax), func() { c.deliver(n, e) })
	}
}

func (c *client) deliver(n *node, e replica.Ask) {
	if p := n.proc; p != nil {
		p.arrive(func() { p.tableActor.post(func() { p.table.ask(c, e.Commands) }) })
		return
	}
	if !n.dark && c.w.happens(0.8) {
		c.later(c.w.upTo(millisecond), func() { c.step(replica.NodeLost{Node: n.name}) })
	}
}

// answered is a node's reply setting out.
func (c *client) answered(p *process, a replica.Answer, note place) {
	if c.severed>>p.node.id&1 != 0 || c.w.happens(c.w.plan.clientLoss) {
		return
	}
	from := p.node.name
	c.later(50+c.w.upTo(c.w.weather.delayMax), func() {
		if a.Kind == replica.Executed {
			c.w.check.reached(c, a, note)
		}
		c.step(replica.Answered{From: from, Answers: []replica.Answer{a}})
	})
}

// finished ends a call. An answer that ended it is the one of this very step.
func (c *client) finished(f replica.Finished, ev replica.ClientEvent) {
	k, ok := c.calls[f.ID]
	if !ok {
		c.w.fail("calls", "client %d: call %d ended twice", c.id, f.ID)
		return
	}
	delete(c.calls, f.ID)
	c.w.stats.Calls++
	if f.Err != nil {
		c.w.stats.Unknown++
		c.judgeError(k, f.Err, ev)
	} else {
		answer, _ := ev.(replica.Answered)
		c.w.check.finished(c, k, f.Result, answer)
	}
	k.clerk.finished(k, f)
}

func (c *client) judgeError(k *call, err error, ev replica.ClientEvent) {
	switch {
	case errors.Is(err, replica.ErrCanceled), errors.Is(err, replica.ErrDeadline), errors.Is(err, replica.ErrClosed):
	case errors.Is(err, replica.ErrSessionExpired):
		c.w.check.sessionLost(c, k, ev)
	default:
		c.w.fail("answers", "client %d: %s %q ended with: %v", c.id, verbName(k.verb), k.name, err)
	}
}

func nodeIndex(id replica.NodeID) int {
	if id == "a" {
		return 0
	}
	return 1
}

func verbName(v lock.Verb) string {
	if v == lock.Lock {
		return "lock"
	}
	return "unlock"
}
