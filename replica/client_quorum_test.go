package replica

import (
	"testing"

	"lockstep/lock"
)

func noQuorum(from NodeID, id lock.RequestID) Answered {
	return Answered{From: from, Answers: []Answer{{Request: id, Kind: NoQuorum}}}
}

// Nobody knows of a primary: the nodes are asked in turn, often at first, with the
// same number.
func TestWithoutAPrimaryAllAreAskedInTurn(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	for _, node := range []NodeID{"a", "b", "c", "a", "b"} {
		next := s.client.nodes[s.client.after(s.client.node(node))].id
		s.then(noQuorum(node, request(0, 2)), "no primary until 4000")
		if got := s.tickUntil("ask " + string(next) + ": lock 0/2 x"); got < 2 || got > 4 {
			t.Errorf("%s was asked after %d ticks, not 2 to 4", next, got)
		}
	}
	s.then(executed("c", 0, 2, lock.Held), "no primary until 0", "finish 2: held")
	s.then(lockCall(3, 0, "y"), "ask c: lock 0/3 y")
}

func TestPausesGrowWhenThereIsNoHope(t *testing.T) {
	s := tellOpened(t, ClientConfig{Nodes: []NodeID{"a"}})
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	for i := range 60 {
		s.then(noQuorum("a", request(0, 2)), "no primary until 4000")
		got := s.tickUntil("ask a: lock 0/2 x")
		if hope := i < hopeful; hope && (got < 2 || got > 4) || !hope && (got < 5 || got > 40) || i > hopeful+5 && got < 24 {
			t.Errorf("answer %d: asked again after %d ticks", i, got)
		}
	}
}

// The answer to an attempt that is over says nothing, and an answer of another
// kind says that there is a primary.
func TestTheReasonForWaitingIsThatOfTheLastAnswer(t *testing.T) {
	s := tellBound(t)
	s.then(lockCall(2, 0, "x"), "ask a: lock 0/2 x")
	s.tickUntil("ask b: lock 0/2 x")
	s.then(noQuorum("a", request(0, 2)))
	s.then(noQuorum("b", request(0, 2)), "no primary until 4000")
	s.tickUntil("ask c: lock 0/2 x")
	s.then(refused("c", Overloaded, "", 0, 2), "no primary until 0")
	s.tickUntil("ask a: lock 0/2 x")
	s.then(refused("a", Overloaded, "", 0, 2))
}

func TestAnOpeningAndAnInquiryWaitForAPrimaryToo(t *testing.T) {
	s := tell(t, ClientConfig{})
	s.then(lockCall(1, 0, "x"), "ask a: open")
	s.then(noQuorum("a", s.openingID()), "no primary until 4000")
	s.tickUntil("ask b: open")
	s.then(inquire(2), "look a: 1 lock")
	s.then(looked("a", 1, NoQuorum, ""), "no primary until 4000")
	s.tickUntil("look b: 1 lock")
	s.then(looked("b", 1, Executed, ""), "no primary until 0", "finish 2: report of 9")
}

// T4 needs no answer: while there is no primary, nobody acknowledges, and the
// leases end by themselves.
func TestWithoutAPrimaryLeasesEndByThemselves(t *testing.T) {
	s := tellHolding(t, ClientConfig{})
	s.then(at(4333), "ask a: keep-alive 1")
	now, node := Instant(4333), 0
	for ended := false; !ended; {
		s.client.Step(noQuorum([]NodeID{"a", "b"}[node], keepAliveID(1)))
		now += ClientTickPeriod
		for _, effect := range s.client.Step(at(now)) {
			switch e := effect.(type) {
			case Ask:
				node = s.client.node(e.To)
			case Lost:
				ended = true
			}
		}
	}
	if now+ClientTickPeriod < 10_607 || now >= 10_607 {
		t.Errorf("the lease was lost at %d, and the belief ends at 10607", now)
	}
}
