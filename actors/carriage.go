package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/replica"
)

// carriage is a command of somebody else's on its way through a Client.
type carriage struct {
	carry replica.Carry
	// agent is the actor that is told how it ends, under the name of its errand. If
	// there is none, a goroutine waits.
	agent  *actor.PID
	errand replica.CallID
}

// carried tells an Agent how an errand of its has ended.
type carried struct {
	errand   replica.CallID
	finished replica.Finished
}

// isOfAgent says that an actor waits for the end of the call, and no goroutine.
func (c *call) isOfAgent() bool { return c.carry != nil && c.carry.agent != nil }

// carry gathers what is carried, so that it leaves as one parcel.
func (c *Client) carry(one *call) {
	one.carry.carry.ID = one.ID
	if c.load = append(c.load, one.carry.carry); len(c.load) == callPiece {
		c.startLoad()
	}
}

func (c *Client) startLoad() {
	if len(c.load) > 0 {
		c.step(replica.Carries{Carries: c.load})
		clear(c.load)
		c.load = c.load[:0]
	}
}

func (c *Client) tellAgent(one *call, f replica.Finished) {
	c.host.Root().Send(one.carry.agent, carried{one.carry.errand, f})
}

// Carry asks for what a command says, as it is, and waits for its result, whatever
// that is, or for the end of ctx. What has been asked by then may be executed.
func (c *Caller) Carry(ctx context.Context, command lock.Command) (lock.Result, error) {
	if err := ctx.Err(); err != nil {
		return lock.Result{}, err
	}
	one := c.queue.newCall()
	one.carry = &carriage{carry: replica.Carry{Command: command}}
	one.mark = c.markOf(ctx)
	end, err := c.await(ctx, one)
	return end.Result, err
}

// carryFor asks for what an Agent wants carried, with a mark if its trace is kept.
// It returns nil if the client is closed.
func (c *Caller) carryFor(agent *actor.PID, carry replica.Carry, m *mark) *call {
	one := &call{carry: &carriage{carry: carry, agent: agent, errand: carry.ID}, mark: m}
	if !c.enqueue(order{call: one}) {
		return nil
	}
	return one
}

// drop gives up what was carried for an Agent.
func (c *Caller) drop(one *call) { c.enqueue(order{call: one, cancel: true}) }
