package replica

import (
	"testing"

	"lockstep/lock"
)

// waits starts an Acquire that has to wait, call 2 in slot 0.
func (s *story) waits(terms *lock.Terms) {
	s.Helper()
	call := acquireCall(2, "y")
	call.Terms = terms
	s.then(call, "ask a: acquire 0/2 y")
	s.then(executed("a", 0, 2, lock.Waiting))
}

func TestAnAcquireWaitsForItsTurn(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.then(executed("a", 0, 2, lock.Waiting))
	s.then(granted("a", 0, 2, 501), "finish 2: granted")
	s.then(granted("a", 0, 2, 501))
}

func TestAWaitIsAskedForAgainSlowly(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	for _, span := range []int{40, 80, 160, 320, 640, 1200, 1200, 1200} {
		if got := s.tickUntil("ask a: acquire 0/2 y"); got < span*3/4 || got > span*5/4 {
			t.Errorf("asked again after %d ticks, not about %d", got, span)
		}
		s.then(executed("a", 0, 2, lock.Waiting))
		s.then(executed("a", 0, 2, lock.Waiting)) // no longer for that
	}
	s.tickUntil("ask a: acquire 0/2 y")
	if got := s.tickUntil("ask b: acquire 0/2 y"); got != 10 {
		t.Errorf("a silent node was replaced after %d ticks, not 10", got)
	}
	s.then(executed("b", 0, 2, lock.Waiting))
	s.tickUntil("ask b: acquire 0/2 y") // it is the primary now
}

func TestAWaitMovesAtOnceWithItsNode(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.then(NodeLost{"b"})
	s.then(NodeLost{"a"}, "ask b: acquire 0/2 y")
	s.then(executed("b", 0, 2, lock.Waiting))
	s.then(refused("a", Moved, "b", 0, 2)) // it is asked elsewhere
	s.then(refused("b", Moved, "a", 0, 2), "ask a: acquire 0/2 y")
}

// The node is frozen: its connections stand, but another has taken over.
func TestWaitsMoveWithTheKeepAlive(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.aliveAfter(4333, 1, 0)
	s.then(at(7666), "ask a: keep-alive 2")
	for range 9 {
		s.then(at(7666))
	}
	s.then(at(7666), "ask b: keep-alive 2")
	s.then(alive("b", 2), "believes until 17273", "ask b: acquire 0/2 y")
	s.then(executed("b", 0, 2, lock.Waiting))
	s.then(at(10_999), "ask b: keep-alive 3")
	s.then(alive("b", 3), "believes until 20606")
}

// The backup had passed the Acquire on; it may freeze unnoticed too.
func TestAWaitMovesFromTheBackupWithTheNextKeepAlive(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(executed("b", 0, 2, lock.Waiting))
	s.then(at(4333), "ask b: keep-alive 1")
	refusal := Answer{Request: keepAliveID(1), Kind: NotPrimary, Hint: "a"}
	s.then(Answered{From: "b", Answers: []Answer{refusal}}, "ask a: keep-alive 1")
	s.then(alive("a", 1), "believes until 13940", "ask a: acquire 0/2 y")
}

func TestAWaitThatEndsWithTheMoveIsNotRepeated(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.then(at(4333), "ask a: keep-alive 1")
	frame := alive("b", 1)
	frame.Answers = append(frame.Answers, granted("b", 0, 2, 501).Answers...)
	s.then(frame, "believes until 13940", "finish 2: granted")
}

func TestAWaitOfAnUnknownNodeIsAskedForAgain(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(executed("nobody", 0, 2, lock.Waiting))
	s.tickUntil("ask a: acquire 0/2 y")
}

func TestOnlyWhoAskedToWaitCanBeToldSo(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(Call{ID: 2, Verb: lock.Acquire, Name: "y"}, "ask a: acquire 0/2 y")
	s.then(executed("a", 0, 2, lock.Waiting), "finish 2: bad answer")
	s.then(releaseCall(3, 500), "ask a: release 0/3 x#500")
	s.then(executed("a", 0, 3, lock.Waiting), "finish 3: bad answer")
}

func TestADeadlockIsAResult(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(executed("a", 0, 2, lock.Deadlock), "finish 2: deadlock")
}

