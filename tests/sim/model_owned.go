package sim

import (
	"slices"

	"lockstep/lock"
)

// want is one lock of an Acquire.
type want struct {
	name        string
	mode        lock.Mode
	permits, of uint32
}

// grant is what one Acquire got: all its locks under one token (S8).
type grant struct {
	session lock.SessionID
	token   lock.Token
	at      lock.Index // of the entry that granted it
	wants   []want
	count   int          // how often it was granted: re-entrant
	under   []lock.Token // the grants it was asked under: whoever waits keeps those from being given back
	delay   lock.Millis
	maxHold lock.Millis
}

// wait is an Acquire that was queued.
type wait struct {
	request lock.RequestID
	grant   grant // what it becomes
}

// wants lists the locks of an Acquire.
func wants(c lock.Command) []want {
	all := []want{{name: c.Name, mode: c.Mode}}
	if t := c.Terms; t != nil {
		all[0].permits, all[0].of = t.Permits, t.Of
		for _, w := range t.And {
			all = append(all, want{w.Name, w.Mode, w.Permits, w.Of})
		}
	}
	return all
}

func overlap(a, b []want) bool {
	return slices.ContainsFunc(a, func(w want) bool { return find(b, w.name) != nil })
}

func find(all []want, name string) *want {
	for i := range all {
		if all[i].name == name {
			return &all[i]
		}
	}
	return nil
}

// free reports whether a lock can be had beside whoever holds it and before
// anybody who waits for it: nobody is overtaken.
func (m *model) free(w want) bool {
	for _, one := range m.waits {
		if find(one.grant.wants, w.name) != nil {
			return false
		}
	}
	return m.fits(w, m.grants)
}

// fits looks at the holders alone (S1).
func (m *model) fits(w want, holders []*grant) bool {
	if _, held := m.ownerless[w.name]; held {
		return false
	}
	if m.delayed(w.name) {
		return false
	}
	return besides(w, holders)
}

// delayed reports whether a lock-delay keeps the lock closed; there may be one
// for each of several holders who were lost (T6).
func (m *model) delayed(name string) bool {
	for d := range m.closed {
		if d.Name == name {
			return true
		}
	}
	return false
}

func besides(w want, holders []*grant) bool {
	out := w.permits
	for _, g := range holders {
		h := find(g.wants, w.name)
		switch {
		case h == nil:
		case h.mode == lock.Shared && w.mode == lock.Shared:
		case h.mode == lock.Counted && w.mode == lock.Counted && h.of == w.of:
			out += h.permits
		default:
			return false
		}
	}
	return w.mode != lock.Counted || out <= w.of
}

func (m *model) acquire(c lock.Command, got lock.Result) {
	asked := m.asked(c)
	if c.Terms != nil && c.Terms.Reentrant && c.Terms.MaxHold == 0 {
		if g := m.covering(asked); g != nil {
			g.count++
			m.expect(got, lock.Result{Outcome: lock.Granted, Token: g.token})
			return
		}
	}
	if !slices.ContainsFunc(asked.wants, func(w want) bool { return !m.free(w) }) {
		asked.token, asked.at = got.Token, m.entry.Index
		m.draw(uint64(got.Token))
		m.grants = append(m.grants, &asked)
		m.expect(got, lock.Result{Outcome: lock.Granted, Token: got.Token})
		return
	}
	if !c.Wait {
		m.expect(got, lock.Result{Outcome: lock.Held})
		return
	}
	m.queue(c, asked, got)
}

// asked is the grant that an Acquire asks for. What it is asked under counts if
// that is still held.
func (m *model) asked(c lock.Command) grant {
	g := grant{session: c.Session, wants: wants(c), count: 1}
	if t := c.Terms; t != nil {
		g.delay, g.maxHold = t.LockDelay, t.MaxHold
		if under := m.holding(t.Under.Name, t.Under.Token); under != nil {
			g.under = append(slices.Clone(under.under), under.token)
		}
	}
	return g
}

func (m *model) holding(name string, token lock.Token) *grant {
	for _, g := range m.grants {
		if g.token == token && find(g.wants, name) != nil {
			return g
		}
	}
	return nil
}

// covering is a grant of the session that has all that is asked, at least as
// strongly.
func (m *model) covering(asked grant) *grant {
	for _, g := range m.grants {
		if g.session == asked.session && g.maxHold == 0 && !slices.ContainsFunc(asked.wants, func(w want) bool { return !g.covers(w) }) {
			return g
		}
	}
	return nil
}

func (g *grant) covers(w want) bool {
	h := find(g.wants, w.name)
	switch {
	case h == nil:
		return false
	case h.mode == lock.Exclusive:
		return true
	case h.mode == lock.Counted:
		return w.mode == lock.Counted && h.of == w.of && h.permits >= w.permits
	default:
		return h.mode == w.mode
	}
}

// queue puts the wait behind all others. One that closes a deadlock is refused.
func (m *model) queue(c lock.Command, asked grant, got lock.Result) {
	w := &wait{request: c.ID(), grant: asked}
	m.waits = append(m.waits, w)
	if c.Terms != nil && c.Terms.AllowDeadlock || !m.closes(w) {
		m.expect(got, lock.Result{Outcome: lock.Waiting})
		return
	}
	m.waits = m.waits[:len(m.waits)-1]
	if got.Cycle == "" {
		m.object("answers", "the deadlock is not spelled out")
	}
	got.Cycle = ""
	m.expect(got, lock.Result{Outcome: lock.Deadlock})
}

