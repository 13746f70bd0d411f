package replica

import (
	"testing"

	"lockstep/lock"
)

func switchTo(node NodeID) Instruct {
	return Instruct{ID: 4, Order: Order{Kind: SwitchOver, Address: node}}
}

// ordered runs an order and returns its one answer.
func ordered(t *testing.T, p *Pair, ev Instruct) Ordered {
	t.Helper()
	answer, effects := obeyed(t, p, ev)
	_ = effects
	return answer
}

func obeyed(t *testing.T, p *Pair, ev Instruct) (answer Ordered, rest []Effect) {
	t.Helper()
	answers := 0
	for _, e := range p.Step(ev) {
		if i, ok := e.(Instructed); ok {
			answers++
			answer = i.Ordered
			continue
		}
		rest = append(rest, e)
	}
	if answers != 1 || answer.ID != ev.ID {
		t.Fatalf("%d answers, the last %+v", answers, answer)
	}
	return answer, rest
}

func byes(effects []Effect) (list []Bye) {
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			if bye, ok := s.Message.(Bye); ok {
				list = append(list, bye)
			}
		}
	}
	return list
}

// The primary waits for what is numbered, so that nobody's outcome is in doubt,
// and refuses what is not.
func TestAPrimaryHandsOverWhenTheBackupHasEverything(t *testing.T) {
	p := paired(t)
	p.Step(ofClients(openCommand(1)))
	answer, effects := obeyed(t, p, switchTo("b"))
	if answer.Outcome != OrderWorking || len(byes(effects)) != 0 {
		t.Fatalf("%+v with a batch in flight, and %v", answer, byes(effects))
	}
	expect(t, told(p, ofClients(openCommand(2)))) // it queues
	effects = p.Step(fromBackup(Ack{View: 1, Index: 1}))
	if got := byes(effects); len(got) != 1 || got[0].View != 1 {
		t.Fatalf("the farewell is %v", got)
	}
	var about []Effect
	for _, e := range effects {
		if isAboutReigns(e) {
			about = append(about, e)
		}
	}
	expect(t, about, applied(entry(1, 1, openCommand(1))),
		Refuse{Requests: []lock.RequestID{openCommand(2).ID()}, Kind: NotPrimary, Hint: "b"}, Ended{})
	if p.role != Demoted {
		t.Fatalf("the role is %s", p.role)
	}
	if answer := ordered(t, p, switchTo("b")); answer.Kind != NotPrimary || answer.Hint != "b" {
		t.Fatalf("who has handed over answers %+v", answer)
	}
}

// By the joining messages of a node that lives the backup would not find out.
func TestAFarewellIsRepeatedUntilThePeerHasGoneOn(t *testing.T) {
	p := paired(t)
	p.Step(switchTo("b"))
	if got := byes(p.Step(Tick{})); len(got) != 1 || got[0].View != 1 {
		t.Fatalf("the farewell is %v", got)
	}
	p.Step(fromBackup(Heartbeat{View: 1})) // from before it was heard
	if got := byes(p.Step(Tick{})); len(got) != 1 {
		t.Fatalf("the farewell is %v", got)
	}
	p.Step(fromBackup(Alone{View: 3}))
	p.Step(Synced{View: 3})
	if got := byes(p.Step(Tick{})); len(got) != 0 {
		t.Fatalf("the farewell is %v", got)
	}
}

func TestWhoIsTheNextPrimarySaysSo(t *testing.T) {
	b := backup(t)
	if answer := ordered(t, b, switchTo("b")); answer.Kind != NotPrimary || answer.Hint != "a" {
		t.Fatalf("a backup answers %+v", answer)
	}
	expect(t, told(b, fromPrimary(Bye{View: 1}), Synced{View: 3}), Began{View: 3})
	if answer := ordered(t, b, switchTo("b")); answer.Kind != Executed || answer.Outcome != OrderDone {
		t.Fatalf("the new primary answers %+v", answer)
	}
	if answer := ordered(t, paired(t), switchTo("a")); answer.Outcome != OrderDone {
		t.Fatalf("a primary that is to be the primary answers %+v", answer)
	}
}

