package replica

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lockstep/lock"
)

func TestAReleasedLeaseIsNotToldLost(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(releaseCall(2, 500), "ask a: release 0/2 x#500")
	s.then(Noticed{testSession, lock.Revocation{Token: 500, Kind: lock.LockRevoked}})
	s.then(executed("a", 0, 2, lock.Released), "finish 2: released")
	s.then(at(60_000))
}

func TestALeaseThatWasGrantedTwiceIsReleasedTwice(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "x"), "ask a: acquire 0/2 x")
	s.then(granted("a", 0, 2, 500), "finish 2: granted")
	s.then(releaseCall(3, 500), "ask a: release 0/3 x#500")
	s.then(executed("a", 0, 3, lock.Released), "finish 3: released")
	s.then(Noticed{testSession, lock.Revocation{Token: 500, Kind: lock.LockRevoked}}, "lost 500: revoked")
	s.then(releaseCall(4, 500), "ask a: release 0/4 x#500")
	s.then(executed("a", 0, 4, lock.NotHeld), "finish 4: not held")
}

func TestANoticeEndsALeaseOnce(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	notice := Noticed{testSession, lock.Revocation{Token: 500, Kind: lock.LockRevoked, Reason: "maintenance"}}
	s.then(Noticed{testSession + 1, notice.Revocation})
	s.then(Noticed{testSession, lock.Revocation{Token: 501, Kind: lock.LockRevoked}})
	s.then(notice, "lost 500: revoked maintenance")
	s.then(notice)
	s.then(at(60_000)) // nothing is left to lose
}

// report answers an inquiry for the session's revocations.
func report(id InquiryID, revocations ...lock.Revocation) Looked {
	return Looked{"a", []Reported{{ID: id, Kind: Executed, Report: lock.Report{Index: 9, Revocations: revocations}}}}
}

func revoked(tokens ...lock.Token) (all []lock.Revocation) {
	for _, token := range tokens {
		all = append(all, lock.Revocation{Token: token, Kind: lock.LockRevoked, Reason: "because"})
	}
	return all
}

// aliveAfter sends the next keep-alive and acknowledges it.
func (s *story) aliveAfter(now Instant, round lock.Number, revoked uint32, also ...string) {
	s.Helper()
	s.then(at(now), fmt.Sprintf("ask a: keep-alive %d", round))
	want := append([]string{fmt.Sprintf("believes until %d", now+9607)}, also...)
	s.then(aliveWith("a", round, lock.Result{Revoked: revoked}), want...)
}

func TestALostNoticeIsMadeUpForByTheNextKeepAlive(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.aliveAfter(7666, 2, 2) // one inquiry at a time
	s.then(report(1, revoked(500)...), "lost 500: revoked because")
	s.then(report(1, revoked(500)...))
	s.aliveAfter(10_999, 3, 2, "look a: 2 session")
	s.then(report(2, revoked(500, 501)...))
	s.aliveAfter(14_332, 4, 2)
}

func TestAMaxHoldCanBeToldByANodeToo(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(Noticed{testSession, lock.Revocation{Token: 500, Kind: lock.LockOverheld}}, "lost 500: overheld")
}

// The answer got lost, the wait is asked for again, and meanwhile the grant was
// taken away.
func TestAGrantThatWasRevokedBeforeItGotHereIsLostInTheSameStep(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(nil)
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.then(report(1, revoked(501)...))
	s.then(granted("a", 0, 2, 501), "finish 2: granted", "lost 501: revoked because")
}

func TestARevokedGrantThatIsEnteredAgainIsToldLostOnce(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
	s.then(acquireCall(3, "y"), "ask a: acquire 1/1 y")
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.then(report(1, revoked(501)...))
	frame := granted("a", 0, 2, 501)
	frame.Answers = append(frame.Answers, granted("a", 1, 1, 501).Answers...)
	s.then(frame, "finish 2: granted, 3: granted", "lost 501: revoked because")
}

// tokens returns so many, from one on.
func tokens(from lock.Token, n int) (all []lock.Token) {
	for i := range n {
		all = append(all, from+lock.Token(i))
	}
	return all
}

// holds answers the census with a page of locks.
func holds(id InquiryID, more bool, cards ...lock.LockCard) Looked {
	return Looked{"a", []Reported{{ID: id, Kind: Executed, Report: lock.Report{
		Index: 9, Sessions: []lock.SessionCard{{ID: testSession}}, Locks: cards, More: more,
	}}}}
}

func held(name string, holders ...lock.Token) lock.LockCard {
	card := lock.LockCard{Name: name}
	for _, token := range holders {
		card.Holders = append(card.Holders, lock.HolderCard{Session: testSession, Token: token})
	}
	return card
}

// tellHoldingMany starts with the leases 500 of x, 501 of y and 502 of z.
func tellHoldingMany(t *testing.T) *story {
	s := tellHolding(t, ClientConfig{})
	for i, name := range []string{"y", "z"} {
		s.client.Step(acquireCall(CallID(2+i), name))
		s.then(granted("a", 0, lock.Number(2+i), lock.Token(501+i)), fmt.Sprintf("finish %d: granted", 2+i))
	}
	return s
}

