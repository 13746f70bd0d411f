package replica

import (
	"slices"

	"lockstep/lock"
)

// The rule T4. A node counts a session's time-out from the moment at which a
// keep-alive arrives, which is not before it was sent. So whatever became of the
// nodes and the network since, nobody else is granted what the session holds
// before the time-out has passed on a node's clock, counted from the sending.
//
// Counting from the arrival of the answer would be wrong by all that the way
// took: a keep-alive that is sent at 0, arrives at once, and whose answer is held
// up for 9 s, leaves 1 s of a time-out of 10 s.

// atLeast is how much of a span counted by a node's clock has passed at the least
// on this one: each clock's rate is wrong by 2% at most, one way or the other.
func atLeast(span lock.Millis) Instant { return Instant(span) * 98 / 102 }

// believe takes note of an acknowledged keep-alive, or opening, that was sent at
// the given moment.
func (c *Client) believe(sent Instant) {
	c.session.until = max(c.session.until, sent+atLeast(c.cfg.TTL))
	c.belief = Believes{c.session.id, c.session.until}
}

// inTime reports whether a belief that ends at the given moment lasts beyond the
// next tick. After that one it may be too late to tell anybody.
func (c *Client) inTime(until Instant) bool { return c.clock+ClientTickPeriod < until }

// believes reports whether the session's belief lasts.
func (c *Client) believes() bool { return c.session.stage == opened && c.inTime(c.session.until) }

// beliefTick ends a session when the belief in it has ended. It cannot be told
// then whether the nodes still know it, and nothing that was held may come back
// to life: so it is left to expire. A session without leases may wait for better
// times, as ownerless calls and their fences do; one that is of no use to
// anybody is forgotten.
func (c *Client) beliefTick() {
	if c.believes() {
		return
	}
	if c.leases.any() || c.acquiring() || c.idle() {
		c.expire()
	}
}

func (c *Client) acquiring() bool {
	return slices.ContainsFunc(c.slots.all, func(s slot) bool { return s.state == busy && s.call.verb == lock.Acquire })
}

func (c *Client) idle() bool {
	return c.waiting.len() == 0 && !slices.ContainsFunc(c.slots.all, func(s slot) bool { return s.state != free })
}
