package lock

import "strings"

// checkTerms refuses terms that mean nothing to the verb: whatever enters the
// order has a meaning, and is checked.
func (c *Command) checkTerms() Limit {
	if c.Terms == nil {
		return NoLimit
	}
	strange := true
	switch c.Verb {
	case OpenSession:
		strange = c.Terms.claim()
	case Acquire:
		strange = c.Terms.TTL != 0
	case Revoke:
		strange = c.Terms.claim() || c.Terms.TTL != 0
	}
	if strange {
		return LimitTerms
	}
	return NoLimit
}

// claim reports whether the terms ask for something that only an Acquire gets.
func (t *Terms) claim() bool {
	return len(t.And) > 0 || t.Permits != 0 || t.Of != 0 || t.Under != (Holding{}) ||
		t.Sequential || t.Reentrant || t.AllowDeadlock || t.MaxHold != 0 || t.LockDelay != 0
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

// checkAcquire checks what an Acquire asks for beyond its locks.
func (c *Command) checkAcquire() Limit {
	t := c.Terms
	switch {
	case t == nil:
		return NoLimit
	case t.Reentrant && t.MaxHold != 0:
		return LimitReentrant
	default:
		return firstOf(t.Info.check(), checkSpans(t), t.Under.check())
	}
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
	if len(reason) > MaxReasonBytes || !printable(strings.ReplaceAll(reason, "\n", " ")) {
		return LimitReason
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
