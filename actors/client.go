package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// Client owns a replica.Client core and ends the calls that callers leave in its
// queue.
type Client struct {
	core  *replica.Client
	id    messages.ClientID
	host  Host
	pulse pulse

	queue *callQueue
	batch []replica.Call  // what was taken from the queue, for one step
	load  []replica.Carry // and of that, what is carried
	// running are the calls that the core works on, each at the place that its
	// id names; free are the places to use next.
	running []*call
	free    []replica.CallID
	marks   marks
	closing chan<- struct{} // closed when the session is

	caller   *Caller // of the holdings
	holdings holdings
	session  lock.SessionID // that new grants are of
}

// What the callers of a Client send it.
type (
	callsWaiting struct{} // the queue is no longer empty
	forget       struct{ clerk replica.ClerkID }
	shut         struct{ done chan<- struct{} }
)

// Receive dispatches.
func (c *Client) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case callsWaiting:
		c.takeCalls()
	case *FromNode:
		c.step(replica.Answered{From: m.From, Answers: m.Answers, Now: c.caller.clock()})
	case *ReportsFromNode:
		c.step(replica.Looked{From: m.From, Reports: m.Reports})
	case *OrderedFromNode:
		c.step(replica.Instructions{From: m.From, Ordered: m.Ordered})
	case *ToldByNode:
		c.caller.learnMembers(m)
		c.step(replica.Bound{From: m.From, Self: m.Self, Told: m.Told})
	case *NoticesFromNode:
		c.noticed(m)
	case *Tick:
		c.pulse.take(ctx, m)
		c.step(replica.ClientTick{Now: c.caller.clock()})
	case forget:
		c.step(replica.Forget{Clerk: m.clerk})
	case *LinkDown:
		c.step(replica.NodeLost{Node: m.Node})
	case *DialRefused:
		c.step(replica.NodeLost{Node: m.Node})
	case *LinkUp:
		c.step(replica.NodeReached{Node: m.Node})
	case *RefusedByNode:
		c.step(replica.NodeRefused{Node: m.From, Reason: m.Reason})
	case shut:
		c.shut(m)
	default:
		unknown(ctx)
	}
}

// callPiece is how many calls leave as one parcel. More than one parcel keeps the
// nodes busy with the first while the next is made.
const callPiece = 256

// takeCalls steps what has queued, a piece as one event, so that it leaves as
// one parcel.
func (c *Client) takeCalls() {
	for _, o := range c.queue.take() {
		if o.cancel {
			c.cancel(o.call)
		} else {
			c.begin(o.call)
		}
	}
	c.startBatch()
}

// begin starts a call. What was lost before its Release came needs none.
func (c *Client) begin(one *call) {
	if one.gives != nil && !c.holdings.remove(one.gives) {
		one.done <- ending{Finished: replica.Finished{Err: replica.ErrLost}}
		return
	}
	one.ID = c.place(one)
	if one.mark != nil {
		c.marks.add(one)
	}
	switch {
	case one.query != nil:
		c.step(replica.Inquire{ID: one.ID, Query: *one.query})
		return
	case one.order != nil:
		c.step(replica.Issue{ID: one.ID, Order: one.order.order, Only: one.order.only})
		return
	case one.carry != nil:
		c.carry(one)
		return
	}
	if c.batch = append(c.batch, one.Call); len(c.batch) == callPiece {
		c.startBatch()
	}
}

func (c *Client) startBatch() {
	if len(c.batch) > 0 {
		c.step(replica.Calls{Calls: c.batch, Now: c.caller.clock()})
		c.batch = c.batch[:0]
	}
	c.startLoad()
}

// place finds room for a call that begins.
func (c *Client) place(one *call) replica.CallID {
	if n := len(c.free); n > 0 {
		id := c.free[n-1]
		c.free = c.free[:n-1]
		c.running[id] = one
		return id
	}
	c.running = append(c.running, one)
	return replica.CallID(len(c.running) - 1)
}

