package replica

import "lockstep/lock"

// firstRest is after about how many ticks an Acquire that waits is asked again:
// the grant may have been lost on its way. Each rest is twice as long as the one
// before, up to longestRest, since every repeat is ordered, and there may be a
// hundred thousand that wait.
const (
	firstRest   = 40
	longestRest = 1200
)

// rest lets an Acquire wait for its turn (S6). Who answered `waiting` will answer
// `granted` too, so losing that node is reason enough to ask again.
func (c *Client) rest(a *attempt, from int) {
	node := from
	if node < 0 {
		node = c.primary
	}
	if a.resting && a.node == node {
		return // the answer to an earlier repeat
	}
	span := min(firstRest<<a.rests, longestRest)
	*a = attempt{
		node: node, asked: true, resting: true, rests: min(a.rests+1, 10),
		due: c.now + uint64(c.random.around(span)),
	}
}

// repeatWaits asks for all that waits at other nodes again, where a keep-alive was
// acknowledged: a node that is frozen loses no connection, but tells no grant
// either. What waits, waits at the node that was believed to be primary then, so
// there is nothing to look for unless that has changed.
func (c *Client) repeatWaits() {
	heard := c.heard
	c.heard = false
	if !heard || !c.swayed {
		return
	}
	c.swayed = false
	for i := range c.slots.all {
		s := &c.slots.all[i]
		if s.state != free && s.attempt.resting && s.attempt.node != c.primary {
			c.again(&s.attempt, errand{slot: lock.Slot(i)})
		}
	}
	for _, one := range c.cargo.all {
		if one.attempt.resting && one.attempt.node != c.primary {
			c.again(&one.attempt, one.errand())
		}
	}
}

// giveUp ends a call whose request may still be executed, or was. What its slot
// does then depends on the verb.
//
// An Acquire must leave neither a grant nor a wait behind, so the slot goes on at
// once with a Cancel (S6). A Release goes on as it is: what it gives back would
// be held for as long as the session lives. An abandoned call of a clerk has to
// be fenced before the clerk's next one is answered (S4), so that one takes the
// same slot; a Cancel fences it too, and gives the slot back if the clerk never
// comes.
func (c *Client) giveUp(i lock.Slot, err error) {
	s := &c.slots.all[i]
	c.finish(s.call.id, lock.Result{}, err)
	switch {
	case s.call.verb == lock.Release:
		s.state = quiet
		s.call.deadline = never
	case s.call.verb == lock.Acquire:
		s.state = quiet
		c.undo(i)
	case s.call.clerk == 0:
		c.slots.release(i)
	default:
		c.slots.bind(i)
		c.undo(i)
	}
}

// undo sends a Cancel in the place of a slot's last request.
func (c *Client) undo(i lock.Slot) {
	s := &c.slots.all[i]
	s.call = call{clerk: s.call.clerk, verb: lock.Cancel, deadline: never}
	c.begin(i)
}
