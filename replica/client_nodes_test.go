package replica

import (
	"fmt"
	"slices"
	"testing"

	"lockstep/lock"
)

// members is what a node says of who the members are: those that are given, and all
// serve.
func members(from NodeID, view lock.View, ids ...NodeID) Bound {
	told := Told{View: view}
	for _, id := range ids {
		told.Members = append(told.Members, Member{Address: id, Voter: true})
	}
	return Bound{From: from, Told: told}
}

// tellBound starts with an open session and three nodes, of which the client was
// given the first.
func tellBound(t *testing.T) *story {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(members("a", 1, "a", "b", "c"), "know a, b, c")
	return s
}

func TestOneNodeTellsOfTheOthers(t *testing.T) {
	s := tellBound(t)
	s.then(NodeReached{"b"}, "ask b: members")
	s.then(members("b", 1, "a", "b", "c"))
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.tickUntil("ask c: lock 0/2 x")
	s.tickUntil("ask a: members", "ask a: lock 0/2 x")
}

func TestTheNodesAreFollowed(t *testing.T) {
	s := tellBound(t)
	s.then(members("a", 2, "b", "c", "d"), "know b, c, d, a")
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x") // it has answered last
	s.tickUntil("ask b: lock 0/2 x")
	s.tickUntil("ask c: lock 0/2 x")
	s.tickUntil("ask d: members", "ask d: lock 0/2 x")
	s.tickUntil("ask a: members", "ask a: lock 0/2 x")
	s.then(members("d", 3, "d"), "know d, a")
	s.then(executed("d", 0, 2, lock.Held), "finish 2: held")
	s.then(lockCall(3, 0, "y"), "ask d: lock 0/3 y")
}

// What was asked at a node that is no more is asked elsewhere at once, and what
// backs off will not go there.
func TestNothingStaysAtANodeThatHasGone(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "c", 0, 2), "ask c: lock 0/2 x")
	s.then(lockCall(3, 0, "y"), "ask a: lock 1/1 y")
	s.then(refused("a", NotPrimary, "b", 1, 1), "ask b: lock 1/1 y")
	s.then(refused("b", NotPrimary, "", 1, 1)) // the next is c
	s.then(inquire(4), "look a: 1 lock")
	s.then(looked("a", 1, NotPrimary, "c"), "look c: 1 lock")
	s.then(Issue{ID: 5, Order: Order{Kind: SwitchOver, Name: "b"}}, "pass a: switch b")
	s.then(instructed("a", s.orderID(0), NotPrimary, "c"), "pass c: switch b")
	s.then(members("b", 2, "a", "b"), "know a, b", "ask a: lock 0/2 x", "look a: 1 lock", "pass a: switch b")
	s.tickUntil("ask a: lock 1/1 y")
	s.then(executed("c", 0, 2, lock.Held), "finish 2: held") // its answer is as good as ever
}

func TestTheLastWordOfAClientIsNotRepeated(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(executed("b", 0, 2, lock.Held), "finish 2: held")
	s.then(Shut{}, "ask b: close 77")
	s.then(members("a", 2, "a", "c"), "know a, c")
	s.tickUntil("closed")
}

// A place is given again, and nothing takes the new node for the old one.
func TestAPlaceIsUsedAgain(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "b", 0, 2), "ask b: lock 0/2 x")
	s.then(members("b", 2, "a", "c"), "know a, c", "ask a: lock 0/2 x")
	s.then(members("c", 3, "a", "c", "d"), "know a, c, d")
	s.then(refused("b", NotPrimary, "", 0, 2))
	s.then(refused("d", NotPrimary, "a", 0, 2))
	s.then(refused("a", NotPrimary, "d", 0, 2), "ask d: lock 0/2 x") // b was tried in this round, d was not
	if n := len(s.client.nodes); n != 3 {
		t.Errorf("%d places for three nodes", n)
	}
}

func TestANodeOfAFormerViewIsNotBelieved(t *testing.T) {
	s := tellBound(t)
	s.then(members("b", 5, "b", "c"), "know b, c, a")
	s.then(members("c", 4, "a", "b", "c"))
	s.then(members("a", 4, "a", "c"), "know a, c") // it has executed something: views have begun anew
	s.then(members("c", 3, "a", "b", "c"))
	s.then(members("c", 9)) // a node without a log
}

