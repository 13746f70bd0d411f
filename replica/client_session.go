package replica

import (
	"slices"

	"lockstep/lock"
)

// stage is how far the session has got.
type stage uint8

const (
	unopened stage = iota // the next call opens it
	opening               // calls wait for it
	opened
	closing // Shut makes its one attempt
	shut
)

// session is the client's registered presence at the nodes.
type session struct {
	stage stage
	id    lock.SessionID // zero unless opened, or closing once it is known
	// nonce makes the opening repeatable (S4). It is used until it has opened a
	// session, and never again after.
	nonce   lock.Number
	asked   bool    // the opening was sent with this nonce,
	since   Instant // and first then
	attempt attempt // while opening or closing

	// While opened.
	until       Instant // the end of the belief in it (T4)
	keepAlive   keepAlive
	revocations revocations
}

func (c *Client) openCommand() lock.Command {
	return lock.Command{Verb: lock.OpenSession, Number: c.session.nonce, Terms: c.terms}
}

func (s *session) closeCommand() lock.Command {
	return lock.Command{Verb: lock.CloseSession, Session: s.id}
}

// sessionCommand is what the attempt at hand is about.
func (c *Client) sessionCommand() lock.Command {
	if c.session.stage == opening {
		return c.openCommand()
	}
	return c.session.closeCommand()
}

func (c *Client) open() {
	s := &c.session
	if !s.asked {
		s.asked, s.since = true, c.clock
	}
	s.stage = opening
	s.attempt = attempt{node: c.first()}
	c.send(&s.attempt, errand{kind: forSession})
}

// sessionAnswered handles the answer to what stands in no slot.
func (c *Client) sessionAnswered(from int, a *Answer) {
	switch {
	case a.Request.Verb == lock.KeepAlive:
		c.keepAliveAnswered(from, a)
	case a.Request == c.session.closeCommand().ID():
		c.closeAnswered()
	case a.Request != c.openCommand().ID():
		// It is late: that session is known, or gone.
	case c.session.stage == opening:
		c.openAnswered(from, a)
	case c.session.stage == closing:
		c.openAnsweredLate(a)
	}
}

func (c *Client) openAnswered(from int, a *Answer) {
	if a.Kind != Executed {
		c.notYet(&c.session.attempt, errand{kind: forSession}, from, a.Kind, a.Hint)
		return
	}
	c.trust(from)
	if a.Result.Outcome == lock.Opened {
		// Any sending may be the one that was executed, so the first counts.
		sent := c.session.since
		c.session = session{stage: opened, id: a.Result.Session, nonce: c.random.nonce()}
		c.session.keepAlive.sent = sent
		c.believe(sent)
		return
	}
	// The nonce is kept: a late repeat may open a session for it after all.
	err := conclude(a.Result)
	if err == nil {
		err = ErrBadAnswer
	}
	c.session.stage = unopened
	c.failAll(err)
}

// expire ends a session that the nodes no longer know, or that is not believed
// in any more. What was asked under it is never asked again under another, since
// it may have been executed. The calls that wait have never been sent, so they
// wait for the next session; but a Release has nothing to give back there.
func (c *Client) expire() {
	c.endSlots(ErrSessionExpired)
	c.waiting.filter(func(waiting *call) bool {
		if waiting.verb == lock.Release && !waiting.orphaned {
			c.finish(waiting.id, lock.Result{}, ErrSessionExpired)
		}
		return waiting.verb != lock.Release
	})
	c.loseAll(ErrLost)
	// Earlier answers of this step may have had calls asked again.
	for i := range c.nodes {
		c.nodes[i].asks = slices.DeleteFunc(c.nodes[i].asks, func(cmd lock.Command) bool { return cmd.Session == c.session.id })
	}
	c.endOwnInquiries()
	c.session = session{nonce: c.session.nonce}
}

// shut ends every call and closes the session, in one attempt. A session that
// is just being opened is closed as soon as it is known.
func (c *Client) shut() {
	c.endSlots(ErrClosed)
	c.endWaiting(ErrClosed)
	c.failInquiries(ErrClosed)
	c.failOrders(ErrClosed)
	c.failCargo(ErrClosed)
	c.endOwnInquiries()
	c.loseAll(ErrReleased)
	switch s := &c.session; s.stage {
	case opened:
		s.stage = closing
		s.attempt = attempt{node: c.first()}
		c.send(&s.attempt, errand{kind: forSession})
	case opening:
		s.stage = closing
		s.attempt.due = c.now + uint64(c.cfg.FirstAttempt)
	case unopened, shut:
		c.close()
	}
}

// openAnsweredLate closes a session that was being opened when Shut came. The
// one attempt goes on from there; it gets no new time-out.
func (c *Client) openAnsweredLate(a *Answer) {
	if a.Kind != Executed || a.Result.Outcome != lock.Opened {
		c.close()
		return
	}
	c.session.id = a.Result.Session
	c.ask(c.session.attempt.node, c.session.closeCommand())
}

// closeAnswered ends the one attempt, whatever the answer was.
func (c *Client) closeAnswered() {
	if c.session.stage == closing {
		c.close()
	}
}

func (c *Client) close() {
	c.session = session{stage: shut}
	c.closed = true
}

// sessionTick does what a session has to do in time. An opening that no call
// waits for any more is not repeated.
func (c *Client) sessionTick() {
	s := &c.session
	switch {
	case s.stage == opened:
		c.beliefTick()
		c.keepAliveTick()
	case s.attempt.due > c.now:
	case s.stage == closing:
		c.close()
	case s.stage == opening && c.waiting.len() == 0:
		s.stage = unopened
	case s.stage == opening:
		c.again(&s.attempt, errand{kind: forSession})
	}
}

// sessionLost moves the attempt at hand away from a node that was lost.
func (c *Client) sessionLost(node int) {
	s := &c.session
	if s.attempt.node != node || !s.attempt.asked {
		return
	}
	switch s.stage {
	case opening:
		c.replace(&s.attempt, errand{kind: forSession})
	case closing:
		c.close()
	}
}

// sessionHopeless ends the attempt at hand: no node will talk to us.
func (c *Client) sessionHopeless() {
	switch c.session.stage {
	case opening:
		c.session.stage = unopened
	case closing:
		c.close()
	}
}
