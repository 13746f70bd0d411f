package actors

import (
	"sync"

	"lockstep/lock"
	"lockstep/replica"
)

// call is one call of a goroutine on its way through a Client.
type call struct {
	replica.Call
	query *lock.Query  // not nil: it is an inquiry, of which Call has the ID alone
	order *instruction // not nil: it is an operator's order, and the same
	carry *carriage    // not nil: it is a command of somebody else's, and the same
	gives *Holding     // what a Release gives back
	mark  *mark        // not nil: somebody keeps its trace
	done  chan ending  // has room for the one end of the call
}

// ending is how a call ended, and what an Acquire got.
type ending struct {
	replica.Finished
	holding *Holding
}

// give makes a call into the release of what has been held.
func (c *call) give(h *Holding) {
	c.Call = replica.Call{Verb: lock.Release, Name: h.name, Token: h.token}
	c.gives = h
}

// callQueue is where the callers leave their calls for the Client actor, which
// takes all of them at once. A mailbox would take a message for each.
type callQueue struct {
	mu     sync.Mutex
	orders []order
	spare  []order // the slice taken before, to be filled again
	closed bool

	// unused are calls to be used again: with their channels they would be most
	// of what a busy client allocates.
	unused sync.Pool
}

func (q *callQueue) newCall() *call {
	if c, ok := q.unused.Get().(*call); ok {
		return c
	}
	return &call{done: make(chan ending, 1)}
}

// reuse takes back a call whose end was received, and nothing else.
func (q *callQueue) reuse(c *call) {
	*c = call{done: c.done}
	q.unused.Put(c)
}

// order is a call, or the end of one: its caller has gone. Both stand in one
// queue, so that a clerk's next call comes after what it gave up, and fences it.
type order struct {
	call   *call
	cancel bool
}

// add queues an order. The first one since the actor last looked has to tell the
// actor. A closed queue takes no more.
func (q *callQueue) add(o order) (first, open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false, false
	}
	q.orders = append(q.orders, o)
	return len(q.orders) == 1, true
}

// take returns what has queued, valid until the next take.
func (q *callQueue) take() []order {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.orders
	q.orders, q.spare = q.spare[:0], taken
	return taken
}

func (q *callQueue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

// close makes every later add fail.
func (q *callQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