func TestWhoServesIsAskedFirst(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"z"}})
	s.then(Bound{From: "z", Told: Told{View: 1, Members: []Member{
		{Address: "a", Voter: true, Quiet: true}, {Address: "b"}, {Address: "c", Voter: true}, {Address: ""},
	}}}, "know c, a, b, z")
}

// named is a list from a node that calls itself by another name.
func named(from, self NodeID, view lock.View) Bound {
	told := members(from, view, "A", "B", "C")
	told.Self = self
	return told
}

// A node that calls itself by another name than it was asked by is asked by one
// name only.
func TestANodeWithTwoNamesIsAskedByOne(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(named("a", "A", 1)) // b may be B or C
	s.then(named("b", "B", 1), "know a, b, C")
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "B", 0, 2), "ask b: lock 0/2 x")
	s.then(refused("b", NotPrimary, "A", 0, 2), "ask a: lock 0/2 x")
	s.then(refused("A", NotPrimary, "B", 0, 2)) // it was asked in this round
	s.tickUntil("ask b: lock 0/2 x")
}

// One that does not tell in time may be asked by two names for a while.
func TestANodeWithTwoNamesIsNotAwaitedForLong(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(named("a", "A", 1))
	if got := s.tickUntil("know a, B, C, b"); got != nameless {
		t.Errorf("known after %d ticks, not %d", got, nameless)
	}
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "B", 0, 2), "ask B: lock 0/2 x")
	s.then(named("b", "B", 1), "know a, b, C", "ask a: lock 0/2 x") // what was asked at B has moved
	s.then(refused("a", NotPrimary, "B", 0, 2), "ask b: lock 0/2 x")
}

func TestALostSeedIsNotAwaited(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(named("a", "A", 1))
	s.then(NodeLost{"b"})
	s.then(ClientTick{}, "know a, B, C, b")
}

// Before anybody has told who the nodes are, as those of an older version never
// do, a hint is enough.
func TestAHintIsFollowedToANodeThatWasNotKnown(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	opening := s.openingID()
	hint := func(from, to NodeID) Answered {
		return Answered{From: from, Answers: []Answer{{Request: opening, Kind: NotPrimary, Hint: to}}}
	}
	s.then(hint("a", "b"), "know a, b", "ask b: open")
	s.then(s.opened("b"), "believes until 9607", "ask b: lock 0/1 x")
	s.then(refused("b", NotPrimary, "c", 0, 1), "know a, b, c", "ask c: lock 0/1 x")
	s.then(members("c", 1, "b", "c"), "know b, c, a")
}

func TestHintsMakeFewNodes(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	from := NodeID("a")
	for i := range maxHinted {
		next := NodeID(fmt.Sprintf("n%d", i))
		if got := s.client.Step(refused(from, NotPrimary, next, 0, 2)); len(got) != 2 {
			t.Fatalf("hint %d: %s", i, describe(got))
		}
		from = next
	}
	s.then(refused(from, NotPrimary, "one too many", 0, 2), "ask "+string(from)+": members")
}

// Later a hint to an unknown node is a reason to ask who the nodes are, though not
// each time.
func TestAnUnknownHintIsAReasonToAsk(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "d", 0, 2), "ask a: members")
	s.tickUntil("ask b: lock 0/2 x")
	s.then(refused("b", NotPrimary, "d", 0, 2))
	s.then(members("a", 2, "a", "b", "d"), "know a, b, d")
	s.tickUntil("ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "d", 0, 2), "ask d: lock 0/2 x")
}

func TestWhoTheNodesAreIsAskedAgain(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(NodeReached{"b"}, "ask b: members")
	again := func(lo, hi int) {
		t.Helper()
		if got := s.tickUntil("ask a: members"); got < lo || got > hi {
			t.Errorf("asked again after %d ticks, not %d to %d", got, lo, hi)
		}
	}
	again(30, 50)
	s.then(members("a", 0)) // it has no log yet
	again(30, 50)
	s.then(members("a", 1, "a", "b"))
	again(300, 500)
	again(300, 500)
}

