package replica

import (
	"slices"

	"lockstep/lock"
)

// service is what a client may expect of the nodes, told in the shortest way:
// exclusive locks with queues, sessions with time-outs on a clock of their own.
// It takes everything away at the first moment at which it may.
type service struct {
	now      Instant // on its own clock
	sessions map[lock.SessionID]*serviceSession
	nonces   map[lock.Number]lock.SessionID
	locks    map[string]*serviceLock
	last     uint64 // id or token that was given
}

type serviceSession struct {
	id      lock.SessionID
	ttl     Instant
	heard   Instant
	slots   map[lock.Slot]*serviceSlot
	revoked []lock.Revocation
}

type serviceSlot struct {
	number lock.Number
	result lock.Result
	claim  *claim // of an Acquire
}

// claim is a grant, or a wait for one.
type claim struct {
	session *serviceSession
	slot    *serviceSlot
	number  lock.Number // the slot's at the asking
	name    string
	hold    Instant // MaxHold
	token   lock.Token
	count   int
	since   Instant
}

type serviceLock struct {
	holder *claim
	queue  []*claim
}

func newService() *service {
	return &service{
		sessions: map[lock.SessionID]*serviceSession{},
		nonces:   map[lock.Number]lock.SessionID{},
		locks:    map[string]*serviceLock{"x": {}, "y": {}},
	}
}

// reaches moves the clock, and ends what has lasted for its time.
func (s *service) reaches(now Instant) {
	s.now = now
	for _, name := range []string{"x", "y"} {
		if h := s.locks[name].holder; h != nil && h.hold != 0 && now >= h.since+h.hold {
			s.takeAway(h, lock.LockOverheld)
		}
	}
	for id, session := range s.sessions {
		if now >= session.heard+session.ttl {
			s.end(id)
		}
	}
}

func (s *service) end(id lock.SessionID) {
	session := s.sessions[id]
	delete(s.sessions, id)
	for _, l := range s.locks {
		l.queue = slices.DeleteFunc(l.queue, func(c *claim) bool { return c.session == session })
		if l.holder != nil && l.holder.session == session {
			l.holder = nil
		}
	}
	s.serve()
}

func (s *service) takeAway(c *claim, kind lock.EventKind) {
	if c.session != nil {
		c.session.revoked = append(c.session.revoked, lock.Revocation{Token: c.token, Kind: kind})
	}
	s.free(c)
}

func (s *service) free(c *claim) {
	s.locks[c.name].holder = nil
	s.serve()
}

func (s *service) serve() {
	for _, name := range []string{"x", "y"} {
		if l := s.locks[name]; l.holder == nil && len(l.queue) > 0 {
			s.grant(l, l.queue[0])
			l.queue = l.queue[1:]
		}
	}
}

func (s *service) grant(l *serviceLock, c *claim) {
	s.last++
	c.token, c.count, c.since = lock.Token(s.last), 1, s.now
	l.holder = c
	if c.slot != nil && c.slot.number == c.number {
		c.slot.result = lock.Result{Outcome: lock.Granted, Token: c.token}
	}
}

// apply executes a command.
func (s *service) apply(c lock.Command) lock.Result {
	session := s.sessions[c.Session]
	switch {
	case c.Verb == lock.OpenSession:
		return s.open(c)
	case c.Verb == lock.CloseSession:
		if session != nil {
			s.end(c.Session)
		}
		return lock.Result{Outcome: lock.Closed}
	case session == nil:
		return lock.Result{Outcome: lock.SessionExpired}
	case c.Verb == lock.KeepAlive:
		session.heard = s.now
		return lock.Result{Outcome: lock.Alive, Token: lock.Token(s.last), Revoked: uint32(len(session.revoked))}
	}
	slot := session.slots[c.Slot]
	if slot == nil {
		slot = &serviceSlot{}
		session.slots[c.Slot] = slot
	}
	return s.request(session, slot, c)
}

func (s *service) open(c lock.Command) lock.Result {
	id, ok := s.nonces[c.Number]
	if _, lives := s.sessions[id]; !ok || !lives {
		s.last++
		id = lock.SessionID(s.last)
		s.nonces[c.Number] = id
		s.sessions[id] = &serviceSession{id: id, ttl: Instant(c.Terms.TTL), heard: s.now, slots: map[lock.Slot]*serviceSlot{}}
	}
	return lock.Result{Outcome: lock.Opened, Session: id}
}

