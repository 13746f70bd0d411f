package lock

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// trying is an Acquire that does not wait; wanting is one that does.
func trying(id SessionID, slot Slot, n Number, name string) Command {
	c := wanting(id, slot, n, name)
	c.Wait = false
	return c
}

func shared(c Command) Command {
	c.Mode = Shared
	return c
}

// with returns the command with its terms changed.
func with(c Command, change func(*Terms)) Command {
	terms := Terms{}
	if c.Terms != nil {
		terms = *c.Terms
	}
	change(&terms)
	c.Terms = &terms
	return c
}

func counted(c Command, permits, of uint32) Command {
	c.Mode = Counted
	return with(c, func(t *Terms) { t.Permits, t.Of = permits, of })
}

func and(c Command, wants ...Want) Command {
	return with(c, func(t *Terms) { t.And = wants })
}

func under(c Command, name string, token Token) Command {
	return with(c, func(t *Terms) { t.Under = Holding{name, token} })
}

func releasing(id SessionID, slot Slot, n Number, name string, token Token) Command {
	return Command{Session: id, Slot: slot, Number: n, Verb: Release, Name: name, Token: token}
}

func canceling(id SessionID, slot Slot, n Number) Command {
	return Command{Session: id, Slot: slot, Number: n, Verb: Cancel}
}

func expiring(id SessionID) Command { return Command{Session: id, Verb: Expire} }

// told demands the events of the last entry, each as "kind session name".
func (s *script) told(want ...string) {
	s.Helper()
	var got []string
	for _, e := range s.Events() {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %d %s", kinds[e.Kind], e.Session&(1<<tokenCountBits-1), e.Name)))
		if e.Index != s.Index() {
			s.Errorf("%+v is not of entry %d", e, s.Index())
		}
	}
	if !slices.Equal(got, want) {
		s.Fatalf("entry %d made happen\n%q, not\n%q", s.Index(), got, want)
	}
}

var kinds = [...]string{
	LockAcquired: "acquired", LockReleased: "released", LockExpired: "expired", LockRevoked: "revoked",
	LockOverheld: "overheld", LockReopened: "reopened", WaitBegan: "waits", WaitEnded: "waits no more",
	SessionOpened: "opened", SessionClosed: "closed", SessionEnded: "ended",
}

// opened returns sessions 1, 2 and so on of view 1.
func (s *script) opened(n int) []SessionID {
	ids := make([]SessionID, n)
	for i := range ids {
		ids[i] = s.open(Number(1000 + i))
	}
	return ids
}

