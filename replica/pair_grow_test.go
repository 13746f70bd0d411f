package replica

import (
	"strings"
	"testing"

	"lockstep/lock"
)

var (
	addC     = Instruct{ID: 9, Order: Order{Kind: AddMember, Name: "c", Address: "c:1"}}
	peersOfC = []Peer{{"left", "a"}, {"right", "b"}, {"c", "c:1"}}
)

func capable(member MemberID) func(*PairConfig) {
	return func(cfg *PairConfig) { cfg.Member, cfg.SuspectTicks = member, MinSuspectTicks }
}

// fromC is the newcomer, as it seeks.
func fromC(change ...func(*Seek)) Received {
	m := Seek{Member: 30, Name: "c", Fresh: true, Peers: peersOfC}
	for _, f := range change {
		f(&m)
	}
	return Received{From: "c:1", Incarnation: 5, Message: m}
}

// willing is a primary that has heard of a newcomer, and that its backup can.
func willing(t *testing.T, change ...func(*PairConfig)) *Pair {
	t.Helper()
	p := paired(t, append([]func(*PairConfig){capable(10)}, change...)...)
	p.Step(fromC())
	answer, effects := obeyed(t, p, addC)
	if got := sentTo(effects, "b"); answer.Outcome != OrderWorking || len(got) != 1 || got[0].(Grow).Round != 0 {
		t.Fatalf("%+v, and it sends %v", answer, got)
	}
	p.Step(fromBackup(Grown{View: 1, Member: 20}))
	return p
}

// asking is one that has asked for the promise.
func asking(t *testing.T) (*Pair, Grow) {
	t.Helper()
	p := willing(t)
	p.Step(addC)
	got := sentTo(p.Step(SnapshotTaken{Digest: 5, Bytes: []byte("table")}), "b")
	if len(got) != 1 {
		t.Fatalf("it sends %v", got)
	}
	return p, got[0].(Grow)
}

// promising is a backup that has promised.
func promising(t *testing.T, change ...func(*PairConfig)) (*Pair, Grow) {
	t.Helper()
	b := backup(t)
	b.cfg.Member = 20
	for _, f := range change {
		f(&b.cfg)
	}
	_, m := asking(t)
	expect(t, b.Step(fromPrimary(m)), TakeSnapshot{})
	expect(t, b.Step(SnapshotTaken{Digest: 5, Bytes: []byte("table")}),
		Send{To: "a", Message: Grown{View: 1, Round: 1, Member: 20, Ready: true}})
	return b, m
}

func sentTo(effects []Effect, to NodeID) (list []Message) {
	for _, e := range effects {
		if s, ok := e.(Send); ok && s.To == to {
			list = append(list, s.Message)
		}
	}
	return list
}

func turnOf(effects []Effect) *Turn {
	if len(effects) == 0 {
		return nil
	}
	if turn, ok := effects[len(effects)-1].(Turn); ok {
		return &turn
	}
	return nil
}

func TestAPairTurnsWhenTheBackupHasPromised(t *testing.T) {
	p, m := asking(t)
	if m.Index != 0 || m.Digest != 5 || m.Cluster == 7 || m.Begins <= 1 || len(m.Members) != 3 {
		t.Fatalf("it asks for %+v", m)
	}
	for i, want := range []Member{{10, "left", "a", true, false}, {20, "right", "b", true, false}, {30, "c", "c:1", true, false}} {
		if m.Members[i] != want {
			t.Errorf("member %d is %+v, and not %+v", i, m.Members[i], want)
		}
	}
	turn := turnOf(p.Step(fromBackup(Grown{View: 1, Round: 1, Member: 20, Ready: true})))
	if turn == nil || turn.Became.Self != 10 || turn.Became.Name() != "left" || turn.Became.Cluster != m.Cluster || string(turn.Table) != "table" || turn.Event != nil {
		t.Fatalf("it turns by %+v", turn)
	}
	if more := p.Step(Tick{}); len(more) != 0 {
		t.Fatalf("as a node of the pair it goes on with %v", more)
	}
}

