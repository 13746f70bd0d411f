package replica

import (
	"slices"

	"lockstep/lock"
)

// instruction is an operator's order that is not done yet.
type instruction struct {
	id      OrderID
	call    CallID
	order   Order
	only    bool   // for the node of its attempt alone
	said    string // how far it was when last heard
	attempt attempt
}

// instructions are those under way, in the order of their coming. They are few.
type instructions struct{ open []instruction }

// MaxOrders is how many orders of one client may be under way.
const MaxOrders = 16

// orderPoll is after about how many ticks an order that the nodes work at is
// given again, to hear how far it is.
const orderPoll = 10

// bindTo reports whether an order may go to the node at a place alone.
func (o *instructions) bindTo(node int) bool {
	return slices.ContainsFunc(o.open, func(one instruction) bool { return one.only && one.attempt.node == node })
}

func (o *instructions) index(id OrderID) int {
	return slices.IndexFunc(o.open, func(one instruction) bool { return one.id == id })
}

// issue gives an order for the first time. Its id is drawn: those of several
// clients shall not be alike.
func (c *Client) issue(ev Issue) {
	if err := c.judgeOrder(&ev.Order); err != nil {
		c.finishOrder(ev.ID, nil, err)
		return
	}
	one := instruction{id: OrderID(c.random.nonce()), call: ev.ID, order: ev.Order, only: ev.Only != ""}
	one.attempt.node = c.first()
	if one.only {
		if one.attempt.node = c.enter(ev.Only); one.attempt.node < 0 {
			c.finishOrder(ev.ID, nil, ErrBusy)
			return
		}
	}
	c.orders.open = append(c.orders.open, one)
	sent := &c.orders.open[len(c.orders.open)-1]
	c.send(&sent.attempt, errand{kind: forOrder, order: sent})
}

// judgeOrder refuses what cannot be sent. All else is for the nodes to judge.
func (c *Client) judgeOrder(o *Order) error {
	switch {
	case c.session.stage >= closing:
		return ErrClosed
	case len(c.orders.open) >= MaxOrders:
		return ErrBusy
	case !sendable(o.Name) || !sendable(string(o.Address)):
		return &LimitError{lock.LimitName}
	default:
		return nil
	}
}

func (c *Client) finishOrder(id CallID, answer *Ordered, err error) {
	c.finished = append(c.finished, Finished{ID: id, Order: answer, Err: err})
}

// instructed handles a frame of answers to orders.
func (c *Client) instructed(ev Instructions) {
	from := c.node(ev.From)
	c.speaks(from)
	for _, answer := range ev.Ordered {
		at := c.orders.index(answer.ID)
		switch {
		case at < 0: // late
		case answer.Kind == Executed:
			c.carriedOut(from, at, answer)
		default:
			one := &c.orders.open[at]
			c.notYet(&one.attempt, errand{kind: forOrder, order: one}, from, answer.Kind, answer.Hint)
		}
	}
	c.leaveGone() // now, that no order goes elsewhere whose answer came as well
}

// carriedOut handles the answer of a node that takes the order. What it works at
// is asked for there again after a while: the answer to an earlier repeat is as
// good as that to the last.
func (c *Client) carriedOut(from, at int, answer Ordered) {
	c.served()
	one := &c.orders.open[at]
	if answer.Outcome != OrderWorking {
		c.finishOrder(one.call, &answer, nil)
		c.dropOrder(at)
		return
	}
	if answer.Text != one.said {
		one.said = answer.Text
		c.progress = append(c.progress, Progress{one.call, answer.Text})
	}
	if from == one.attempt.node {
		one.attempt = attempt{node: from, barren: 1, due: c.now + uint64(c.random.around(orderPoll))}
	}
}

// dropOrder forgets an order. A node that was there for it alone goes with
// leaveGone.
func (c *Client) dropOrder(at int) { c.orders.open = slices.Delete(c.orders.open, at, at+1) }

// ordersTick gives again what was not answered in time.
func (c *Client) ordersTick() {
	for i := range c.orders.open {
		if one := &c.orders.open[i]; one.attempt.due <= c.now {
			c.again(&one.attempt, errand{kind: forOrder, order: one})
		}
	}
}

// ordersLost gives elsewhere what was given to a node that was lost.
func (c *Client) ordersLost(node int) {
	for i := range c.orders.open {
		one := &c.orders.open[i]
		if one.attempt.asked && one.attempt.node == node {
			c.replace(&one.attempt, errand{kind: forOrder, order: one})
		}
	}
}

// cancelOrder gives an order up, and reports whether there was one. The nodes go
// on with what they have begun.
func (c *Client) cancelOrder(id CallID) bool {
	at := slices.IndexFunc(c.orders.open, func(one instruction) bool { return one.call == id })
	if at < 0 {
		return false
	}
	c.dropOrder(at)
	c.leaveGone()
	c.finishOrder(id, nil, ErrCanceled)
	return true
}

// failOrders ends every order.
func (c *Client) failOrders(err error) {
	for len(c.orders.open) > 0 {
		c.finishOrder(c.orders.open[0].call, nil, err)
		c.dropOrder(0)
	}
	c.leaveGone()
}
