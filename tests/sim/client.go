package sim

import (
	"fmt"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// clientTick is what the clients' tickers aim at.
const clientTick = instant(replica.ClientTickPeriod) * millisecond

// client is a program: a client core with a few clerks and users that each have
// one call outstanding. Now and then it closes, pauses, or is killed, and begins
// anew.
type client struct {
	w      *world
	id     int
	life   int
	core   *replica.Client
	calls  map[replica.CallID]*call
	nextID replica.CallID
	clerks []*clerk
	users  []*user
	closed bool             // between Shut, or a kill, and the next life
	known  []replica.NodeID // the nodes that it asks
	// severed has a bit for each node that the network hides from the client.
	severed int
	reached map[*node]replica.Incarnation // lives to which a connection was made
	heard   *history                      // that of the last result
	time    clock
	ttl     lock.Millis

	session lock.SessionID // of until
	until   replica.Instant
	leases  []*lease

	paused bool
	pauses int      // counts them, so that a wake-up knows its own
	missed bool     // a tick fell due during the pause
	inbox  []func() // what came during the pause
	upset  instant  // when something last kept it from its nodes
}

// asker is who waits for a call.
type asker interface {
	finished(*call, replica.Finished)
	gone() // the call died with its client
}

// call is somebody's wish, from the asking to the answer.
type call struct {
	id    replica.CallID
	by    asker
	verb  lock.Verb // zero for an inquiry
	name  string
	at    instant
	since instant // since then it has waited for an answer, and not in a queue

	// Of owned locks:
	token   lock.Token
	mode    lock.Mode
	wait    bool
	terms   *lock.Terms
	wants   []want
	request lock.RequestID // of an Acquire, once it was sent
}

func newClient(w *world, id int) *client {
	p := &w.plan
	c := &client{w: w, id: id, time: clock{start: p.clockStart[id], drift: p.clockDrift[id]}, ttl: p.ttl[id]}
	c.reopen()
	for i := range p.clerks {
		c.clerks = append(c.clerks, newClerk(c, i))
	}
	for i := range p.users[id] {
		c.users = append(c.users, &user{c: c, id: i})
	}
	return c
}

// reopen begins the next life: nothing is left of the last one.
func (c *client) reopen() {
	c.life++
	c.closed = false
	c.calls = map[replica.CallID]*call{}
	c.session, c.until, c.leases = 0, 0, nil
	c.upset = c.w.now
	c.reached = map[*node]replica.Incarnation{}
	nodes := c.w.addresses()
	if c.w.whim.IntN(4) == 0 {
		nodes[0], nodes[1] = nodes[1], nodes[0]
	}
	if c.w.plan.quorum != nil {
		nodes = c.w.operator.addresses() // it hears of the others
	}
	c.known = nodes
	c.core = replica.NewClient(replica.ClientConfig{
		Nodes: nodes, Seed: c.w.whim.Uint64(), TTL: c.ttl, Now: c.clock(),
		FirstAttempt: c.w.plan.firstAttempt, MaxAttempt: c.w.plan.maxAttempt,
	})
}

// stranded reports whether none of the nodes that the client knows is there any
// more: it has slept while all of them were replaced.
func (c *client) stranded() bool {
	return !slices.ContainsFunc(c.w.nodes, func(n *node) bool {
		return !n.idle && slices.Contains(c.known, n.name)
	})
}

func (c *client) begin() {
	c.w.after(c.w.upTo(clientTick), c.tick)
	for _, k := range c.clerks {
		k.think()
	}
	for _, u := range c.users {
		u.think()
		c.w.agenda.add(c.w.plan.callsEnd, u.act) // whatever it waits for then, it gives up
	}
}

func (c *client) tick() {
	c.w.after(ticking(clientTick, c.time.drift), c.tick)
	switch {
	case c.core == nil:
	case c.paused:
		c.missed = true
	default:
		c.step(replica.ClientTick{Now: c.clock()})
	}
}

// later runs something unless the client has begun a new life by then. While it
// is paused, what comes waits.
func (c *client) later(d instant, run func()) {
	life := c.life
	c.w.after(d, func() {
		switch {
		case c.life != life:
		case c.paused:
			c.inbox = append(c.inbox, func() {
				if c.life == life {
					run()
				}
			})
		default:
			run()
		}
	})
}

// pause stops the program, or suspends its machine; its clock runs on.
func (c *client) pause(d instant) {
	if c.paused || c.closed {
		return
	}
	c.w.stats.ClientPauses++
	c.say("paused for %d ms", d/millisecond)
	c.paused = true
	c.pauses++
	mine := c.pauses
	c.w.after(d, func() {
		if c.pauses == mine {
			c.wake()
		}
	})
}

// wake lets the program go on: what waited in its socket may be read before the
// tick that shows the time, or after.
func (c *client) wake() {
	if !c.paused {
		return
	}
	c.paused, c.upset = false, c.w.now
	waiting := c.inbox
	c.inbox = nil
	tickFirst := c.w.happens(0.5)
	if c.missed && tickFirst {
		c.step(replica.ClientTick{Now: c.clock()})
	}
	for _, run := range waiting {
		run()
	}
	if c.missed && !tickFirst {
		c.step(replica.ClientTick{Now: c.clock()})
	}
	c.missed = false
}

// kill ends the program at once: nobody is told.
func (c *client) kill() {
	if c.closed {
		return
	}
	c.w.stats.ClientKills++
	c.say("killed with %d leases", len(c.leases))
	c.die()
	c.w.after(c.w.upTo(second), c.reopen)
}

// die leaves nothing that could step the core again.
func (c *client) die() {
	c.life++
	c.closed, c.paused, c.missed, c.inbox = true, false, false, nil
	c.pauses++
	c.core, c.leases, c.until = nil, nil, 0
	for _, k := range c.open() {
		k.by.gone()
	}
	clear(c.calls)
	c.disown()
}

// disown gives up the clerks' own names where a call is loose: what was asked
// under a session that the client has left may still be executed there.
func (c *client) disown() {
	for _, k := range c.clerks {
		if k.loose {
			k.rename()
		}
	}
}

// open lists the calls that have not ended, in the order of their asking.
func (c *client) open() []*call {
	all := make([]*call, 0, len(c.calls))
	for _, k := range c.calls {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b *call) int { return int(a.id) - int(b.id) })
	return all
}