// What queues meanwhile is not executed, and what is under way ends first.
func TestNothingIsNumberedWhileAPairTurns(t *testing.T) {
	p := willing(t)
	p.Step(ofClients(openCommand(1)))
	answer, effects := obeyed(t, p, addC)
	if answer.Outcome != OrderWorking || len(sentTo(effects, "b")) != 0 {
		t.Fatalf("%+v with a batch under way, and it sends %v", answer, sentTo(effects, "b"))
	}
	expect(t, told(p, ofClients(openCommand(2)))) // it queues
	effects = p.Step(fromBackup(Ack{View: 1, Index: 1}))
	expect(t, effects, applied(entry(1, 1, openCommand(1))), TakeSnapshot{})
	p.Step(SnapshotTaken{Index: 1, Digest: 6})
	p.Step(Barrier{ID: 1})
	effects = p.Step(fromBackup(Grown{View: 1, Round: 1, Member: 20, Ready: true}))
	turn := turnOf(effects)
	if turn == nil || turn.Became.Index != 1 || turn.Digest != 6 {
		t.Fatalf("it turns by %+v", turn)
	}
	var about []Effect
	for _, e := range effects {
		if isAboutReigns(e) {
			about = append(about, e)
		}
	}
	expect(t, about, Refuse{Requests: []lock.RequestID{openCommand(2).ID()}, Kind: NotPrimary}, Ended{}, Barred{ID: 1})
}

// Until it has decided, the primary is one of the pair like any other.
func TestAPrimaryThatHasAskedGoesOnAloneWithoutTheBackup(t *testing.T) {
	for name, event := range map[string]Event{
		"new life": Received{From: "b", Incarnation: 2, Message: Hello{}},
		"goodbye":  fromBackup(Bye{View: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := asking(t)
			p.Step(ofClients(openCommand(1)))
			p.Step(event)
			expect(t, told(p, Synced{View: 2}), applied(entry(2, 1, openCommand(1))), Began{View: 2})
			if effects := p.Step(fromBackup(Grown{View: 1, Round: 1, Member: 20, Ready: true})); turnOf(effects) != nil {
				t.Fatal("a promise that came too late has turned it")
			}
		})
	}
	p, _ := asking(t)
	p.silentTicks(MinSuspectTicks + 1)
	if p.role != Solo {
		t.Fatalf("after silence it is %s", p.role)
	}
}

// What was promised in an earlier round counts for nothing.
func TestARefusedRoundIsOverAndTheNextIsAnother(t *testing.T) {
	p, first := asking(t)
	p.Step(ofClients(openCommand(1)))
	effects := p.Step(fromBackup(Grown{View: 1, Round: 1, Member: 20, Reason: "the copies differ"}))
	if got := sentTo(effects, "b"); len(got) != 1 || len(got[0].(Forward).Entries) != 1 {
		t.Fatalf("it goes on by %v", got)
	}
	p.Step(fromBackup(Ack{View: 1, Index: 1}))
	if answer := ordered(t, p, addC); answer.Outcome != OrderRefused || answer.Text != "the copies differ" {
		t.Fatalf("it says %+v", answer)
	}
	p.Step(addC)
	got := sentTo(p.Step(SnapshotTaken{Index: 1, Digest: 6}), "b")
	if len(got) != 1 || got[0].(Grow).Cluster == first.Cluster || got[0].(Grow).Round != 2 {
		t.Fatalf("it asks anew by %v", got)
	}
	if effects := p.Step(fromBackup(Grown{View: 1, Round: 1, Member: 20, Ready: true})); turnOf(effects) != nil {
		t.Fatal("a promise of the round before has turned it")
	}
}

func TestABackupPromisesOnlyWhatItHas(t *testing.T) {
	_, m := asking(t)
	behind := m
	behind.Index = 3
	b := backup(t)
	b.cfg.Member = 20
	expect(t, b.Step(fromPrimary(behind)))
	stranger := m
	stranger.Members = m.Members[:1]
	expect(t, b.Step(fromPrimary(stranger)))

	expect(t, b.Step(fromPrimary(m)), TakeSnapshot{})
	effects := b.Step(SnapshotTaken{Digest: 6})
	if got := sentTo(effects, "a"); len(got) != 1 || got[0].(Grown).Ready || !strings.Contains(got[0].(Grown).Reason, "differ at entry 0") || b.promised() {
		t.Fatalf("with another digest it says %v", got)
	}

	b.Step(fromPrimary(m))
	b.Step(fromPrimary(Forward{View: 1, Entries: []lock.Entry{entry(1, 1, openCommand(1))}}))
	if effects := b.Step(SnapshotTaken{Digest: 5}); len(sentTo(effects, "a")) != 0 || b.promised() {
		t.Fatalf("when the primary has gone on it says %v", effects)
	}
}

