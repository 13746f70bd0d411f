package lock

import (
	"strings"
	"testing"
	"unsafe"
)

// script applies commands to a table, one entry after the other.
type script struct {
	*testing.T
	*Table
	view View
}

func begin(t *testing.T) *script { return &script{t, NewTable(), 1} }

func (s *script) apply(c Command) Result {
	return s.Apply(Entry{View: s.view, Index: s.Index() + 1, Command: c})
}

// then applies a command and demands its result.
func (s *script) then(c Command, want Result) {
	s.Helper()
	if got := s.apply(c); got != want {
		s.Fatalf("entry %d, %+v:\n got %+v\nwant %+v", s.Index(), c, got, want)
	}
}

func (s *script) open(nonce Number) SessionID {
	s.Helper()
	r := s.apply(opening(nonce))
	if r.Outcome != Opened || r.Session == 0 {
		s.Fatalf("opening %d: %+v", nonce, r)
	}
	return r.Session
}

func opening(nonce Number) Command { return Command{Verb: OpenSession, Number: nonce} }
func ending(id SessionID) Command  { return Command{Verb: CloseSession, Session: id} }

func locking(id SessionID, slot Slot, n Number, name string) Command {
	return Command{Session: id, Slot: slot, Number: n, Verb: Lock, Name: name}
}

func unlocking(id SessionID, slot Slot, n Number, name string) Command {
	return Command{Session: id, Slot: slot, Number: n, Verb: Unlock, Name: name}
}

func is(o Outcome) Result         { return Result{Outcome: o} }
func granted(token Token) Result  { return Result{Outcome: Granted, Token: token} }
func at(view View, n Token) Token { return Token(view)<<tokenCountBits | n }

func TestALockHasOneHolder(t *testing.T) { // S1
	s := begin(t)
	id := s.open(9)
	s.then(locking(id, 0, 1, "a"), granted(at(1, 2)))
	s.then(locking(id, 0, 2, "a"), is(Held))
	s.then(locking(id, 1, 1, "b"), granted(at(1, 3)))
	s.then(unlocking(id, 0, 3, "a"), is(Released))
	s.then(unlocking(id, 0, 4, "a"), is(NotHeld))
	s.then(unlocking(id, 0, 5, "never locked"), is(NotHeld))
	s.then(locking(id, 0, 6, "a"), granted(at(1, 4)))
}

func TestAnyoneUnlocks(t *testing.T) {
	s := begin(t)
	one, two := s.open(1), s.open(2)
	s.then(locking(one, 0, 1, "a"), granted(at(1, 3)))
	s.then(unlocking(two, 0, 1, "a"), is(Released))
	s.then(locking(two, 0, 2, "a"), granted(at(1, 4)))
}

func TestClosingASessionFreesNothing(t *testing.T) {
	s := begin(t)
	one, two := s.open(1), s.open(2)
	s.then(locking(one, 0, 1, "a"), granted(at(1, 3)))
	s.then(ending(one), is(Closed))
	s.then(locking(two, 0, 1, "a"), is(Held))
	s.then(unlocking(two, 0, 2, "a"), is(Released))
}

func TestTheSameNumberGetsTheSameAnswer(t *testing.T) { // S4
	for name, tc := range map[string]struct {
		held    bool
		command Command
		meddle  Command // by another session, before the repeat
	}{
		"granted":  {false, Command{Verb: Lock}, Command{Verb: Unlock}},
		"held":     {true, Command{Verb: Lock}, Command{Verb: Unlock}},
		"released": {true, Command{Verb: Unlock}, Command{Verb: Lock}},
		"not held": {false, Command{Verb: Unlock}, Command{Verb: Lock}},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			mine, other := s.open(1), s.open(2)
			if tc.held {
				s.apply(locking(other, 0, 1, "x"))
			}
			c := locking(mine, 3, 7, "x")
			c.Verb = tc.command.Verb
			first := s.apply(c)
			meddle := locking(other, 0, 2, "x")
			meddle.Verb = tc.meddle.Verb
			s.apply(meddle)
			digest := s.Digest()
			s.then(c, first)
			if s.Digest() != digest {
				t.Error("the repeat changed something")
			}
		})
	}
}

func TestARefusalByALimitIsRemembered(t *testing.T) { // S4, S5
	s := begin(t)
	s.limits.locks = 1
	id := s.open(1)
	s.then(locking(id, 0, 1, "a"), granted(at(1, 2)))
	full := Result{Outcome: LimitReached, Limit: LimitLocks}
	s.then(locking(id, 1, 1, "b"), full)
	s.then(locking(id, 2, 1, "a"), is(Held)) // a held lock needs no room
	s.then(unlocking(id, 0, 2, "a"), is(Released))
	s.then(locking(id, 1, 1, "b"), full) // the repeat, though there is room now
	s.then(locking(id, 1, 2, "b"), granted(at(1, 3)))
}

func TestTooManySessions(t *testing.T) { // S5
	s := begin(t)
	s.limits.sessions = 2
	one, two := s.open(1), s.open(2)
	digest := s.Digest()
	s.then(opening(3), Result{Outcome: LimitReached, Limit: LimitSessions})
	if s.Digest() != digest {
		t.Error("the refused opening changed something")
	}
	s.then(opening(2), Result{Outcome: Opened, Session: two}) // a repeat needs no room
	s.then(ending(one), is(Closed))
	if id := s.open(3); id != two+1 {
		t.Errorf("the refused opening drew an id: %d after %d", id, two)
	}
}

