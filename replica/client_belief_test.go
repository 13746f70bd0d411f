package replica

import (
	"testing"

	"lockstep/lock"
)

// tellHolding starts with the lease 500, granted to call 1 in slot 0. The opening
// was sent at 1,000, so that the belief lasts until 10,607.
func tellHolding(t *testing.T, cfg ClientConfig) *story {
	cfg.Now = 1000
	s := tell(t, cfg)
	s.then(acquireCall(1, "x"), "ask a: open")
	s.then(s.opened("a"), "believes until 10607", "ask a: acquire 0/1 x")
	s.then(granted("a", 0, 1, 500), "finish 1: granted")
	return s
}

func acquireCall(id CallID, name string) Call {
	return Call{ID: id, Verb: lock.Acquire, Name: name, Wait: true}
}

func releaseCall(id CallID, token lock.Token) Call {
	return Call{ID: id, Verb: lock.Release, Name: "x", Token: token}
}

func granted(from NodeID, slot lock.Slot, number lock.Number, token lock.Token) Answered {
	result := lock.Result{Outcome: lock.Granted, Token: token}
	return Answered{From: from, Answers: []Answer{{Request: request(slot, number), Kind: Executed, Result: result}}}
}

func keepAliveID(round lock.Number) lock.RequestID {
	return lock.RequestID{Session: testSession, Number: round, Verb: lock.KeepAlive}
}

// alive acknowledges a keep-alive.
func alive(from NodeID, round lock.Number) Answered { return aliveWith(from, round, lock.Result{}) }

func aliveWith(from NodeID, round lock.Number, result lock.Result) Answered {
	result.Outcome = lock.Alive
	return Answered{From: from, Answers: []Answer{{Request: keepAliveID(round), Kind: Executed, Result: result}}}
}

func at(now Instant) ClientTick { return ClientTick{Now: now} }

func TestTheBeliefCountsFromTheSendingOfWhatIsAcknowledged(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(4332))
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(at(4400))
	s.then(alive("a", 1), "believes until 13940")
	s.then(alive("a", 1))
	s.then(at(7665))
	s.then(at(7666), "ask a: keep-alive 2")
}

func TestTheTimeOutOfASessionIsItsOwn(t *testing.T) {
	s := tell(t, ClientConfig{TTL: 60_000, Info: "host=h\n"})
	effects := s.client.Step(acquireCall(1, "x"))
	terms := effects[0].(Ask).Commands[0].Terms
	if terms.TTL != 60_000 || terms.Info != "host=h\n" {
		t.Errorf("opened with %+v", terms)
	}
	s.then(s.opened("a"), "believes until 57647", "ask a: acquire 0/1 x")
	s.then(at(19_999))
	s.then(at(20_000), "ask a: keep-alive 1")
}

// Which of a round's sendings was executed is not known, so the first counts.
func TestARoundThatIsSentAgainCountsFromItsFirstSending(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(refused("a", NotPrimary, "b", 0, 0)) // of no round
	s.then(Answered{From: "a", Answers: []Answer{{Request: keepAliveID(1), Kind: NotPrimary, Hint: "b"}}}, "ask b: keep-alive 1")
	for range 9 {
		s.then(at(5000))
	}
	s.then(at(5000), "ask a: keep-alive 1")
	s.then(NodeLost{"a"}, "ask b: keep-alive 1")
	s.then(alive("a", 1), "believes until 13940")
}

func TestAnOpeningThatIsSentAgainCountsFromItsFirstSending(t *testing.T) {
	s := tell(t, ClientConfig{Now: 1000})
	s.then(acquireCall(1, "x"), "ask a: open")
	s.then(Cancel{1}, "finish 1: canceled")
	for range 9 {
		s.then(at(3000))
	}
	s.then(acquireCall(2, "x"))
	s.then(at(3000), "ask b: open")
	s.then(Cancel{2}, "finish 2: canceled")
	s.quiet(50)
	s.then(acquireCall(3, "x"), "ask a: open")
	s.then(s.opened("a"), "believes until 10607", "ask a: acquire 0/1 x")
}

