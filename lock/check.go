package lock

import (
	"unicode"
	"unicode/utf8"
)

// Check judges the form of a command, which depends on nothing but the command
// itself: a command that fails it never enters the order. It returns NoLimit
// for a command that may.
func (c Command) Check() Limit {
	switch c.Verb {
	case OpenSession:
		return checkNumber(c.Number)
	case CloseSession:
		return NoLimit
	case Lock, Unlock:
		if l := checkNumber(c.Number); l != NoLimit {
			return l
		}
		if c.Slot >= MaxSlots {
			return LimitSlot
		}
		return CheckName(c.Name)
	default:
		return LimitVerb
	}
}

// Zero means "none yet" in a slot, so no request may carry it.
func checkNumber(n Number) Limit {
	if n == 0 {
		return LimitNumber
	}
	return NoLimit
}

// CheckName returns NoLimit for a name that a lock can have.
func CheckName(name string) Limit {
	if len(name) == 0 || len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return LimitName
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return LimitName
		}
	}
	return NoLimit
}

// String says what the limit is, for people.
func (l Limit) String() string {
	switch l {
	case LimitName:
		return "a name is 1 to 256 bytes of printable UTF-8, without control characters"
	case LimitSlot:
		return "a session has slots 0 to 4095"
	case LimitSessions:
		return "the table has 131072 sessions open, and a session ends only when its client closes it"
	case LimitLocks:
		return "the table holds 4000000 locks; unlock some"
	case LimitVerb:
		return "this node does not know the verb; the client is newer than the node"
	case LimitNumber:
		return "a request's number is at least 1"
	default:
		return "no limit"
	}
}
