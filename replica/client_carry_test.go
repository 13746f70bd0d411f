package replica

import (
	"testing"

	"lockstep/lock"
)

const othersSession lock.SessionID = 88

// carry asks for a command of somebody else's.
func carry(id CallID, command lock.Command) Carries {
	return Carries{[]Carry{{ID: id, Command: command}}}
}

func others(verb lock.Verb, slot lock.Slot, number lock.Number, name string) lock.Command {
	return lock.Command{Session: othersSession, Verb: verb, Slot: slot, Number: number, Name: name, Wait: verb == lock.Acquire}
}

func ofOthers(from NodeID, kind AnswerKind, result lock.Result, hint NodeID, id lock.RequestID) Answered {
	return Answered{From: from, Answers: []Answer{{Request: id, Kind: kind, Result: result, Hint: hint}}}
}

func othersExecuted(from NodeID, slot lock.Slot, number lock.Number, outcome lock.Outcome) Answered {
	return ofOthers(from, Executed, lock.Result{Outcome: outcome}, "", lock.RequestID{Session: othersSession, Slot: slot, Number: number})
}

func TestWhatIsCarriedNeedsNoSessionOfOurs(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(carry(2, others(lock.Release, 3, 8, "y")), "finish 2: limit 17") // a token is missing
	s.then(othersExecuted("a", 2, 6, lock.Granted), "finish 1: granted")
	s.then(othersExecuted("a", 2, 6, lock.Granted)) // late
	s.quiet(300)                                    // and nobody keeps that session alive
}

func TestWhatIsCarriedFindsThePrimaryUnderItsNumber(t *testing.T) {
	s := tell(t, ClientConfig{})
	id := lock.RequestID{Session: othersSession, Slot: 2, Number: 6}
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(ofOthers("a", NotPrimary, lock.Result{}, "b", id), "ask b: acquire 2/6 x")
	s.then(NodeLost{"b"}, "ask a: acquire 2/6 x")
	s.then(ofOthers("a", Moved, lock.Result{}, "", id))
	s.tickUntil("ask a: acquire 2/6 x")
	s.then(othersExecuted("a", 2, 6, lock.Stale), "finish 1: stale by a repeat")
}

