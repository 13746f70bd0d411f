package lock

import "strings"

// lock takes an ownerless lock. It never waits, so it never passes anybody who
// does.
func (t *Table) lock(name string) Result {
	if _, held := t.locks[name]; held {
		return Result{Outcome: Held}
	}
	if _, used := t.owned[name]; used {
		return Result{Outcome: Held}
	}
	if len(t.locks)+len(t.owned) >= t.limits.locks {
		return Result{Outcome: LimitReached, Limit: LimitLocks}
	}
	token := Token(t.draw())
	// The name may be a piece of a whole frame: a copy lets the frame go.
	t.hold(strings.Clone(name), token)
	return Result{Outcome: Granted, Token: token}
}

func (t *Table) unlock(name string) Result {
	token, held := t.locks[name]
	if !held {
		return Result{Outcome: NotHeld}
	}
	t.free(name, token, LockReleased, "")
	return Result{Outcome: Released}
}

func (t *Table) hold(name string, token Token) {
	t.locks[name] = token
	t.digest.add(ofLock(name, token))
	t.tell(Event{Kind: LockAcquired, Name: name, Token: token})
}

func (t *Table) free(name string, token Token, kind EventKind, reason string) {
	delete(t.locks, name)
	t.digest.remove(ofLock(name, token))
	t.touch(t.owned[name]) // sessions may wait for it
	t.tell(Event{Kind: kind, Name: name, Token: token, Reason: reason})
}
