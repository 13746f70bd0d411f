package lock

import (
	"fmt"
	"slices"
)

// model is the table as slowly and plainly as it can be told, from the rules
// alone: lists that are searched from end to end, and for deadlocks a search
// through all that could still happen. It shares no code with the table.
type model struct {
	free   limits // how much there may be of everything
	open   []*modelSession
	held   []*modelGrant // ownerless ones too; in the order of granting
	waits  []*modelGrant // what they will be; in the order of queueing
	shut   []Holding     // names closed by a lock-delay, and what was lost
	drawn  []uint64      // every token and session id
	view   View
	events []Event
	told   Outcome // what the table answered to the entry
}

type modelSession struct {
	id      SessionID
	nonce   Number
	ttl     Millis
	lost    uint32
	answers map[Slot]*modelAnswer
}

// modelAnswer is the last request of a slot and what came of it.
type modelAnswer struct {
	number Number
	result Result
	got    *modelGrant // by an Acquire
}

type modelGrant struct {
	session     *modelSession // nil: ownerless
	answer      *modelAnswer  // of the slot that asked
	request     RequestID
	token       Token
	locks       []Want
	count       uint32
	above       []*modelGrant // those it was asked under
	hold, delay Millis
}

func (m *model) apply(e Entry, told Outcome) Result {
	m.view, m.events, m.told = e.View, nil, told
	c := e.Command
	s := m.session(c.Session)
	switch {
	case c.Verb == OpenSession:
		return m.openSession(c)
	case c.Verb == CloseSession:
		return m.end(s, LockReleased, SessionClosed)
	case c.Verb == Expire:
		return m.end(s, LockExpired, SessionEnded)
	case c.Verb == EndHold:
		defer m.serve()
		return m.loseAll(LockOverheld, "", c.Name, c.Token)
	case c.Verb == Reopen:
		return m.reopen(Holding{c.Name, c.Token})
	case s == nil:
		return Result{Outcome: SessionExpired}
	}
	last := s.answers[c.Slot]
	if last == nil {
		last = &modelAnswer{}
	}
	if c.Number < last.number {
		return Result{Outcome: Stale}
	}
	if c.Number > last.number {
		now := &modelAnswer{number: c.Number}
		s.answers[c.Slot] = now
		m.stopWaiting(func(w *modelGrant) bool { return w.answer == last })
		m.serve()
		now.result = m.execute(s, c, last, now)
		last = now
		m.serve()
	}
	return last.result
}

func (m *model) execute(s *modelSession, c Command, last, now *modelAnswer) Result {
	switch c.Verb {
	case Lock:
		return m.lock(c)
	case Unlock:
		return m.release(m.grant(c.Name, 0, nil))
	case Acquire:
		return m.acquire(s, c, now)
	case Release:
		return m.release(m.grant(c.Name, c.Token, s))
	case Revoke:
		return m.loseAll(LockRevoked, m.reason(c), c.Name, c.Token)
	}
	if last.got != nil && c.Number == last.number+1 && last.result.Outcome == Granted && slices.Contains(m.held, last.got) {
		return m.release(last.got)
	}
	return Result{Outcome: Canceled}
}

func (m *model) reason(c Command) string {
	if c.Terms == nil {
		return ""
	}
	return string(c.Terms.Info)
}

func (m *model) openSession(c Command) Result {
	for _, s := range m.open {
		if s.nonce == c.Number {
			return Result{Outcome: Opened, Session: s.id}
		}
	}
	if len(m.open) == m.free.sessions {
		return Result{Outcome: LimitReached, Limit: LimitSessions}
	}
	s := &modelSession{nonce: c.Number, ttl: DefaultTTL, answers: map[Slot]*modelAnswer{}}
	if c.Terms != nil && c.Terms.TTL != 0 {
		s.ttl = c.Terms.TTL
	}
	s.id = SessionID(m.draw())
	m.open = append(m.open, s)
	m.events = append(m.events, Event{Kind: SessionOpened, Session: s.id, Span: s.ttl})
	return Result{Outcome: Opened, Session: s.id}
}

// draw counts what was drawn in the view and takes the next (S3).
func (m *model) draw() uint64 {
	n := uint64(1)
	for _, d := range m.drawn {
		if d/(1<<40) == uint64(m.view) {
			n++
		}
	}
	m.drawn = append(m.drawn, uint64(m.view)*(1<<40)+n)
	return m.drawn[len(m.drawn)-1]
}

func (m *model) session(id SessionID) *modelSession {
	for _, s := range m.open {
		if s.id == id {
			return s
		}
	}
	return nil
}

// grant finds what has a lock: the session's grant with that token, or the
// ownerless one.
func (m *model) grant(name string, token Token, s *modelSession) *modelGrant {
	for _, g := range m.held {
		if g.has(name) != nil && g.session == s && (s == nil || g.token == token) {
			return g
		}
	}
	return nil
}

func (g *modelGrant) has(name string) *Want {
	for i, w := range g.locks {
		if w.Name == name {
			return &g.locks[i]
		}
	}
	return nil
}

