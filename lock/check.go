package lock

import (
	"unicode"
	"unicode/utf8"
)

// Check judges the form of a client's command, which depends on nothing but the
// command itself: a command that fails it never enters the order. It returns
// NoLimit for a command that may, and for a keep-alive, which is answered
// without. The verbs of the node's own clock are not for clients.
func (c Command) Check() Limit {
	return firstOf(c.checkWeight(), c.checkVerb(), c.checkTerms(), c.checkForm())
}

// checkWeight comes first: nothing that costs its length is done with more.
func (c *Command) checkWeight() Limit {
	if c.Weight() > MaxRequestBytes {
		return LimitRequest
	}
	return NoLimit
}

func (c *Command) checkVerb() Limit {
	if !c.Verb.Known() || c.Verb.OfClock() {
		return LimitVerb
	}
	return NoLimit
}

// checkForm checks what a verb has, and its terms if they are its own.
func (c *Command) checkForm() Limit {
	switch c.Verb {
	case OpenSession:
		return firstOf(checkNumber(c.Number), c.checkOpening())
	case CloseSession, KeepAlive:
		return NoLimit
	case Lock, Unlock:
		return firstOf(c.checkSlot(), CheckName(c.Name))
	case Acquire:
		return firstOf(c.checkSlot(), c.checkWants(), c.checkAcquire())
	case Release:
		return firstOf(c.checkSlot(), CheckName(c.Name), checkToken(c.Token))
	case Cancel:
		return c.checkSlot()
	default:
		return firstOf(c.checkSlot(), CheckName(c.Name), c.checkReason())
	}
}

// firstOf returns the first limit that was met.
func firstOf(all ...Limit) Limit {
	for _, l := range all {
		if l != NoLimit {
			return l
		}
	}
	return NoLimit
}

func (c *Command) checkSlot() Limit {
	if l := checkNumber(c.Number); l != NoLimit {
		return l
	}
	if c.Slot >= MaxSlots {
		return LimitSlot
	}
	return NoLimit
}

// Zero means "none yet" in a slot, so no request may carry it.
func checkNumber(n Number) Limit {
	if n == 0 {
		return LimitNumber
	}
	return NoLimit
}

func checkToken(t Token) Limit {
	if t == 0 {
		return LimitToken
	}
	return NoLimit
}

// CheckName returns NoLimit for a name that a lock can have.
func CheckName(name string) Limit {
	if len(name) == 0 || len(name) > MaxNameBytes || !printable(name) {
		return LimitName
	}
	return NoLimit
}

// printable reports whether text is UTF-8 without control characters.
func printable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
