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
	token    lock.Token
	terms    *lock.Terms
	deadline uint64 // the tick that ends it, or never
	verb     lock.Verb
	mode     lock.Mode
	wait     bool
	orphaned bool // a Release that its caller gave up before it was sent
}

const never = math.MaxUint64

// capped says that what is acquired is held for a limited time.
func (c *call) capped() bool { return c.terms != nil && c.terms.MaxHold != 0 }

// calls takes new calls in. A session that is not believed in any more is given up
// before them, as a tick would do it: else they were asked under one that the
// nodes may have ended while the machine slept.
func (c *Client) calls(ev Calls) {
	c.reach(ev.Now)
	if c.session.stage == opened {
		c.beliefTick()
	}
	for _, one := range ev.Calls {
		c.call(one)
	}
}

// call takes a new call in. A clerk's bound slot serves nobody else, so the
// clerk need not queue for it. A lease ends when its Release is asked: its loss
// would be no news from then on.
func (c *Client) call(ev Call) {
	if err := c.judge(ev); err != nil {
		c.finish(ev.ID, lock.Result{}, err)
		return
	}
	call := call{
		id: ev.ID, name: ev.Name, token: ev.Token, terms: ev.Terms,
		verb: ev.Verb, mode: ev.Mode, wait: ev.Wait, deadline: never,
	}
	if ev.Deadline > 0 {
		call.deadline = c.now + uint64(ev.Deadline)
	}
	switch ev.Verb {
	case lock.Lock, lock.Unlock:
		call.clerk = ev.Clerk
		if i, ok := c.slots.takeBound(ev.Clerk); ok {
			c.start(i, call)
			return
		}
	case lock.Release:
		c.leases.release(ev.Token)
	}
	c.waiting.push(call)
}

// judge refuses a call before it has any effect. The nodes check the form too;
// checking it here saves the way, and keeps a name that cannot be encoded from
// spoiling the frame of a thousand others. A Release is never too many: there is
// one for each lease.
func (c *Client) judge(ev Call) error {
	switch {
	case c.session.stage >= closing:
		return ErrClosed
	case !ev.Verb.InSlot() || ev.Verb == lock.Cancel:
		return &LimitError{lock.LimitVerb}
	case ev.Deadline < 0:
		return ErrDeadline
	case c.waiting.len() >= MaxWaiting && ev.Verb != lock.Release:
		return ErrBusy
	}
	form := lock.Command{
		Number: 1, Verb: ev.Verb, Name: ev.Name, Token: ev.Token, Terms: ev.Terms, Mode: ev.Mode, Wait: ev.Wait,
	}
	if l := form.Check(); l != lock.NoLimit {
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
		first := c.waiting.first()
		if first.verb == lock.Acquire && !c.believes() {
			c.startOthers()
			return
		}
		i, ok := c.slots.take(first.clerk)
		if !ok {
			return
		}
		c.start(i, c.waiting.pop())
	}
}

// startOthers lets all but Acquires pass, in their order. An Acquire waits until
// its grant could be handed out: for an acknowledged keep-alive, when the belief
// has ended. Nothing else needs any.
func (c *Client) startOthers() {
	full := false
	c.waiting.filter(func(waiting *call) bool {
		if full || waiting.verb == lock.Acquire {
			return true
		}
		i, ok := c.slots.take(waiting.clerk)
		if ok {
			c.start(i, *waiting)
		}
		full = !ok
		return full
	})
}

// start sends a call for the first time.
func (c *Client) start(i lock.Slot, call call) {
	s := &c.slots.all[i]
	s.state = busy
	if call.orphaned {
		s.state = quiet
	}
	s.call = call
	c.begin(i)
}

// begin sends a slot's request for the first time, under the slot's next number.
// It keeps that number through every repeat (S4).
func (c *Client) begin(i lock.Slot) {
	s := &c.slots.all[i]
	s.number++
	s.sent, s.seen = c.clock, c.session.revocations.seen
	s.attempt = attempt{node: c.first()}
	c.send(&s.attempt, errand{slot: i})
}

