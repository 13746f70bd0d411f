package replica

import "lockstep/lock"

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
	attempt attempt // while opening or closing
}

func (s *session) openCommand() lock.Command {
	return lock.Command{Verb: lock.OpenSession, Number: s.nonce}
}

func (s *session) closeCommand() lock.Command {
	return lock.Command{Verb: lock.CloseSession, Session: s.id}
}

func (c *Client) open() {
	c.session.stage = opening
	c.session.attempt = attempt{node: c.primary}
	c.send(&c.session.attempt, c.session.openCommand())
}

// sessionAnswered handles the answer to an opening or a closing.
func (c *Client) sessionAnswered(from int, a *Answer) {
	switch {
	case a.Request == c.session.closeCommand().ID():
		c.closeAnswered()
	case a.Request != c.session.openCommand().ID():
		// It is late: that session is known, or gone.
	case c.session.stage == opening:
		c.openAnswered(from, a)
	case c.session.stage == closing:
		c.openAnsweredLate(a)
	}
}

func (c *Client) openAnswered(from int, a *Answer) {
	if a.Kind != Executed {
		c.notYet(&c.session.attempt, c.session.openCommand(), from, a)
		return
	}
	c.trust(from)
	if a.Result.Outcome == lock.Opened {
		c.session = session{stage: opened, id: a.Result.Session, nonce: c.random.nonce()}
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

// expire ends a session that the nodes no longer know. What was asked under it
// is never asked again under another, since it may have been executed. The
// calls that wait have never been sent, so they wait for the next session.
func (c *Client) expire() {
	for i := range c.slots.all {
		if s := &c.slots.all[i]; s.state == busy {
			c.finish(s.call.id, lock.Result{}, ErrSessionExpired)
		}
	}
	// Earlier answers of this step may have had calls asked again.
	for node := range c.asks {
		c.asks[node] = c.asks[node][:0]
	}
	c.slots.drop()
	c.session = session{nonce: c.session.nonce}
}

// shut ends every call and closes the session, in one attempt. A session that
// is just being opened is closed as soon as it is known.
func (c *Client) shut() {
	c.failAll(ErrClosed)
	c.slots.drop()
	switch c.session.stage {
	case opened:
		c.session.stage = closing
		c.session.attempt = attempt{node: c.primary}
		c.send(&c.session.attempt, c.session.closeCommand())
	case opening:
		c.session.stage = closing
		c.session.attempt.due = c.now + uint64(c.cfg.FirstAttempt)
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
	node := c.session.attempt.node
	c.asks[node] = append(c.asks[node], c.session.closeCommand())
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

// sessionTick ends or repeats the attempt at hand. An opening that no call
// waits for any more is not repeated.
func (c *Client) sessionTick() {
	switch s := &c.session; {
	case s.attempt.due > c.now:
	case s.stage == closing:
		c.close()
	case s.stage == opening && c.waiting.len() == 0:
		s.stage = unopened
	case s.stage == opening:
		c.again(&s.attempt, s.openCommand())
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
		c.replace(&s.attempt, s.openCommand())
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
