package actors

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// Caller is how goroutines use a Client actor. It is safe for concurrent use.
type Caller struct {
	host   Host
	pid    *actor.PID
	id     messages.ClientID
	ticker *actor.PID
	queue  *callQueue
	clerks atomic.Uint64
	// inquiries counts the calls of AskStatus.
	inquiries atomic.Uint32
	once      sync.Once
}

// ClientTick is the period of a client's ticks.
const ClientTick = 25 * time.Millisecond

// SpawnClient starts a Client actor. The id must be unique in its process and
// below 1<<31; the ticker may serve many clients.
func SpawnClient(h Host, ticker *actor.PID, id messages.ClientID, cfg replica.ClientConfig) *Caller {
	queue := &callQueue{}
	client := &Client{core: replica.NewClient(cfg), id: id, mail: h, queue: queue}
	pid := h.Root().Spawn(Props(func() actor.Actor { return client }, actor.WithDispatcher(h.Workers())))
	h.Enroll(id, pid)
	h.Root().Send(ticker, Subscribe{To: pid})
	return &Caller{host: h, pid: pid, id: id, ticker: ticker, queue: queue}
}

// NewClerk draws the id of a clerk.
func (c *Caller) NewClerk() replica.ClerkID { return replica.ClerkID(c.clerks.Add(1)) }

// Forget says that a clerk has gone and has no call outstanding.
func (c *Caller) Forget(clerk replica.ClerkID) { c.host.Root().Send(c.pid, forget{clerk}) }

// Call asks for one Lock or Unlock and waits for its end or for that of ctx. A
// clerk has one call outstanding at a time.
func (c *Caller) Call(ctx context.Context, clerk replica.ClerkID, verb lock.Verb, name string) (lock.Result, error) {
	if err := ctx.Err(); err != nil {
		return lock.Result{}, err
	}
	one := c.queue.newCall()
	one.Call = replica.Call{Clerk: clerk, Verb: verb, Name: name}
	if !c.order(order{call: one}) {
		return lock.Result{}, replica.ErrClosed
	}
	if ctx.Done() == nil { // the plain wait is cheaper
		return c.end(one, <-one.done)
	}
	select {
	case f := <-one.done:
		return c.end(one, f)
	case <-ctx.Done():
		// The end of the call may still come, so its channel is not used again.
		c.order(order{call: one, cancel: true})
		return lock.Result{}, ctx.Err()
	}
}

// order queues an order and wakes the actor if it has to be. It reports false
// when the client is closed.
func (c *Caller) order(o order) bool {
	first, open := c.queue.add(o)
	if first {
		// Whoever else is about to call gets into the same parcel.
		runtime.Gosched()
		c.host.Root().Send(c.pid, callsWaiting{})
	}
	return open
}

// end gives a call back that has ended.
func (c *Caller) end(one *call, f replica.Finished) (lock.Result, error) {
	c.queue.unused.Put(one)
	return f.Result, f.Err
}

// Close closes the session with one attempt at telling the nodes, and stops the
// actor. Calls that are outstanding end with replica.ErrClosed.
func (c *Caller) Close(ctx context.Context) error {
	var err error
	c.once.Do(func() {
		done := make(chan struct{})
		c.host.Root().Send(c.pid, shut{done})
		select {
		case <-done:
		case <-ctx.Done():
			err = ctx.Err()
		}
		c.host.Root().Send(c.ticker, Unsubscribe{To: c.pid})
		c.host.Dismiss(c.id)
		c.host.Root().Poison(c.pid) // after what its mailbox holds
	})
	return err
}