// command returns the request of a slot that is not free.
func (c *Client) command(i lock.Slot) lock.Command {
	s := &c.slots.all[i]
	return lock.Command{
		Session: c.session.id,
		Slot:    i,
		Number:  s.number,
		Verb:    s.call.verb,
		Name:    s.call.name,
		Token:   s.call.token,
		Terms:   s.call.terms,
		Mode:    s.call.mode,
		Wait:    s.call.wait,
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
	if !c.cancelInquiry(id) && !c.cancelOrder(id) && !c.cancelCarried(id) {
		c.giveUpWaiting(ErrCanceled, func(waiting *call) bool { return waiting.id == id })
	}
}

func (c *Client) giveUpWaiting(err error, over func(*call) bool) {
	for _, id := range c.waiting.giveUp(over) {
		c.finish(id, lock.Result{}, err)
	}
}

// failAll gives up every call, in slots and waiting.
func (c *Client) failAll(err error) {
	for i := range c.slots.all {
		if c.slots.all[i].state == busy {
			c.giveUp(lock.Slot(i), err)
		}
	}
	c.giveUpWaiting(err, func(*call) bool { return true })
}

// endSlots ends the calls in slots, together with their session.
func (c *Client) endSlots(err error) {
	for i := range c.slots.all {
		if s := &c.slots.all[i]; s.state == busy {
			c.finish(s.call.id, lock.Result{}, err)
		}
	}
	c.slots.drop()
}

// endWaiting ends the calls that wait, for good.
func (c *Client) endWaiting(err error) {
	for c.waiting.len() > 0 {
		if waiting := c.waiting.pop(); !waiting.orphaned {
			c.finish(waiting.id, lock.Result{}, err)
		}
	}
}

// answered handles a frame of answers.
func (c *Client) answered(ev Answered) {
	c.reach(ev.Now)
	from := c.node(ev.From)
	c.speaks(from)
	for i := range ev.Answers {
		a := &ev.Answers[i]
		if one, ok := c.cargo.byRequest[a.Request]; ok {
			c.carriedAnswered(from, one, a)
		} else if a.Request.Verb != 0 {
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
	default:
		c.notYet(&s.attempt, errand{slot: id.Slot}, from, a.Kind, a.Hint)
	}
}

// executed handles a definite answer. When nobody waits for it any more it tells
// nobody, but leaves nothing to undo or to fence.
func (c *Client) executed(from int, i lock.Slot, result lock.Result) {
	c.trust(from)
	s := &c.slots.all[i]
	acquire := s.state == busy && s.call.verb == lock.Acquire
	switch {
	case result.Outcome == lock.SessionExpired:
		c.expire()
	case acquire && result.Outcome == lock.Granted:
		c.granted(i, result)
	case acquire && result.Outcome == lock.Waiting && s.call.wait:
		c.rest(&s.attempt, from)
	case s.state == busy:
		c.finish(s.call.id, result, conclude(result))
		c.slots.release(i)
	default:
		c.slots.release(i)
	}
}

// tick ends what is out of time and asks again where an attempt is.
func (c *Client) tick(ev ClientTick) {
	c.now++
	c.reach(ev.Now)
	c.sessionTick()
	c.slotsTick()
	c.holdsTick()
	c.inquiriesTick()
	c.ordersTick()
	c.cargoTick()
	c.bindingTick()
	c.giveUpWaiting(ErrDeadline, func(waiting *call) bool { return waiting.deadline <= c.now })
}

// reach moves the clock. One that goes back is not followed.
func (c *Client) reach(now Instant) { c.clock = max(c.clock, now) }

// slotsTick looks at all slots. They are no more than 4,096, so that is cheap.
func (c *Client) slotsTick() {
	hurried := false
	for i := range c.slots.all {
		s := &c.slots.all[i]
		switch {
		case s.state == free:
		case s.call.deadline <= c.now:
			c.giveUp(lock.Slot(i), ErrDeadline)
		case s.attempt.due <= c.now:
			c.again(&s.attempt, errand{slot: lock.Slot(i)})
		}
		hurried = hurried || s.attempt.rests > 0 && s.call.capped()
	}
	c.session.keepAlive.hurried = hurried
}
