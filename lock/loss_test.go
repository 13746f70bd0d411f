package lock

import (
	"slices"
	"testing"
)

func revoking(id SessionID, n Number, name string, token Token) Command {
	return with(Command{Session: id, Slot: 99, Number: n, Verb: Revoke, Name: name, Token: token},
		func(t *Terms) { t.Info = "it hangs" })
}

func TestARevokeTakesALockFromAllWhoHaveIt(t *testing.T) {
	s := begin(t)
	id := s.opened(4)
	s.then(and(shared(trying(id[0], 0, 1, "a")), Want{Name: "b"}), granted(at(1, 5)))
	s.then(shared(trying(id[1], 0, 1, "a")), granted(at(1, 6)))
	s.then(wanting(id[2], 0, 1, "a"), is(Waiting))
	s.then(revoking(id[3], 1, "a", 0), is(Released))
	s.told("revoked 1 a", "revoked 1 b", "revoked 2 a", "acquired 3 a")
	if e := s.Events()[0]; e.Reason != "it hangs" || e.Token != at(1, 5) {
		t.Errorf("the loss is told as %+v", e)
	}
	if s.Alive(id[0]).Revoked != 1 || s.Alive(id[1]).Revoked != 1 || s.Alive(id[2]).Revoked != 0 {
		t.Error("the losers do not know, or others believe that they lost")
	}
	s.then(releasing(id[0], 1, 1, "a", at(1, 5)), is(NotHeld))
	s.then(revoking(id[3], 2, "x", 0), is(NotHeld))
}

func TestARevokeByTokenSparesTheOthers(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(shared(trying(id[0], 0, 1, "a")), granted(at(1, 3)))
	s.then(shared(trying(id[1], 0, 1, "a")), granted(at(1, 4)))
	s.then(revoking(id[0], 1, "a", at(1, 4)), is(Released))
	s.told("revoked 2 a")
	s.then(revoking(id[0], 2, "a", at(1, 4)), is(NotHeld))
}

func TestARevokeTakesALockWithoutAnOwner(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	s.then(locking(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
	s.then(revoking(id[1], 1, "a", at(1, 2)), is(NotHeld))
	s.then(revoking(id[1], 2, "a", at(1, 3)), is(Released))
	s.told("revoked 0 a", "acquired 2 a")
	s.then(unlocking(id[0], 0, 2, "a"), is(NotHeld))
}

func TestAGrantIsLostWhenItsMaxHoldIsOver(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	long := with(and(wanting(id[0], 0, 1, "b"), Want{Name: "a"}), func(t *Terms) { t.MaxHold = 5000 })
	s.then(long, granted(at(1, 3)))
	if span := s.Events()[0].Span; span != 5000 {
		t.Errorf("the grant tells of %d ms", span)
	}
	long.Session, long.Terms = id[1], &Terms{MaxHold: 6000}
	s.then(long, is(Waiting))
	want := Timed{Session: id[0], Name: "b", Token: at(1, 3), Span: 5000}
	if got := slices.Collect(s.MaxHolds()); len(got) != 1 || got[0] != want {
		t.Errorf("the clock counts %+v", got)
	}
	s.then(Command{Verb: EndHold, Name: "a", Token: at(1, 2)}, is(NotHeld))
	s.then(Command{Verb: EndHold, Name: "a", Token: at(1, 3)}, is(Released))
	s.told("overheld 1 b", "overheld 1 a", "acquired 2 b")
	if span := s.Events()[2].Span; span != 6000 {
		t.Errorf("the grant that was waited for tells of %d ms", span)
	}
	if s.Alive(id[0]).Revoked != 1 {
		t.Error("the loser does not know")
	}
	s.then(Command{Verb: EndHold, Name: "a", Token: at(1, 3)}, is(NotHeld))
	s.then(releasing(id[1], 0, 2, "b", at(1, 4)), is(Released))
	if got := slices.Collect(s.MaxHolds()); len(got) != 0 {
		t.Errorf("the clock counts %+v", got)
	}
}

func TestALostLockStaysClosedForItsDelay(t *testing.T) { // T6
	for name, tc := range map[string]struct {
		loss   Command
		closed bool
	}{
		"expired":  {Command{Verb: Expire}, true},
		"revoked":  {Command{Verb: Revoke, Slot: 99, Number: 1, Name: "a"}, true},
		"overheld": {Command{Verb: EndHold, Name: "a"}, true},
		"released": {Command{Verb: Release, Slot: 99, Number: 1, Name: "a"}, false},
		"closed":   {Command{Verb: CloseSession}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			id := s.opened(2)
			s.then(with(and(wanting(id[0], 0, 1, "a"), Want{Name: "b"}), func(t *Terms) { t.LockDelay = 7000 }), granted(at(1, 3)))
			s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
			tc.loss.Session, tc.loss.Token = id[0], at(1, 3)
			s.apply(tc.loss)
			if !tc.closed {
				s.then(wanting(id[1], 0, 1, "a"), granted(at(1, 4)))
				return
			}
			if span := s.Events()[0].Span; span != 7000 {
				t.Errorf("the loss tells of %d ms", span)
			}
			want := []Timed{{Name: "a", Token: at(1, 3), Span: 7000}, {Name: "b", Token: at(1, 3), Span: 7000}}
			if got := slices.Collect(s.Delays()); !slices.Equal(got, want) {
				t.Errorf("the clock counts %+v", got)
			}
			s.then(wanting(id[1], 0, 1, "a"), is(Waiting))
			s.then(trying(id[1], 1, 1, "b"), is(Held))
			s.then(locking(id[1], 2, 1, "b"), is(Held))
			s.then(Command{Verb: Reopen, Name: "a", Token: at(1, 2)}, is(NotHeld))
			s.then(Command{Verb: Reopen, Name: "a", Token: at(1, 3)}, is(Released))
			s.told("reopened 0 a", "acquired 2 a")
			s.then(Command{Verb: Reopen, Name: "a", Token: at(1, 3)}, is(NotHeld))
			s.then(trying(id[1], 1, 2, "b"), is(Held))
			s.then(Command{Verb: Reopen, Name: "b", Token: at(1, 3)}, is(Released))
			s.then(trying(id[1], 1, 3, "b"), granted(at(1, 5)))
		})
	}
}

func TestALockReopensWhenAllItsDelaysAreOver(t *testing.T) { // T6
	s := begin(t)
	id := s.opened(3)
	delayed := func(slot Slot, span Millis) Command {
		return with(shared(trying(id[0], slot, 1, "a")), func(t *Terms) { t.LockDelay = span })
	}
	s.then(delayed(0, 9000), granted(at(1, 4)))
	s.then(delayed(1, 1000), granted(at(1, 5)))
	s.then(shared(trying(id[1], 0, 1, "a")), granted(at(1, 6)))
	s.then(expiring(id[0]), is(Closed))
	s.then(shared(trying(id[2], 0, 1, "a")), is(Held)) // although a holder is left
	s.then(Command{Verb: Reopen, Name: "a", Token: at(1, 5)}, is(Released))
	s.then(shared(trying(id[2], 0, 2, "a")), is(Held))
	s.then(Command{Verb: Reopen, Name: "a", Token: at(1, 4)}, is(Released))
	s.then(shared(trying(id[2], 0, 3, "a")), granted(at(1, 7)))
}
