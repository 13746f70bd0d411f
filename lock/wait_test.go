package lock

import (
	"fmt"
	"slices"
	"testing"
)

func TestALockPassesOnInTheOrderOfQueueing(t *testing.T) { // S6
	s := begin(t)
	id := s.opened(4)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 5)))
	for _, waiter := range id[1:] {
		s.then(wanting(waiter, 0, 1, "a"), is(Waiting))
		s.told(fmt.Sprintf("waits %d a", waiter&0xff))
	}
	s.then(releasing(id[0], 0, 2, "a", at(1, 5)), is(Released))
	s.told("released 1 a", "acquired 2 a")
	if got, want := s.Events()[1].Request, (RequestID{Session: id[1], Number: 1}); got != want {
		t.Errorf("the grant answers %+v, not %+v", got, want)
	}
	s.then(wanting(id[1], 0, 1, "a"), granted(at(1, 6))) // the grant replaced the answer
	s.then(wanting(id[2], 0, 1, "a"), is(Waiting))
	s.then(releasing(id[1], 0, 2, "a", at(1, 6)), is(Released))
	s.then(wanting(id[2], 0, 1, "a"), granted(at(1, 7)))
	s.then(ending(id[2]), is(Closed))
	s.told("released 3 a", "closed 3", "acquired 4 a")
}

func TestNobodyIsOvertaken(t *testing.T) { // S6
	s := begin(t)
	id := s.opened(4)
	s.then(shared(wanting(id[0], 0, 1, "a")), granted(at(1, 5)))
	s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
	s.then(shared(trying(id[2], 0, 1, "a")), is(Held)) // though it would fit beside the holder
	s.then(shared(wanting(id[2], 0, 2, "a")), is(Waiting))
	s.then(shared(wanting(id[3], 0, 1, "a")), is(Waiting))
	s.then(releasing(id[0], 0, 2, "a", at(1, 5)), is(Released))
	s.told("released 1 a", "acquired 2 a")
	s.then(releasing(id[1], 0, 2, "a", at(1, 6)), is(Released))
	s.told("released 2 a", "acquired 3 a", "acquired 4 a")
}

func TestPermitsAreWaitedForInOrder(t *testing.T) { // S6
	s := begin(t)
	id := s.open(1)
	s.then(counted(wanting(id, 0, 1, "a"), 2, 3), granted(at(1, 2)))
	s.then(counted(wanting(id, 1, 1, "a"), 2, 3), is(Waiting))
	s.then(counted(wanting(id, 2, 1, "a"), 1, 3), is(Waiting)) // there is one, for who came before
	s.then(releasing(id, 0, 2, "a", at(1, 2)), is(Released))
	s.told("released 1 a", "acquired 1 a", "acquired 1 a")
}

func TestAnAcquireOfSeveralWaitsItsTurnInEveryQueue(t *testing.T) { // S6, S8
	s := begin(t)
	id := s.opened(5)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 6)))
	s.then(wanting(id[1], 0, 1, "b"), granted(at(1, 7)))
	s.then(and(wanting(id[2], 0, 1, "a"), Want{Name: "b"}, Want{Name: "c"}), is(Waiting))
	s.then(wanting(id[3], 0, 1, "c"), is(Waiting)) // c is free, but spoken for
	s.then(wanting(id[4], 0, 1, "b"), is(Waiting))
	s.then(releasing(id[0], 0, 2, "a", at(1, 6)), is(Released))
	s.told("released 1 a")
	s.then(wanting(id[0], 0, 3, "a"), is(Waiting))
	s.then(releasing(id[1], 0, 2, "b", at(1, 7)), is(Released))
	s.told("released 2 b", "acquired 3 a", "acquired 3 b", "acquired 3 c")
	s.then(releasing(id[2], 0, 2, "b", at(1, 8)), is(Released))
	s.told("released 3 a", "released 3 b", "released 3 c", "acquired 4 c", "acquired 5 b", "acquired 1 a")
}

// Two locks become free at once; who queued first for any comes first.
func TestGrantsOfOneEntryComeInTheOrderOfQueueing(t *testing.T) {
	s := begin(t)
	id := s.opened(4)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 5)))
	s.then(wanting(id[0], 1, 1, "b"), granted(at(1, 6)))
	s.then(wanting(id[1], 0, 1, "b"), is(Waiting))
	s.then(wanting(id[2], 0, 1, "a"), is(Waiting))
	s.then(expiring(id[0]), is(Closed))
	s.told("expired 1 a", "expired 1 b", "ended 1", "acquired 2 b", "acquired 3 a")
}

