package replica

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
)

// story drives a client by hand and compares what it does with what the test
// says, in words.
type story struct {
	*testing.T
	client *Client
}

const testSession = lock.SessionID(77)

func tell(t *testing.T, cfg ClientConfig) *story {
	if cfg.Nodes == nil {
		cfg.Nodes = []NodeID{"a", "b"}
	}
	return &story{t, NewClient(cfg)}
}

// tellOpened starts after the first call has opened a session: call 1 of no
// clerk has been answered in slot 0, whose number is 1.
func tellOpened(t *testing.T, cfg ClientConfig) *story {
	s := tell(t, cfg)
	s.client.Step(lockCall(1, 0, "first"))
	s.then(s.opened("a"), "believes until 9607", "ask a: lock 0/1 first")
	s.then(executed("a", 0, 1, lock.Held), "finish 1: held")
	return s
}

func (s *story) then(ev ClientEvent, want ...string) {
	s.Helper()
	got := describe(s.client.Step(ev))
	if got != strings.Join(want, "; ") {
		s.Fatalf("%T%+v:\n got %s\nwant %s", ev, ev, got, strings.Join(want, "; "))
	}
}

// tickUntil ticks until the client does something, and returns after how many
// ticks that was.
func (s *story) tickUntil(want ...string) int {
	s.Helper()
	for ticks := 1; ticks < 2000; ticks++ {
		if effects := s.client.Step(ClientTick{}); len(effects) > 0 {
			if got := describe(effects); got != strings.Join(want, "; ") {
				s.Fatalf("after %d ticks:\n got %s\nwant %s", ticks, got, strings.Join(want, "; "))
			}
			return ticks
		}
	}
	s.Fatal("nothing happens any more")
	return 0
}

// quiet demands that nothing happens for some ticks.
func (s *story) quiet(ticks int) {
	s.Helper()
	for range ticks {
		s.then(ClientTick{})
	}
}

func (s *story) openingID() lock.RequestID {
	return lock.RequestID{Verb: lock.OpenSession, Number: s.client.session.nonce}
}

func (s *story) opened(from NodeID) Answered {
	result := lock.Result{Outcome: lock.Opened, Session: testSession}
	return Answered{From: from, Answers: []Answer{{Request: s.openingID(), Kind: Executed, Result: result}}}
}

func lockCall(id CallID, clerk ClerkID, name string) Call {
	return Call{ID: id, Clerk: clerk, Verb: lock.Lock, Name: name}
}

func request(slot lock.Slot, number lock.Number) lock.RequestID {
	return lock.RequestID{Session: testSession, Slot: slot, Number: number}
}

func executed(from NodeID, slot lock.Slot, number lock.Number, outcome lock.Outcome) Answered {
	result := lock.Result{Outcome: outcome}
	return Answered{From: from, Answers: []Answer{{Request: request(slot, number), Kind: Executed, Result: result}}}
}

func refused(from NodeID, kind AnswerKind, hint NodeID, slot lock.Slot, number lock.Number) Answered {
	return Answered{From: from, Answers: []Answer{{Request: request(slot, number), Kind: kind, Hint: hint}}}
}

func describe(effects []ClientEffect) string {
	var words []string
	for _, effect := range effects {
		words = append(words, describeEffect(effect))
	}
	return strings.Join(words, "; ")
}