func TestOnlyAliveProlongsTheBelief(t *testing.T) {
	s := tellHolding(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(at(4333), "ask a: keep-alive 1")
	for _, kind := range []AnswerKind{NotPrimary, Moved, Overloaded} {
		s.then(Answered{From: "a", Answers: []Answer{{Request: keepAliveID(1), Kind: kind, Hint: "a"}}})
	}
	s.then(alive("a", 2)) // of no round
	s.then(alive("a", 0))
	other := alive("a", 1)
	other.Answers[0].Request.Session++
	s.then(other)
	s.then(executed("a", 0, 1, lock.Alive))
	s.then(at(10_581))
	s.then(at(10_582), "lost all: lost")
}

func TestANodeThatDoesNotKnowKeepAlivesIsNotPressed(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(Answered{From: "a", Answers: []Answer{{Request: keepAliveID(1), Kind: Executed, Result: lock.Result{Outcome: lock.Invalid}}}})
	s.then(at(7665))
	s.then(at(7666), "ask a: keep-alive 2")
}

// The tick before the end is the last chance to tell: the next may be too late.
func TestLeasesAreLostOnTheLastTickBeforeTheBeliefEnds(t *testing.T) {
	s := tellHolding(t, ClientConfig{Nodes: []NodeID{"a"}})
	nonce := s.client.session.nonce
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(lockCall(3, 7, "z"), "ask a: lock 1/1 z")
	s.client.Step(at(10_581))
	s.then(at(10_582), "finish 2: expired, 3: expired", "lost all: lost")
	s.then(alive("a", 1))
	s.then(granted("a", 0, 2, 501))
	s.quiet(100)
	s.then(acquireCall(4, "y"), "ask a: open")
	if s.client.session.nonce != nonce {
		t.Error("the next session's nonce was given up")
	}
	s.then(s.opened("a"), "believes until 20189", "ask a: acquire 0/1 y")
}

// T5: the clock ran while the process did not.
func TestAClientThatWasSuspendedLosesItsLeasesAtTheFirstTick(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(3_600_000), "lost all: lost")
}

func TestAClockThatGoesBackIsNotFollowed(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(4000))
	s.then(at(100))
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(at(100))
	s.then(alive("a", 1), "believes until 13940")
}

func TestOwnerlessCallsOutliveTheBelief(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(at(60_000), "ask a: keep-alive 1")
	s.then(executed("a", 0, 2, lock.Granted), "finish 2: granted")
	s.then(lockCall(3, 0, "x"), "ask a: lock 0/3 x")
	s.then(alive("a", 1), "believes until 69607")
}

func TestAClerksFenceOutlivesTheBelief(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(at(60_000), "ask a: keep-alive 1")
	s.then(lockCall(3, 5, "x"), "ask a: lock 0/4 x")
}

func TestASessionThatNobodyNeedsIsForgottenWithTheBelief(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(at(60_000))
	s.then(at(70_000))
	s.then(lockCall(2, 0, "x"), "ask a: open")
}

// The machine slept: the call comes before the tick that shows for how long.
func TestTheFirstCallAfterASleepOpensANewSession(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(Calls{Calls: []Call{lockCall(2, 7, "x")}, Now: 60_000}, "ask a: open")
	s.then(s.opened("a"), "believes until 69607", "ask a: lock 0/1 x")
	s.then(executed("a", 0, 1, lock.Granted), "finish 2: granted")
}

func TestTheFirstCallAfterASleepFindsTheLeasesLost(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(Calls{Calls: []Call{lockCall(2, 7, "x")}, Now: 60_000}, "lost all: lost", "ask a: open")
}

func TestACallDoesNotDisturbAnOpening(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(Calls{Calls: []Call{lockCall(2, 0, "y")}, Now: 60_000})
	s.then(s.opened("a"), "believes until 9607", "ask a: lock 0/1 x, lock 1/1 y")
}