func TestAHigherNumberEndsTheWait(t *testing.T) { // S6
	s := begin(t)
	id := s.opened(3)
	s.then(shared(wanting(id[0], 0, 1, "a")), granted(at(1, 4)))
	s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
	s.then(shared(wanting(id[2], 0, 1, "a")), is(Waiting))
	s.then(locking(id[1], 0, 2, "b"), granted(at(1, 6))) // the other is granted first
	s.told("waits no more 2 a", "acquired 3 a", "acquired 0 b")
	s.then(wanting(id[1], 0, 1, "a"), is(Stale))
	s.then(releasing(id[0], 0, 2, "a", at(1, 4)), is(Released))
	s.told("released 1 a")
}

func TestAHigherNumberThatIsRefusedEndsTheWaitToo(t *testing.T) { // S6
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
	s.then(trying(id[1], 0, 2, "a"), is(Held))
	s.then(releasing(id[0], 0, 2, "a", at(1, 3)), is(Released))
	s.told("released 1 a")
}

func TestACancelUndoesWhateverCameOfTheAcquire(t *testing.T) { // S6
	for name, tc := range map[string]struct {
		slot Slot
		want Outcome
		told []string
	}{
		"granted":        {0, Released, []string{"released 1 a", "acquired 2 a"}},
		"waiting":        {1, Canceled, []string{"waits no more 2 a"}},
		"refused":        {2, Canceled, nil},
		"another verb":   {3, Canceled, nil},
		"released since": {4, Canceled, nil},
		"nothing":        {5, Canceled, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			id := s.opened(2)
			s.apply(wanting(id[0], 0, 1, "a"))
			s.apply(wanting(id[1], 1, 1, "a"))
			s.apply(trying(id[0], 2, 1, "a"))
			s.apply(locking(id[0], 3, 1, "b"))
			r := s.apply(wanting(id[0], 4, 1, "c"))
			s.apply(releasing(id[0], 9, 1, "c", r.Token))
			who := id[0]
			if tc.slot == 1 {
				who = id[1]
			}
			s.then(canceling(who, tc.slot, 2), is(tc.want))
			s.told(tc.told...)
			s.then(canceling(who, tc.slot, 2), is(tc.want)) // S4
			s.told()
			s.then(wanting(who, tc.slot, 1, "a"), is(Stale))
		})
	}
}

func TestACancelUndoesAGrantThatWasWaitedFor(t *testing.T) { // S6
	s := begin(t)
	id := s.opened(2)
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
	s.then(releasing(id[0], 0, 2, "a", at(1, 3)), is(Released))
	s.then(canceling(id[1], 0, 2), is(Released))
	s.told("released 2 a")
}

func TestACancelUndoesOneOfManyEntriesOnly(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	reentrant := func(slot Slot) Command {
		return with(trying(id, slot, 1, "a"), func(t *Terms) { t.Reentrant = true })
	}
	s.then(reentrant(0), granted(at(1, 2)))
	s.then(reentrant(1), granted(at(1, 2)))
	s.then(canceling(id, 1, 2), is(Released))
	s.told()
	s.then(canceling(id, 0, 2), is(Released))
	s.told("released 1 a")
}

func TestWaitsOfManyGoAsTheyCame(t *testing.T) {
	s := begin(t)
	id := s.opened(500)
	holder := s.apply(wanting(id[0], 0, 1, "a")).Token
	var order []SessionID
	for i, waiter := range id[1:] {
		s.then(wanting(waiter, 0, 1, "a"), is(Waiting))
		if i%7 == 3 { // some give up from the middle of the queue
			s.then(canceling(id[i], 0, 2), is(Canceled))
			order = slices.DeleteFunc(order, func(o SessionID) bool { return o == id[i] })
		}
		order = append(order, waiter)
	}
	s.apply(releasing(id[0], 1, 1, "a", holder))
	for _, next := range order {
		e := s.Events()[1]
		if e.Kind != LockAcquired || e.Session != next {
			t.Fatalf("%d is next, not %+v", next, e)
		}
		s.apply(releasing(next, 1, 1, "a", e.Token))
	}
	if s.used() != 0 || s.waits != 0 {
		t.Error("something is left")
	}
}