func TestTwoWhoCarryOneRequestShareItsAnswer(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(carry(2, others(lock.Acquire, 2, 6, "x")))
	s.then(carry(3, others(lock.Acquire, 2, 6, "x")))
	s.then(Cancel{1}, "finish 1: canceled")
	s.then(othersExecuted("a", 2, 6, lock.Granted), "finish 2: granted, 3: granted")
	s.then(carry(4, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x") // as if for the first time
	s.then(Cancel{4}, "finish 4: canceled")
	s.then(Cancel{4})
	s.then(othersExecuted("a", 2, 6, lock.Granted))
	s.quiet(300)
}

func TestACarriedWaitIsPatient(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(Carries{[]Carry{{ID: 2, Command: others(lock.Acquire, 2, 6, "x"), Patience: 8}}})
	s.quiet(7)
	s.then(othersExecuted("a", 2, 6, lock.Waiting))
	s.then(ClientTick{}, "finish 2: waiting")
	s.then(Carries{[]Carry{{ID: 3, Command: others(lock.Acquire, 2, 6, "x"), Patience: 3}}})
	s.then(ClientTick{})
	s.then(ClientTick{})
	s.then(ClientTick{}, "finish 3: waiting") // without having been asked again: it is known
	s.then(NodeLost{"a"}, "ask b: acquire 2/6 x")
	s.then(othersExecuted("b", 2, 6, lock.Granted), "finish 1: granted by a repeat")
}

// Patience is no reason to say what is not known.
func TestImpatienceWaitsForTheFirstAnswer(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(Carries{[]Carry{{ID: 1, Command: others(lock.Acquire, 2, 6, "x"), Patience: 2}}}, "ask a: acquire 2/6 x")
	s.quiet(9)
	s.then(othersExecuted("a", 2, 6, lock.Waiting), "finish 1: waiting")
	s.quiet(300)
}

func TestACarriedWaitIsAskedForAgainSlowly(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(othersExecuted("a", 2, 6, lock.Waiting))
	for _, span := range []int{40, 80, 160, 320, 640, 1200, 1200} {
		if got := s.tickUntil("ask a: acquire 2/6 x"); got < span*3/4 || got > span*5/4 {
			t.Errorf("asked again after %d ticks, not about %d", got, span)
		}
		s.then(othersExecuted("a", 2, 6, lock.Waiting))
	}
}

// The node that has the wait is frozen; somebody's keep-alive has found another.
func TestCarriedWaitsMoveWithAKeepAlive(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(othersExecuted("a", 2, 6, lock.Waiting))
	alive := lock.Command{Session: 99, Verb: lock.KeepAlive, Number: 5}
	s.then(carry(2, alive), "ask a: keep-alive 5")
	s.tickUntil("ask b: keep-alive 5")
	s.then(ofOthers("b", Executed, lock.Result{Outcome: lock.Alive}, "", alive.ID()), "finish 2: alive by a repeat", "ask b: acquire 2/6 x")
}

func TestWhatIsCarriedHasItsDeadline(t *testing.T) {
	s := tell(t, ClientConfig{})
	alive := lock.Command{Session: 99, Verb: lock.KeepAlive, Number: 5}
	s.then(Carries{[]Carry{{ID: 1, Command: alive, Deadline: 4}}}, "ask a: keep-alive 5")
	s.quiet(3)
	s.then(ClientTick{}, "finish 1: deadline")
	s.quiet(300)
}

// The client's own session is over; what it carries is not.
func TestWhatIsCarriedOutlivesOurSession(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(carry(3, others(lock.Acquire, 0, 2, "y")), "ask a: acquire 0/2 y")
	mixed := Answered{From: "a", Answers: []Answer{
		{Request: lock.RequestID{Session: othersSession, Slot: 0, Number: 2}, Kind: Moved, Hint: "b"},
		{Request: request(0, 2), Kind: Executed, Result: lock.Result{Outcome: lock.SessionExpired}},
	}}
	s.then(mixed, "finish 2: expired", "ask b: acquire 0/2 y")
	s.then(othersExecuted("b", 0, 2, lock.Granted), "finish 3: granted by a repeat")
}

// Else whoever guesses its id could end it, or take its answers.
func TestOurOwnSessionIsNotCarriedFor(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(carry(2, lock.Command{Session: testSession, Verb: lock.CloseSession}), "finish 2: expired")
}

func TestWhatIsCarriedEndsWithTheClient(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(carry(1, others(lock.Acquire, 2, 6, "x")), "ask a: acquire 2/6 x")
	s.then(carry(2, others(lock.Acquire, 3, 6, "x")), "ask a: acquire 3/6 x")
	s.then(NodeRefused{"a", "version 9"}, "ask b: acquire 2/6 x, acquire 3/6 x")
	s.then(Shut{}, "finish 1: client closed, 2: client closed", "closed")
	s.then(carry(3, others(lock.Acquire, 2, 6, "x")), "finish 3: client closed")
}

func TestWhatIsCarriedHasALimit(t *testing.T) {
	s := tell(t, ClientConfig{})
	for i := range MaxCarried {
		command := others(lock.Acquire, lock.Slot(i%lock.MaxSlots), lock.Number(1+i/lock.MaxSlots), "x")
		s.client.Step(carry(CallID(i), command))
	}
	s.then(carry(MaxCarried, others(lock.Acquire, 0, 9999, "x")), "finish 65536: busy")
	s.then(carry(MaxCarried, others(lock.Cancel, 0, 9999, "")), "ask a: cancel 0/9999")
}