func TestAnAcquireWaitsUntilItsGrantCouldBeHandedOut(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(at(60_000), "ask a: keep-alive 1")
	s.then(acquireCall(3, "y"))
	s.then(executed("a", 0, 2, lock.Granted), "finish 2: granted")
	s.then(at(60_000)) // it keeps the session
	s.then(alive("a", 1), "believes until 69607", "ask a: acquire 0/3 y")
}

func TestWhatNeedsNoBeliefPassesAnAcquireThatDoes(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(at(60_000), "ask a: keep-alive 1")
	s.then(acquireCall(3, "y"))
	s.then(Calls{Calls: []Call{lockCall(4, 7, "z"), acquireCall(5, "y"), {ID: 6, Verb: lock.Unlock, Name: "w"}}},
		"ask a: lock 1/1 z, unlock 2/1 w")
	s.then(alive("a", 1), "believes until 69607", "ask a: acquire 3/1 y, acquire 4/1 y")
}

func TestWhatPassesAnAcquireTakesNoMoreSlotsThanThereAre(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	for i := range lock.MaxSlots - 1 {
		s.client.Step(lockCall(CallID(100+i), 0, "x"))
	}
	s.then(at(60_000), "ask a: keep-alive 1")
	s.then(acquireCall(3, "y"))
	s.then(lockCall(4, 0, "z"), "ask a: lock 4095/1 z")
	s.then(lockCall(5, 0, "z"))
	s.then(lockCall(6, 0, "w"))
	s.then(executed("a", 7, 1, lock.Held), "finish 107: held", "ask a: lock 7/2 z")
}

func TestASessionThatWasLongInOpeningIsKeptAliveFirst(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(acquireCall(1, "x"), "ask a: open")
	s.client.Step(at(15_000))
	s.then(s.opened("a"), "believes until 9607")
	s.then(at(15_025), "ask a: keep-alive 1")
	s.then(alive("a", 1), "believes until 24632", "ask a: acquire 0/1 x")
}

func TestAGrantThatCannotBeBelievedInIsUndone(t *testing.T) {
	s := tell(t, ClientConfig{Now: 1000, Nodes: []NodeID{"a"}})
	s.then(lockCall(1, 0, "z"), "ask a: open")
	s.then(s.opened("a"), "believes until 10607", "ask a: lock 0/1 z")
	s.client.Step(at(10_581))
	s.then(acquireCall(2, "x"), "ask a: acquire 1/1 x")
	late := granted("a", 1, 1, 500)
	late.Now = 10_582 // before the tick that shows it
	s.then(late, "finish 2: expired", "ask a: cancel 1/2")
	s.then(executed("a", 1, 2, lock.Released))
	if s.client.leases.any() {
		t.Error("the lease is there all the same")
	}
}

func TestANodeCanSayThatTheSessionHasExpired(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(Answered{From: "a", Answers: []Answer{{Request: keepAliveID(1), Kind: Executed, Result: lock.Result{Outcome: lock.SessionExpired}}}},
		"finish 2: expired", "lost all: lost")
	s.then(at(20_000))
}

func TestALeaseAppearsBeforeItIsLost(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(lockCall(3, 0, "z"), "ask a: lock 1/1 z")
	s.then(at(4333), "ask a: keep-alive 1")
	frame := granted("a", 0, 2, 501)
	frame.Answers = append(frame.Answers, executed("a", 1, 1, lock.SessionExpired).Answers...)
	frame.Answers = append(alive("a", 1).Answers, frame.Answers...)
	s.then(frame, "believes until 13940", "finish 2: granted, 3: expired", "lost all: lost")
}

func TestShutGivesLeasesBackInOneCommand(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(at(4333), "ask a: keep-alive 1")
	s.then(Shut{}, "finish 2: client closed", "lost all: given back", "ask a: close 77")
	s.then(alive("a", 1))
	s.then(NodeLost{"a"}, "closed")
}