func describeEffect(effect ClientEffect) string {
	switch e := effect.(type) {
	case Believes:
		return fmt.Sprintf("believes until %d", e.Until)
	case Finish:
		return "finish " + list(e.Calls, describeFinished)
	case LeaseLost:
		return strings.TrimSpace(fmt.Sprintf("lost %d: %s %s", e.Token, errorWords(e.Cause), e.Reason))
	case Lost:
		return "lost all: " + errorWords(e.Cause)
	case NoPrimary:
		return fmt.Sprintf("no primary until %d", e.Until)
	case Progress:
		return fmt.Sprintf("progress of %d: %s", e.ID, e.Text)
	case Know:
		return "know " + list(e.Nodes, func(id NodeID) string { return string(id) })
	case AskMembers:
		return fmt.Sprintf("ask %s: members", e.To)
	case Pass:
		return fmt.Sprintf("pass %s: %s", e.To, list(e.Orders, describeOrder))
	case Ask:
		return fmt.Sprintf("ask %s: %s", e.To, list(e.Commands, describeCommand))
	case Look:
		return fmt.Sprintf("look %s: %s", e.To, list(e.Inquiries, describeInquiry))
	case Closed:
		return "closed"
	default:
		return fmt.Sprintf("%T", e)
	}
}

func list[T any](items []T, describe func(T) string) string {
	var words []string
	for _, item := range items {
		words = append(words, describe(item))
	}
	return strings.Join(words, ", ")
}

var verbs = map[lock.Verb]string{
	lock.Lock: "lock", lock.Unlock: "unlock", lock.Acquire: "acquire", lock.Release: "release",
	lock.Cancel: "cancel", lock.Revoke: "revoke",
}

func describeCommand(c lock.Command) string {
	switch c.Verb {
	case lock.OpenSession:
		return "open"
	case lock.CloseSession:
		return fmt.Sprintf("close %d", c.Session)
	case lock.KeepAlive:
		return fmt.Sprintf("keep-alive %d", c.Number)
	}
	words := fmt.Sprintf("%s %d/%d", verbs[c.Verb], c.Slot, c.Number)
	if c.Name != "" {
		words += " " + c.Name
	}
	if c.Token != 0 {
		words += fmt.Sprintf("#%d", c.Token)
	}
	return words
}

func describeInquiry(i Inquiry) string {
	kinds := map[lock.QueryKind]string{
		lock.QueryLock: "lock", lock.QuerySession: "session", lock.QueryEvents: "events", lock.QueryToken: "token",
	}
	words := fmt.Sprintf("%d %s", i.ID, kinds[i.Query.Kind])
	if i.Query.After != "" {
		words += " behind " + i.Query.After
	}
	return words
}

func describeOrder(g GivenOrder) string {
	kinds := map[OrderKind]string{AddMember: "add", RemoveMember: "remove", SwitchOver: "switch", Bootstrap: "bootstrap"}
	return strings.TrimSpace(kinds[g.Order.Kind] + " " + g.Order.Name)
}

var outcomes = map[lock.Outcome]string{
	lock.Granted: "granted", lock.Held: "held", lock.Released: "released", lock.NotHeld: "not held",
	lock.Deadlock: "deadlock", lock.Waiting: "waiting", lock.Canceled: "canceled", lock.Stale: "stale",
	lock.Opened: "opened", lock.Closed: "closed", lock.Alive: "alive", lock.SessionExpired: "no session",
}

func describeFinished(f Finished) string {
	words := fmt.Sprintf("%d: %s", f.ID, outcomes[f.Result.Outcome])
	switch {
	case f.Err != nil:
		return fmt.Sprintf("%d: %s", f.ID, errorWords(f.Err))
	case f.Report != nil:
		return fmt.Sprintf("%d: report of %d", f.ID, f.Report.Index)
	case f.Order != nil:
		return fmt.Sprintf("%d: outcome %d: %s", f.ID, f.Order.Outcome, f.Order.Text)
	case f.Until != 0:
		return fmt.Sprintf("%s until %d", words, f.Until)
	case f.Repeated:
		return words + " by a repeat"
	default:
		return words
	}
}

func errorWords(err error) string {
	var limit *LimitError
	if errors.As(err, &limit) {
		return fmt.Sprintf("limit %d", limit.Limit)
	}
	words := map[error]string{
		ErrSessionExpired: "expired", ErrDeadline: "deadline", ErrCanceled: "canceled",
		ErrClosed: "client closed", ErrBusy: "busy", ErrBadAnswer: "bad answer",
		ErrPair: "no pair", ErrStale: "stale", ErrUnknown: "unknown",
		ErrLost: "lost", ErrExpired: "overheld", ErrRevoked: "revoked", ErrReleased: "given back",
	}
	if w, ok := words[err]; ok {
		return w
	}
	return err.Error()
}

