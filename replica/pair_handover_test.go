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
		"to a stranger":             {paired(t), Order{Kind: SwitchOver, Address: "c"}, OrderRefused},
		"to nobody":                 {paired(t), Order{Kind: SwitchOver}, OrderRefused},
		"alone":                     {alone, Order{Kind: SwitchOver, Name: "b"}, OrderRefused},
		"while the backup joins":    {feeding(t), Order{Kind: SwitchOver, Name: "b"}, OrderWorking},
		"while it starts":           {starting(t), Order{Kind: SwitchOver, Name: "b"}, OrderWorking},
		"a third node":              {paired(t), Order{Kind: AddMember, Name: "c", Address: "c"}, OrderRefused},
		"one node less":             {paired(t), Order{Kind: RemoveMember, Name: "b"}, OrderRefused},
		"a cluster of its own":      {backup(t), Order{Kind: Bootstrap, Force: true}, OrderRefused},
		"something of the future":   {paired(t), Order{Kind: 99}, OrderRefused},
		"a member, asked elsewhere": {newTestPrimary(false), Order{Kind: AddMember, Name: "c"}, OrderRefused},
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
