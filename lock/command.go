package lock

// View numbers the reign of one primary. Views stay below MaxView so that a
// view fits above the 40 bits of a Token's count.
type View uint64

// Index numbers the entries of the order, 1, 2, 3 and so on, without a gap and
// across views.
type Index uint64

// SessionID names a session for ever: ids rise like tokens, and none is used
// twice. Zero is no session.
type SessionID uint64

// Slot is one of a session's MaxSlots lanes; each has one open request.
type Slot uint16

// Number is a request's number in its slot. It rises with every new request
// and stays the same through every repeat of one. An opening has no slot yet:
// its number is the random nonce that makes it repeatable.
type Number uint64

// Millis is a length of time, or a moment, in milliseconds.
type Millis uint64

// Verb says what a command does.
type Verb uint8

// The verbs of clients. Their values are those on the wire.
const (
	OpenSession  Verb = 1 // Number is the nonce; Terms may hold TTL and Info
	CloseSession Verb = 2 // frees all that the session holds and waits for (S2)
	Lock         Verb = 3 // take an ownerless lock if it is free
	Unlock       Verb = 4 // free an ownerless lock if it is held
	Acquire      Verb = 5 // take Name, and Terms.And with it, for the session
	Release      Verb = 6 // give back the grant of Name whose token is Token
	Cancel       Verb = 7 // undo the slot's Acquire with the number before, whatever came of it (S6)
	Revoke       Verb = 8 // an operator takes Name away: from Token's grant, or from all if it is zero; Terms.Info says why
	KeepAlive    Verb = 9 // the session lives; never ordered, answered after a barrier (T1); Number counts them
)

// The verbs of the primary's own clock (Leases). No client may send them.
// Number is the view of the reign that has counted.
const (
	Expire  Verb = 16 // Session was silent for its time-out (T2)
	EndHold Verb = 17 // the grant of Name with Token has lasted for its MaxHold
	Reopen  Verb = 18 // the lock-delay of Name, begun by the loss of Token, is over (T6)
)

// Known reports whether this version has v, of clients or of the clock.
func (v Verb) Known() bool { return v >= OpenSession && v <= KeepAlive || v.OfClock() }

// InSlot reports whether commands with the verb are numbered in a slot (S4).
func (v Verb) InSlot() bool { return v >= Lock && v <= Revoke }

// OfClock reports whether only the primary's own clock may ask for v.
func (v Verb) OfClock() bool { return v >= Expire && v <= Reopen }

// Command is what a client asks.
type Command struct {
	Session SessionID
	Number  Number
	Token   Token  // Release, Revoke and the clock's verbs: the grant meant
	At      Millis // Unix time at the node that took the command in, by its clock: for people only, nothing is decided by it
	Name    string
	Terms   *Terms // what goes beyond the plain case; nil for that. Never changed
	Slot    Slot
	Verb    Verb
	Mode    Mode // Acquire
	Wait    bool // Acquire: queue if the lock cannot be had at once
}

// RequestID tells a request from every other: all its repeats share it.
type RequestID struct {
	Session SessionID
	Number  Number
	Slot    Slot
	// Verb is set for what stands in no slot: it keeps that apart from the
	// requests in slots, whose numbers it could share.
	Verb Verb
}

// ID returns what all repeats of c have in common.
func (c Command) ID() RequestID {
	switch c.Verb {
	case OpenSession:
		return RequestID{Number: c.Number, Verb: OpenSession}
	case CloseSession:
		return RequestID{Session: c.Session, Verb: CloseSession}
	case KeepAlive, Expire, EndHold, Reopen:
		return RequestID{Session: c.Session, Number: c.Number, Verb: c.Verb}
	default:
		return RequestID{Session: c.Session, Slot: c.Slot, Number: c.Number}
	}
}

// Weight is about how many bytes the command takes when it travels, and no less
// unless its name is one that Check refuses.
func (c *Command) Weight() int {
	weight := 96 + len(c.Name)
	if t := c.Terms; t != nil {
		weight += 96 + len(t.Info) + len(t.Under.Name)
		for i := range t.And {
			weight += 24 + len(t.And[i].Name)
		}
	}
	return weight
}

// Entry is a command with its place in the order. View is that in which the
// entry was first numbered: it keeps it when a later view finishes it (S3).
type Entry struct {
	View    View
	Index   Index
	Command Command
}
