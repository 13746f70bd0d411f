package lock

import "iter"

// claim is what one Acquire waits for or has got: a grant once it has a token.
// All its locks come and go together (S8).
type claim struct {
	session       *session
	before, after *claim // in the session's list of grants or of waits
	token         Token  // zero while it waits
	since         Millis
	lock          *ownedLock // the one that the command named
	more          *more      // nil in the plain case: there are many of those
	count         uint32     // how often it was granted, if re-entrant
	slot          Slot
	mode          Mode
}

// more is what goes beyond an exclusive or shared claim to one lock.
type more struct {
	parts     []part // all the locks, if there are several or they are counted
	under     []kept // the grants it was asked under, the outermost first
	info      Info
	maxHold   Millis
	lockDelay Millis
	queued    Index // of a wait: the entry that queued it. No two waits share it
	waited    Millis
}

// part is one lock of a claim.
type part struct {
	lock *ownedLock
	share
}

// share is how much of a lock somebody has, or wants.
type share struct {
	mode        Mode
	permits, of uint32
}

// kept is a grant that a claim was asked under.
type kept struct {
	token Token
	claim *claim // may have ended since, and stand for another: see grant
}

// grant returns the grant if it is still held, else nil. No two grants share a
// token, so a claim with that token is the one.
func (k kept) grant() *claim {
	if k.claim != nil && k.claim.token == k.token {
		return k.claim
	}
	return nil
}

// parts walks over the claim's locks in the order in which they were asked for.
func (c *claim) parts() iter.Seq[part] {
	return func(yield func(part) bool) {
		if c.more == nil || c.more.parts == nil {
			yield(part{c.lock, share{mode: c.mode}})
			return
		}
		for _, p := range c.more.parts {
			if !yield(p) {
				return
			}
		}
	}
}

// names is how many locks the claim has.
func (c *claim) names() int {
	if c.more == nil || c.more.parts == nil {
		return 1
	}
	return len(c.more.parts)
}

// shareOf returns the claim's share of one of its locks.
func (c *claim) shareOf(l *ownedLock) share {
	for p := range c.parts() {
		if p.lock == l {
			return p.share
		}
	}
	panic("lock: a claim without a share of its lock")
}

// rest returns what goes beyond the plain case, zero in that.
func (c *claim) rest() more {
	if c.more == nil {
		return more{}
	}
	return *c.more
}

// beyond returns what goes beyond the plain case, to be changed.
func (c *claim) beyond() *more {
	if c.more == nil {
		c.more = &more{}
	}
	return c.more
}

// wants walks over the locks that an Acquire names.
func (c *Command) wants() iter.Seq[Want] {
	return func(yield func(Want) bool) {
		if c.Terms == nil {
			yield(Want{Name: c.Name, Mode: c.Mode})
			return
		}
		if !yield(Want{Name: c.Name, Mode: c.Mode, Permits: c.Terms.Permits, Of: c.Terms.Of}) {
			return
		}
		for _, w := range c.Terms.And {
			if !yield(w) {
				return
			}
		}
	}
}

// names is how many locks an Acquire names.
func (c *Command) names() int {
	if c.Terms == nil {
		return 1
	}
	return 1 + len(c.Terms.And)
}

func (w Want) share() share { return share{w.Mode, w.Permits, w.Of} }

// claims is a list of one session's grants, or of its waits.
type claims struct {
	first, last *claim
	n           int
}

func (l *claims) push(c *claim) {
	c.before, c.after = l.last, nil
	if l.last == nil {
		l.first = c
	} else {
		l.last.after = c
	}
	l.last = c
	l.n++
}

func (l *claims) remove(c *claim) {
	if c.before == nil {
		l.first = c.after
	} else {
		c.before.after = c.after
	}
	if c.after == nil {
		l.last = c.before
	} else {
		c.after.before = c.before
	}
	c.before, c.after = nil, nil
	l.n--
}

func (l *claims) all() iter.Seq[*claim] {
	return func(yield func(*claim) bool) {
		for c := l.first; c != nil && yield(c); c = c.after {
		}
	}
}
