package replica

import (
	"strings"
	"testing"

	"lockstep/lock"
)

func inquire(id CallID) Inquire { return Inquire{id, lock.Query{Kind: lock.QueryLock, Name: "x"}} }

func looked(from NodeID, id InquiryID, kind AnswerKind, hint NodeID) Looked {
	return Looked{from, []Reported{{ID: id, Kind: kind, Hint: hint, Report: lock.Report{Index: 9}}}}
}

func TestAnInquiryNeedsNoSession(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(inquire(1), "look a: 1 lock")
	s.then(inquire(2), "look a: 2 lock")
	s.then(looked("a", 2, Executed, ""), "finish 2: report of 9")
	s.then(looked("a", 2, Executed, ""))
	s.then(looked("a", 3, Executed, ""))
	s.then(looked("a", 1, Executed, ""), "finish 1: report of 9")
}

func TestAnInquiryFindsThePrimary(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(inquire(1), "look a: 1 lock")
	s.then(looked("a", 1, NotPrimary, "b"), "look b: 1 lock")
	s.then(looked("a", 1, NotPrimary, "b")) // late
	s.then(NodeLost{"b"}, "look a: 1 lock")
	s.then(NodeReached{"b"}, "ask b: members")
	if got := s.tickUntil("look b: 1 lock"); got != 10 {
		t.Errorf("asked again after %d ticks, not 10", got)
	}
	s.then(looked("b", 1, Overloaded, ""))
	s.tickUntil("look a: 1 lock")
	s.then(looked("b", 1, Executed, ""), "finish 1: report of 9", "ask b: members")
	s.then(lockCall(2, 0, "x"), "ask b: open") // who has answered is the primary
}

func TestAnInquiryForEventsWaitsAtItsNode(t *testing.T) {
	s := tell(t, ClientConfig{})
	events := Inquire{1, lock.Query{Kind: lock.QueryEvents, Index: 8}}
	s.then(events, "look a: 1 events")
	for _, node := range []string{"b", "a"} {
		if got := s.tickUntil("look " + node + ": 1 events"); got < 150 || got > 250 {
			t.Errorf("asked again after %d ticks, not 150 to 250", got)
		}
	}
	s.then(looked("a", 1, Executed, ""), "finish 1: report of 9")
	events.ID = 2
	s.then(events, "look a: 2 events")
	s.then(NodeLost{"a"}, "look b: 2 events")
}

func TestAnInquiryCanBeGivenUp(t *testing.T) {
	s := tellOpened(t, ClientConfig{})
	s.then(inquire(2), "look a: 1 lock")
	s.then(Cancel{2}, "finish 2: canceled")
	s.then(Cancel{2})
	s.then(looked("a", 1, Executed, ""))
	s.quiet(100)
}

func TestTheClientsOwnInquiryIsNobodysCall(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.aliveAfter(4333, 1, 1, "look a: 1 session")
	s.then(Cancel{0})
	s.then(Shut{}, "lost all: given back", "ask a: close 77")
}

func TestInquiriesEndWithTheClient(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(inquire(1), "look a: 1 lock")
	s.then(Shut{}, "finish 1: client closed", "closed")
	s.then(inquire(2), "finish 2: client closed")
	s.quiet(100)
}

func TestInquiriesFailWhenNoNodeTalksToUs(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(inquire(1), "look a: 1 lock")
	s.then(NodeRefused{"a", "version 9"}, "look b: 1 lock")
	s.then(looked("b", 1, Overloaded, ""))
	s.then(NodeRefused{"b", "version 9"}, "finish 1: replica: no node accepts this client; b says: version 9")
}

func TestInquiriesHaveLimits(t *testing.T) {
	s := tell(t, ClientConfig{})
	for _, query := range []lock.Query{{Name: "\xff"}, {After: strings.Repeat("x", 257)}} {
		s.then(Inquire{1, query}, "finish 1: limit 1")
	}
	for i := range MaxWaiting {
		s.client.Step(inquire(CallID(10 + i)))
	}
	s.then(inquire(2), "finish 2: busy")
}