// begins notes a call that is about to be asked.
func (c *client) begins(one *call, by asker) {
	c.nextID++
	one.id, one.by, one.at, one.since = c.nextID, by, c.w.now, c.w.now
	c.calls[one.id] = one
}

// shut closes the client. What it holds it has stopped using by then.
func (c *client) shut() {
	c.closed = true
	c.leases = nil
	c.step(replica.Shut{})
}

func (c *client) step(ev replica.ClientEvent) {
	if c.w.violation != nil || c.core == nil {
		return
	}
	for _, e := range slices.Clone(c.core.Step(ev)) {
		c.perform(e, ev)
	}
}

func (c *client) perform(e replica.ClientEffect, ev replica.ClientEvent) {
	switch e := e.(type) {
	case replica.Believes:
		c.believes(e)
	case replica.Finish:
		for _, f := range e.Calls {
			c.finished(f, ev)
		}
	case replica.LeaseLost:
		c.say("loses %x: %v %s", e.Token, e.Cause, e.Reason)
		c.lose(func(l *lease) bool { return l.token == e.Token })
	case replica.Lost:
		c.say("loses everything: %v", e.Cause)
		c.w.stats.SessionsLost++
		c.w.check.lost(c, e.Cause)
		c.lose(func(*lease) bool { return true })
		c.until = 0
	case replica.Ask:
		c.ask(e)
	case replica.Look:
		c.look(e)
	case replica.AskMembers:
		c.askMembers(e.To)
	case replica.Know:
		c.known = slices.Clone(e.Nodes)
	case replica.NoPrimary:
	case replica.Closed:
		c.die()
		c.w.after(c.w.upTo(200*millisecond), c.reopen)
	default:
		c.w.fail("panic", "the client's core has an effect %T", e)
	}
}

