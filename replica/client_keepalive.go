package replica

import "lockstep/lock"

// keepAlive is how the session is kept alive: in rounds, one at a time. A round
// may be sent several times, to several nodes. Which of its sendings was
// acknowledged is not known, so the first counts.
type keepAlive struct {
	round   lock.Number // the last one
	open    bool        // it is not acknowledged yet
	sent    Instant     // the round's first sending, or the opening's
	attempt attempt     // while open
	// hurried says that somebody waits for a grant whose age will matter.
	hurried bool
	proofs  []proof // of the last rounds, the oldest first
}

// proof says that every grant with a token above token was made after sent: when
// the round that was sent then was acknowledged, token was the last one given.
type proof struct {
	token lock.Token
	sent  Instant
}

// hurry is the period of hurried rounds.
const hurry Instant = 1000

// maxProofs covers the longest rest of a wait, which may end with the grant that
// was lost at its beginning, at a third of the shortest time-out each.
const maxProofs = 128

func (s *session) keepAliveCommand() lock.Command {
	return lock.Command{Verb: lock.KeepAlive, Session: s.id, Number: s.keepAlive.round}
}

// keepAlivePeriod leaves room for two more tries within the time-out.
func (c *Client) keepAlivePeriod() Instant {
	period := Instant(c.cfg.TTL) / 3
	if c.session.keepAlive.hurried {
		return min(period, hurry)
	}
	return period
}

func (c *Client) keepAliveTick() {
	k := &c.session.keepAlive
	switch {
	case c.session.stage != opened:
	case k.open && k.attempt.due <= c.now:
		c.again(&k.attempt, errand{kind: forKeepAlive})
	case !k.open && k.sent+c.keepAlivePeriod() <= c.clock:
		k.open, k.sent = true, c.clock
		k.round++
		k.attempt = attempt{node: c.first()}
		c.send(&k.attempt, errand{kind: forKeepAlive})
	}
}

// keepAliveAnswered handles the answer to a round. Only Alive says that a node
// counts from there: a deposed primary has other words.
func (c *Client) keepAliveAnswered(from int, a *Answer) {
	k := &c.session.keepAlive
	if c.session.stage != opened || !k.open || a.Request != c.session.keepAliveCommand().ID() {
		return
	}
	if a.Kind != Executed {
		c.notYet(&k.attempt, errand{kind: forKeepAlive}, from, a.Kind, a.Hint)
		return
	}
	c.trust(from)
	k.open = false
	switch a.Result.Outcome {
	case lock.Alive:
		c.believe(k.sent)
		k.prove(a.Result.Token)
		c.heard = true
		c.countRevocations(a.Result.Revoked)
	case lock.SessionExpired:
		c.expire()
	default:
		k.sent = c.clock // a node that does not know the verb is not pressed
	}
}

// prove remembers which tokens had been given when the round was acknowledged. A
// node that does not tell proves nothing.
func (k *keepAlive) prove(token lock.Token) {
	n := len(k.proofs)
	switch {
	case token == 0:
		return
	case n > 0 && k.proofs[n-1].token == token:
		n-- // the later one says more
	case n == maxProofs:
		n = copy(k.proofs, k.proofs[1:])
	}
	k.proofs = append(k.proofs[:n], proof{token, k.sent})
}

// notBefore returns a moment before which a grant cannot have been made, if all
// that is known else is that it was not made before asked.
func (k *keepAlive) notBefore(token lock.Token, asked Instant) Instant {
	for _, p := range k.proofs {
		if token > p.token {
			asked = max(asked, p.sent)
		}
	}
	return asked
}

// keepAliveLost moves a round away from a node that was lost.
func (c *Client) keepAliveLost(node int) {
	k := &c.session.keepAlive
	if c.session.stage == opened && k.open && k.attempt.asked && k.attempt.node == node {
		c.replace(&k.attempt, errand{kind: forKeepAlive})
	}
}
