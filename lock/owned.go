package lock

import (
	"cmp"
	"slices"
)

// ownedLock is a lock that sessions hold or wait for, that a lock-delay keeps
// closed, or that is idle and has a past. While one session has it for the first
// time and nobody wants it, it is small: there may be millions of those.
type ownedLock struct {
	name string
	sole [1]*claim // its holder, if there is no crowd
	rest *rest     // nil in the plain case
}

// rest is what goes beyond the plain case of a lock.
type rest struct {
	crowd *crowd // nil until it has a second holder, a waiter or a delay
	past  *past  // nil if the record has nothing of it
}

func (l *ownedLock) crowd() *crowd {
	if l.rest == nil {
		return nil
	}
	return l.rest.crowd
}

func (l *ownedLock) past() *past {
	if l.rest == nil {
		return nil
	}
	return l.rest.past
}

// crowd is a lock's state once more than one claim takes part in it.
type crowd struct {
	taken   occupancy
	holders []*claim // by token
	queue   []*claim // the waiters, first come first
	delays  int      // lock-delays that are not over (T6)
}

// occupancy sums up the shares that are out of one lock. They are all alike: S1
// is that nothing is ever added that is not admitted.
type occupancy struct {
	holders int
	mode    Mode
	of      uint32
	used    uint32 // permits
}

// admits reports whether a share can be had beside those that are out (S1).
func (o occupancy) admits(s share) bool {
	switch {
	case o.holders == 0:
		return true
	case s.mode != o.mode:
		return false
	case s.mode == Counted:
		return s.of == o.of && s.permits <= o.of-o.used
	default:
		return s.mode == Shared
	}
}

func (o *occupancy) add(s share) {
	o.holders++
	o.mode, o.of = s.mode, s.of
	o.used += s.permits
}

func (o *occupancy) remove(s share) {
	o.holders--
	o.used -= s.permits
	if o.holders == 0 {
		*o = occupancy{}
	}
}

// occupied returns what is out of the lock.
func (l *ownedLock) occupied() occupancy {
	if c := l.crowd(); c != nil {
		return c.taken
	}
	var o occupancy
	if c := l.sole[0]; c != nil {
		o.add(c.shareOf(l))
	}
	return o
}

// holders returns the grants of the lock by token.
func (l *ownedLock) holders() []*claim {
	if c := l.crowd(); c != nil {
		return c.holders
	}
	if l.sole[0] != nil {
		return l.sole[:]
	}
	return nil
}

// queue returns the lock's waiters, first come first.
func (l *ownedLock) queue() []*claim {
	if c := l.crowd(); c != nil {
		return c.queue
	}
	return nil
}

// closed reports whether a lock-delay keeps the lock closed (T6).
func (l *ownedLock) closed() bool {
	c := l.crowd()
	return c != nil && c.delays > 0
}

// idle reports whether nobody has or wants the lock and nothing closes it.
func (l *ownedLock) idle() bool {
	return len(l.holders()) == 0 && len(l.queue()) == 0 && !l.closed()
}

// grant returns the lock's grant with that token, or nil.
func (l *ownedLock) grant(token Token) *claim {
	holders := l.holders()
	i, held := slices.BinarySearchFunc(holders, token, byToken)
	if !held {
		return nil
	}
	return holders[i]
}

func byToken(c *claim, token Token) int { return cmp.Compare(c.token, token) }

// add makes a claim with a fresh token a holder: it is the last by token.
func (l *ownedLock) add(c *claim, s share) {
	if l.crowd() == nil && l.sole[0] == nil {
		l.sole[0] = c
		return
	}
	crowd := l.gather()
	crowd.holders = append(crowd.holders, c)
	crowd.taken.add(s)
}

func (l *ownedLock) remove(c *claim, s share) {
	crowd := l.crowd()
	if crowd == nil {
		l.sole[0] = nil
		return
	}
	i, _ := slices.BinarySearchFunc(crowd.holders, c.token, byToken)
	crowd.holders = without(crowd.holders, i)
	crowd.taken.remove(s)
}

// gather returns the lock's crowd, which its sole holder joins.
func (l *ownedLock) gather() *crowd {
	if c := l.crowd(); c != nil {
		return c
	}
	c := &crowd{taken: l.occupied()}
	if l.sole[0] != nil {
		c.holders = append(c.holders, l.sole[0])
		l.sole[0] = nil
	}
	if l.rest == nil {
		l.rest = &rest{}
	}
	l.rest.crowd = c
	return c
}

// enqueue puts a claim that was queued by the entry at hand behind all others.
func (l *ownedLock) enqueue(c *claim) {
	crowd := l.gather()
	crowd.queue = append(crowd.queue, c)
}

// dequeue takes a claim out of the queue, most often the first.
func (l *ownedLock) dequeue(c *claim) {
	crowd := l.crowd()
	crowd.queue = without(crowd.queue, l.place(c))
}

// without takes the claim at a place out of a list. The first of several costs
// nothing: most often that is who goes, and all may go one after the other.
func without(list []*claim, i int) []*claim {
	if i > 0 || len(list) == 1 {
		return slices.Delete(list, i, i+1)
	}
	list[0] = nil
	return list[1:]
}

// place returns how many wait for the lock ahead of c, who waits for it too.
func (l *ownedLock) place(c *claim) int {
	i, _ := slices.BinarySearchFunc(l.queue(), c.more.queued, func(w *claim, at Index) int {
		return cmp.Compare(w.more.queued, at)
	})
	return i
}