func TestAnExclusiveHolderIsAlone(t *testing.T) { // S1
	s := begin(t)
	id := s.opened(2)
	s.then(trying(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.told("acquired 1 a")
	s.then(trying(id[1], 0, 1, "a"), is(Held))
	s.told()
	s.then(trying(id[0], 1, 1, "a"), is(Held)) // not even its own session
	s.then(shared(trying(id[1], 0, 2, "a")), is(Held))
	s.then(counted(trying(id[1], 0, 3, "a"), 1, 2), is(Held))
	s.then(locking(id[1], 0, 4, "a"), is(Held))
	s.then(releasing(id[0], 0, 2, "a", at(1, 3)), is(Released))
	s.told("released 1 a")
	s.then(trying(id[1], 0, 5, "a"), granted(at(1, 4)))
}

func TestSharedHoldersKeepOthersOut(t *testing.T) { // S1
	s := begin(t)
	id := s.opened(3)
	s.then(shared(trying(id[0], 0, 1, "a")), granted(at(1, 4)))
	s.then(shared(trying(id[1], 0, 1, "a")), granted(at(1, 5)))
	s.then(trying(id[2], 0, 1, "a"), is(Held))
	s.then(counted(trying(id[2], 0, 2, "a"), 1, 5), is(Held))
	s.then(locking(id[2], 0, 3, "a"), is(Held))
	s.then(releasing(id[0], 0, 2, "a", at(1, 4)), is(Released))
	s.then(trying(id[2], 0, 4, "a"), is(Held))
	s.then(releasing(id[1], 0, 2, "a", at(1, 5)), is(Released))
	s.then(trying(id[2], 0, 5, "a"), granted(at(1, 6)))
}

func TestNoMorePermitsAreOutThanThereAre(t *testing.T) { // S1
	s := begin(t)
	id := s.open(1)
	s.then(counted(trying(id, 0, 1, "a"), 2, 4), granted(at(1, 2)))
	s.then(counted(trying(id, 1, 1, "a"), 3, 4), is(Held))
	s.then(counted(trying(id, 2, 1, "a"), 2, 4), granted(at(1, 3)))
	s.then(counted(trying(id, 3, 1, "a"), 1, 4), is(Held))
	s.then(releasing(id, 0, 2, "a", at(1, 2)), is(Released))
	s.then(counted(trying(id, 4, 1, "a"), 1, 5), is(Held)) // it disagrees how many there are
	s.then(counted(trying(id, 5, 1, "a"), 2, 4), granted(at(1, 4)))
}

func TestOwnerlessAndOwnedLocksShareTheNames(t *testing.T) {
	s := begin(t)
	id := s.open(1)
	s.then(locking(id, 0, 1, "a"), granted(at(1, 2)))
	s.then(shared(trying(id, 1, 1, "a")), is(Held))
	s.then(releasing(id, 1, 2, "a", at(1, 2)), is(NotHeld)) // neither verb frees the other's kind
	s.then(trying(id, 2, 1, "b"), granted(at(1, 3)))
	s.then(unlocking(id, 0, 2, "b"), is(NotHeld))
	s.then(wanting(id, 3, 1, "a"), is(Waiting))
	s.then(unlocking(id, 0, 3, "a"), is(Released))
	s.told("released 0 a", "acquired 1 a")
	s.then(wanting(id, 3, 1, "a"), granted(at(1, 4)))
}

func TestOnlyItsSessionReleasesAGrantAndByItsTokenOnly(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(trying(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.then(releasing(id[1], 0, 1, "a", at(1, 3)), is(NotHeld))
	s.then(releasing(id[0], 0, 2, "a", at(1, 2)), is(NotHeld))
	s.then(releasing(id[0], 0, 3, "b", at(1, 3)), is(NotHeld))
	s.then(releasing(id[0], 7, 1, "a", at(1, 3)), is(Released)) // in any slot
	s.then(releasing(id[0], 7, 2, "a", at(1, 3)), is(NotHeld))
}

func TestAllLocksOfAnAcquireComeTogetherOrNotAtAll(t *testing.T) { // S8
	s := begin(t)
	id := s.opened(2)
	b, c := Want{Name: "b", Mode: Shared}, Want{Name: "c", Mode: Counted, Permits: 2, Of: 3}
	s.then(and(trying(id[0], 0, 1, "a"), b, c), granted(at(1, 3)))
	s.told("acquired 1 a", "acquired 1 b", "acquired 1 c")
	s.then(trying(id[1], 0, 1, "a"), is(Held))
	s.then(trying(id[1], 0, 2, "b"), is(Held))
	s.then(and(trying(id[1], 0, 3, "x"), b, c), is(Held)) // c has one permit left
	s.then(trying(id[1], 0, 4, "x"), granted(at(1, 4)))   // and x was not taken
	c.Permits = 1
	s.then(and(trying(id[1], 1, 1, "y"), b, c), granted(at(1, 5)))
	s.then(releasing(id[0], 1, 1, "c", at(1, 3)), is(Released)) // by any of its names
	s.told("released 1 a", "released 1 b", "released 1 c")
	s.then(trying(id[1], 2, 1, "a"), granted(at(1, 6)))
	if locks, _ := s.Size(); locks != 5 { // x, y, b, c, a
		t.Errorf("%d locks are held, not 5", locks)
	}
}

func TestAReentrantAcquireGetsTheSameTokenAgain(t *testing.T) {
	reentrant := func(c Command) Command { return with(c, func(t *Terms) { t.Reentrant = true }) }
	s := begin(t)
	id := s.opened(2)
	b := Want{Name: "b", Mode: Counted, Permits: 2, Of: 3}
	first := granted(at(1, 3))
	s.then(and(trying(id[0], 0, 1, "a"), b), first)
	s.then(trying(id[0], 1, 1, "a"), is(Held)) // only on request
	s.then(reentrant(trying(id[1], 0, 1, "a")), is(Held))
	s.then(reentrant(trying(id[0], 1, 2, "a")), first)
	s.told()
	s.then(reentrant(shared(trying(id[0], 2, 1, "a"))), first) // exclusive covers all
	s.then(reentrant(counted(trying(id[0], 3, 1, "b"), 2, 3)), first)
	s.then(reentrant(counted(trying(id[0], 4, 1, "b"), 3, 3)), is(Held))
	s.then(reentrant(trying(id[0], 5, 1, "b")), is(Held))
	s.then(reentrant(and(trying(id[0], 6, 1, "a"), Want{Name: "x"})), is(Held)) // it has no x
	s.then(reentrant(trying(id[0], 6, 2, "y")), granted(at(1, 4)))

	for n := range Number(3) { // granted four times in all
		s.then(releasing(id[0], 7, n+1, "a", at(1, 3)), is(Released))
		s.told()
		s.then(trying(id[1], 0, n+2, "a"), is(Held))
	}
	s.then(releasing(id[0], 7, 4, "a", at(1, 3)), is(Released))
	s.told("released 1 a", "released 1 b")
	s.then(trying(id[1], 0, 9, "a"), granted(at(1, 5)))
}

func TestASharedGrantIsEnteredAgainByItsOwnSession(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(shared(trying(id[0], 0, 1, "a")), granted(at(1, 3)))
	s.then(shared(trying(id[1], 0, 1, "a")), granted(at(1, 4)))
	again := with(shared(trying(id[1], 1, 1, "a")), func(t *Terms) { t.Reentrant = true })
	s.then(again, granted(at(1, 4)))
	again.Number, again.Mode = 2, Exclusive
	s.then(again, is(Held))
}

func TestLimitsAreRefusedBeforeAnyEffect(t *testing.T) { // S5
	full := func(l Limit) Result { return Result{Outcome: LimitReached, Limit: l} }
	multi := func(id SessionID, slot Slot, names ...string) Command {
		c := wanting(id, slot, 1, names[0])
		var others []Want
		for _, name := range names[1:] {
			others = append(others, Want{Name: name})
		}
		return and(c, others...)
	}
	for name, tc := range map[string]struct {
		limits  func(*limits)
		before  func(s *script, id []SessionID)
		command func(id []SessionID) Command
		want    Limit
	}{
		"locks of the table": {
			func(l *limits) { l.locks = 3 },
			func(s *script, id []SessionID) { s.apply(trying(id[1], 9, 1, "a")) },
			func(id []SessionID) Command { return multi(id[0], 0, "b", "c", "d") }, LimitLocks,
		},
		"locks of the table, for one without an owner": {
			func(l *limits) { l.locks = 1 },
			func(s *script, id []SessionID) { s.apply(trying(id[1], 9, 1, "a")) },
			func(id []SessionID) Command { return locking(id[0], 0, 1, "b") }, LimitLocks,
		},
		"locks of a session": {
			func(l *limits) { l.sessionLocks = 3 },
			func(s *script, id []SessionID) { s.apply(multi(id[0], 9, "a", "b")) },
			func(id []SessionID) Command { return multi(id[0], 0, "c", "d") }, LimitSessionLocks,
		},
		"locks that a session waits for": {
			func(l *limits) { l.sessionLocks = 2 },
			func(s *script, id []SessionID) {
				s.apply(trying(id[1], 9, 1, "a"))
				s.apply(multi(id[0], 9, "a", "b"))
			},
			func(id []SessionID) Command { return multi(id[0], 0, "c") }, LimitSessionLocks,
		},
		"waits of a session": {
			func(l *limits) { l.sessionWaits = 1 },
			func(s *script, id []SessionID) {
				s.apply(trying(id[1], 9, 1, "a"))
				s.apply(wanting(id[0], 9, 1, "a"))
			},
			func(id []SessionID) Command { return wanting(id[0], 0, 1, "a") }, LimitSessionWaits,
		},
		"waits of a lock": {
			func(l *limits) { l.lockWaits = 1 },
			func(s *script, id []SessionID) {
				s.apply(trying(id[1], 9, 1, "a"))
				s.apply(wanting(id[1], 8, 1, "a"))
			},
			func(id []SessionID) Command { return multi(id[0], 0, "b", "a") }, LimitLockWaits,
		},
		"waits of the table": {
			func(l *limits) { l.waits = 1 },
			func(s *script, id []SessionID) {
				s.apply(trying(id[1], 9, 1, "a"))
				s.apply(wanting(id[1], 8, 1, "a"))
			},
			func(id []SessionID) Command { return wanting(id[0], 0, 1, "a") }, LimitWaits,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			tc.limits(&s.limits)
			id := s.opened(2)
			tc.before(s, id)
			locks, waits, drawn := s.used(), s.waits, s.last
			c := tc.command(id)
			s.then(c, full(tc.want))
			s.told()
			if s.used() != locks || s.waits != waits || s.last != drawn {
				t.Error("the refusal had an effect")
			}
			s.then(c, full(tc.want)) // S4
			c.Number++
			c.Wait, c.Name = false, "a"
			if c.Verb == Acquire {
				s.apply(ending(id[1]))
				s.apply(canceling(id[0], 9, 2))
				s.then(c, granted(Token(s.last+1)))
			}
		})
	}
}

func TestTheNameOfAnOwnedLockIsCopiedOutOfItsFrame(t *testing.T) {
	s := begin(t)
	frame := strings.Repeat("x", 64<<10)
	id := s.open(1)
	s.then(and(trying(id, 0, 1, frame[:3]), Want{Name: frame[:4]}), granted(at(1, 2)))
	for name, l := range s.owned {
		if within(name, frame) || within(l.name, frame) {
			t.Errorf("a name of %d bytes keeps a frame of 64 KiB alive", len(name))
		}
	}
}

// What comes and goes is used again, and must not remember what it was.
func TestAClaimThatIsUsedAgainIsANewOne(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	old := with(and(trying(id[0], 0, 1, "a"), Want{Name: "b"}), func(t *Terms) { t.MaxHold, t.LockDelay = 5000, 5000 })
	s.then(old, granted(at(1, 3)))
	s.then(releasing(id[0], 1, 1, "a", at(1, 3)), is(Released))
	s.then(trying(id[1], 0, 1, "c"), granted(at(1, 4)))
	s.then(canceling(id[0], 0, 2), is(Canceled)) // its grant is gone; the claim is another's
	s.then(trying(id[0], 2, 1, "c"), is(Held))
	s.then(expiring(id[1]), is(Closed))
	s.told("expired 2 c", "ended 2")
	s.then(trying(id[0], 2, 2, "c"), granted(at(1, 5)))
}
