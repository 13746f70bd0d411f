package replica

import (
	"math"

	"lockstep/lock"
)

// call is what a caller asked for.
type call struct {
	id       CallID
	clerk    ClerkID
	name     string
	deadline uint64 // the tick that ends it, or never
	verb     lock.Verb
}

const never = math.MaxUint64

// call takes a new call in. A clerk's bound slot serves nobody else, so the
// clerk need not queue for it.
func (c *Client) call(ev Call) {
	if err := c.judge(ev); err != nil {
		c.finish(ev.ID, lock.Result{}, err)
		return
	}
	call := call{id: ev.ID, clerk: ev.Clerk, name: ev.Name, verb: ev.Verb, deadline: never}
	if ev.Deadline > 0 {
		call.deadline = c.now + uint64(ev.Deadline)
	}
	if i, ok := c.slots.takeBound(ev.Clerk); ok {
		c.start(i, call)
		return
	}
	c.waiting.push(call)
}

// judge refuses a call before it has any effect. The nodes check the form too;
// checking it here saves the way, and keeps a name that cannot be encoded from
// spoiling the frame of a thousand others.
func (c *Client) judge(ev Call) error {
	switch {
	case c.session.stage >= closing:
		return ErrClosed
	case ev.Verb != lock.Lock && ev.Verb != lock.Unlock:
		return &LimitError{lock.LimitVerb}
	case ev.Deadline < 0:
		return ErrDeadline
	case c.waiting.len() >= MaxWaiting:
		return ErrBusy
	}
	if l := lock.CheckName(ev.Name); l != lock.NoLimit {
		return &LimitError{l}
	}
	return nil
}

// startWaiting gives the waiting calls their slots, first come, first served.
// It opens a session if calls wait for one.
func (c *Client) startWaiting() {
	if c.waiting.len() > 0 && c.session.stage == unopened {
		c.open()
	}
	if c.session.stage != opened {
		return
	}
	for c.waiting.len() > 0 {
		i, ok := c.slots.take(c.waiting.first().clerk)
		if !ok {
			return
		}
		c.start(i, c.waiting.pop())
	}
}

// start sends a call for the first time, under the next number of its slot. It
// keeps that number through every repeat (S4).
func (c *Client) start(i lock.Slot, call call) {
	s := &c.slots.all[i]
	s.state = busy
	s.call = call
	s.number++
	s.attempt = attempt{node: c.primary}
	c.send(&s.attempt, c.command(i))
}

// command returns the request of a busy slot.
func (c *Client) command(i lock.Slot) lock.Command {
	s := &c.slots.all[i]
	return lock.Command{
		Session: c.session.id,
		Slot:    i,
		Number:  s.number,
		Verb:    s.call.verb,
		Name:    s.call.name,
	}
}

// cancel looks for the call everywhere: an index of all calls would cost more
// on every call than this does on the few that are cancelled.
func (c *Client) cancel(id CallID) {
	for i := range c.slots.all {
		if s := &c.slots.all[i]; s.state == busy && s.call.id == id {
			c.giveUp(lock.Slot(i), ErrCanceled)
			return
		}
	}
	if c.waiting.remove(id) {
		c.finish(id, lock.Result{}, ErrCanceled)
	}
}

// giveUp ends a call whose request may still be executed. The clerk's next call
// takes the same slot, so that its number fences the abandoned one (S4): once
// it is answered the abandoned request can no longer happen.
func (c *Client) giveUp(i lock.Slot, err error) {
	s := &c.slots.all[i]
	c.finish(s.call.id, lock.Result{}, err)
	if s.call.clerk == 0 {
		c.slots.release(i)
	} else {
		c.slots.bind(i)
	}
}

// failAll ends every call, in slots and waiting.
func (c *Client) failAll(err error) {
	for i := range c.slots.all {
		if c.slots.all[i].state == busy {
			c.giveUp(lock.Slot(i), err)
		}
	}
	for c.waiting.len() > 0 {
		c.finish(c.waiting.pop().id, lock.Result{}, err)
	}
}

// answered handles a frame of answers.
func (c *Client) answered(ev Answered) {
	from := c.node(ev.From)
	if from >= 0 {
		c.refusals[from] = ""
	}
	for i := range ev.Answers {
		a := &ev.Answers[i]
		if a.Request.Verb != 0 {
			c.sessionAnswered(from, a)
		} else {
			c.slotAnswered(from, a)
		}
	}
}

// slotAnswered handles the answer to a call. An answer to anything but a slot's
// last request is late: its caller has gone on.
func (c *Client) slotAnswered(from int, a *Answer) {
	id := &a.Request
	if id.Session != c.session.id || int(id.Slot) >= len(c.slots.all) {
		return
	}
	s := &c.slots.all[id.Slot]
	switch {
	case s.number != id.Number || s.state == free:
		return
	case a.Kind == Executed:
		c.executed(from, id.Slot, a.Result)
	case s.state == busy:
		c.notYet(&s.attempt, c.command(id.Slot), from, a)
	}
}

// executed handles a definite answer. When the call was given up before, the
// answer tells nobody, but leaves nothing to fence.
func (c *Client) executed(from int, i lock.Slot, result lock.Result) {
	c.trust(from)
	if result.Outcome == lock.SessionExpired {
		c.expire()
		return
	}
	if s := &c.slots.all[i]; s.state == busy {
		c.finish(s.call.id, result, conclude(result))
	}
	c.slots.release(i)
}

// tick ends what is out of time and asks again where an attempt is. The calls
// in slots are no more than 4,096, so looking at all of them is cheap.
func (c *Client) tick() {
	c.now++
	c.sessionTick()
	for i := range c.slots.all {
		s := &c.slots.all[i]
		switch {
		case s.state != busy:
		case s.call.deadline <= c.now:
			c.giveUp(lock.Slot(i), ErrDeadline)
		case s.attempt.due <= c.now:
			c.again(&s.attempt, c.command(lock.Slot(i)))
		}
	}
	for _, id := range c.waiting.expire(c.now) {
		c.finish(id, lock.Result{}, ErrDeadline)
	}
}
