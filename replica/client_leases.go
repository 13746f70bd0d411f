package replica

import (
	"slices"

	"lockstep/lock"
)

// leases are what the session holds and the shell knows of. One is told lost
// exactly once, unless its Release is asked before.
type leases struct {
	// counts has the grants that go by each token: more than one if re-entrant.
	counts map[lock.Token]uint32
	// ends has the end of the belief in those with a MaxHold.
	ends map[lock.Token]Instant
}

func newLeases() leases {
	return leases{map[lock.Token]uint32{}, map[lock.Token]Instant{}}
}

func (l *leases) any() bool { return len(l.counts) > 0 }

// add takes in a grant with the end of the belief in it; zero is none. A grant
// that has one is never entered again, nor enters another (judge refuses to ask).
func (l *leases) add(token lock.Token, end Instant) {
	l.counts[token]++
	if end != 0 {
		l.ends[token] = end
	}
}

// release takes one grant out.
func (l *leases) release(token lock.Token) {
	switch n := l.counts[token]; {
	case n > 1:
		l.counts[token] = n - 1
	case n == 1:
		l.remove(token)
	}
}

func (l *leases) remove(token lock.Token) {
	delete(l.counts, token)
	delete(l.ends, token)
}

// granted hands a grant out as a lease, in the same step that makes the lease be
// told lost. Without belief in the session nobody may have it, so it is undone.
func (c *Client) granted(i lock.Slot, result lock.Result) {
	if !c.believes() {
		c.giveUp(i, ErrSessionExpired)
		return
	}
	s := &c.slots.all[i]
	end := c.endOfHold(s, result.Token)
	c.leases.add(result.Token, end)
	c.finished = append(c.finished, Finished{ID: s.call.id, Result: result, Until: end})
	if c.session.revocations.forgotten(s.seen) {
		c.verify(s.call.name, result.Token)
	}
	c.slots.release(i)
	if r, ok := c.session.revocations.find(result.Token); ok {
		c.revoke(r)
	} else if end != 0 && !c.inTime(end) {
		c.loseLease(result.Token, ErrExpired, "")
	}
}

// endOfHold returns when the belief in a grant has to end for its MaxHold, which
// the nodes count from the grant; zero is never. The grant was not made before
// it was asked for, which says little after a long wait, nor before a keep-alive
// that was acknowledged with a lower token.
func (c *Client) endOfHold(s *slot, token lock.Token) Instant {
	if !s.call.capped() {
		return 0
	}
	return c.session.keepAlive.notBefore(token, s.sent) + atLeast(s.call.terms.MaxHold)
}

// holdsTick ends the leases that have lasted for their MaxHold. The nodes take
// them back by themselves.
func (c *Client) holdsTick() {
	if len(c.leases.ends) == 0 {
		return
	}
	var over []lock.Token
	for token, end := range c.leases.ends {
		if !c.inTime(end) {
			over = append(over, token)
		}
	}
	slices.Sort(over) // the map has no order
	for _, token := range over {
		c.loseLease(token, ErrExpired, "")
	}
}

// loseLease tells that a lease is lost, unless it was released or told before.
// One step may lose a token twice, if a grant that enters it again comes after
// the first loss: its end is told with the first, since grants are told before.
func (c *Client) loseLease(token lock.Token, cause error, reason string) {
	if c.leases.counts[token] == 0 {
		return
	}
	c.leases.remove(token)
	if !slices.ContainsFunc(c.lost, func(told LeaseLost) bool { return told.Token == token }) {
		c.lost = append(c.lost, LeaseLost{token, cause, reason})
	}
}

// loseAll tells that all leases are lost, if there are any.
func (c *Client) loseAll(cause error) {
	if c.leases.any() {
		c.leases = newLeases()
		c.allLost = cause
	}
}