// tell notes an event of each of a grant's locks.
func (m *model) tell(g *modelGrant, e Event) {
	e.Token = g.token
	if g.session != nil {
		e.Session = g.session.id
	}
	for _, w := range g.locks {
		e.Name, e.Mode = w.Name, w.Mode
		m.events = append(m.events, e)
	}
}

// end takes all from a session, its waits first, and forgets it (S2, S5, S7).
func (m *model) end(s *modelSession, how, told EventKind) Result {
	if s == nil {
		return Result{Outcome: Closed}
	}
	m.stopWaiting(func(w *modelGrant) bool { return w.session == s })
	for _, g := range slices.Clone(m.held) {
		if g.session == s {
			m.drop(g, how, "")
		}
	}
	m.open = slices.DeleteFunc(m.open, func(o *modelSession) bool { return o == s })
	m.events = append(m.events, Event{Kind: told, Session: s.id})
	m.serve()
	return Result{Outcome: Closed}
}

func (m *model) stopWaiting(those func(*modelGrant) bool) {
	for _, w := range m.waits {
		if those(w) {
			m.tell(w, Event{Kind: WaitEnded, Request: w.request})
		}
	}
	m.waits = slices.DeleteFunc(m.waits, those)
}

func (m *model) drop(g *modelGrant, how EventKind, reason string) {
	lost := Event{Kind: how, Reason: reason}
	if how != LockReleased {
		lost.Span = g.delay
	}
	m.tell(g, lost)
	m.held = slices.DeleteFunc(m.held, func(o *modelGrant) bool { return o == g })
	for _, w := range g.locks {
		if lost.Span > 0 {
			m.shut = append(m.shut, Holding{w.Name, g.token})
		}
	}
}

func (m *model) release(g *modelGrant) Result {
	if g == nil {
		return Result{Outcome: NotHeld}
	}
	if g.count--; g.count == 0 {
		m.drop(g, LockReleased, "")
	}
	return Result{Outcome: Released}
}

// loseAll takes a lock from all who have it, or from the grant of the token.
func (m *model) loseAll(how EventKind, reason, name string, token Token) Result {
	result := Result{Outcome: NotHeld}
	for _, g := range slices.Clone(m.held) {
		meant := g.token == token && (g.session != nil || how == LockRevoked) || token == 0 && how == LockRevoked
		if g.has(name) == nil || !meant {
			continue
		}
		result.Outcome = Released
		if g.session != nil {
			g.session.lost++
		}
		m.drop(g, how, reason)
	}
	return result
}

func (m *model) reopen(h Holding) Result {
	if !slices.Contains(m.shut, h) {
		return Result{Outcome: NotHeld}
	}
	m.shut = slices.DeleteFunc(m.shut, func(o Holding) bool { return o == h })
	m.events = append(m.events, Event{Kind: LockReopened, Name: h.Name, Token: h.Token})
	m.serve()
	return Result{Outcome: Released}
}

func (m *model) lock(c Command) Result {
	g := &modelGrant{locks: []Want{{Name: c.Name}}, count: 1}
	if !m.fits(g, m.held, m.waits, m.shut) {
		return Result{Outcome: Held}
	}
	if len(m.names())+1 > m.free.locks {
		return Result{Outcome: LimitReached, Limit: LimitLocks}
	}
	return m.give(g)
}

// fits reports whether a grant is possible beside what is held (S1) and behind
// those ahead, whom it must not overtake (S6).
func (m *model) fits(g *modelGrant, held, ahead []*modelGrant, shut []Holding) bool {
	for _, w := range g.locks {
		out := w.Permits
		for _, h := range held {
			has := h.has(w.Name)
			switch {
			case has == nil:
			case has.Mode == Shared && w.Mode == Shared:
			case has.Mode == Counted && w.Mode == Counted && has.Of == w.Of:
				out += has.Permits
			default:
				return false
			}
		}
		if out > w.Of && w.Mode == Counted {
			return false
		}
		for _, a := range ahead {
			if a.has(w.Name) != nil {
				return false
			}
		}
		for _, d := range shut {
			if d.Name == w.Name {
				return false
			}
		}
	}
	return true
}

func (m *model) give(g *modelGrant) Result {
	g.token = Token(m.draw())
	m.held = append(m.held, g)
	m.tell(g, Event{Kind: LockAcquired, Span: g.hold, Request: g.request})
	return Result{Outcome: Granted, Token: g.token}
}

// names lists the locks that there are: those without an owner, and those with
// holders, waiters or a delay.
func (m *model) names() []string {
	var all, ownerless []string
	for _, h := range m.shut {
		all = append(all, h.Name)
	}
	for _, g := range slices.Concat(m.held, m.waits) {
		for _, w := range g.locks {
			if g.session == nil {
				ownerless = append(ownerless, w.Name)
			} else {
				all = append(all, w.Name)
			}
		}
	}
	slices.Sort(all)
	return append(slices.Compact(all), ownerless...)
}

