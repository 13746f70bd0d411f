package lock

import "strings"

// ownerless is an ownerless lock that is held.
type ownerless struct {
	token Token
	since Millis
}

// lock takes an ownerless lock. It never waits, so it never passes anybody who
// does.
func (t *Table) lock(name string) Result {
	if _, held := t.locks[name]; held {
		return Result{Outcome: Held}
	}
	if len(t.owned) > t.idle { // else none of them is used
		if l, kept := t.owned[name]; kept && !l.idle() {
			return Result{Outcome: Held}
		}
	}
	if t.used() >= t.limits.locks {
		return Result{Outcome: LimitReached, Limit: LimitLocks}
	}
	token := Token(t.draw())
	// The name may be a piece of a whole frame: a copy lets the frame go.
	t.hold(strings.Clone(name), ownerless{token, t.at})
	t.tell(Event{Kind: LockAcquired, Name: name, Token: token})
	return Result{Outcome: Granted, Token: token}
}

func (t *Table) unlock(s *session, name string) Result {
	was, held := t.locks[name]
	if !held {
		return Result{Outcome: NotHeld}
	}
	end := byRelease
	end.by = s
	t.free(name, was, &end)
	return Result{Outcome: Released}
}

func (t *Table) hold(name string, held ownerless) {
	t.locks[name] = held
	t.digest.add(ofLock(name, held.token))
}

func (t *Table) free(name string, was ownerless, end *finish) {
	delete(t.locks, name)
	t.digest.remove(ofLock(name, was.token))
	l := t.kept(name)
	t.recordFree(l, was, end)
	t.touch(l) // sessions may wait for it
	t.tell(Event{Kind: end.kind, Name: name, Token: was.token, Reason: end.reason})
}