// cancel gives up a call unless it has just ended: its place may be another's
// then, and what it got, nobody has taken.
func (c *Client) cancel(one *call) {
	c.startBatch() // it may be in there
	if c.running[one.ID] == one {
		c.step(replica.Cancel{ID: one.ID})
		return
	}
	if one.isOfAgent() {
		return // it has been told
	}
	if end := <-one.done; end.holding != nil {
		c.giveBack(end.holding)
	}
}

// giveBack releases what was granted to a caller who had just gone.
func (c *Client) giveBack(h *Holding) {
	if h.end(replica.ErrReleased) == nil {
		one := c.queue.newCall()
		one.give(h)
		c.begin(one)
	}
}

func (c *Client) noticed(m *NoticesFromNode) {
	for _, n := range m.Notices {
		c.step(replica.Noticed{Session: n.Session, Revocation: n.Revocation})
	}
}

func (c *Client) shut(m shut) {
	c.queue.close()
	c.takeCalls()
	c.closing = m.done
	c.step(replica.Shut{})
}

func (c *Client) step(event replica.ClientEvent) {
	for _, effect := range c.core.Step(event) {
		switch e := effect.(type) {
		case replica.Believes:
			c.believe(e)
		case replica.NoPrimary:
			c.caller.wanting.Store(uint64(e.Until))
		case replica.Progress:
			c.running[e.ID].order.tell(e.Text)
		case replica.Finish:
			c.finish(e)
		case replica.LeaseLost:
			c.holdings.lose(e.Token, lossOf(e))
		case replica.Lost:
			c.holdings.loseAll(e.Cause)
		case replica.Know:
			c.caller.known.Store(&e.Nodes)
			c.host.Know(c.id, e.Nodes)
		case replica.AskMembers:
			c.host.Send(e.To, messages.Parcel{MemberQueries: []messages.ClientID{c.id}})
		case replica.Ask:
			c.ask(e)
		case replica.Look:
			c.look(e)
		case replica.Pass:
			c.pass(e)
		case replica.Closed:
			close(c.closing)
		default:
			panic("an effect that the Client does not know")
		}
	}
}

func (c *Client) ask(e replica.Ask) {
	requests := make([]messages.Request, len(e.Commands))
	for i, command := range e.Commands {
		requests[i] = messages.Request{Client: c.id, Command: command}
	}
	c.host.Send(e.To, messages.Parcel{Requests: requests, Traces: c.marks.tell(e.To, e.Commands)})
}

func (c *Client) look(e replica.Look) {
	queries := make([]messages.Query, len(e.Inquiries))
	for i, one := range e.Inquiries {
		queries[i] = messages.Query{Client: c.id, ID: one.ID, Query: one.Query}
	}
	c.host.Send(e.To, messages.Parcel{Queries: queries})
}

func (c *Client) pass(e replica.Pass) {
	orders := make([]messages.Order, len(e.Orders))
	for i, one := range e.Orders {
		orders[i] = messages.Order{Client: c.id, ID: one.ID, Order: one.Order}
	}
	c.host.Send(e.To, messages.Parcel{Orders: orders})
}

func (c *Client) believe(e replica.Believes) {
	c.session = e.Session
	c.caller.belief.Store(uint64(e.Until))
}

// finish ends calls. No channel is full: each call ends once.
func (c *Client) finish(e replica.Finish) {
	for _, f := range e.Calls {
		one := c.running[f.ID]
		c.running[f.ID] = nil
		c.free = append(c.free, f.ID)
		if one.mark != nil {
			c.marks.remove(one)
		}
		if one.isOfAgent() {
			c.tellAgent(one, f)
			continue
		}
		one.done <- ending{f, c.hold(one, f)}
	}
}

// hold makes the holding of an Acquire that was granted, and of nothing else.
func (c *Client) hold(one *call, f replica.Finished) *Holding {
	if one.Verb != lock.Acquire || f.Result.Outcome != lock.Granted || f.Err != nil {
		return nil
	}
	h := &Holding{caller: c.caller, name: one.Name, token: f.Result.Token, session: c.session, until: endless}
	if f.Until != 0 {
		h.until = f.Until
	}
	c.holdings.add(h)
	return h
}
