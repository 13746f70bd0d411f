package lock

import "testing"

func wanting(id SessionID, slot Slot, n Number, name string) Command {
	return Command{Session: id, Slot: slot, Number: n, Verb: Acquire, Name: name, Wait: true}
}

func TestACancelUndoesTheAcquireBeforeItAndNoEarlierOne(t *testing.T) { // S6
	s := begin(t)
	id := s.open(1)
	s.then(wanting(id, 0, 1, "a"), granted(at(1, 2)))
	// The Acquire of "b" under number 2 was lost on its way and given up.
	s.then(Command{Session: id, Number: 3, Verb: Cancel}, is(Canceled))
	s.then(Command{Session: id, Slot: 1, Number: 1, Verb: Release, Name: "a", Token: at(1, 2)}, is(Released))
	s.then(wanting(id, 0, 4, "b"), granted(at(1, 3)))
	s.then(Command{Session: id, Number: 5, Verb: Cancel}, is(Released))
}

func TestAGrantWithAMaxHoldIsNotEnteredAgain(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	first := wanting(id, 0, 1, "a")
	first.Terms = &Terms{MaxHold: MinMaxHold}
	s.then(first, granted(at(1, 2)))
	again := wanting(id, 1, 1, "a")
	again.Wait, again.Terms = false, &Terms{Reentrant: true}
	s.then(again, is(Held))
}

func TestAWaitBehindAnAllowedDeadlockIsNone(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.then(wanting(id, 0, 1, "a"), granted(at(1, 2)))
	allowed := wanting(id, 1, 1, "a")
	allowed.Terms = &Terms{Under: Holding{"a", at(1, 2)}, AllowDeadlock: true}
	s.then(allowed, is(Waiting))
	s.then(wanting(id, 2, 1, "b"), granted(at(1, 3)))
	behind := wanting(id, 3, 1, "a")
	behind.Terms = &Terms{Under: Holding{"b", at(1, 3)}}
	s.then(behind, is(Waiting))
}