func TestOrdersThatAPairRefuses(t *testing.T) {
	alone := newTestPrimary(false)
	alone.silentTicks(MinSuspectTicks)
	alone.Step(Synced{View: 1})
	for name, test := range map[string]struct {
		p     *Pair
		order Order
		want  OrderOutcome
	}{
		"to a stranger":           {paired(t), Order{Kind: SwitchOver, Address: "c"}, OrderRefused},
		"to nobody":               {paired(t), Order{Kind: SwitchOver}, OrderRefused},
		"alone":                   {alone, Order{Kind: SwitchOver, Name: "b"}, OrderRefused},
		"while the backup joins":  {feeding(t), Order{Kind: SwitchOver, Name: "b"}, OrderWorking},
		"while it starts":         {starting(t), Order{Kind: SwitchOver, Name: "b"}, OrderWorking},
		"a third node":            {paired(t), Order{Kind: AddMember, Name: "c", Address: "c"}, OrderRefused},
		"one node less":           {paired(t), Order{Kind: RemoveMember, Name: "b"}, OrderRefused},
		"a cluster of its own":    {backup(t), Order{Kind: Bootstrap, Force: true}, OrderRefused},
		"something of the future": {paired(t), Order{Kind: 99}, OrderRefused},
	} {
		t.Run(name, func(t *testing.T) {
			role := test.p.role
			answer := ordered(t, test.p, Instruct{ID: 1, Order: test.order})
			if answer.Kind != Executed || answer.Outcome != test.want || answer.Text == "" {
				t.Fatalf("the answer is %+v", answer)
			}
			if test.p.role != role || test.p.passing {
				t.Fatalf("it is %s now", test.p.role)
			}
		})
	}
}

// A backup that is silent is not handed anything to: it may be dead.
func TestNothingIsHandedToASilentBackup(t *testing.T) {
	p := paired(t)
	p.silentTicks(3)
	if answer := ordered(t, p, switchTo("b")); answer.Outcome != OrderWorking || p.role != Primary {
		t.Fatalf("%+v, and it is %s", answer, p.role)
	}
}

// If the backup dies before it has everything, nobody is handed anything.
func TestAHandoverEndsWithTheBackup(t *testing.T) {
	p := paired(t)
	p.Step(ofClients(openCommand(1)))
	p.Step(switchTo("b"))
	p.Step(Received{From: "b", Incarnation: 2, Message: Hello{}})
	expect(t, told(p, Synced{View: 2}, ofClients(openCommand(2))),
		applied(entry(1, 1, openCommand(1))), Began{View: 2}, applied(entry(2, 2, openCommand(2))))
}

func TestTheStatusListsBothNodes(t *testing.T) {
	p := paired(t)
	p.Step(ofClients(openCommand(1)))
	p.Step(fromBackup(Ack{View: 1, Index: 1}))
	p.Step(ofClients(openCommand(2)))
	s := p.Status()
	if s.Name != "a" || s.Durable || s.Last != 2 || s.Committed != 1 || len(s.Members) != 2 {
		t.Fatalf("%+v", s)
	}
	a, b := s.Members[0], s.Members[1]
	if a.Address != "a" || a.Role != Primary || a.Match != 2 || b.Address != "b" || b.Role != Backup || b.Match != 1 || !b.Heard {
		t.Fatalf("%+v and %+v", a, b)
	}
}

// handedOver is a primary of view 1 with one entry, which has handed over to a
// backup of which nothing more is heard.
func handedOver(t *testing.T, p *Pair) *Pair {
	t.Helper()
	p.Step(ofClients(openCommand(1)))
	p.Step(Stored{Seq: p.disk.seq})
	p.Step(fromBackup(Ack{View: 1, Index: 1}))
	p.Step(switchTo("b"))
	if p.role != Demoted {
		t.Fatalf("it is %s", p.role)
	}
	return p
}

