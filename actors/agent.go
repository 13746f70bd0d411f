package actors

import (
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/replica"
)

// Agent owns a replica.Agent core: it serves one session whose client does not
// speak the protocol, and has what that asks for carried by the node's Client.
type Agent struct {
	core    *replica.Agent
	carrier *Caller
	agents  *Agents
	entry   *agentEntry // in the register

	calls map[replica.CallID]*agentCall
	named map[*byte]string // the traces of those that have one; see marks
	last  replica.CallID
	onWay map[replica.CallID]*call // by errand

	closing bool            // nothing new is asked
	settled chan<- struct{} // hears when nothing is under way; nil: nobody waits for it
}

// agentCall is one request of a goroutine on its way through an Agent. It is sent
// to it as it is.
type agentCall struct {
	id       replica.CallID // the agent's to set
	command  lock.Command
	patience int                   // ticks
	trace    string                // if somebody keeps it: then the name is the call's own copy
	done     chan replica.Finished // has room for the one end of the call
}

// What an Agent is sent besides calls.
type (
	callerGone struct{ call *agentCall }
	ttlLearned struct{ ttl lock.Millis }
	retire     struct{} // if there is nothing to do

	// giveUp ends all calls: the node is about to go, and their callers with it.
	giveUp struct{}
	// settle asks to be told when nothing is under way any more; to has room for it.
	settle struct{ to chan<- struct{} }
)

// Receive dispatches.
func (a *Agent) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *agentCall:
		a.ask(ctx, m)
	case callerGone:
		a.callerGone(ctx, m.call)
	case carried:
		a.carried(ctx, m)
	case ttlLearned:
		a.step(ctx, replica.Learned{TTL: m.ttl})
	case retire:
		a.retire(ctx)
	case giveUp:
		a.giveUp(ctx)
	case settle:
		a.settled = m.to
		a.maySettle()
	default:
		unknown(ctx)
	}
}

func (a *Agent) ask(ctx actor.Context, m *agentCall) {
	if a.closing {
		m.done <- replica.Finished{Err: replica.ErrClosed}
		return
	}
	a.last++
	m.id = a.last
	a.calls[m.id] = m
	if m.trace != "" {
		a.named[unsafe.StringData(m.command.Name)] = m.trace
	}
	a.step(ctx, replica.Request{ID: m.id, Command: m.command, Patience: m.patience, Now: a.carrier.clock()})
}

// callerGone gives up a call unless it has just ended: then what it got under a
// pair that nobody knows is given back.
func (a *Agent) callerGone(ctx actor.Context, m *agentCall) {
	if a.calls[m.id] == m {
		a.step(ctx, replica.Cancel{ID: m.id})
		return
	}
	f := <-m.done
	if f.Err == nil && f.Result.Outcome == lock.Granted && m.command.Verb == lock.Acquire && m.command.Number == 0 {
		a.step(ctx, replica.GiveBack{Name: m.command.Name, Token: f.Result.Token, Now: a.carrier.clock()})
	}
}

func (a *Agent) carried(ctx actor.Context, m carried) {
	delete(a.onWay, m.errand)
	m.finished.ID = m.errand
	a.step(ctx, replica.Delivered{Finished: m.finished, Now: a.carrier.clock()})
}

// retire ends the actor if nothing is lost with it. Whoever comes later finds no
// agent and makes another.
func (a *Agent) retire(ctx actor.Context) {
	if a.core.Idle() && a.agents.remove(a.entry, a.core.LastNumber()) {
		ctx.Stop(ctx.Self())
	}
}

// giveUp does for all callers what callerGone does for one.
func (a *Agent) giveUp(ctx actor.Context) {
	a.closing = true
	for id := range a.calls {
		a.step(ctx, replica.Cancel{ID: id})
	}
}

// maySettle tells who waits for it that nothing is under way.
func (a *Agent) maySettle() {
	if a.settled != nil && a.core.Idle() {
		a.settled <- struct{}{}
		a.settled = nil
	}
}

func (a *Agent) step(ctx actor.Context, event replica.AgentEvent) {
	for _, effect := range a.core.Step(event) {
		switch e := effect.(type) {
		case replica.Drop:
			a.drop(e)
		case replica.Carries:
			a.carry(ctx, e)
		case replica.Finish:
			a.finish(e)
		default:
			panic("an effect that the Agent does not know")
		}
	}
	if a.core.Over() {
		a.entry.over.Store(true)
	}
	a.maySettle()
}

func (a *Agent) drop(e replica.Drop) {
	for _, id := range e.IDs {
		if one := a.onWay[id]; one != nil {
			delete(a.onWay, id)
			a.carrier.drop(one)
		}
	}
}

// carry leaves errands with the Client. One that is closed takes none.
func (a *Agent) carry(ctx actor.Context, e replica.Carries) {
	for _, carry := range e.Carries {
		if one := a.carrier.carryFor(ctx.Self(), carry, a.mark(&carry.Command)); one != nil {
			a.onWay[carry.ID] = one
		} else {
			ctx.Send(ctx.Self(), carried{carry.ID, replica.Finished{Err: replica.ErrClosed}})
		}
	}
}

// mark returns the mark for what is carried for a call whose trace is kept, or nil.
func (a *Agent) mark(command *lock.Command) *mark {
	if len(a.named) == 0 || command.Name == "" {
		return nil
	}
	trace := a.named[unsafe.StringData(command.Name)]
	if trace == "" {
		return nil
	}
	return &mark{parent: trace}
}

// finish ends calls. No channel is full: each call ends once.
func (a *Agent) finish(e replica.Finish) {
	for _, f := range e.Calls {
		one := a.calls[f.ID]
		delete(a.calls, f.ID)
		if one.trace != "" {
			delete(a.named, unsafe.StringData(one.command.Name))
		}
		if a.closing && f.Err == replica.ErrCanceled {
			f.Err = replica.ErrClosed // it was not its caller who gave it up
		}
		one.done <- f
	}
}
