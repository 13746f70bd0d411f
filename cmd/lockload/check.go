package main

import (
	"fmt"
	"sync/atomic"
)

// verb is what a caller asks for.
type verb int

const (
	lockVerb verb = iota
	unlockVerb
	verbs // how many there are
)

func (v verb) String() string { return [...]string{"lock", "unlock"}[v] }

// checker knows what the answers about one lock may be.
type checker interface {
	// answered takes a definite answer and returns what is wrong with it, or "".
	answered(v verb, yes bool) string
	// unknown takes note of a request that was executed once or never.
	unknown(v verb)
}

// ownCheck is the checker of a lock that one caller alone asks for. It belongs
// to that caller's goroutine.
//
// The states in which the lock may be form a set. A definite answer leaves one
// of them. A request without an answer adds one, and adds it only until the next
// definite answer: from then on it can no longer be executed.
type ownCheck struct {
	name            string
	mayBeFree, held bool // held: may be held
}

func newOwnCheck(name string) *ownCheck { return &ownCheck{name: name, mayBeFree: true} }

func (c *ownCheck) answered(v verb, yes bool) (wrong string) {
	switch {
	case v == lockVerb && yes && !c.mayBeFree:
		wrong = "was granted while it was held: granted twice"
	case v == lockVerb && !yes && !c.held:
		wrong = "was refused although nobody else asks for it: not freed, or granted to nobody"
	case v == unlockVerb && yes && !c.held:
		wrong = "was unlocked although it was free: freed twice"
	case v == unlockVerb && !yes && !c.mayBeFree:
		wrong = "was free although its holder had not unlocked it: the lock was lost"
	}
	// Whatever the answer was, it leaves no doubt about the lock.
	c.held, c.mayBeFree = v == lockVerb, v == unlockVerb
	if wrong == "" {
		return ""
	}
	return fmt.Sprintf("%s %q: %v: the lock %s", v, c.name, yes, wrong)
}

func (c *ownCheck) unknown(v verb) {
	if v == lockVerb {
		c.held = true
	} else {
		c.mayBeFree = true
	}
}

// sharedCheck is the checker of a lock that all callers ask for. No answer is
// wrong by itself; but true locks and true unlocks take turns, whoever asks, so
// that their numbers differ by at most one. It is safe for concurrent use.
type sharedCheck struct {
	name     string
	yes      [verbs]atomic.Int64
	unknowns [verbs]atomic.Int64
}

func (c *sharedCheck) answered(v verb, yes bool) string {
	if yes {
		c.yes[v].Add(1)
	}
	return ""
}

func (c *sharedCheck) unknown(v verb) { c.unknowns[v].Add(1) }

// verdict says what is wrong with all the answers together, or "". It is asked
// when nobody waits for an answer any more. If it is known whether the lock is
// free now, the numbers leave no choice.
func (c *sharedCheck) verdict(free, known bool) string {
	atLeast, atMost := int64(0), int64(1) // true locks without an unlock
	if known && free {
		atMost = 0
	} else if known {
		atLeast = 1
	}
	locked, unlocked := c.yes[lockVerb].Load(), c.yes[unlockVerb].Load()
	// Each request without an answer may have been a true one.
	most := locked + c.unknowns[lockVerb].Load() - unlocked
	least := locked - unlocked - c.unknowns[unlockVerb].Load()
	counts := fmt.Sprintf("%q: %d true locks and %d true unlocks", c.name, locked, unlocked)
	if known {
		counts += fmt.Sprintf(", and now it is free: %v", free)
	}
	switch {
	case least > atMost:
		return counts + ": the lock was granted twice, or lost"
	case most < atLeast:
		return counts + ": the lock was freed twice, or is held by nobody"
	default:
		return ""
	}
}