func (m *model) acquire(s *modelSession, c Command, now *modelAnswer) Result {
	g := &modelGrant{session: s, answer: now, count: 1, locks: []Want{{Name: c.Name, Mode: c.Mode}}}
	now.got = g
	terms := Terms{}
	if c.Terms != nil {
		terms = *c.Terms
		g.locks[0].Permits, g.locks[0].Of = terms.Permits, terms.Of
		g.locks = append(g.locks, terms.And...)
		g.hold, g.delay = terms.MaxHold, terms.LockDelay
		g.above = m.above(terms.Under)
	}
	for _, h := range m.held {
		if terms.Reentrant && h.session == s && h.hold == 0 && h.covers(g) {
			h.count++
			now.got = h
			return Result{Outcome: Granted, Token: h.token}
		}
	}
	fits := m.fits(g, m.held, m.waits, m.shut)
	if !fits && !c.Wait {
		return Result{Outcome: Held}
	}
	if l := m.full(g, fits); l != NoLimit {
		return Result{Outcome: LimitReached, Limit: l}
	}
	if fits {
		return m.give(g)
	}
	g.request = c.ID()
	m.waits = append(m.waits, g)
	if !terms.AllowDeadlock && !m.mayEnd(g, m.held, m.waits, map[string]bool{}) && !m.merelyBehind() {
		m.waits = m.waits[:len(m.waits)-1]
		return Result{Outcome: Deadlock}
	}
	m.tell(g, Event{Kind: WaitBegan})
	return Result{Outcome: Waiting}
}

func (m *model) above(under Holding) []*modelGrant {
	for _, h := range m.held {
		if h.session != nil && h.token == under.Token && h.has(under.Name) != nil {
			return append(slices.Clone(h.above), h)
		}
	}
	return nil
}

func (g *modelGrant) covers(other *modelGrant) bool {
	for _, w := range other.locks {
		has := g.has(w.Name)
		if has == nil || has.Mode != Exclusive && (has.Mode != w.Mode || has.Of != w.Of || has.Permits < w.Permits) {
			return false
		}
	}
	return true
}

func (m *model) full(g *modelGrant, fits bool) Limit {
	locks, waits := len(g.locks), 0
	for _, o := range slices.Concat(m.held, m.waits) {
		if o.session == g.session {
			locks += len(o.locks)
		}
	}
	for _, w := range m.waits {
		if w.session == g.session {
			waits++
		}
	}
	m.waits = append(m.waits, g)
	more := len(m.names())
	m.waits = m.waits[:len(m.waits)-1]
	switch {
	case locks > m.free.sessionLocks:
		return LimitSessionLocks
	case more > m.free.locks:
		return LimitLocks
	case !fits && waits >= m.free.sessionWaits:
		return LimitSessionWaits
	case !fits && len(m.waits) >= m.free.waits:
		return LimitWaits
	}
	for _, w := range g.locks {
		n := 0
		for _, o := range m.waits {
			if o.has(w.Name) != nil {
				n++
			}
		}
		if !fits && n >= m.free.lockWaits {
			return LimitLockWaits
		}
	}
	return NoLimit
}

// serve grants all that can be granted, first come first (S6).
func (m *model) serve() {
	for i := 0; i < len(m.waits); i++ {
		w := m.waits[i]
		if m.fits(w, m.held, m.waits[:i], m.shut) {
			m.waits = slices.Delete(m.waits, i, i+1)
			w.answer.result = m.give(w)
			i = -1
		}
	}
}

// merelyBehind reports whether the table let a wait queue that may not end, when
// others before it did not either: it closes no cycle, or else this model would
// have to know what one is.
func (m *model) merelyBehind() bool {
	before := m.waits[:len(m.waits)-1]
	return m.told == Waiting && slices.ContainsFunc(before, func(w *modelGrant) bool {
		return !m.mayEnd(w, m.held, before, map[string]bool{})
	})
}

// mayEnd searches through all orders in which holders may let go: a wait may end
// if it does in one of them. A holder may let go while nobody waits under it;
// ownerless locks and lock-delays may end at any time.
func (m *model) mayEnd(w *modelGrant, held, waits []*modelGrant, seen map[string]bool) bool {
	held, waits = slices.Clone(held), slices.Clone(waits)
	for i := 0; i < len(waits); i++ {
		if m.fits(waits[i], held, waits[:i], nil) {
			held, waits, i = append(held, waits[i]), slices.Delete(waits, i, i+1), -1
		}
	}
	state := fmt.Sprint(held, waits)
	if !slices.Contains(waits, w) || seen[state] {
		return !seen[state]
	}
	seen[state] = true
	for i, h := range held {
		pinned := slices.ContainsFunc(waits, func(w *modelGrant) bool { return slices.Contains(w.above, h) })
		if !pinned && m.mayEnd(w, slices.Delete(slices.Clone(held), i, i+1), waits, seen) {
			return true
		}
	}
	return false
}