func TestCallsWaitWhileTheSessionOpens(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(Call{ID: 2, Verb: lock.Unlock, Name: "y"})
	s.then(lockCall(3, 0, "z"))
	s.then(s.opened("a"), "believes until 9607", "ask a: lock 0/1 x, unlock 1/1 y, lock 2/1 z")
	s.then(executed("a", 1, 1, lock.NotHeld), "finish 2: not held")
	s.then(lockCall(4, 0, "w"), "ask a: lock 1/2 w")
}

func TestAnOpeningIsRepeatedWithItsNonce(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	nonce := s.client.session.nonce
	if got := s.tickUntil("ask b: open"); got != 10 {
		t.Errorf("repeated after %d ticks, not 10", got)
	}
	if s.client.session.nonce != nonce {
		t.Error("the repeat has another nonce: it would open a second session")
	}
	opened := s.opened("b")
	s.then(opened, "believes until 9607", "ask b: lock 0/1 x")
	s.then(opened) // a late repeat
	if s.client.session.nonce == nonce {
		t.Error("the nonce would be used for a second session")
	}
}

func TestAnOpeningThatNobodyWaitsForIsNotRepeated(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(Cancel{1}, "finish 1: canceled")
	s.quiet(200)
	s.then(lockCall(2, 0, "x"), "ask a: open")
}

func TestARefusedOpeningFailsTheCalls(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	full := lock.Result{Outcome: lock.LimitReached, Limit: lock.LimitSessions}
	s.then(Answered{From: "a", Answers: []Answer{{Request: s.openingID(), Kind: Executed, Result: full}}}, "finish 1: limit 3")
	s.then(lockCall(2, 0, "x"), "ask a: open")
}

