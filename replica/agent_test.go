package replica

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/lock"
)

// agentStory tells an agent what happens and checks what it does.
type agentStory struct {
	*testing.T
	agent *Agent
	now   Instant
}

// tellAgent starts with an agent whose sign of life has just been taken, so that
// requests bring about no other one before 62 ms have passed. Its last errand is 1
// and its last number 1002.
func tellAgent(t *testing.T) *agentStory {
	s := freshAgent(t, 0)
	s.keepAlive(99, "carry 1: keep-alive 1002 for 40")
	s.delivered(1, lock.Alive, "finish 99: alive")
	return s
}

func freshAgent(t *testing.T, place int) *agentStory {
	return &agentStory{t, NewAgent(AgentConfig{Session: testSession, Place: place, First: 1000}), 0}
}

func (s *agentStory) then(ev AgentEvent, want ...string) {
	s.Helper()
	if got := describeAgent(s.agent.Step(ev)); got != strings.Join(want, "; ") {
		s.Fatalf("%T%+v:\n got %s\nwant %s", ev, ev, got, strings.Join(want, "; "))
	}
}

func (s *agentStory) asks(id CallID, c lock.Command, want ...string) {
	s.Helper()
	s.then(Request{ID: id, Command: c, Now: s.now}, want...)
}

func (s *agentStory) keepAlive(id CallID, want ...string) {
	s.Helper()
	s.asks(id, lock.Command{Verb: lock.KeepAlive}, want...)
}

func (s *agentStory) delivered(id CallID, outcome lock.Outcome, want ...string) {
	s.Helper()
	s.then(Delivered{Finished: Finished{ID: id, Result: lock.Result{Outcome: outcome}}, Now: s.now}, want...)
}

func (s *agentStory) failed(id CallID, err error, want ...string) {
	s.Helper()
	s.then(Delivered{Finished: Finished{ID: id, Err: err}, Now: s.now}, want...)
}

func (s *agentStory) repeated(id CallID, outcome lock.Outcome, want ...string) {
	s.Helper()
	s.then(Delivered{Finished: Finished{ID: id, Result: lock.Result{Outcome: outcome}, Repeated: true}, Now: s.now}, want...)
}

func describeAgent(effects []AgentEffect) string {
	var words []string
	for _, effect := range effects {
		switch e := effect.(type) {
		case Drop:
			words = append(words, "drop "+list(e.IDs, func(id CallID) string { return fmt.Sprint(id) }))
		case Carries:
			words = append(words, "carry "+list(e.Carries, describeCarry))
		case Finish:
			words = append(words, "finish "+list(e.Calls, describeFinished))
		default:
			words = append(words, fmt.Sprintf("%T", e))
		}
	}
	return strings.Join(words, "; ")
}

func describeCarry(c Carry) string {
	words := fmt.Sprintf("%d: %s", c.ID, describeCommand(c.Command))
	if c.Patience > 0 {
		words += fmt.Sprintf(" with patience %d", c.Patience)
	}
	if c.Deadline > 0 {
		words += fmt.Sprintf(" for %d", c.Deadline)
	}
	return words
}

func wants(name string) lock.Command { return lock.Command{Verb: lock.Acquire, Name: name, Wait: true} }

func pair(c lock.Command, slot lock.Slot, number lock.Number) lock.Command {
	c.Slot, c.Number = slot, number
	return c
}

func TestAnAgentPassesPairsOnAsTheyAre(t *testing.T) {
	for place := range 2 { // any agent makes the same request of it
		s := freshAgent(t, place)
		s.keepAlive(99, "carry 1: keep-alive 1002 for 40")
		s.delivered(1, lock.Alive, "finish 99: alive")
		s.asks(5, pair(wants("x"), 7, 3), "carry 2: acquire 7/6 x")
		s.asks(6, pair(wants("x"), 7, 3), "carry 3: acquire 7/6 x") // to be joined by who carries it
		s.delivered(2, lock.Granted, "finish 5: granted")
		s.delivered(3, lock.Granted, "finish 6: granted")
		s.asks(7, pair(lock.Command{Verb: lock.Cancel}, 7, 3), "carry 4: cancel 7/7") // behind it, and before the next number
		s.asks(8, pair(lock.Command{Verb: lock.Release, Name: "x", Token: 9}, 7, 4), "carry 5: release 7/8 x#9")
		s.delivered(4, lock.Released, "finish 7: released")
		s.delivered(5, lock.NotHeld, "finish 8: not held")
	}
}