func (s *service) request(session *serviceSession, slot *serviceSlot, c lock.Command) lock.Result {
	switch {
	case c.Number < slot.number:
		return lock.Result{Outcome: lock.Stale}
	case c.Number == slot.number:
		return slot.result
	}
	before := *slot
	*slot = serviceSlot{number: c.Number}
	s.endWait(before.claim)
	switch c.Verb {
	case lock.Acquire:
		s.acquire(session, slot, c)
	case lock.Release:
		slot.result.Outcome = s.release(session, c.Name, c.Token)
	case lock.Cancel:
		slot.result.Outcome = s.cancel(session, &before, c.Number)
	default:
		slot.result.Outcome = lock.Held // ownerless locks do not matter here
	}
	return slot.result
}

func (s *service) endWait(c *claim) {
	if c != nil {
		l := s.locks[c.name]
		l.queue = slices.DeleteFunc(l.queue, func(other *claim) bool { return other == c })
		s.serve()
	}
}

func (s *service) acquire(session *serviceSession, slot *serviceSlot, c lock.Command) {
	l := s.locks[c.Name]
	mine := &claim{session: session, slot: slot, number: c.Number, name: c.Name}
	if c.Terms != nil {
		mine.hold = Instant(c.Terms.MaxHold)
	}
	h := l.holder
	switch {
	case h != nil && h.session == session && c.Terms != nil && c.Terms.Reentrant:
		h.count++
		slot.claim, slot.result = h, lock.Result{Outcome: lock.Granted, Token: h.token}
	case h == nil:
		slot.claim = mine
		s.grant(l, mine)
	case c.Wait:
		slot.claim, slot.result.Outcome = mine, lock.Waiting
		l.queue = append(l.queue, mine)
	default:
		slot.result.Outcome = lock.Held
	}
}

func (s *service) release(session *serviceSession, name string, token lock.Token) lock.Outcome {
	h := s.locks[name].holder
	if h == nil || h.session != session || h.token != token {
		return lock.NotHeld
	}
	if h.count--; h.count == 0 {
		s.free(h)
	}
	return lock.Released
}

// cancel undoes the request with the number before, and no other: if that never
// came, the slot's last one may be a lease's, which is nobody's to undo.
func (s *service) cancel(session *serviceSession, before *serviceSlot, number lock.Number) lock.Outcome {
	if before.number+1 == number && before.result.Outcome == lock.Granted {
		return s.release(session, before.claim.name, before.result.Token)
	}
	return lock.Canceled
}

// rival holds a lock, or frees one, for somebody else.
func (s *service) rival(name string) {
	switch l := s.locks[name]; {
	case l.holder == nil:
		s.grant(l, &claim{name: name})
	case l.holder.session == nil:
		s.free(l.holder)
	default:
		l.queue = append(l.queue, &claim{name: name})
	}
}

// noRivals lets all others go.
func (s *service) noRivals() {
	for _, name := range []string{"x", "y"} {
		l := s.locks[name]
		l.queue = slices.DeleteFunc(l.queue, func(c *claim) bool { return c.session == nil })
		if l.holder != nil && l.holder.session == nil {
			s.free(l.holder)
		}
	}
}

// held counts the grants of a session by token.
func (s *service) held(id lock.SessionID) map[lock.Token]int {
	all := map[lock.Token]int{}
	for _, l := range s.locks {
		if l.holder != nil && l.holder.session != nil && l.holder.session.id == id {
			all[l.holder.token] = l.holder.count
		}
	}
	return all
}

func (s *service) waits() (n int) {
	for _, l := range s.locks {
		n += len(l.queue)
	}
	return n
}

func (s *service) report(q lock.Query) lock.Report {
	if session := s.sessions[q.Session]; session != nil {
		all := session.revoked
		return lock.Report{Revocations: slices.Clone(all[max(0, len(all)-lock.MaxRevocations):])}
	}
	return lock.Report{}
}