func TestARepeatKeepsItsNumberAndAlternates(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.tickUntil("ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.then(executed("a", 0, 2, lock.Granted), "finish 2: granted")
	s.then(executed("b", 0, 2, lock.Granted)) // the repeat's answer
	s.quiet(200)
}

func TestBackOffGrowsAndIsCapped(t *testing.T) {
	s := tellOpened(t, ClientConfig{Seed: 5})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	between := func(lo, hi int, node string) {
		t.Helper()
		if got := s.tickUntil("ask " + node + ": lock 0/2 x"); got < lo || got > hi {
			t.Errorf("re-sent after %d ticks, not %d to %d", got, lo, hi)
		}
	}
	between(10, 10, "b")
	between(15, 25, "a")
	for range 20 {
		between(24, 40, "b")
		between(24, 40, "a")
	}
}

func TestBackOffTable(t *testing.T) {
	for _, tc := range []struct {
		first, most int
		want        []int
	}{
		{10, 40, []int{10, 20, 32, 32}},
		{10, 1000, []int{10, 20, 40, 80, 160, 320, 640, 800, 800}},
		{120, 120, []int{96, 96}},
		{1, 1, []int{1, 1}},
	} {
		for rounds, want := range tc.want {
			if got := backOff(ClientConfig{FirstAttempt: tc.first, MaxAttempt: tc.most}, uint8(rounds)); got != want {
				t.Errorf("backOff(%d, %d) in round %d = %d, want %d", tc.first, tc.most, rounds, got, want)
			}
		}
	}
}

func TestAHintIsFollowedAtOnceButOncePerNodeAndRound(t *testing.T) {
	for _, kind := range []AnswerKind{NotPrimary, Moved} {
		s := tellOpened(t, ClientConfig{})
		s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
		s.then(refused("a", kind, "b", 0, 2), "ask b: lock 0/2 x")
		s.then(refused("b", kind, "a", 0, 2), "ask a: lock 0/2 x")
		s.then(refused("a", kind, "b", 0, 2)) // b was tried in this round
		s.tickUntil("ask b: lock 0/2 x")
		s.then(refused("b", kind, "a", 0, 2), "ask a: lock 0/2 x") // a new round
	}
}

func TestAHintThatIsNoUseBacksOff(t *testing.T) {
	for _, hint := range []NodeID{"", "a"} {
		s := tellOpened(t, ClientConfig{})
		s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
		s.then(refused("a", NotPrimary, hint, 0, 2))
		if got := s.tickUntil("ask b: lock 0/2 x"); got < 2 || got > 4 {
			t.Errorf("hint %q: asked again after %d ticks, not 2 to 4", hint, got)
		}
	}
}

func TestALateRefusalDoesNotDisturbTheAttempt(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.then(refused("a", NotPrimary, "b", 0, 2))
	s.then(refused("a", Overloaded, "", 0, 2))
	s.then(NodeLost{"b"}, "ask a: lock 0/2 x") // b was still being asked
}

func TestOverloadedBacksOffAndStaysWithThePrimary(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", Overloaded, "", 0, 2))
	s.tickUntil("ask a: lock 0/2 x")
}

func TestLaterCallsGoWhereTheLastSucceeded(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.then(lockCall(3, 0, "y"), "ask a: lock 1/1 y")
	s.then(executed("b", 0, 2, lock.Granted), "finish 2: granted")
	s.then(lockCall(4, 0, "z"), "ask b: lock 0/3 z")
}

func TestALostNodeIsReplacedAtOnceWithoutSpinning(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(lockCall(3, 0, "y"), "ask a: lock 1/1 y")
	s.then(NodeLost{"b"}) // nothing is asked there
	s.then(NodeLost{"a"}, "ask b: lock 0/2 x, lock 1/1 y")
	s.then(executed("b", 1, 1, lock.Held), "finish 3: held")
	s.then(NodeLost{"b"}, "ask a: lock 0/2 x")
	s.then(NodeLost{"a"})
	s.then(NodeLost{"b"})
	if got := s.tickUntil("ask b: lock 0/2 x"); got < 8 || got > 12 {
		t.Errorf("asked again after %d ticks, not 8 to 12", got)
	}
	s.then(NodeLost{"elsewhere"})
}

func TestALostNodeWithoutAnOtherIsAskedAgainOnce(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(NodeLost{"a"}, "ask a: open")
	s.then(NodeLost{"a"})
	s.tickUntil("ask a: open")
}

func TestANodeThatRefusesUsIsReplaced(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(NodeRefused{"a", "version 9"}, "ask b: lock 0/2 x")
	s.then(NodeRefused{"b", "version 9"},
		"finish 2: replica: no node accepts this client; b says: version 9")
	s.then(lockCall(3, 0, "y"), "ask a: lock 0/3 y")
}

func TestWhenAllNodesRefuseAnOpeningTheCallsFail(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(NodeRefused{"a", "no"}, "finish 1: replica: no node accepts this client; a says: no")
	s.quiet(100)
	s.then(lockCall(2, 0, "x"), "ask a: open")
}

func TestADeadlineEndsACallWhereverItIs(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(Call{ID: 1, Verb: lock.Lock, Name: "x", Deadline: -1}, "finish 1: deadline")
	s.then(Call{ID: 2, Verb: lock.Lock, Name: "x", Deadline: 3}, "ask a: open")
	s.quiet(2)
	s.then(ClientTick{}, "finish 2: deadline")
	s.then(Call{ID: 3, Verb: lock.Lock, Name: "x", Deadline: 3})
	s.then(s.opened("a"), "believes until 9607", "ask a: lock 0/1 x")
	s.quiet(2)
	s.then(ClientTick{}, "finish 3: deadline")
	s.then(executed("a", 0, 1, lock.Granted))
	s.then(lockCall(4, 0, "y"), "ask a: lock 0/2 y")
}

func TestAnAbandonedCallIsFencedByItsClerksNext(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(Cancel{2})
	s.then(lockCall(3, 6, "y"), "ask a: lock 1/1 y") // slot 0 is clerk 5's
	s.then(lockCall(4, 5, "x"), "ask a: lock 0/4 x")
	s.then(executed("a", 0, 2, lock.Granted)) // of the abandoned one
	s.then(executed("a", 0, 3, lock.Canceled))
	s.then(executed("a", 0, 4, lock.Held), "finish 4: held")
	s.then(lockCall(5, 6, "z"), "ask a: lock 0/5 z")
}

func TestAnAbandonedCallIsFencedInTheBackgroundToo(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(executed("a", 0, 2, lock.Granted))
	s.then(refused("a", NotPrimary, "b", 0, 3), "ask b: cancel 0/3")
	s.tickUntil("ask a: cancel 0/3")
	s.then(executed("a", 0, 3, lock.Canceled))
	s.then(lockCall(3, 6, "y"), "ask a: lock 0/4 y")
	s.then(lockCall(4, 5, "x"), "ask a: lock 1/1 x")
}

func TestForgettingAClerkFreesItsSlot(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(Forget{5})
	s.then(Forget{5})
	s.then(lockCall(3, 6, "y"), "ask a: lock 0/4 y")
}

func TestTwoAbandonedCallsOfOneClerk(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(lockCall(3, 5, "y"), "ask a: lock 1/1 y")
	s.then(Cancel{2}, "finish 2: canceled", "ask a: cancel 0/3")
	s.then(Cancel{3}, "finish 3: canceled", "ask a: cancel 1/2")
	s.then(lockCall(4, 5, "x"), "ask a: lock 0/4 x")
	s.then(lockCall(5, 5, "y"), "ask a: lock 1/3 y")
}

func TestAnExpiredSessionEndsItsCallsAndIsNotReplacedForThem(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 5, "x"), "ask a: lock 0/2 x")
	s.then(lockCall(3, 0, "y"), "ask a: lock 1/1 y")
	s.then(lockCall(4, 6, "z"), "ask a: lock 2/1 z")
	s.then(Cancel{4}, "finish 4: canceled", "ask a: cancel 2/2")
	s.then(executed("a", 1, 1, lock.SessionExpired), "finish 2: expired, 3: expired")
	s.then(executed("a", 0, 2, lock.SessionExpired))
	s.quiet(100)
	s.then(lockCall(5, 6, "z"), "ask a: open")
	s.then(s.opened("a"), "believes until 9607", "ask a: lock 0/1 z")
}