// Its client may be asking elsewhere by now: what was asked stays asked.
func TestAPairIsLeftAsItIsWhenItsCallerGoes(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, pair(wants("x"), 7, 3), "carry 2: acquire 7/6 x")
	s.then(Cancel{5}, "drop 2; finish 5: canceled")
	s.asks(6, pair(lock.Command{Verb: lock.Release, Name: "x", Token: 9}, 8, 1), "carry 3: release 8/2 x#9")
	s.then(Cancel{6}, "finish 6: canceled")
	s.delivered(3, lock.Released)
	if !s.agent.Idle() {
		t.Error("something is left")
	}
}

func TestASlotThatGoesOnEndsWhatWasAskedBefore(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, pair(wants("x"), 7, 3), "carry 2: acquire 7/6 x")
	s.asks(6, pair(wants("x"), 8, 3), "carry 3: acquire 8/6 x")
	s.asks(7, pair(lock.Command{Verb: lock.Cancel}, 7, 3), "carry 4: cancel 7/7")
	s.delivered(4, lock.Canceled, "drop 2; finish 7: canceled, 5: stale")
	s.delivered(2, lock.Granted) // late
	s.asks(8, pair(wants("x"), 7, 3), "carry 5: acquire 7/6 x")
	s.delivered(5, lock.Stale, "finish 8: stale")
	s.repeated(3, lock.Stale, "finish 6: stale") // it was asked for elsewhere
}

func TestPairsHaveTheirForm(t *testing.T) {
	s := tellAgent(t)
	for _, c := range []lock.Command{
		pair(wants("x"), 2048, 1), // the nodes' own
		pair(wants("x"), 0, 1<<62),
		pair(wants("x"), 1, 0),
		{Verb: lock.Cancel},
	} {
		s.asks(5, c, "finish 5: no pair")
	}
	s.then(Request{ID: 5, Command: wants("x"), Patience: 1}, "finish 5: no pair") // to ask again with which pair?
	s.asks(5, lock.Command{Verb: lock.OpenSession, Number: 3}, "finish 5: limit 5")
	s.then(Request{ID: 6, Command: pair(wants("x"), 2047, 1<<62-1), Patience: 9},
		"carry 2: acquire 2047/9223372036854775806 x with patience 9")
	s.delivered(2, lock.Waiting, "finish 6: waiting")
}

func TestAnAgentDrawsPairsOfItsOwn(t *testing.T) {
	for place, first := range map[int]lock.Slot{0: 2048, 1: 2304, 7: 3840, 8: 2048, 9: 2304} {
		s := freshAgent(t, place)
		s.keepAlive(99, "carry 1: keep-alive 1002 for 40")
		s.asks(5, wants("x"), fmt.Sprintf("carry 2: acquire %d/1004 x", first))
		s.asks(6, wants("y"), fmt.Sprintf("carry 3: acquire %d/1006 y", first+1))
		s.delivered(2, lock.Held, "finish 5: held")
		s.asks(7, wants("z"), fmt.Sprintf("carry 4: acquire %d/1008 z", first)) // it is free again
	}
}

