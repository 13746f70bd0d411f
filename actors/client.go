package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// Client owns a replica.Client core. Callers hand it calls as local messages;
// each call carries the channel on which its end is told.
type Client struct {
	core  *replica.Client
	id    messages.ClientID
	mail  Mail
	pulse pulse

	// pending are the calls of this turn of the mailbox: they leave together
	// when the flush that the first of them sent comes up.
	pending []replica.Call
	callers map[replica.CallID]chan<- replica.Finished
	closing chan<- struct{} // closed when the session is
}

// What the callers of a Client send it.
type (
	call struct {
		replica.Call
		done chan<- replica.Finished // has room for one
	}
	cancel struct{ id replica.CallID }
	forget struct{ clerk replica.ClerkID }
	shut   struct{ done chan<- struct{} }
	flush  struct{}
)

// Receive dispatches.
func (c *Client) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *call:
		c.call(ctx, m)
	case flush:
		c.flush()
	case *FromNode:
		c.step(replica.Answered{From: m.From, Answers: m.Answers})
	case *Tick:
		c.pulse.take(ctx, m)
		c.step(replica.ClientTick{})
	case cancel:
		c.flush() // the call may still be pending
		c.step(replica.Cancel{ID: m.id})
	case forget:
		c.step(replica.Forget{Clerk: m.clerk})
	case *LinkDown:
		c.step(replica.NodeLost{Node: m.Node})
	case *DialRefused:
		c.step(replica.NodeLost{Node: m.Node})
	case *LinkUp:
	case *RefusedByNode:
		c.step(replica.NodeRefused{Node: m.From, Reason: m.Reason})
	case shut:
		c.flush()
		c.closing = m.done
		c.step(replica.Shut{})
	default:
		unknown(ctx)
	}
}

func (c *Client) call(ctx actor.Context, m *call) {
	if len(c.pending) == 0 {
		ctx.Send(ctx.Self(), flush{})
	}
	c.pending = append(c.pending, m.Call)
	c.callers[m.ID] = m.done
}

func (c *Client) flush() {
	if len(c.pending) == 0 {
		return
	}
	c.step(replica.Calls{Calls: c.pending})
	c.pending = c.pending[:0]
}

func (c *Client) step(event replica.ClientEvent) {
	for _, effect := range c.core.Step(event) {
		switch e := effect.(type) {
		case replica.Ask:
			c.ask(e)
		case replica.Finish:
			c.finish(e)
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
	c.mail.Send(e.To, messages.Parcel{Requests: requests})
}

// finish answers the callers. Nobody's channel is full: each gets one answer.
func (c *Client) finish(e replica.Finish) {
	for _, f := range e.Calls {
		done := c.callers[f.ID]
		delete(c.callers, f.ID)
		done <- f
	}
}

// clientVerb keeps what a caller may ask apart from what the core asks for
// itself.
func clientVerb(v lock.Verb) bool { return v == lock.Lock || v == lock.Unlock }
