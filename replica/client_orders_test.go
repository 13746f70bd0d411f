package replica

import (
	"strings"
	"testing"
)

func (s *story) orderID(at int) OrderID { return s.client.orders.open[at].id }

func instructed(from NodeID, id OrderID, kind AnswerKind, hint NodeID) Instructions {
	return Instructions{from, []Ordered{{ID: id, Kind: kind, Hint: hint}}}
}

func orderIs(from NodeID, id OrderID, outcome OrderOutcome, text string) Instructions {
	return Instructions{from, []Ordered{{ID: id, Kind: Executed, Outcome: outcome, Text: text}}}
}

func issue(id CallID) Issue { return Issue{ID: id, Order: Order{Kind: AddMember, Name: "d"}} }

func TestAnOrderIsRepeatedUntilItIsDone(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a", "b", "c"}})
	s.then(issue(1), "pass a: add d")
	id := s.orderID(0)
	s.then(instructed("a", id, NotPrimary, "b"), "pass b: add d")
	s.then(instructed("a", id, NotPrimary, "c")) // late
	s.then(orderIs("b", id, OrderWorking, "copying"), "progress of 1: copying")
	for range 3 {
		if got := s.tickUntil("pass b: add d"); got < 8 || got > 12 {
			t.Errorf("asked again after %d ticks, not 8 to 12", got)
		}
		s.then(orderIs("b", id, OrderWorking, "copying")) // nothing new
	}
	s.tickUntil("pass b: add d")
	s.then(instructed("b", id, NoQuorum, ""), "no primary until 4000")
	s.tickUntil("pass c: add d")
	if s.orderID(0) != id {
		t.Error("the repeat is another order")
	}
	s.then(orderIs("c", id, OrderDone, "it votes"), "no primary until 0", "finish 1: outcome 1: it votes")
	s.then(orderIs("b", id, OrderDone, "it votes"))
	s.quiet(100)
}

func TestARefusedOrderIsOver(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(issue(1), "pass a: add d")
	s.then(issue(2), "pass a: add d")
	s.then(orderIs("a", s.orderID(1), OrderRefused, "no"), "finish 2: outcome 3: no")
	s.then(Cancel{1}, "finish 1: canceled")
	s.quiet(100)
}

func TestAnOrderMovesFromALostNode(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(issue(1), "pass a: add d")
	s.then(NodeLost{"a"}, "pass b: add d")
	s.tickUntil("pass a: add d")
}

// An order for one node goes nowhere else, and that node is dialled for it alone.
func TestAnOrderForOneNodeStaysThere(t *testing.T) {
	s := tellBound(t)
	bootstrap := Issue{ID: 2, Order: Order{Kind: Bootstrap, Force: true}, Only: "d"}
	s.then(bootstrap, "know a, b, c, d", "pass d: bootstrap")
	id := s.orderID(0)
	s.tickUntil("pass d: bootstrap")
	s.then(instructed("d", id, NotPrimary, "a"))
	s.tickUntil("pass d: bootstrap")
	s.then(instructed("d", id, NoQuorum, ""), "no primary until 4000")
	s.tickUntil("pass d: bootstrap")
	s.then(NodeLost{"d"}, "pass d: bootstrap")
	s.then(NodeLost{"d"})
	s.tickUntil("pass d: bootstrap")
	s.then(members("b", 2, "b", "c"), "know b, c, a, d")
	s.then(lockCall(3, 0, "x"), "ask a: lock 0/2 x")
	for _, node := range []string{"b", "c", "a"} { // d is not one of them
		for describe(s.client.Step(ClientTick{})) != "ask "+node+": lock 0/2 x" {
		}
	}
	s.then(orderIs("d", id, OrderDone, "alone"), "no primary until 0", "finish 2: outcome 1: alone")
	if s.client.node("d") >= 0 {
		t.Error("the node is kept, though no order is for it any more")
	}
}

func TestAnOrderForAKnownNodeLeavesItKnown(t *testing.T) {
	s := tellBound(t)
	s.then(Issue{ID: 2, Order: Order{Kind: Bootstrap}, Only: "b"}, "pass b: bootstrap")
	s.then(orderIs("b", s.orderID(0), OrderRefused, "a and c would be given up"), "finish 2: outcome 3: a and c would be given up")
	s.then(NodeLost{"a"})
	s.then(lockCall(3, 0, "x"), "ask b: lock 0/2 x")
}

func TestOrdersHaveLimits(t *testing.T) {
	s := tell(t, ClientConfig{})
	for _, o := range []Order{{Name: "\xff"}, {Address: NodeID(strings.Repeat("x", 257))}} {
		s.then(Issue{ID: 1, Order: o}, "finish 1: limit 1")
	}
	for i := range MaxOrders {
		s.client.Step(issue(CallID(10 + i)))
	}
	s.then(issue(2), "finish 2: busy")
}

func TestOrdersEndWithTheClient(t *testing.T) {
	s := tell(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(issue(1), "pass a: add d")
	s.then(NodeRefused{"a", "version 9"}, "finish 1: replica: no node accepts this client; a says: version 9")
	s.then(issue(2), "pass a: add d")
	s.then(Shut{}, "finish 2: client closed", "closed")
	s.then(issue(3), "finish 3: client closed")
	s.quiet(100)
}

// What is answered in the same frame goes nowhere any more, though the node that
// has answered was there for one of the orders alone.
func TestAnswersOfOneFrameAreTakenTogether(t *testing.T) {
	s := tellBound(t)
	s.then(Issue{ID: 2, Order: Order{Kind: Bootstrap, Force: true}, Only: "d"}, "know a, b, c, d", "pass d: bootstrap")
	s.then(issue(3), "pass a: add d")
	s.then(instructed("a", s.orderID(1), NotPrimary, "d"), "pass d: add d")
	s.then(members("b", 2, "a", "b", "c"))
	s.then(Instructions{"d", []Ordered{
		{ID: s.orderID(0), Kind: Executed, Outcome: OrderDone, Text: "alone"},
		{ID: s.orderID(1), Kind: Executed, Outcome: OrderDone, Text: "it votes"},
	}}, "finish 2: outcome 1: alone, 3: outcome 1: it votes")
	s.quiet(100)
}