// Neither silence nor a refused connection nor a new life in another directory
// tells that the primary has not decided.
func TestWhoHasPromisedDoesNotGoOnAloneByGuess(t *testing.T) {
	b, m := promising(t, func(cfg *PairConfig) { cfg.TrustRefused = true })
	var warned, asked int
	for range 10 * MinSuspectTicks {
		for _, e := range b.Step(Tick{}) {
			if s, ok := e.(Send); ok {
				if _, ok := s.Message.(Hello); ok {
					asked++
				}
			}
			if s, ok := e.(Say); ok && s.Warn && strings.Contains(s.Text, "lockc cluster bootstrap") {
				warned++
			}
		}
	}
	for _, ev := range []Event{
		StreamEnded{Node: "a", Incarnation: 1}, DialRefused{Node: "a"}, DialRefused{Node: "a"}, DialRefused{Node: "a"},
		Received{From: "a", Incarnation: 2, Message: Hello{Role: Joining, AsPrimary: true, Pair: [2]NodeID{"a", "b"}}},
		Received{From: "a", Incarnation: 2, Cluster: 99, Message: Refusal{Reason: "of another cluster"}},
		Received{From: "a", Incarnation: 2, Cluster: m.Cluster, Message: Refusal{Reason: "knows no pairs"}},
		Received{From: "c:1", Incarnation: 5, Message: Seek{Member: 30, Name: "c"}},
	} {
		b.Step(ev)
	}
	if b.role != Backup || !b.promised() || b.over || warned != 1 || asked < 9 {
		t.Fatalf("it is %s, has warned %d times, and asked %d times", b.role, warned, asked)
	}
	if got := sentTo(b.Step(Tick{}), "a"); len(got) < 2 || got[1].(Grown).Round != 1 {
		t.Fatalf("it repeats its promise by %v", got)
	}
}

// These tell that the primary has not decided, and never will.
func TestAPromiseEndsWithTheRound(t *testing.T) {
	for name, test := range map[string]struct {
		ev   Event
		want Role
	}{
		"a new life of the pair": {Received{From: "a", Incarnation: 2, Cluster: 7, Message: Hello{Role: Joining, AsPrimary: true, Pair: [2]NodeID{"a", "b"}}}, Solo},
		"its goodbye":            {fromPrimary(Bye{View: 1}), Solo},
		"it goes on alone":       {fromPrimary(Alone{View: 2}), Demoted},
	} {
		t.Run(name, func(t *testing.T) {
			b, m := promising(t)
			b.Step(test.ev)
			if b.role != test.want || b.promised() {
				t.Fatalf("it is %s", b.role)
			}
			if turn := turnOf(b.Step(Received{From: "c:1", Cluster: m.Cluster, Message: Found{Cluster: m.Cluster}})); turn != nil {
				t.Fatal("it turns after all")
			}
		})
	}
}

// Whoever speaks in the quorum's id tells that the primary has decided.
func TestABackupLearnsThatThePrimaryHasDecided(t *testing.T) {
	for name, ev := range map[string]Received{
		"the primary":            {From: "a", Incarnation: 1, Message: Engine{}},
		"a later life of it":     {From: "a", Incarnation: 4, Message: Seek{Member: 11, Name: "left"}},
		"the third":              {From: "c:1", Incarnation: 5, Message: Seek{Member: 30, Name: "c"}},
		"the primary, to others": {From: "a", Incarnation: 1, Message: Digests{}},
	} {
		t.Run(name, func(t *testing.T) {
			b, m := promising(t)
			before := ev
			before.Cluster = 7
			if turnOf(b.Step(before)) != nil {
				t.Fatal("it turns by a word of another cluster")
			}
			b, m = promising(t)
			ev.Cluster = m.Cluster
			turn := turnOf(b.Step(ev))
			if turn == nil || turn.Became.Self != 20 || turn.Became.Name() != "right" || turn.Became.View != m.Begins || string(turn.Table) != "table" || turn.Event == nil {
				t.Fatalf("it turns by %+v", turn)
			}
		})
	}
	b, m := promising(t)
	if turnOf(b.Step(Received{From: "a", Incarnation: 1, Cluster: m.Cluster, Message: Heartbeat{View: 1}})) != nil {
		t.Fatal("a word of the pair that was stamped too early has turned it")
	}
}

// If the primary never comes back, an operator decides.
func TestAnOperatorEndsAPromise(t *testing.T) {
	b, _ := promising(t)
	answer := ordered(t, b, Instruct{ID: 1, Order: Order{Kind: Bootstrap}})
	if answer.Outcome != OrderRefused || !strings.Contains(answer.Text, "what a has granted since is given up") {
		t.Fatalf("without force it says %+v", answer)
	}
	ev := Instruct{ID: 2, Order: Order{Kind: Bootstrap, Force: true}}
	turn := turnOf(b.Step(ev))
	if turn == nil || turn.Event != Event(ev) {
		t.Fatalf("by force it turns by %+v", turn)
	}
}