// Nobody else knows the pair, so nobody else would undo it.
func TestADrawnRequestIsUndoneWhenItsCallerGoes(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, wants("x"), "carry 2: acquire 2048/1004 x")
	s.then(Cancel{5}, "drop 2; carry 3: cancel 2048/1005; finish 5: canceled")
	s.delivered(2, lock.Granted) // late
	s.asks(6, wants("y"), "carry 4: acquire 2049/1006 y")
	s.delivered(3, lock.Released)
	s.asks(7, lock.Command{Verb: lock.Release, Name: "x", Token: 3}, "carry 5: release 2048/1008 x#3")
	s.then(Cancel{7}, "finish 7: canceled") // and goes on
	s.delivered(5, lock.Released)
	s.delivered(4, lock.Granted, "finish 6: granted")
	s.then(Cancel{6})
	s.then(GiveBack{Name: "y", Token: 4}, "carry 6: release 2049/1010 y#4")
	s.delivered(6, lock.Released)
	if !s.agent.Idle() {
		t.Error("something is left")
	}
}

// Another agent of the place has used the slots: of a former life whose clock was
// ahead, say.
func TestADrawnNumberThatIsTooLowIsLifted(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, wants("x"), "carry 2: acquire 2048/1004 x")
	s.delivered(2, lock.Stale, "carry 3: acquire 2048/1049582 x")
	s.delivered(3, lock.Stale, "carry 4: acquire 2048/5243888 x")
	s.then(Cancel{5}, "drop 4; carry 5: cancel 2048/5243889; finish 5: canceled")
	s.delivered(5, lock.Stale)
	s.asks(6, wants("y"), "carry 6: acquire 2048/5243890 y")
	for id := CallID(6); ; id++ {
		effects := describeAgent(s.agent.Step(Delivered{Finished: Finished{ID: id, Result: lock.Result{Outcome: lock.Stale}}}))
		if effects == "finish 6: unknown" {
			break
		}
		if id > 40 || s.agent.LastNumber() > 1<<62 {
			t.Fatalf("%s: it is lifted for ever", effects)
		}
	}
	if got := s.agent.LastNumber(); got < 1<<58 {
		t.Errorf("lifted to %d only, which is not beyond every clock", got)
	}
}

// The first sending may have been executed, and its answer be forgotten.
func TestARepeatThatIsStaleIsNotAskedAnew(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, wants("x"), "carry 2: acquire 2048/1004 x")
	s.repeated(2, lock.Stale, "finish 5: unknown")
}

func TestDrawnRequestsWaitForALane(t *testing.T) {
	s := tellAgent(t)
	for i := range CallID(maxWaitLanes) {
		s.agent.Step(Request{ID: 100 + i, Command: wants("x"), Now: s.now})
	}
	s.asks(5, wants("x"))
	try := lock.Command{Verb: lock.Acquire, Name: "y"}
	s.asks(6, try, "carry 194: acquire 2240/1388 y") // what does not wait is not kept waiting
	s.then(Cancel{5}, "finish 5: canceled")
	s.asks(7, wants("z"))
	s.delivered(2, lock.Granted, "carry 195: acquire 2048/1390 z; finish 100: granted")
	for i := CallID(0); describeAgent(s.agent.Step(Request{ID: 1000 + i, Command: try, Now: s.now})) != ""; i++ {
	}
	release := lock.Command{Verb: lock.Release, Name: "x", Token: 9}
	s.asks(8, release)
	s.then(Cancel{8}, "finish 8: canceled")
	for range maxQueued - 2 {
		s.asks(9, try)
	}
	s.asks(10, try, "finish 10: busy")
	s.asks(11, release) // never too many
}

func TestASignOfLifeCountsFromItsOwnRound(t *testing.T) {
	s := freshAgent(t, 0)
	s.keepAlive(1, "carry 1: keep-alive 1002 for 40")
	s.keepAlive(2) // the node may have counted that one before this one came (T1)
	s.keepAlive(3)
	s.delivered(1, lock.Alive, "carry 2: keep-alive 1004 for 40; finish 1: alive")
	s.then(Cancel{2}, "finish 2: canceled")
	s.delivered(2, lock.Alive, "finish 3: alive")
	s.keepAlive(4, "carry 3: keep-alive 1006 for 40")
	s.then(Cancel{4}, "finish 4: canceled") // the sign was given
	s.delivered(3, lock.Alive)
	if !s.agent.Idle() {
		t.Error("something is left")
	}
}