// release gives back what the session holds under the token: all its locks, or
// one of the times that it was granted.
func (m *model) release(c lock.Command, got lock.Result) {
	g := m.holding(c.Name, c.Token)
	if g == nil || g.session != c.Session {
		m.expect(got, lock.Result{Outcome: lock.NotHeld})
		return
	}
	m.giveBack(g)
	m.expect(got, lock.Result{Outcome: lock.Released})
}

func (m *model) giveBack(g *grant) {
	if g.count--; g.count == 0 {
		m.drop(g)
		m.serve()
	}
}

func (m *model) drop(g *grant) {
	m.grants = slices.DeleteFunc(m.grants, func(o *grant) bool { return o == g })
}

// lose takes a grant away, which may close its locks for a while (T6).
func (m *model) lose(g *grant) {
	m.drop(g)
	m.lost = append(m.lost, g.token)
	if g.delay == 0 {
		return
	}
	for _, w := range g.wants {
		m.closed[lock.Holding{Name: w.name, Token: g.token}] = closing{m.entry.Index, g.delay}
	}
}

// cancel undoes what the slot's last request got (S6).
func (m *model) cancel(c lock.Command, before *first, got lock.Result) {
	switch {
	case before == nil || before.command.Verb != lock.Acquire:
	case m.dropWait(before.command.ID()):
		m.serve()
	case before.result.Outcome == lock.Granted && c.Number == before.command.Number+1:
		g := m.holding(before.command.Name, before.result.Token)
		if g != nil {
			m.giveBack(g)
			m.expect(got, lock.Result{Outcome: lock.Released})
			return
		}
	}
	m.expect(got, lock.Result{Outcome: lock.Canceled})
}

func (m *model) dropWait(id lock.RequestID) bool {
	n := len(m.waits)
	m.waits = slices.DeleteFunc(m.waits, func(w *wait) bool { return w.request == id })
	return len(m.waits) < n
}

// revoke takes a lock from the one that is named, or from all.
func (m *model) revoke(c lock.Command, got lock.Result) {
	var any bool
	if token, held := m.ownerless[c.Name]; held && (c.Token == 0 || c.Token == token) {
		delete(m.ownerless, c.Name)
		any = true
	}
	for _, g := range slices.Clone(m.grants) {
		if find(g.wants, c.Name) != nil && (c.Token == 0 || c.Token == g.token) {
			m.lose(g)
			m.sessions[g.session].revoked++
			any = true
		}
	}
	m.serve()
	if any {
		m.expect(got, lock.Result{Outcome: lock.Released})
	} else {
		m.expect(got, lock.Result{Outcome: lock.NotHeld})
	}
}

// clock is what the primary's own clock asks for. Nobody is answered.
func (m *model) clock(c lock.Command) {
	switch c.Verb {
	case lock.Expire:
		m.end(c.Session, true)
	case lock.EndHold:
		if g := m.holding(c.Name, c.Token); g != nil {
			m.lose(g)
			m.sessions[g.session].revoked++
			m.serve()
		}
	case lock.Reopen:
		delete(m.closed, lock.Holding{Name: c.Name, Token: c.Token})
		m.serve()
	}
}

// end ends a session: its waits go before anybody is served, and so do all its
// grants (S2). Its slots go with it (S5).
func (m *model) end(id lock.SessionID, expired bool) {
	one := m.sessions[id]
	if one == nil {
		return
	}
	m.waits = slices.DeleteFunc(m.waits, func(w *wait) bool { return w.grant.session == id })
	for _, g := range slices.Clone(m.grants) {
		switch {
		case g.session != id:
		case expired:
			m.lose(g)
		default:
			m.drop(g)
		}
	}
	delete(m.opened, one.nonce)
	delete(m.sessions, id)
	for l := range m.last {
		if l.session == id {
			delete(m.last, l)
		}
	}
	m.serve()
}

// serve lets in whoever can go in, the first to queue first. A wait that cannot
// keeps everybody out who came behind it for one of its locks.
func (m *model) serve() {
	kept := m.waits[:0]
	var ahead []want
	for _, w := range m.waits {
		blocked := overlap(w.grant.wants, ahead) ||
			slices.ContainsFunc(w.grant.wants, func(one want) bool { return !m.fits(one, m.grants) })
		if blocked {
			ahead = append(ahead, w.grant.wants...)
			kept = append(kept, w)
			continue
		}
		m.pass(w)
	}
	clear(m.waits[len(kept):])
	m.waits = kept
}

// pass grants a wait, under the token that the table says it drew.
func (m *model) pass(w *wait) {
	if len(m.passed) == 0 || m.passed[0].request != w.request {
		m.object("fifo", "the lock should go on to %+v; it goes to %+v", w.request, m.passed)
		return
	}
	g := w.grant
	g.token, g.at = m.passed[0].token, m.entry.Index
	m.passed = m.passed[1:]
	m.draw(uint64(g.token))
	m.grants = append(m.grants, &g)
	slot := m.last[lane{w.request.Session, w.request.Slot}]
	slot.result = lock.Result{Outcome: lock.Granted, Token: g.token}
}