func TestAsManyRevocationsAsTheNodesRememberAreNotMissed(t *testing.T) {
	s := tellHoldingMany(t)
	all := tokens(1000, lock.MaxRevocations+1)
	s.aliveAfter(4333, 1, 2, "look a: 1 session")
	s.then(report(1, revoked(all[:2]...)...))
	s.aliveAfter(7666, 2, 65, "look a: 2 session")
	s.then(report(2, revoked(all[1:]...)...)) // the last known one is there
	s.aliveAfter(10_999, 3, 65)
}

// 64 from nothing may be all, or the last of more: who cannot tell asks what is
// held, and loses nothing else.
func TestWhoMayHaveMissedARevocationLosesWhatIsNotHeldAnyMore(t *testing.T) {
	s := tellHoldingMany(t)
	s.aliveAfter(4333, 1, 64, "look a: 1 session")
	s.then(report(1, revoked(tokens(1000, lock.MaxRevocations)...)...), "look a: 2 session")
	s.then(holds(2, true, held("w", 77), held("x", 500)), "look a: 3 session behind x")
	s.then(holds(2, false)) // late
	s.then(holds(3, false, held("z", 7, 502)), "lost 501: revoked")
	s.then(report(3, revoked(500, 502)...))
	s.aliveAfter(7666, 2, 64)
}

// The client had told so itself, 98/102 of a MaxHold after the grants.
func TestTheEndsOfManyMaxHoldsLoseNothingElse(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	for i := range lock.MaxRevocations + 1 {
		call := acquireCall(CallID(10+i), "y")
		call.Terms = &lock.Terms{MaxHold: 1000}
		s.client.Step(call)
		s.client.Step(granted("a", 0, lock.Number(2+i), lock.Token(600+i)))
	}
	s.client.Step(at(2000))
	s.aliveAfter(4333, 1, 65, "look a: 1 session")
	s.then(report(1, revoked(tokens(601, lock.MaxRevocations)...)...), "look a: 2 session")
	s.then(holds(2, false, held("x", 500)))
	s.then(Noticed{testSession, revoked(500)[0]}, "lost 500: revoked because") // it was there
}

func TestACensusBeginsAnewWhenMoreIsMissedMeanwhile(t *testing.T) {
	s := tellHoldingMany(t)
	s.aliveAfter(4333, 1, 64, "look a: 1 session")
	s.then(report(1, revoked(tokens(1000, lock.MaxRevocations)...)...), "look a: 2 session")
	s.aliveAfter(7666, 2, 200, "look a: 3 session")
	s.then(report(3, revoked(tokens(2000, lock.MaxRevocations)...)...), "look a: 4 session")
	s.then(holds(2, false)) // of the census that was given up
	s.then(releaseCall(9, 502), "ask a: release 0/4 x#502")
	s.then(holds(4, false, held("x", 500)), "lost 501: revoked")
}

func TestACensusThatFindsNoSessionEndsIt(t *testing.T) {
	s := tellHoldingMany(t)
	s.aliveAfter(4333, 1, 64, "look a: 1 session")
	s.then(report(1, revoked(tokens(1000, lock.MaxRevocations)...)...), "look a: 2 session")
	s.then(report(2), "lost all: lost")
}

func TestWhoHoldsNothingTakesNoCensus(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.aliveAfter(4333, 1, 64, "look a: 1 session")
	s.then(report(1, revoked(tokens(1000, lock.MaxRevocations)...)...))
}

// The answer was so long on its way that the nodes may have granted the lock, taken
// it away, and forgotten that they did.
func TestAGrantOlderThanAllKnownRevocationsIsVerified(t *testing.T) {
	for current, want := range map[bool][]string{true: nil, false: {"lost 501: revoked"}} {
		s := tellHolding(t, ClientConfig{})
		s.then(acquireCall(2, "y"), "ask a: acquire 0/2 y")
		s.aliveAfter(4333, 1, 64, "look a: 1 session")
		s.then(report(1, revoked(tokens(1000, lock.MaxRevocations)...)...), "look a: 2 session")
		s.then(holds(2, false, held("x", 500)))
		s.then(granted("a", 0, 2, 501), "finish 2: granted", "look a: 3 token")
		s.then(Looked{"a", []Reported{{ID: 3, Kind: Executed, Report: lock.Report{Current: current}}}}, want...)
		s.then(acquireCall(3, "y"), "ask a: acquire 0/3 y")
		s.then(granted("a", 0, 3, 502), "finish 3: granted") // asked for after the report
	}
}

