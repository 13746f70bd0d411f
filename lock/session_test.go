package lock

import (
	"fmt"
	"slices"
	"testing"
)

func TestAnEndedSessionLeavesNothingBehind(t *testing.T) { // S2, S5
	for name, end := range map[string]struct {
		command Command
		how     string
		told    string
	}{
		"closed":  {Command{Verb: CloseSession}, "released", "closed"},
		"expired": {Command{Verb: Expire}, "expired", "ended"},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			id := s.opened(3)
			s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 4)))
			s.then(with(and(wanting(id[0], 1, 1, "b"), Want{Name: "c"}), func(t *Terms) { t.MaxHold = 5000 }), granted(at(1, 5)))
			s.then(wanting(id[1], 0, 1, "d"), granted(at(1, 6)))
			s.then(under(and(wanting(id[0], 2, 1, "d"), Want{Name: "e"}), "a", at(1, 4)), is(Waiting))
			s.then(wanting(id[0], 3, 1, "a"), is(Waiting)) // a wait for its own lock is not granted
			s.then(wanting(id[2], 0, 1, "a"), is(Waiting))
			s.then(wanting(id[2], 1, 1, "e"), is(Waiting))
			s.then(locking(id[0], 4, 1, "f"), granted(at(1, 7)))
			end.command.Session = id[0]
			s.then(end.command, is(Closed))
			s.told("waits no more 1 d", "waits no more 1 e", "waits no more 1 a",
				end.how+" 1 a", end.how+" 1 b", end.how+" 1 c", end.told+" 1", "acquired 3 a", "acquired 3 e")
			s.then(end.command, is(Closed))
			s.told()
			s.then(wanting(id[0], 0, 1, "a"), is(SessionExpired))
			s.then(wanting(id[0], 9, 1, "x"), is(SessionExpired))
			s.then(locking(id[1], 1, 1, "f"), is(Held)) // it has no owner
			if len(slices.Collect(s.MaxHolds())) != 0 {
				t.Error("something of it is still counted")
			}
		})
	}
}

func TestAnExpiryThatComesTooLateDoesNothing(t *testing.T) { // S7
	s := begin(t)
	first := s.open(42)
	s.then(ending(first), is(Closed))
	second := s.open(42)
	s.then(wanting(second, 0, 1, "a"), granted(at(1, 3)))
	digest := s.Digest()
	s.then(expiring(first), is(Closed))
	s.told()
	if s.Digest() != digest || second == first {
		t.Error("it did something")
	}
}

func TestASessionHasATimeOut(t *testing.T) {
	s := begin(t)
	s.apply(opening(1))
	s.told("opened 1")
	if span := s.Events()[0].Span; span != DefaultTTL {
		t.Errorf("it is %d ms without being asked for", span)
	}
	s.apply(Command{Verb: OpenSession, Number: 2, Terms: &Terms{TTL: MinTTL, Info: "host=h"}, At: 77})
	if e := s.Events()[0]; e.Span != MinTTL || e.At != 77 {
		t.Errorf("the opening tells %+v", e)
	}
	want := []Timed{{Session: SessionID(at(1, 1)), Span: DefaultTTL}, {Session: SessionID(at(1, 2)), Span: MinTTL}}
	if got := slices.Collect(s.Sessions()); !slices.Equal(got, want) {
		t.Errorf("the clock counts %+v", got)
	}
	for one := range s.Sessions() {
		if one != want[0] {
			t.Error("the walk went on")
		}
		break
	}
}

func TestAKeepAliveTellsWhetherTheSessionLives(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	// It tells the highest token or id drawn: whatever is granted later is above it.
	if got, want := s.Alive(id[0]), (Result{Outcome: Alive, Token: at(1, 2)}); got != want {
		t.Errorf("%+v", got)
	}
	s.then(wanting(id[0], 0, 1, "a"), granted(at(1, 3)))
	s.then(Command{Session: id[1], Number: 1, Verb: Revoke, Name: "a"}, is(Released))
	if got, want := s.Alive(id[0]), (Result{Outcome: Alive, Revoked: 1, Token: at(1, 3)}); got != want {
		t.Errorf("%+v", got)
	}
	s.apply(expiring(id[0]))
	if got := s.Alive(id[0]); got != is(SessionExpired) {
		t.Errorf("%+v", got)
	}
}

func TestASessionRemembersTheLastRevocations(t *testing.T) {
	s := begin(t)
	id := s.opened(2)
	const taken = MaxRevocations + 3
	for i := range taken {
		s.apply(wanting(id[0], 0, Number(i+1), "a"))
		revoke := with(Command{Session: id[1], Number: Number(i + 1), Verb: Revoke, Name: "a"}, func(t *Terms) {
			t.Info = Info(fmt.Sprint("time ", i))
		})
		s.then(revoke, is(Released))
	}
	report := s.Report(Query{Kind: QuerySession, Session: id[0]}, 1<<20)
	if got := s.Alive(id[0]).Revoked; got != taken || len(report.Revocations) != MaxRevocations {
		t.Errorf("%d revoked, %d remembered", got, len(report.Revocations))
	}
	first, last := report.Revocations[0], report.Revocations[MaxRevocations-1]
	if first.Reason != "time 3" || last.Reason != fmt.Sprint("time ", taken-1) || last.Kind != LockRevoked {
		t.Errorf("it remembers %+v to %+v", first, last)
	}
}
