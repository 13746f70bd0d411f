package lock

import (
	"slices"
	"strings"
)

// session is a client's registered presence: what it holds and waits for, and
// what its slots remember (S2, S4).
type session struct {
	id     SessionID
	nonce  Number
	ttl    Millis
	since  Millis
	info   Info
	grants claims // by token
	waits  claims // by the entry that queued them
	locks  int    // names that its grants and its waits count together
	party  *party // nil until the record names it

	slots  slots           // grown on first use
	cycles map[Slot]string // the texts of the slots that answered Deadlock

	revoked     uint32       // grants that were ever taken from it
	revocations []Revocation // the last of them, oldest first
}

// open answers a repeated opening with the session that it opened (S4).
func (t *Table) open(c Command) Result {
	if id, ok := t.openings[c.Number]; ok {
		return Result{Outcome: Opened, Session: id}
	}
	if len(t.sessions) >= t.limits.sessions {
		return Result{Outcome: LimitReached, Limit: LimitSessions}
	}
	s := &session{id: SessionID(t.draw()), nonce: c.Number, ttl: DefaultTTL, since: t.at}
	if c.Terms != nil {
		s.info = c.Terms.Info.own()
		if c.Terms.TTL > 0 {
			s.ttl = c.Terms.TTL
		}
	}
	t.addSession(s)
	t.tell(Event{Kind: SessionOpened, Session: s.id, Span: s.ttl})
	return Result{Outcome: Opened, Session: s.id}
}

// close ends a session at its client's wish: what it held is released.
func (t *Table) close(id SessionID) Result {
	return t.end(id, &byClosing, SessionClosed)
}

// expire ends a session whose client was silent: what it held is lost. An id is
// never used again, so an expiry that comes too late does nothing (S7).
func (t *Table) expire(id SessionID) Result {
	return t.end(id, &byExpiry, SessionEnded)
}

// end drops the session with all that it holds and waits for (S2) and all that
// its slots remember (S5). Its waits go first, so that nothing it frees is
// granted to itself. Ownerless locks stay: no session owns them.
func (t *Table) end(id SessionID, lost *finish, ended EventKind) Result {
	s, ok := t.sessions[id]
	if !ok {
		return Result{Outcome: Closed}
	}
	for s.waits.first != nil {
		t.endWait(s.waits.first)
	}
	for s.grants.first != nil {
		t.take(s.grants.first, lost)
	}
	t.dropSession(s)
	t.tell(Event{Kind: ended, Session: id})
	return Result{Outcome: Closed}
}

// Alive answers a keep-alive of the session; it changes nothing (T1). Token is the
// highest drawn so far: a client that gets a higher one knows that it was granted
// after this, and can tell when a MaxHold ends.
func (t *Table) Alive(id SessionID) Result {
	s, ok := t.sessions[id]
	if !ok {
		return Result{Outcome: SessionExpired}
	}
	return Result{Outcome: Alive, Revoked: s.revoked, Token: Token(t.last)}
}

func (t *Table) addSession(s *session) {
	t.sessions[s.id] = s
	t.openings[s.nonce] = s.id
	t.digest.add(ofSession(s))
	for i := range s.revocations {
		t.digest.add(ofRevocation(s, i))
	}
}

func (t *Table) dropSession(s *session) {
	for i := range s.slots.all() {
		t.digest.remove(ofSlot(s, Slot(i)))
	}
	for i := range s.revocations {
		t.digest.remove(ofRevocation(s, i))
	}
	t.digest.remove(ofSession(s))
	delete(t.openings, s.nonce)
	delete(t.sessions, s.id)
}

// note tells the session that a grant was taken from it while it lives: its
// client learns of it with the next keep-alive.
func (t *Table) note(s *session, r Revocation) {
	if len(s.revocations) == MaxRevocations {
		t.digest.remove(ofRevocation(s, 0))
		s.revocations = slices.Delete(s.revocations, 0, 1)
	}
	s.revoked++
	s.revocations = append(s.revocations, r)
	t.digest.add(ofRevocation(s, len(s.revocations)-1))
}

// own returns a copy: what a command brings may be a piece of a whole frame,
// which the copy lets go.
func (i Info) own() Info { return Info(strings.Clone(string(i))) }