func TestALowerNumberIsStaleAndAHigherOneIsExecuted(t *testing.T) { // S4
	s := begin(t)
	id := s.open(1)
	s.then(locking(id, 0, 5, "a"), granted(at(1, 2))) // numbers may be left out
	s.then(unlocking(id, 0, 4, "a"), is(Stale))
	s.then(locking(id, 0, 6, "a"), is(Held))
	s.then(locking(id, 0, 5, "a"), is(Stale))
	s.then(unlocking(id, 1, 1, "a"), is(Released)) // slots count on their own
}

func TestARepeatedOpeningGetsItsSession(t *testing.T) { // S4
	s := begin(t)
	id := s.open(42)
	s.view = 2
	s.then(opening(42), Result{Outcome: Opened, Session: id})
	s.then(ending(id), is(Closed))
	if again := s.open(42); again <= id {
		t.Errorf("a late repeat after the closing got session %d again", again)
	}
}

func TestClosingDropsTheSlots(t *testing.T) { // S5
	s := begin(t)
	id := s.open(1)
	s.then(locking(id, 0, 1, "a"), granted(at(1, 2)))
	s.then(ending(id), is(Closed))
	s.then(locking(id, 0, 1, "a"), is(SessionExpired))
	s.then(locking(id, 0, 2, "b"), is(SessionExpired))
	s.then(ending(id), is(Closed))
	s.then(ending(12345), is(Closed))
	if locks, sessions := s.Size(); locks != 1 || sessions != 0 {
		t.Errorf("%d locks and %d sessions are left, not 1 and 0", locks, sessions)
	}
}

func TestTokensRiseOverViews(t *testing.T) { // S3
	s := begin(t)
	s.view = 3
	id := s.open(1)
	s.then(locking(id, 0, 1, "a"), granted(at(3, 2)))
	s.then(locking(id, 0, 2, "b"), granted(at(3, 3)))
	s.view = 5
	s.then(locking(id, 0, 3, "c"), granted(at(5, 1)))
	if two := s.open(2); Token(two) != at(5, 2) {
		t.Errorf("session %d was not drawn after the token", two)
	}
}

// A new primary finishes the entries of the view before it under their own view
// and only then numbers its own, so the tokens of the old view stay below.
func TestAnEntryOfAnOlderViewIsFinishedFirst(t *testing.T) { // S3
	primary, survivor := begin(t), begin(t)
	for _, s := range []*script{primary, survivor} {
		s.then(opening(1), Result{Outcome: Opened, Session: SessionID(at(1, 1))})
	}
	id := SessionID(at(1, 1))
	primary.then(locking(id, 0, 1, "pending"), granted(at(1, 2)))
	survivor.then(locking(id, 0, 1, "pending"), granted(at(1, 2)))
	survivor.view = 3
	survivor.then(locking(id, 1, 1, "new"), granted(at(3, 1)))
	survivor.then(locking(id, 0, 1, "pending"), granted(at(1, 2)))
}

func TestBrokenInvariantsPanic(t *testing.T) {
	panics := func(name string, e Entry) {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.view = 7
			s.open(1)
			defer func() {
				if recover() == nil {
					t.Error("the table went on")
				}
			}()
			s.Apply(e)
		})
	}
	panics("an entry left out", Entry{View: 7, Index: 3, Command: opening(2)})
	panics("an entry twice", Entry{View: 7, Index: 1, Command: opening(1)})
	panics("no verb", Entry{View: 7, Index: 2})
	panics("a later version's verb", Entry{View: 7, Index: 2, Command: Command{Verb: 99}})
	panics("a falling view", Entry{View: 6, Index: 2, Command: opening(2)})
}

func TestANameIsCopiedOutOfItsFrame(t *testing.T) {
	s := begin(t)
	frame := strings.Repeat("x", 64<<10)
	s.apply(locking(s.open(1), 0, 1, frame[100:103]))
	for name := range s.locks {
		if within(name, frame) {
			t.Error("a name of 3 bytes keeps a frame of 64 KiB alive")
		}
	}
}

// within reports whether a string is a piece of another.
func within(piece, whole string) bool {
	begin := uintptr(unsafe.Pointer(unsafe.StringData(whole)))
	at := uintptr(unsafe.Pointer(unsafe.StringData(piece)))
	return at >= begin && at < begin+uintptr(len(whole))
}

func TestNoTwoRequestsShareAnID(t *testing.T) {
	commands := []Command{
		opening(1), opening(2), ending(1), ending(2),
		locking(1, 0, 1, "a"), locking(1, 0, 2, "a"), locking(1, 1, 1, "a"), locking(2, 0, 1, "a"),
		{Verb: KeepAlive, Session: 1, Number: 1}, {Verb: KeepAlive, Session: 1, Number: 2},
		{Verb: Expire, Session: 1, Number: 1}, {Verb: Expire, Session: 2, Number: 1},
	}
	seen := map[RequestID]Command{}
	for _, c := range commands {
		if other, taken := seen[c.ID()]; taken {
			t.Errorf("%+v and %+v share an id", c, other)
		}
		seen[c.ID()] = c
	}
}
