package lock

// EventKind says what an Event tells.
type EventKind uint8

// The kinds. Their values are those on the wire.
const (
	LockAcquired  EventKind = 1 // Session has Name now, under Token
	LockReleased  EventKind = 2 // given back by its holder, or with a session that was closed
	LockExpired   EventKind = 3 // its holder's session expired
	LockRevoked   EventKind = 4 // an operator took it away, for Reason
	LockOverheld  EventKind = 5 // its MaxHold was over
	LockReopened  EventKind = 6 // its lock-delay was over
	WaitBegan     EventKind = 7
	WaitEnded     EventKind = 8 // without a grant
	SessionOpened EventKind = 9
	SessionClosed EventKind = 10
	SessionEnded  EventKind = 11 // it expired
)

// Event is something that others may want to hear of. A grant of several locks
// tells of each.
type Event struct {
	Index   Index // of the entry that made it happen
	At      Millis
	Session SessionID // zero: of an ownerless lock
	Token   Token     // of the grant, for events of locks
	Request RequestID // LockAcquired after a wait, WaitEnded: the Acquire that has waited
	Name    string    // empty: of a session. Perhaps a piece of a whole frame, so that who keeps it copies it
	Reason  string    // LockRevoked
	Kind    EventKind
	Mode    Mode
	// Span is the session's TTL with SessionOpened, the grant's MaxHold with
	// LockAcquired, and the lock-delay that begins with LockExpired, LockRevoked
	// and LockOverheld. Zero means none.
	Span Millis
	// Since is when what is over had begun, as At tells the time: the wait with
	// WaitEnded and a LockAcquired after it, the hold with what ends one. Zero is
	// unknown, as of an ownerless lock. It stays on the node.
	Since Millis
}

// Events returns what the last Apply made happen, in order. It is valid until
// the next Apply.
func (t *Table) Events() []Event { return t.events }

// tell notes an event of the entry at hand.
func (t *Table) tell(e Event) {
	e.Index, e.At = t.index, t.at
	t.events = append(t.events, e)
}

// tellOf notes an event of each of a claim's locks.
func (t *Table) tellOf(c *claim, e Event) {
	e.Session, e.Token = c.session.id, c.token
	for p := range c.parts() {
		e.Name, e.Mode = p.lock.name, p.mode
		t.tell(e)
	}
}