func TestTheInquiryForRevocationsEndsWithTheSession(t *testing.T) {
	s := tellHolding(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.then(at(60_000), "lost all: lost")
	s.then(report(1, revoked(500)...))
	s.quiet(100)
}

func TestTheInquiryForRevocationsGoesOnWhenNodesRefuseIt(t *testing.T) {
	s := tellHolding(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.then(NodeRefused{"a", "no"})
	s.tickUntil("look a: 1 session")
	s.then(report(1, revoked(500)...), "lost 500: revoked because")
}

var capped = &lock.Terms{MaxHold: 5000}

// The node counts from the grant, which was not made before it was asked for.
func TestTheBeliefInALeaseEndsWithItsMaxHold(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(2000))
	call := acquireCall(2, "y")
	call.Terms = capped
	s.then(call, "ask a: acquire 0/2 y")
	s.then(at(2300))
	s.then(granted("a", 0, 2, 501), "finish 2: granted until 6803")
	s.aliveAfter(4333, 1, 0)
	s.then(at(6777))
	s.then(at(6778), "lost 501: overheld")
	s.then(Noticed{testSession, lock.Revocation{Token: 501, Kind: lock.LockOverheld}})
	s.then(at(6803))
}

func TestAReleasedLeaseHasNoMaxHold(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	call := acquireCall(2, "y")
	call.Terms = capped
	s.then(call, "ask a: acquire 0/2 y")
	s.then(granted("a", 0, 2, 501), "finish 2: granted until 5803")
	s.then(releaseCall(3, 501), "ask a: release 0/3 x#501")
	s.then(executed("a", 0, 3, lock.Released), "finish 3: released")
	s.aliveAfter(5803, 1, 0)
}

// A wait may be long. What was acknowledged while the last token was a lower one
// was sent before the grant.
func TestAfterAWaitTheMaxHoldCountsFromAKeepAliveBeforeTheGrant(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(capped)
	s.then(at(1999))
	s.then(at(2000), "ask a: keep-alive 1") // they come every second now
	s.then(aliveWith("a", 1, lock.Result{Token: 600}), "believes until 11607")
	s.then(at(2999))
	s.then(at(3000), "ask a: keep-alive 2")
	s.then(aliveWith("a", 2, lock.Result{Token: 602}), "believes until 12607")
	s.then(granted("a", 0, 2, 601), "finish 2: granted until 6803")
	s.then(at(3001))
	s.then(at(6332))
	s.then(at(6333), "ask a: keep-alive 3") // and take their time again
}

// The grant's frame was lost, and its wait rested for half a minute.
func TestAGrantThatIsToldLateCountsFromAKeepAliveBeforeItToo(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(&lock.Terms{MaxHold: 60_000})
	for round := range Instant(60) {
		now := 2000 + 1000*round
		s.client.Step(at(now - 1)) // it may find that somebody waits for it
		s.client.Step(at(now))
		s.client.Step(aliveWith("a", lock.Number(round+1), lock.Result{Token: 600 + lock.Token(round/2)}))
	}
	s.then(granted("a", 0, 2, 611), "finish 2: granted until 80647")
}

func TestProofsAreOfTheLastRounds(t *testing.T) {
	var k keepAlive
	for i := range Instant(2 * maxProofs) {
		k.sent = i
		k.prove(lock.Token(1000 + i))
	}
	if len(k.proofs) != maxProofs {
		t.Errorf("%d proofs are kept", len(k.proofs))
	}
	if got := k.notBefore(1000+2*maxProofs, 0); got != 2*maxProofs-1 {
		t.Errorf("the newest grant is proved not to be older than %d", got)
	}
	if got := k.notBefore(1000+maxProofs, 7); got != 7 {
		t.Errorf("a grant before all proofs is said not to be older than %d", got)
	}
}

func TestAKeepAliveWithoutATokenProvesNothing(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(capped)
	s.then(at(1999))
	s.aliveAfter(2000, 1, 0)
	s.aliveAfter(3000, 2, 0)
	s.then(granted("a", 0, 2, 601), "finish 2: granted until 5803")
}

func TestALeaseThatIsOverheldWhenItsAnswerComesIsLostInTheSameStep(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.waits(capped)
	s.aliveAfter(6000, 1, 0)
	s.then(granted("a", 0, 2, 601), "finish 2: granted until 5803", "lost 601: overheld")
}

// Else the grant that is entered could be given back on the way, and the client
// would wait for an end that the nodes do not count.
func TestNoGrantIsEnteredAgainForALimitedTime(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	call := acquireCall(2, "x")
	call.Terms = &lock.Terms{Reentrant: true, MaxHold: 5000}
	s.then(call, fmt.Sprintf("finish 2: limit %d", lock.LimitReentrant))
}

func TestOverheldLeasesAreToldInOrder(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	var want []string
	for i := range 20 {
		call := acquireCall(CallID(10+i), "y")
		call.Terms = capped
		s.client.Step(call)
		s.client.Step(granted("a", 0, lock.Number(2+i), lock.Token(600+i)))
		want = append(want, fmt.Sprintf("lost %d: overheld", 600+i))
	}
	s.aliveAfter(4333, 1, 0)
	if got := describe(s.client.Step(at(5803))); got != strings.Join(want, "; ") {
		t.Errorf("told %s", got)
	}
	if !slices.Equal(want, slices.Sorted(slices.Values(want))) {
		t.Error("the test's own order is wrong")
	}
}