func TestNothingIsAskedUnderASessionThatExpiredInTheSameFrame(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(lockCall(3, 0, "y"), "ask a: lock 1/1 y")
	s.then(Answered{From: "a", Answers: slices.Concat(
		refused("a", Moved, "b", 0, 2).Answers,
		executed("a", 1, 1, lock.SessionExpired).Answers,
	)},

		"finish 2: expired, 3: expired")
}

func TestRefusalsNameTheirLimit(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	full := lock.Result{Outcome: lock.LimitReached, Limit: lock.LimitLocks}
	s.then(Answered{From: "a", Answers: []Answer{{Request: request(0, 2), Kind: Executed, Result: full}}}, "finish 2: limit 4")
	s.then(lockCall(3, 0, "\x00"), "finish 3: limit 1")
	s.then(Call{ID: 4, Verb: lock.OpenSession, Name: "x"}, "finish 4: limit 5")
	s.then(lockCall(5, 0, "x"), "ask a: lock 0/3 x")
	s.then(executed("a", 0, 3, lock.Stale), "finish 5: bad answer")
	if got := (&LimitError{lock.LimitLocks}).Error(); got != lock.LimitLocks.String() {
		t.Errorf("the error reads %q", got)
	}
}

func TestCallsQueueWhenAllSlotsAreTaken(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	for i := range lock.MaxSlots {
		s.client.Step(lockCall(CallID(100+i), ClerkID(1+i), "x"))
	}
	s.then(lockCall(1, 0, "late"))
	s.then(lockCall(2, 0, "later"))
	s.then(Cancel{100 + 9}, "finish 109: canceled", "ask a: cancel 9/2") // slot 9 is bound, not free
	s.then(lockCall(3, 10, "mine"), "ask a: lock 9/3 mine")
	s.then(executed("a", 4000, 1, lock.Held), "finish 4100: held", "ask a: lock 4000/2 late")
	s.then(Cancel{2}, "finish 2: canceled")
	for i := range MaxWaiting {
		s.client.Step(lockCall(CallID(10_000+i), 0, "x"))
	}
	s.then(lockCall(4, 0, "too many"), "finish 4: busy")
}