// bothModes runs a test with memory only and with a log.
func bothModes(t *testing.T, test func(*testing.T, *Pair)) {
	t.Run("memory", func(t *testing.T) { test(t, handedOver(t, paired(t))) })
	t.Run("durable", func(t *testing.T) { test(t, handedOver(t, lastingPair(t))) })
}

// goesOn checks that the node serves in a view with the entry that it had.
func goesOn(t *testing.T, p *Pair, effects []Effect, view lock.View) {
	t.Helper()
	effects = append(append([]Effect{}, effects...), written(p)...)
	if p.role != Solo || p.view != view || p.order.last != 1 {
		t.Fatalf("it is %s in view %d with %d entries", p.role, p.view, p.order.last)
	}
	for _, e := range effects {
		if _, ok := e.(Reset); ok {
			t.Fatal("the table was emptied")
		}
	}
	next := told(p, ofClients(openCommand(2)))
	next = append(next, told(p, Stored{Seq: p.disk.seq})...)
	expect(t, next, applied(entry(view, 2, openCommand(2))))
}

// Between the goodbye and the peer's reign one kill must not cost the locks.
func TestABackupThatDiesBeforeItTakesOverCostsNothing(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		p.Step(Tick{})
		effects := p.Step(hello(Hello{View: 1, Knows: 1}))
		goesOn(t, p, effects, 2)
	})
}

// Nobody may take it for an empty node, and found a pair of two.
func TestWhoHasHandedOverSaysThatItHasACopy(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		for _, m := range sent(p.Step(Tick{})) {
			if m, ok := m.(Hello); ok && m.LogView == 1 && m.LogIndex == 1 {
				return
			}
		}
		t.Fatal("it says nothing of its copy")
	})
}

// What an earlier role of the same life has left on its way proves nothing: the
// peer is the backup, and about to take over.
func TestAHelloFromBeforeTheHandoverProvesNothing(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		m := hello(Hello{View: 1, Knows: 1})
		m.Incarnation = 1
		p.Step(m)
		p.Step(fromBackup(Heartbeat{View: 1}))
		p.Step(fromBackup(Chunk{View: 1, Base: 1}))
		p.silentTicks(5 * MinSuspectTicks)
		if p.role != Demoted || !p.handed() {
			t.Fatalf("it is %s", p.role)
		}
	})
}

func TestABackupThatSaysGoodbyeHasNotTakenOver(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		goesOn(t, p, p.Step(fromBackup(Bye{View: 1})), 2)
	})
}

// The copy goes when the peer is heard to have gone on, and not before.
func TestTheCopyGoesWhenThePeerReigns(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		effects := append([]Effect{}, p.Step(fromBackup(Alone{View: 3}))...)
		reset := false
		for _, e := range append(effects, written(p)...) {
			_, ok := e.(Reset)
			reset = reset || ok
		}
		if !reset || p.handed() || p.role != Demoted {
			t.Fatalf("reset: %v, it is %s", reset, p.role)
		}
		p.Step(hello(Hello{View: 3, Knows: 1}))
		if p.role == Solo {
			t.Fatal("it serves what is out of date")
		}
	})
}

// In memory a new life that has been in a later view may have served there.
func TestTheCopyGoesWhenThePeerMayHaveReigned(t *testing.T) {
	p := handedOver(t, paired(t))
	p.Step(hello(Hello{View: 3, Knows: 1}))
	if p.hasRole() || p.handed() {
		t.Fatalf("it is %s", p.role)
	}
}

// A silent peer may serve. Whoever waits for it says so again and again.
func TestWhoHasHandedOverToASilentPeerWaitsAndSaysSo(t *testing.T) {
	bothModes(t, func(t *testing.T, p *Pair) {
		said := 0
		for range 3 * handedEvery * MinSuspectTicks {
			for _, e := range p.Step(Tick{}) {
				if s, ok := e.(Say); ok && s.Warn {
					said++
				}
			}
		}
		if p.role != Demoted || said != 4 {
			t.Fatalf("it is %s and has warned %d times", p.role, said)
		}
	})
}
