package lock

// grant gives a claim its token and its locks, which admit it.
func (t *Table) grant(c *claim) {
	c.token, c.since = Token(t.draw()), t.at
	t.addGrant(c)
}

// addGrant makes a claim a holder of its locks, under a token above all others'.
func (t *Table) addGrant(c *claim) {
	for p := range c.parts() {
		if len(p.lock.holders()) == 0 {
			t.held++
		}
		p.lock.add(c, p.share)
	}
	c.session.grants.push(c)
	if c.rest().maxHold > 0 {
		t.maxHolds[c.token] = c
	}
	t.digest.add(ofGrant(c))
}

// release gives back a grant of the session.
func (t *Table) release(s *session, name string, token Token) Result {
	g := t.find(name, token)
	if g == nil || g.session != s {
		return Result{Outcome: NotHeld}
	}
	t.giveBack(g)
	return Result{Outcome: Released}
}

// find returns the grant with that token that has the lock of that name, or nil.
func (t *Table) find(name string, token Token) *claim {
	l, used := t.owned[name]
	if !used {
		return nil
	}
	return l.grant(token)
}

// giveBack undoes one of the times that a grant was granted; the last one ends
// it.
func (t *Table) giveBack(g *claim) {
	if g.count > 1 {
		t.recount(g, g.count-1)
		return
	}
	t.take(g, &byRelease)
}

func (t *Table) recount(g *claim, count uint32) {
	t.digest.remove(ofGrant(g))
	g.count = count
	t.digest.add(ofGrant(g))
}

// take ends a grant, whatever its count. A kind other than LockReleased says
// that it was lost, which may close its locks for a while (T6).
func (t *Table) take(g *claim, end *finish) {
	t.digest.remove(ofGrant(g))
	var span Millis
	if end.kind != LockReleased {
		span = g.rest().lockDelay
	}
	t.tellOf(g, Event{Kind: end.kind, Reason: end.reason, Span: span, Since: g.since})
	for p := range g.parts() {
		t.recordEnd(g, p, end)
		p.lock.remove(g, p.share)
		if len(p.lock.holders()) == 0 {
			t.held--
		}
		if span > 0 {
			t.shut(p.lock, g.token, span)
		}
		t.touch(p.lock)
	}
	g.session.grants.remove(g)
	if g.rest().maxHold > 0 {
		delete(t.maxHolds, g.token)
	}
	t.forget(g)
}

// forget ends a claim that neither holds nor waits any more.
func (t *Table) forget(c *claim) {
	c.session.locks -= c.names()
	keep(&t.spare.claims, c)
}