// ask sends requests to a node through a network that loses, repeats, delays
// and reorders.
func (c *client) ask(e replica.Ask) {
	for _, cmd := range e.Commands {
		c.w.check.asked(c, cmd)
	}
	life := c.life
	c.send(e.To, func(p *process) { p.table.ask(c, life, e.Commands) })
}

func (c *client) look(e replica.Look) {
	for _, q := range e.Inquiries {
		c.w.check.inquired(c, q)
	}
	life := c.life
	c.send(e.To, func(p *process) { p.table.look(c, life, e.Inquiries) })
}

// askMembers brings what a node knows of who the nodes are.
func (c *client) askMembers(to replica.NodeID) {
	life := c.life
	c.send(to, func(p *process) {
		p.replicator.post(func() {
			told := replica.Told{View: p.status.View}
			for _, m := range p.status.Members {
				told.Members = append(told.Members, m.Member)
			}
			c.replied(p, life, func() { c.step(replica.Bound{From: to, Told: told}) })
		})
	})
}

func (c *client) send(to replica.NodeID, deliver func(*process)) {
	times := 1
	if c.w.happens(c.w.weather.dup) {
		times = 2
	}
	n := c.w.nodeAt(to)
	for range times {
		if c.severed>>n.id&1 == 0 && !c.w.happens(c.w.plan.clientLoss) {
			c.w.after(50+c.w.upTo(c.w.weather.delayMax), func() { c.arrive(n, deliver) })
		}
	}
}

func (c *client) arrive(n *node, deliver func(*process)) {
	if p := n.proc; p != nil {
		c.reach(p)
		p.clients.arrive(p, func() { p.tableActor.post(func() { deliver(p) }) })
		return
	}
	if !n.dark && c.w.happens(0.8) {
		c.later(c.w.upTo(millisecond), func() { c.step(replica.NodeLost{Node: n.name}) })
	}
}

// reach tells the core once of each life of a quorum's nodes that a connection
// stands.
func (c *client) reach(p *process) {
	if c.w.plan.quorum == nil || c.reached[p.node] == p.inc {
		return
	}
	c.reached[p.node] = p.inc
	c.later(50+c.w.upTo(millisecond), func() { c.step(replica.NodeReached{Node: p.node.name}) })
}

// replied is something of a node setting out for the client.
func (c *client) replied(p *process, life int, handle func()) {
	if c.severed>>p.node.id&1 != 0 || c.w.happens(c.w.plan.clientLoss) || c.life != life {
		return
	}
	c.later(50+c.w.upTo(c.w.weather.delayMax), handle)
}

func (c *client) answered(p *process, life int, a replica.Answer, note place) {
	from := p.node.name
	c.replied(p, life, func() {
		if a.Kind == replica.Executed {
			c.w.check.reached(c, a, note)
		}
		if c.w.opt.Trace != nil {
			c.say("hears from %s: %+v", from, a)
		}
		c.step(replica.Answered{From: from, Answers: []replica.Answer{a}})
	})
}

func (c *client) reported(p *process, life int, r replica.Reported, note place) {
	from := p.node.name
	c.replied(p, life, func() {
		if r.Kind == replica.Executed {
			c.w.check.reported(c, r, note)
		}
		c.step(replica.Looked{From: from, Reports: []replica.Reported{r}})
	})
}

func (c *client) noticed(p *process, life int, id lock.SessionID, r lock.Revocation) {
	c.replied(p, life, func() { c.step(replica.Noticed{Session: id, Revocation: r}) })
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
		c.judgeError(k, f.Err)
	} else {
		c.w.check.finished(c, k, f, ev)
	}
	k.by.finished(k, f)
}

func (c *client) say(format string, args ...any) {
	if c.w.opt.Trace != nil {
		c.w.trace(fmt.Sprintf("client%d", c.id), fmt.Sprintf(format, args...))
	}
}

var verbNames = map[lock.Verb]string{
	0: "inquire", lock.OpenSession: "open", lock.CloseSession: "close", lock.Lock: "lock", lock.Unlock: "unlock",
	lock.Acquire: "acquire", lock.Release: "release", lock.Cancel: "cancel", lock.Revoke: "revoke", lock.KeepAlive: "keep-alive",
}

func verbName(v lock.Verb) string { return verbNames[v] }