func TestWhatMakesNoClusterOfAPair(t *testing.T) {
	alone := NewPair(PairConfig{Pair: [2]NodeID{"a", "b"}, AsPrimary: true, Incarnation: 1, NewCluster: 7, SuspectTicks: MinSuspectTicks, Member: 10})
	alone.silentTicks(MinSuspectTicks)
	alone.Step(Synced{View: 1})
	passing := willing(t)
	passing.Step(ofClients(openCommand(1)))
	passing.Step(switchTo("b"))
	late := willing(t, func(cfg *PairConfig) { cfg.SuspectTicks = 3 * newcomerTicks })
	late.silentTicks(newcomerTicks + 1)
	late.Step(fromBackup(Heartbeat{View: 1}))
	busy, _ := asking(t)
	heard := func(change func(*Seek)) *Pair {
		p := willing(t)
		p.Step(fromC(change))
		return p
	}
	other := addC
	other.Order.Name = "d"
	early := starting(t, capable(10))
	early.Step(fromC())
	for name, test := range map[string]struct {
		p       *Pair
		ev      Instruct
		outcome OrderOutcome
		want    string
	}{
		"alone":                   {alone, addC, OrderRefused, "a is alone"},
		"handing over":            {passing, addC, OrderRefused, "handing over to b"},
		"nobody there":            {paired(t, capable(10)), addC, OrderRefused, "no new node is heard from c:1; start it there with: lockd node -name c -listen c:1 -peers a=a,b=b,c=c:1"},
		"nobody there any more":   {late, addC, OrderRefused, "no new node is heard from c:1"},
		"another name":            {willing(t), other, OrderRefused, "started as c, not as d"},
		"of another cluster":      {heard(func(m *Seek) { m.Fresh = false }), addC, OrderRefused, "empty state directory"},
		"a list without the pair": {heard(func(m *Seek) { m.Peers = m.Peers[1:] }), addC, OrderRefused, "without a in its -peers"},
		"names that are the same": {heard(func(m *Seek) { m.Peers = []Peer{{"x", "a"}, {"x", "b"}, {"c", "c:1"}} }), addC, OrderRefused, "the same name"},
		"another change":          {busy, other, OrderRefused, "another change is under way"},
		"the same change":         {busy, addC, OrderWorking, "the pair becomes a cluster, with c"},
		"a handover":              {busy, switchTo("b"), OrderRefused, "another change is under way"},
		"not able":                {paired(t), addC, OrderRefused, "a cannot become a node of a cluster"},
		"while it starts":         {early, addC, OrderWorking, "b is the backup, and silent at the moment"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := ordered(t, test.p, test.ev)
			if answer.Outcome != test.outcome || !strings.Contains(answer.Text, test.want) {
				t.Fatalf("it says %+v", answer)
			}
		})
	}
	if answer := ordered(t, backup(t), addC); answer.Kind != NotPrimary || answer.Hint != "a" {
		t.Fatalf("a backup says %+v", answer)
	}
}

// A backup of an older version skips what it does not know. Nothing stops for it.
func TestABackupThatDoesNotAnswerIsOfAnOlderVersion(t *testing.T) {
	p := paired(t, capable(10))
	p.Step(fromC())
	if answer := ordered(t, p, addC); answer.Outcome != OrderWorking {
		t.Fatalf("it says %+v", answer)
	}
	for range MinSuspectTicks + 2 {
		if got := sentTo(p.Step(Tick{}), "b"); len(got) == 0 || p.pausing() {
			t.Fatalf("it sends %v", got)
		}
		p.Step(fromC())
		p.Step(fromBackup(Heartbeat{View: 1}))
	}
	if answer := ordered(t, p, addC); answer.Outcome != OrderRefused || !strings.Contains(answer.Text, "older version") {
		t.Fatalf("it says %+v", answer)
	}
}

// A newcomer that has started again is another log, and what its last life has said
// may still come.
func TestTheNewestLifeOfANewcomerCounts(t *testing.T) {
	p := willing(t)
	again := fromC(func(m *Seek) { m.Member = 31 })
	again.Incarnation = 6
	p.Step(again)
	p.Step(fromC())
	p.Step(addC)
	got := sentTo(p.Step(SnapshotTaken{Digest: 5}), "b")
	if len(got) != 1 || got[0].(Grow).Members[2].ID != 31 {
		t.Fatalf("it begins with %+v", got)
	}
	for i := range 2 * maxNewcomers {
		p.Step(Received{From: NodeID(rune('0' + i)), Incarnation: 1, Message: Seek{Member: 1}})
	}
	if n := len(p.grows.newcomers); n > maxNewcomers {
		t.Fatalf("it remembers %d", n)
	}
}
