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

// Verb says what a command does.
type Verb uint8

// The verbs. Their values are those on the wire.
const (
	OpenSession  Verb = 1 // Number is the nonce; Session, Slot and Name are unused
	CloseSession Verb = 2 // Slot, Number and Name are unused
	Lock         Verb = 3 // take an ownerless lock if it is free
	Unlock       Verb = 4 // free an ownerless lock if it is held
)

// Known reports whether this version of the table can apply v.
func (v Verb) Known() bool { return v >= OpenSession && v <= Unlock }

// Command is what a client asks.
type Command struct {
	Session SessionID
	Slot    Slot
	Number  Number
	Verb    Verb
	Name    string
}

// RequestID tells a request from every other: all its repeats share it.
type RequestID struct {
	Session SessionID
	Number  Number
	Slot    Slot
	// Verb is set for openings and closings only: it keeps them apart from the
	// requests in slots, whose numbers they could share.
	Verb Verb
}

// ID returns what all repeats of c have in common.
func (c Command) ID() RequestID {
	switch c.Verb {
	case OpenSession:
		return RequestID{Number: c.Number, Verb: OpenSession}
	case CloseSession:
		return RequestID{Session: c.Session, Verb: CloseSession}
	default:
		return RequestID{Session: c.Session, Slot: c.Slot, Number: c.Number}
	}
}

// Entry is a command with its place in the order. View is that in which the
// entry was first numbered: it keeps it when a later view finishes it (S3).
type Entry struct {
	View    View
	Index   Index
	Command Command
}
