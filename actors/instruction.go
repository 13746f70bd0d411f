package actors

import (
	"context"

	"lockstep/replica"
)

// instruction is an operator's order on its way through a Client.
type instruction struct {
	order replica.Order
	only  replica.NodeID // not empty: it goes to this node alone
	news  chan string    // how far it is
}

// tell leaves news for the caller. Nobody needs all of it.
func (i *instruction) tell(text string) {
	select {
	case i.news <- text:
	default:
	}
}

// unread is how much news may wait for the caller.
const unread = 16

// Instruct gives the nodes an operator's order, or only one of them, and waits
// until it is done or refused, or for the end of ctx; the nodes go on with what
// they have begun. Progress, if not nil, is told how far it is.
func (c *Caller) Instruct(ctx context.Context, o replica.Order, only replica.NodeID, progress func(string)) (replica.Ordered, error) {
	if err := ctx.Err(); err != nil {
		return replica.Ordered{}, err
	}
	if progress == nil {
		progress = func(string) {}
	}
	one, news := c.queue.newCall(), make(chan string, unread)
	one.order = &instruction{o, only, news}
	if !c.enqueue(order{call: one}) {
		return replica.Ordered{}, replica.ErrClosed
	}
	for {
		select {
		case text := <-news:
			progress(text)
		case end := <-one.done:
			return c.instructed(one, end)
		case <-ctx.Done():
			c.enqueue(order{call: one, cancel: true})
			return replica.Ordered{}, c.because(ctx.Err())
		}
	}
}

func (c *Caller) instructed(one *call, end ending) (replica.Ordered, error) {
	if _, err := c.end(one, end); err != nil {
		return replica.Ordered{}, err
	}
	return *end.Order, nil
}