func TestEveryRequestIsASignOfLife(t *testing.T) {
	s := freshAgent(t, 0)
	s.then(Learned{10_000})
	s.asks(1, pair(wants("x"), 0, 1), "carry 1: acquire 0/2 x, 2: keep-alive 1002 for 133")
	s.now = 624
	s.asks(2, pair(wants("x"), 1, 1), "carry 3: acquire 1/2 x") // often enough
	s.now = 625
	s.asks(3, pair(wants("x"), 2, 1), "carry 4: acquire 2/2 x") // a round is under way
	s.delivered(2, lock.Alive, "carry 5: keep-alive 1004 for 133")
	s.delivered(5, lock.Alive)
	s.now = 99_000
	s.delivered(1, lock.Granted, "finish 1: granted") // its client may be dead by now
}

// A sign of life is not passed on for ever: its client may have died since.
func TestASignOfLifeGrowsOld(t *testing.T) {
	s := freshAgent(t, 0)
	s.asks(1, pair(wants("x"), 0, 1), "carry 1: acquire 0/2 x, 2: keep-alive 1002 for 40")
	s.failed(2, ErrDeadline)
	s.keepAlive(2, "carry 3: keep-alive 1004 for 40")
	s.keepAlive(3)
	s.failed(3, ErrDeadline, "carry 4: keep-alive 1006 for 40") // somebody waits
	s.delivered(4, lock.Alive, "finish 2: alive, 3: alive")
	s.keepAlive(4, "carry 5: keep-alive 1008 for 40")
	s.failed(5, ErrClosed, "finish 4: client closed")
}

func TestASessionThatIsOverStaysSo(t *testing.T) {
	begin := func(t *testing.T) *agentStory {
		s := tellAgent(t)
		s.asks(5, pair(wants("x"), 0, 1), "carry 2: acquire 0/2 x")
		s.asks(6, wants("y"), "carry 3: acquire 2048/1004 y")
		s.keepAlive(7, "carry 4: keep-alive 1006 for 40")
		s.keepAlive(8)
		s.asks(9, lock.Command{Verb: lock.CloseSession}, "carry 5: close 77")
		return s
	}
	after := func(s *agentStory) {
		s.asks(10, wants("x"), "finish 10: expired")
		s.keepAlive(11, "finish 11: expired")
		s.asks(12, lock.Command{Verb: lock.CloseSession}, "finish 12: closed")
		if !s.agent.Idle() || !s.agent.Over() {
			s.Error("something is left")
		}
	}
	t.Run("told by a request", func(t *testing.T) {
		s := begin(t)
		s.delivered(3, lock.SessionExpired, "drop 2, 5, 4; finish 6: expired, 5: expired, 9: closed, 7: expired, 8: expired")
		after(s)
	})
	t.Run("told by a sign of life", func(t *testing.T) {
		s := begin(t)
		s.delivered(4, lock.SessionExpired, "drop 2, 3, 5; finish 7: expired, 5: expired, 6: expired, 9: closed, 8: expired")
		after(s)
	})
	t.Run("closed", func(t *testing.T) {
		s := begin(t)
		s.delivered(5, lock.Closed, "drop 2, 3, 4; finish 9: closed, 5: expired, 6: expired, 7: expired, 8: expired")
		after(s)
	})
}

func TestWhatIsNotCarriedIsTold(t *testing.T) {
	s := tellAgent(t)
	s.asks(5, pair(wants("x"), 0, 1), "carry 2: acquire 0/2 x")
	s.failed(2, &LimitError{lock.LimitName}, "finish 5: limit 1")
	s.asks(6, wants("x"), "carry 3: acquire 2048/1004 x")
	s.failed(3, ErrBusy, "finish 6: busy")
	s.asks(7, wants("x"), "carry 4: acquire 2048/1006 x")
	s.delivered(4, lock.Alive, "finish 7: bad answer")
	s.asks(8, wants("x"), "carry 5: acquire 2048/1008 x")
	s.then(Delivered{Finished: Finished{ID: 5, Result: lock.Result{Outcome: lock.LimitReached, Limit: lock.LimitLocks}}}, "finish 8: limit 4")
}
