package actors

import (
	"context"
	"fmt"
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
	traced bool // see WithTraces
	clerks atomic.Uint64
	// inquiries counts the calls of AskStatus.
	inquiries atomic.Uint32
	once      sync.Once

	clock   Clock
	belief  atomic.Uint64                    // the Instant until which the session is believed in (T4)
	wanting atomic.Uint64                    // the Instant until which calls end for want of a primary
	known   atomic.Pointer[[]replica.NodeID] // in the order of asking
	members atomic.Pointer[[]replica.Member] // as last told; nil before
}

// ClientTick is the period of a client's ticks.
const ClientTick = time.Duration(replica.ClientTickPeriod) * time.Millisecond

// ClientOption changes how a Client actor is set up.
type ClientOption func(*Caller)

// WithClock sets the clock that leases are measured by. Without it, it is
// ThroughSuspend.
func WithClock(clock Clock) ClientOption { return func(c *Caller) { c.clock = clock } }

// SpawnClient starts a Client actor. The id must be unique in its process and
// below 1<<31; the ticker may serve many clients.
func SpawnClient(h Host, ticker *actor.PID, id messages.ClientID, cfg replica.ClientConfig, opts ...ClientOption) *Caller {
	caller := &Caller{host: h, id: id, ticker: ticker, queue: &callQueue{}, clock: ThroughSuspend()}
	for _, option := range opts {
		option(caller)
	}
	cfg.Now = caller.clock()
	caller.known.Store(&cfg.Nodes)
	client := &Client{
		core: replica.NewClient(cfg), id: id, host: h, queue: caller.queue, caller: caller, holdings: holdings{},
	}
	caller.pid = h.Root().Spawn(Props(func() actor.Actor { return client }, actor.WithDispatcher(h.Workers())))
	h.Enroll(id, caller.pid)
	h.Root().Send(ticker, Subscribe{To: caller.pid})
	return caller
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
	c.follow(ctx, one)
	end, err := c.await(ctx, one)
	return end.Result, err
}

// Acquire asks for what the command says beyond its session, slot and number.
// There is a Holding if the outcome is Granted. When ctx ends, so does the wait,
// and nothing is held.
func (c *Caller) Acquire(ctx context.Context, cmd lock.Command) (*Holding, lock.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, lock.Result{}, err
	}
	one := c.queue.newCall()
	one.Call = callFor(cmd)
	c.follow(ctx, one)
	end, err := c.await(ctx, one)
	return end.holding, end.Result, err
}

// Ask asks for what the command says, a Revoke or the Release of a grant that is
// no Holding of this client.
func (c *Caller) Ask(ctx context.Context, cmd lock.Command) (lock.Result, error) {
	if err := ctx.Err(); err != nil {
		return lock.Result{}, err
	}
	one := c.queue.newCall()
	one.Call = callFor(cmd)
	c.follow(ctx, one)
	end, err := c.await(ctx, one)
	return end.Result, err
}

func callFor(cmd lock.Command) replica.Call {
	return replica.Call{
		Verb: cmd.Verb, Name: cmd.Name, Token: cmd.Token, Mode: cmd.Mode, Wait: cmd.Wait, Terms: cmd.Terms,
	}
}

// Inquire asks about the state.
func (c *Caller) Inquire(ctx context.Context, q lock.Query) (lock.Report, error) {
	if err := ctx.Err(); err != nil {
		return lock.Report{}, err
	}
	one := c.queue.newCall()
	one.query = &q
	end, err := c.await(ctx, one)
	if err != nil {
		return lock.Report{}, err
	}
	return *end.Report, nil
}

// await leaves a call to the actor and waits for its end, or for that of ctx.
func (c *Caller) await(ctx context.Context, one *call) (ending, error) {
	if !c.enqueue(order{call: one}) {
		return ending{}, replica.ErrClosed
	}
	if ctx.Done() == nil { // the plain wait is cheaper
		return c.end(one, <-one.done)
	}
	select {
	case end := <-one.done:
		return c.end(one, end)
	case <-ctx.Done():
		// The end of the call may still come, so its channel is not used again.
		c.enqueue(order{call: one, cancel: true})
		return ending{}, c.because(ctx.Err())
	}
}

// because adds to an error that there was no primary, if so.
func (c *Caller) because(err error) error {
	if until := c.wanting.Load(); until == 0 || c.clock() >= replica.Instant(until) {
		return err
	}
	return fmt.Errorf("%w: %w", replica.ErrNoQuorum, err)
}

// enqueue queues an order and wakes the actor if it has to be. It reports false
// when the client is closed.
func (c *Caller) enqueue(o order) bool {
	first, open := c.queue.add(o)
	if first {
		// Whoever else is about to call gets into the same parcel.
		runtime.Gosched()
		c.host.Root().Send(c.pid, callsWaiting{})
	}
	return open
}

// end gives a call back that has ended.
func (c *Caller) end(one *call, end ending) (ending, error) {
	c.queue.reuse(one)
	if end.Err == replica.ErrSessionExpired {
		return end, c.because(end.Err)
	}
	return end, end.Err
}

func (c *Caller) believed() replica.Instant { return replica.Instant(c.belief.Load()) }

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