// S6: neither a grant nor a wait is left behind.
func TestAnAcquireThatIsGivenUpIsUndone(t *testing.T) {
	for name, giveUp := range map[string]func(*story){
		"canceled": func(s *story) { s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3") },
		"deadline": func(s *story) {
			s.then(at(2000))
			s.then(at(2000), "finish 2: deadline", "ask a: cancel 0/3")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tellHolding(t, ClientConfig{})
			call := acquireCall(2, "y")
			call.Deadline = 2
			s.then(call, "ask a: acquire 0/2 y")
			giveUp(s)
			s.then(granted("a", 0, 2, 501)) // of what is being undone
			s.then(refused("a", NotPrimary, "b", 0, 3), "ask b: cancel 0/3")
			s.then(NodeLost{"b"}, "ask a: cancel 0/3")
			s.then(NodeReached{"b"}, "ask b: members")
			s.tickUntil("ask b: cancel 0/3")
			s.then(acquireCall(3, "z"), "ask a: acquire 1/1 z") // the slot is not free yet
			s.then(executed("b", 0, 3, lock.Released), "ask b: members")
			s.then(acquireCall(4, "y"), "ask b: acquire 0/4 y")
		})
	}
}

func TestAWaitThatIsGivenUpIsUndone(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(executed("a", 0, 3, lock.Canceled))
	s.quiet(100)
}

func TestAReleaseThatIsGivenUpGoesOn(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	release := releaseCall(2, 500)
	release.Deadline = 1
	s.then(release, "ask a: release 0/2 x#500")
	s.then(at(2000), "finish 2: deadline")
	s.tickUntil("ask b: release 0/2 x#500")
	s.then(executed("b", 0, 2, lock.Released))
	s.quiet(100)
}

func TestAReleaseThatIsGivenUpBeforeItWasSentIsSent(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	for i := range lock.MaxSlots {
		s.client.Step(lockCall(CallID(100+i), 0, "x"))
	}
	for i := range MaxWaiting {
		s.client.Step(lockCall(CallID(10_000+i), 0, "x"))
	}
	s.then(lockCall(2, 0, "x"), "finish 2: busy")
	s.then(releaseCall(3, 500)) // never too many
	s.then(Cancel{3}, "finish 3: canceled")
	s.then(Cancel{3})
	for i := range MaxWaiting {
		s.client.Step(Cancel{CallID(10_000 + i)})
	}
	s.then(executed("a", 7, 1, lock.Held), "finish 107: held", "ask a: release 7/2 x#500")
	s.then(executed("a", 7, 2, lock.Released))
	s.then(lockCall(4, 0, "x"), "ask a: lock 7/3 x")
}

func TestAReleaseThatWaitsEndsWithItsSession(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	for i := range lock.MaxSlots {
		s.client.Step(lockCall(CallID(100+i), 0, "x"))
	}
	s.then(acquireCall(2, "y"))
	s.then(releaseCall(3, 500))
	s.then(releaseCall(4, 501))
	s.then(Cancel{4}, "finish 4: canceled")
	effects := s.client.Step(executed("a", 7, 1, lock.SessionExpired))
	calls := effects[0].(Finish).Calls
	if last := calls[len(calls)-1]; len(calls) != lock.MaxSlots+1 || last.ID != 3 || last.Err != ErrSessionExpired {
		t.Errorf("%d calls ended, the last with %+v", len(calls), last)
	}
	s.then(s.opened("a"), "believes until 10607", "ask a: acquire 0/1 y")
}

func TestARevokeThatIsGivenUpIsNotSentAgain(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(Call{ID: 2, Verb: lock.Revoke, Name: "y"}, "ask a: revoke 0/2 y")
	s.then(Cancel{2}, "finish 2: canceled")
	s.quiet(100)
	s.then(acquireCall(3, "y"), "ask a: acquire 0/3 y")
}

func TestOwnedCallsAreNotForClerks(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	call := acquireCall(2, "y")
	call.Clerk = 5
	s.then(call, "ask a: acquire 0/2 y")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(lockCall(3, 5, "z"), "ask a: lock 1/1 z")
	s.then(Call{ID: 4, Verb: lock.Cancel}, "finish 4: limit 5")
}

func TestShutEndsReleasesThatNobodyWaitsForQuietly(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	for i := range lock.MaxSlots {
		s.client.Step(lockCall(CallID(100+i), 0, "x"))
	}
	s.then(releaseCall(3, 500))
	s.then(Cancel{3}, "finish 3: canceled")
	s.then(acquireCall(4, "y"))
	effects := s.client.Step(Shut{})
	if calls := effects[0].(Finish).Calls; len(calls) != lock.MaxSlots+1 {
		t.Errorf("%d calls ended", len(calls))
	}
}