func TestTheLowestFreeSlotIsTaken(t *testing.T) {
	var set slotSet
	for _, i := range []lock.Slot{4095, 70, 3, 64, 1} {
		set.add(i)
	}
	for _, want := range []lock.Slot{1, 3, 64, 70, 4095} {
		if got, ok := set.takeLowest(); !ok || got != want {
			t.Fatalf("took %d, want %d", got, want)
		}
	}
	if _, ok := set.takeLowest(); ok {
		t.Error("took a slot out of an empty set")
	}
}

func TestShutClosesTheSessionInOneAttempt(t *testing.T) {
	closing := lock.RequestID{Session: testSession, Verb: lock.CloseSession}
	for name, end := range map[string]ClientEvent{
		"closed":      Answered{From: "a", Answers: []Answer{{Request: closing, Kind: Executed}}},
		"not primary": Answered{From: "a", Answers: []Answer{{Request: closing, Kind: NotPrimary, Hint: "b"}}},
		"lost":        NodeLost{"a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := tellOpened(t, ClientConfig{})
			s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
			s.then(Shut{}, "finish 2: client closed", "ask a: close 77")
			s.then(Shut{})
			s.then(lockCall(3, 0, "y"), "finish 3: client closed")
			s.then(end, "closed")
			s.quiet(100)
			s.then(end)
			s.then(Shut{}, "closed")
		})
	}
}

func TestShutWaitsForOneAttemptOnly(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(Shut{}, "ask a: close 77")
	if got := s.tickUntil("closed"); got != 10 {
		t.Errorf("closed after %d ticks, not 10", got)
	}
}

func TestShutWithoutASession(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(Shut{}, "closed")
	s.quiet(100)
}

func TestShutClosesASessionThatIsBeingOpened(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(Shut{}, "finish 1: client closed")
	s.then(s.opened("a"), "ask a: close 77")
	if got := s.tickUntil("closed"); got != 10 {
		t.Errorf("closed after %d ticks, not 10", got)
	}
}

func TestAnswersToNothingAreIgnored(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(executed("a", 0, 1, lock.Held))
	s.then(executed("a", 0, 3, lock.Held))
	s.then(executed("a", 7, 1, lock.Held))
	s.then(Answered{From: "a", Answers: []Answer{{Request: lock.RequestID{Session: 78, Number: 2}, Kind: Executed}}})
	s.then(Answered{From: "a", Answers: []Answer{{Request: lock.RequestID{Session: testSession, Verb: lock.CloseSession}, Kind: Executed}}})
	s.then(refused("a", 99, "b", 0, 2)) // a kind of a later version
	s.then(Cancel{99})
	s.then(executed("nobody", 0, 2, lock.Held), "finish 2: held")
}

func TestJitterStaysWithinAQuarter(t *testing.T) {
	var random splitMix
	seen := map[int]bool{}
	for range 1000 {
		n := random.around(20)
		if n < 15 || n > 25 {
			t.Fatalf("20 became %d", n)
		}
		seen[n] = true
	}
	if len(seen) != 11 {
		t.Errorf("only %d of the 11 values came up", len(seen))
	}
}
