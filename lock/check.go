package lock

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Check judges the form of a client's command, which depends on nothing but the
// command itself: a command that fails it never enters the order. It returns
// NoLimit for a command that may, and for a keep-alive, which is answered
// without. The verbs of the node's own clock are not for clients.
func (c Command) Check() Limit {
	switch c.Verb {
	case OpenSession:
		return firstOf(checkNumber(c.Number), c.checkOpening())
	case CloseSession, KeepAlive:
		return NoLimit
	case Lock, Unlock:
		return firstOf(c.checkSlot(), CheckName(c.Name))
	case Acquire:
		return firstOf(c.checkSlot(), c.checkWants(), c.checkTerms())
	case Release:
		return firstOf(c.checkSlot(), CheckName(c.Name), checkToken(c.Token))
	case Cancel:
		return c.checkSlot()
	case Revoke:
		return firstOf(c.checkSlot(), CheckName(c.Name), c.checkReason())
	default:
		return LimitVerb
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

func (c *Command) checkOpening() Limit {
	if c.Terms == nil {
		return NoLimit
	}
	if ttl := c.Terms.TTL; ttl != 0 && (ttl < MinTTL || ttl > MaxTTL) {
		return LimitTTL
	}
	return c.Terms.Info.check()
}

// checkWants checks the locks that an Acquire names.
func (c *Command) checkWants() Limit {
	for w := range c.wants() {
		if l := firstOf(CheckName(w.Name), checkShare(w.share())); l != NoLimit {
			return l
		}
	}
	if !distinct(c) {
		return LimitNames
	}
	return NoLimit
}

// distinct reports whether an Acquire names each lock once, and not too many.
func distinct(c *Command) bool {
	if c.Terms == nil {
		return true
	}
	if c.names() > MaxNames {
		return false
	}
	seen := make(map[string]bool, c.names())
	for w := range c.wants() {
		if seen[w.Name] {
			return false
		}
		seen[w.Name] = true
	}
	return true
}

func checkShare(s share) Limit {
	switch {
	case s.mode > Counted:
		return LimitMode
	case s.mode != Counted && (s.permits != 0 || s.of != 0):
		return LimitPermits
	case s.mode == Counted && (s.permits == 0 || s.permits > s.of || s.of > MaxPermits):
		return LimitPermits
	default:
		return NoLimit
	}
}

// checkTerms checks what an Acquire asks for beyond its locks.
func (c *Command) checkTerms() Limit {
	if c.Terms == nil {
		return NoLimit
	}
	return firstOf(c.Terms.Info.check(), checkSpans(c.Terms), c.Terms.Under.check())
}

func checkSpans(t *Terms) Limit {
	switch {
	case t.MaxHold != 0 && (t.MaxHold < MinMaxHold || t.MaxHold > MaxMaxHold):
		return LimitMaxHold
	case t.LockDelay > MaxLockDelay:
		return LimitLockDelay
	default:
		return NoLimit
	}
}

func (h Holding) check() Limit {
	if h == (Holding{}) {
		return NoLimit
	}
	return firstOf(CheckName(h.Name), checkToken(h.Token))
}

// checkReason lets a reason be any text, of any lines.
func (c *Command) checkReason() Limit {
	if c.Terms == nil {
		return NoLimit
	}
	reason := string(c.Terms.Info)
	if len(reason) > MaxInfoBytes || !printable(strings.ReplaceAll(reason, "\n", " ")) {
		return LimitInfo
	}
	return NoLimit
}

// check lets lines of key=value pass whose keys rise.
func (i Info) check() Limit {
	if i == "" {
		return NoLimit
	}
	if len(i) > MaxInfoBytes {
		return LimitInfo
	}
	last := ""
	for line := range strings.SplitSeq(string(i), "\n") {
		key, _, pair := strings.Cut(line, "=")
		if !pair || key <= last || !printable(line) {
			return LimitInfo
		}
		last = key
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