// Who serves can tell, though it could not when it was reached.
func TestWhoServesIsAskedWhoTheNodesAre(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(members("a", 0))
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(executed("a", 0, 2, lock.Held), "finish 2: held", "ask a: members")
	s.then(lockCall(3, 0, "x"), "ask a: lock 0/3 x")
	s.then(executed("a", 0, 3, lock.Held), "finish 3: held") // it was asked a moment ago
	s.then(members("a", 1, "a", "b", "c"), "know a, b, c")
}

func TestALastingFailureIsAReasonToAsk(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.tickUntil("ask c: lock 0/2 x")
	s.tickUntil("ask a: members", "ask a: lock 0/2 x")
}

func TestThereIsRoomForSoManyNodes(t *testing.T) {
	var seeds, others []NodeID
	for i := range MaxClientNodes {
		if i > 1 {
			seeds = append(seeds, NodeID(fmt.Sprintf("s%d", i)))
		}
		others = append(others, NodeID(fmt.Sprintf("m%d", i)))
	}
	s := tell(t, ClientConfig{Nodes: seeds})
	s.then(members(seeds[0], 1, others...))
	s.quiet(nameless - 1)
	got := s.client.Step(ClientTick{})
	want := Know{slices.Concat(others[:2], seeds)}
	if describe(got) != describe([]ClientEffect{want}) {
		t.Errorf("got  %s\nwant %s", describe(got), describe([]ClientEffect{want}))
	}
}

// A node to which no connection stands is passed over, as long as another may
// answer.
func TestALostNodeIsPassedOver(t *testing.T) {
	s := tellBound(t)
	s.then(NodeLost{"b"})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "", 0, 2))
	s.tickUntil("ask c: lock 0/2 x")
	s.then(refused("c", NotPrimary, "b", 0, 2)) // it does not know yet
	s.tickUntil("ask a: lock 0/2 x")
	s.then(refused("a", NotPrimary, "b", 0, 2))
	s.then(NodeReached{"b"}, "ask b: members")
	s.tickUntil("ask c: lock 0/2 x")
	s.then(refused("c", NotPrimary, "b", 0, 2), "ask b: lock 0/2 x")
	s.then(NodeLost{"b"}, "ask c: lock 0/2 x")
	s.then(NodeLost{"c"}, "ask a: lock 0/2 x")
	s.then(NodeLost{"a"}) // each was asked in this round
}

// What is new begins at the primary, unless no connection to it stands and another
// node is well.
func TestALostPrimaryIsNotAskedFirst(t *testing.T) {
	s := tellBound(t)
	s.then(NodeLost{"a"})
	s.then(lockCall(2, 0, "x"), "ask b: lock 0/2 x")
	s.then(inquire(3), "look b: 1 lock")
	s.then(NodeReached{"a"}, "ask a: members")
	s.then(lockCall(4, 0, "y"), "ask a: lock 1/1 y")
	for _, node := range []NodeID{"b", "c", "a"} {
		s.client.Step(NodeLost{node})
	}
	s.then(lockCall(5, 0, "z"), "ask a: lock 2/1 z")
}

// One that was lost long ago is tried again: perhaps nobody tells that it is back.
func TestALostNodeIsNotForgotten(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(NodeLost{"b"})
	s.quiet(lostFor)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
}

// Nor is one that was silent once, for much shorter.
func TestASilentNodeIsPassedOverForAWhile(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	waited, node := 0, NodeID("b")
	for describe(s.client.Step(refused(node, NotPrimary, "a", 0, 2))) != "ask a: lock 0/2 x" {
		next := map[NodeID]NodeID{"b": "c", "c": "b"}[node]
		waited += s.tickUntil("ask " + string(next) + ": lock 0/2 x")
		node = next
	}
	if waited < silentFor || waited > silentFor+4 {
		t.Errorf("a was asked again after %d ticks", waited)
	}
}

func TestAWaitForEventsIsNoSilence(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a", "b", "c"}})
	s.then(Inquire{2, lock.Query{Kind: lock.QueryEvents, Index: 8}}, "look a: 1 events")
	s.tickUntil("look b: 1 events")
	s.then(looked("b", 1, NotPrimary, "a"), "look a: 1 events")
}
