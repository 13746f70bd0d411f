package quorum

import (
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// TestGrowAndShrink: a cluster grows from one to five and shrinks again while it
// serves; who was removed is told and ends.
func TestGrowAndShrink(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 4, "a", durable)
		w.tweak = func(cfg *Config) { cfg.RetainBytes = 3000 }
		w.awaitPrimary()
		nonce := lock.Number(1)
		for _, name := range []string{"b", "c", "d", "e"} {
			w.open(nonce)
			nonce++
			w.add(name, durable, peersOf("a"+name)).start()
			w.run(3)
			if a := w.order(replica.Order{Kind: replica.AddMember, Name: name, Address: replica.NodeID(name + ":1")}); a.Outcome != replica.OrderDone {
				t.Fatalf("adding %s: %+v", name, a)
			}
		}
		w.whole()
		w.open(nonce)
		w.alike()
		for _, name := range []string{"a", "c"} { // a is the primary
			if a := w.order(replica.Order{Kind: replica.RemoveMember, Name: name}); a.Outcome != replica.OrderDone {
				t.Fatalf("removing %s: %+v", name, a)
			}
			w.until(name+" ends", func() bool { return w.node(name).exited != "" })
			if !strings.Contains(w.node(name).exited, "removed") {
				t.Errorf("%s ends with %q", name, w.node(name).exited)
			}
		}
		if p := w.primary(); p.name == "a" || len(p.core.roster.members) != 3 {
			t.Errorf("%s reigns over %+v", p.name, p.core.roster.members)
		}
		w.open(nonce + 1)
	})
}

// TestNewcomerCopiesFirst: a newcomer that has not got the state yet does not
// count for a majority (R9).
func TestNewcomerCopiesFirst(t *testing.T) {
	w := startWorld(t, 4, "abc", true)
	w.tweak = func(cfg *Config) { cfg.RetainBytes = 500 }
	w.awaitPrimary()
	for n := range lock.Number(20) {
		w.open(n + 1)
	}
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		_, chunk := m.(replica.Chunk)
		return chunk && to == "d:1"
	}
	w.add("d", true, peersOf("abcd")).start()
	w.run(3)
	add := replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"}
	for range 100 {
		if got := w.primary().order(add); got.Outcome != replica.OrderWorking {
			t.Fatalf("without the state it is answered %+v", got)
		}
		w.run(1)
	}
	w.drop = nil
	if got := w.order(add); got.Outcome != replica.OrderDone {
		t.Fatalf("%+v", got)
	}
}

// TestRemovedWhileAway: a node that was removed while it was down learns of it
// when it comes back, although nobody speaks to it any more.
func TestRemovedWhileAway(t *testing.T) {
	w := startWorld(t, 4, "abcd", true)
	w.awaitPrimary()
	w.run(20)
	var d *box
	for _, a := range w.names {
		if b := w.nodes[a]; b != w.primary() {
			d = b
		}
	}
	d.crash()
	w.open(1)
	if a := w.order(replica.Order{Kind: replica.RemoveMember, Name: d.name}); a.Outcome != replica.OrderDone {
		t.Fatal(a)
	}
	w.run(2)
	p := w.primary() // who forgets what the others have said
	p.crash()
	p.start()
	nonce := lock.Number(1)
	busy := func(so func() bool) func() bool {
		return func() bool {
			nonce++
			w.open(nonce)
			return so()
		}
	}
	w.until("it follows", busy(func() bool { return p.core.Status().Role == replica.Backup || p == w.primary() }))
	w.order(replica.Order{Kind: replica.SwitchOver, Name: p.name})
	d.start()
	w.until("it ends", busy(func() bool { return d.exited != "" }))
}

// TestARemovedNodeStaysWhileItIsNeeded: of four nodes one is dead, and another is
// removed. The only one that knows dies as well, before the third hears that this is
// committed: that one needs the removed node to be the primary, and to find it out.
func TestARemovedNodeStaysWhileItIsNeeded(t *testing.T) {
	w := startWorld(t, 3, "abcd", true)
	p := w.awaitPrimary()
	w.run(30)
	var others []*box
	for _, a := range w.names {
		if b := w.nodes[a]; b != p {
			others = append(others, b)
		}
	}
	dead, removed, unaware := others[0], others[1], others[2]
	dead.crash()
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		return to == unaware.address && unaware.core.changing()
	}
	for range 10 {
		if a := p.order(replica.Order{Kind: replica.RemoveMember, Name: removed.name}); a.Outcome != replica.OrderWorking {
			t.Fatalf("%+v although no majority can know it", a)
		}
		w.run(1)
	}
	if !removed.core.retired || !unaware.core.changing() {
		t.Fatalf("%s knows that it was removed: %v; %s does not: %v", removed.name, removed.core.retired, unaware.name, unaware.core.changing())
	}
	p.crash()
	w.drop = nil
	w.run(10 * p.core.cfg.ElectionTicks)
	if !removed.up {
		t.Fatalf("%s ends with %q", removed.name, removed.exited)
	}
	p.start()
	w.open(1)
	w.until("it ends", func() bool { return removed.exited != "" })
	dead.start()
	w.open(2)
	w.alike()
}

// TestMissedTheChange: a node that was down while all others were replaced finds
// those who belong to the cluster now.
func TestMissedTheChange(t *testing.T) {
	w := startWorld(t, 9, "abc", true)
	w.awaitPrimary()
	w.run(10)
	w.node("c").crash()
	for _, change := range []struct{ in, out string }{{"d", "a"}, {"e", ""}} {
		w.add(change.in, true, peersOf("ab"+change.in)).start()
		w.run(3)
		if a := w.order(replica.Order{Kind: replica.AddMember, Name: change.in, Address: replica.NodeID(change.in + ":1")}); a.Outcome != replica.OrderDone {
			t.Fatal(a)
		}
		if change.out != "" {
			if a := w.order(replica.Order{Kind: replica.RemoveMember, Name: change.out}); a.Outcome != replica.OrderDone {
				t.Fatal(a)
			}
		}
	}
	w.order(replica.Order{Kind: replica.SwitchOver, Name: "e"})
	w.node("c").start()
	w.open(1)
	w.until("c follows e", func() bool { return w.node("c").core.Status().Role == replica.Backup })
	w.alike()
}

// TestOrdersRefused: what cannot be, and why.
func TestOrdersRefused(t *testing.T) {
	w := startWorld(t, 4, "abc", true)
	w.awaitPrimary()
	w.order(replica.Order{Kind: replica.SwitchOver, Name: "a"})
	a, b := w.node("a"), w.node("b")
	w.run(30)
	expect := func(o replica.Order, outcome replica.OrderOutcome, text string) {
		t.Helper()
		got := a.order(o)
		if outcome == replica.OrderDone && got.Outcome == replica.OrderWorking {
			w.run(2) // it makes sure
			got = a.order(o)
		}
		if got.Outcome != outcome || !strings.Contains(got.Text, text) {
			t.Errorf("%+v is answered %+v", o, got)
		}
	}
	if got := b.order(replica.Order{Kind: replica.AddMember, Name: "x"}); got.Kind != replica.NotPrimary || got.Hint != "a:1" {
		t.Errorf("a backup answers %+v", got)
	}
	expect(replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"}, replica.OrderRefused, "lockd node -name d -listen d:1 -peers a=a:1,b=b:1,c=c:1,d=d:1")
	expect(replica.Order{Kind: replica.AddMember, Name: "b", Address: "x:1"}, replica.OrderRefused, "already")
	expect(replica.Order{Kind: replica.AddMember, Name: "x", Address: "b:1"}, replica.OrderRefused, "the address of b")
	expect(replica.Order{Kind: replica.AddMember, Name: "b", Address: "b:1"}, replica.OrderDone, "")
	expect(replica.Order{Kind: replica.RemoveMember, Name: "x"}, replica.OrderDone, "no member")
	expect(replica.Order{Kind: replica.SwitchOver, Name: "x"}, replica.OrderRefused, "no member x")
	expect(replica.Order{Kind: replica.SwitchOver, Name: "a"}, replica.OrderDone, "")
	expect(replica.Order{Kind: replica.Bootstrap, Force: true}, replica.OrderRefused, "has a primary")
	expect(replica.Order{Kind: 99}, replica.OrderRefused, "older version")

	w.add("d", true, peersOf("abcd")).start()
	w.add("e", true, peersOf("abce")).start()
	w.run(3)
	expect(replica.Order{Kind: replica.AddMember, Name: "f", Address: "d:1"}, replica.OrderRefused, "was started as d")
	expect(replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"}, replica.OrderWorking, "d")
	expect(replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"}, replica.OrderWorking, "d")
	expect(replica.Order{Kind: replica.AddMember, Name: "e", Address: "e:1"}, replica.OrderRefused, "another change is under way")
	expect(replica.Order{Kind: replica.RemoveMember, Name: "b"}, replica.OrderRefused, "another change is under way")
	w.order(replica.Order{Kind: replica.AddMember, Name: "d", Address: "d:1"})

	// Of four, two are gone: without one more there is no majority of three, and
	// with two gone nothing is agreed on at all.
	b.crash()
	w.run(15)
	expect(replica.Order{Kind: replica.SwitchOver, Name: "b"}, replica.OrderRefused, "not heard")
	expect(replica.Order{Kind: replica.RemoveMember, Name: "b"}, replica.OrderWorking, "removing b")
	w.order(replica.Order{Kind: replica.RemoveMember, Name: "b"})
	w.node("d").crash()
	w.run(11)
	expect(replica.Order{Kind: replica.RemoveMember, Name: "c"}, replica.OrderRefused, "no majority")
	w.node("c").crash()
	w.until("a knows of nobody", func() bool { return !a.core.leading() })
	if got := a.order(replica.Order{Kind: replica.RemoveMember, Name: "c"}); got.Kind != replica.NoQuorum {
		t.Errorf("an electing node answers %+v", got)
	}
}

// TestSwitchOver: the reign is handed over with what queues, and no request that
// was accepted is answered with anything but its result or the new primary.
func TestSwitchOver(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 6, "abc", durable)
		w.tweak = nil
		p := w.awaitPrimary()
		w.run(10)
		for round := range 6 {
			var to *box
			for _, a := range w.names {
				if b := w.nodes[a]; b != p && (to == nil || round%2 == 0) {
					to = b
				}
			}
			before := p.abandoned
			var ids []lock.RequestID
			submit := func(n int) {
				c := lock.Command{Verb: lock.OpenSession, Number: lock.Number(1000*(round+1) + n)}
				ids = append(ids, c.ID())
				p.step(replica.Submit{Commands: []lock.Command{c}})
			}
			for n := range 10 {
				submit(n)
			}
			p.step(replica.Instruct{ID: 1, Order: replica.Order{Kind: replica.SwitchOver, Name: to.name}})
			for n := range 10 {
				submit(10 + n)
			}
			p.barriers++
			p.step(replica.Barrier{ID: p.barriers})
			w.until("the handover", func() bool { return w.primary() == to && to.core.ready() && p.core.handover == nil })
			refused, executed := 0, 0
			for _, id := range ids {
				_, done := p.results[id]
				no, sent := p.refused[id]
				switch {
				case done:
					executed++
				case sent && no.Kind == replica.NotPrimary && no.Hint == to.address:
					refused++
				default:
					t.Fatalf("round %d: %+v was neither executed nor sent on: %+v", round, id, no)
				}
			}
			if executed == 0 || refused == 0 || p.abandoned != before+1 || p.confirmed+p.barred < p.barriers {
				t.Errorf("round %d: %d executed, %d sent on, abandoned %d times, barriers %d and %d of %d",
					round, executed, refused, p.abandoned-before, p.confirmed, p.barred, p.barriers)
			}
			p = to
		}
	})
}

// TestLeave: a primary that stops hands over first; one that nobody can follow
// just says so; a backup leaves at once.
func TestLeave(t *testing.T) {
	w := startWorld(t, 6, "abc", true)
	p := w.awaitPrimary()
	w.run(10)
	p.step(replica.Leave{})
	if p.left {
		t.Fatal("it has not handed over yet")
	}
	w.until("it leaves", func() bool { return p.left })
	began := w.now
	w.until("another", func() bool { n := w.primary(); return n != nil && n != p && n.core.ready() })
	if w.now-began > 5*tickTime {
		t.Errorf("the next reign began %d ticks later", (w.now-began)/tickTime)
	}
	p.crash()
	for _, a := range w.names {
		if b := w.nodes[a]; b.up && b != w.primary() {
			b.step(replica.Leave{})
			if !b.left {
				t.Error("a backup has nothing to hand over")
			}
			b.crash()
		}
	}
	last := w.primary()
	last.step(replica.Submit{Commands: []lock.Command{{Verb: lock.OpenSession, Number: 7}}})
	last.step(replica.Leave{})
	w.until("it leaves", func() bool { return last.left })
	if w.now-began > 40*tickTime {
		t.Errorf("it took %d ticks", (w.now-began)/tickTime)
	}
}

// TestQuiet: a quiet node votes and copies, and never serves.
func TestQuiet(t *testing.T) {
	w := newWorld(t, 11)
	w.add("a", true, peersOf("abc"))
	w.add("b", true, peersOf("abc"))
	w.add("c", true, peersOf("abc"))
	w.node("a").quiet = true // the founder
	for _, a := range w.names {
		w.nodes[a].start()
	}
	for round := range lock.Number(10) {
		p := w.awaitPrimary()
		w.open(round + 1)
		w.run(w.upTo(10))
		p.crash()
		w.run(12 + w.upTo(20))
		p.start()
	}
	w.awaitPrimary()
	if r := w.node("a").reigns; len(r) > 0 {
		t.Errorf("the quiet node reigned in %v", r)
	}
	if w.node("a").core.Status().Role != replica.Quiet {
		t.Errorf("%+v", w.node("a").core.Status())
	}
	w.alike()
}

// TestBootstrap: when the majority is lost for good, a node goes on alone, with
// all that its log has, above every view that was; the others come back as
// newcomers only.
func TestBootstrap(t *testing.T) {
	eachMode(t, func(t *testing.T, durable bool) {
		w := startWorld(t, 12, "abc", durable)
		w.awaitPrimary()
		token := w.open(1).Session
		w.alike()
		a, b := w.node("a"), w.node("b")
		old := a.cluster
		b.crash()
		w.node("c").crash()
		w.until("a is alone", func() bool { return a.core.Status().Role == replica.Electing })
		if got := a.order(replica.Order{Kind: replica.Bootstrap}); got.Outcome != replica.OrderRefused || !strings.Contains(got.Text, "given up") {
			t.Errorf("without force: %+v", got)
		}
		force := replica.Order{Kind: replica.Bootstrap, Force: true}
		w.until("the new cluster", func() bool { return a.order(force).Outcome == replica.OrderDone })
		if again := w.open(1).Session; again != token {
			t.Errorf("session %d is %d now", token, again)
		}
		if next := w.open(2).Session; next>>40 < 1000 {
			t.Errorf("the next session is %d", next)
		}
		if a.cluster == old || len(a.core.roster.members) != 1 {
			t.Errorf("cluster %x, %+v", uint64(a.cluster), a.core.roster.members)
		}
		a.crash()
		if durable {
			a.start()
			w.awaitPrimary()
			b.start() // with its old log
			w.run(40)
			if b.core.cluster == a.cluster || w.primary() != a {
				t.Error("a node of the old cluster has come in")
			}
			b.crash()
			b.saved = replica.Recovered{}
			b.id.written, b.id.view, b.id.cluster = false, 0, 0
			b.start()
			w.run(3)
			if got := w.order(replica.Order{Kind: replica.AddMember, Name: "b", Address: "b:1"}); got.Outcome != replica.OrderDone {
				t.Errorf("adding b: %+v", got)
			}
			w.alike()
		}
	})
}

// TestBootstrapWithNothing: when all copies are lost a cluster begins with
// nothing, and its views go on rising.
func TestBootstrapWithNothing(t *testing.T) {
	w := startWorld(t, 12, "abc", false)
	w.awaitPrimary()
	before := w.open(1).Session
	for _, a := range w.names {
		w.nodes[a].crash()
	}
	clear(w.history)
	a := w.node("a").start()
	w.run(5)
	force := replica.Order{Kind: replica.Bootstrap, Force: true}
	w.until("the new cluster", func() bool { return a.order(force).Outcome == replica.OrderDone })
	if next := w.open(1).Session; next <= before || next>>40 < 1000 {
		t.Errorf("session %d after %d", next, before)
	}
}

// lonelyNewcomer is a node that a cluster of one has taken in, and that does not
// vote yet when the other dies for good. held says what does not arrive.
func lonelyNewcomer(t *testing.T, held func(b *box, to replica.NodeID, m replica.Message) bool, when func(b *box) bool) *box {
	w := startWorld(t, 4, "a", true)
	w.awaitPrimary()
	w.open(1)
	b := w.add("b", true, peersOf("ab")).start()
	w.drop = func(to replica.NodeID, m replica.Message) bool { return held(b, to, m) }
	w.run(3)
	w.node("a").order(replica.Order{Kind: replica.AddMember, Name: "b", Address: "b:1"})
	w.until("b is taken in", func() bool { return when(b) })
	w.run(20)
	w.node("a").crash()
	return b
}

func (b *box) begins(t *testing.T) {
	t.Helper()
	b.w.until("the new cluster", func() bool {
		return b.order(replica.Order{Kind: replica.Bootstrap, Force: true}).Outcome == replica.OrderDone
	})
}

// TestBootstrapOfALearner: one that cannot be elected never gives up its primary,
// and begins anew nevertheless, with all that it has.
func TestBootstrapOfALearner(t *testing.T) {
	b := lonelyNewcomer(t, func(b *box, to replica.NodeID, m replica.Message) bool {
		_, engine := m.(replica.Engine)
		return engine && to == "a:1" && b.core.applied > 0
	}, func(b *box) bool { return b.core.applied > 0 && b.core.index > 0 })
	if self, ok := b.core.roster.byID(b.core.member); !ok || self.Voter {
		t.Fatalf("it votes: %+v", b.core.roster.members)
	}
	if got := b.order(replica.Order{Kind: replica.Bootstrap, Force: true}); got.Outcome != replica.OrderRefused {
		t.Errorf("as long as the primary was just heard: %+v", got)
	}
	b.w.run(40)
	b.begins(t)
	if b.core.index == 0 {
		t.Error("it has lost what it had")
	}
}

// TestBootstrapBeforeTheStateCame: a newcomer with a log in which there is nothing
// yet begins with nothing.
func TestBootstrapBeforeTheStateCame(t *testing.T) {
	b := lonelyNewcomer(t, func(_ *box, to replica.NodeID, m replica.Message) bool {
		_, chunk := m.(replica.Chunk)
		return chunk && to == "b:1"
	}, func(b *box) bool { return b.core.node != nil })
	b.crash()
	b.start()
	b.w.run(40)
	clear(b.w.history)
	if b.core.node == nil || b.core.applied != 0 {
		t.Fatalf("it has a log: %v; it has applied entry %d", b.core.node != nil, b.core.applied)
	}
	if got := b.order(replica.Order{Kind: replica.Bootstrap}); !strings.Contains(got.Text, "no state") {
		t.Errorf("%+v", got)
	}
	b.begins(t)
	b.w.open(2)
}

// TestBootstrapWithoutAnIdentity: a node that knows of no view begins above all
// that anybody may have used by then.
func TestBootstrapWithoutAnIdentity(t *testing.T) {
	w := newWorld(t, 1)
	w.tweak = func(cfg *Config) { cfg.BootstrapFloor = 2_500_000 }
	a := w.add("a", true, peersOf("abc")).start()
	w.run(3)
	if got := a.order(replica.Order{Kind: replica.Bootstrap}); !strings.Contains(got.Text, "tokens go on from view 2500000") {
		t.Errorf("%+v", got)
	}
	a.begins(t)
	if next := w.open(1).Session; next>>40 < 2_500_000 {
		t.Errorf("session %d", next)
	}
}

// TestOnlyThePrimaryRefuses: what another member knows of the members may be of
// long ago; a newcomer believes its refusal all the same.
func TestOnlyThePrimaryRefuses(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	p := w.awaitPrimary()
	w.run(5)
	for _, a := range w.names {
		b := w.nodes[a]
		refused := false
		w.drop = func(to replica.NodeID, m replica.Message) bool {
			_, refusal := m.(replica.Refusal)
			refused = refused || refusal && to == "x:1"
			return false
		}
		b.step(replica.Received{From: "x:1", Incarnation: 1, Message: replica.Seek{Member: 9, Name: "b", Fresh: true}})
		if refused != (b == p) {
			t.Errorf("%s refuses: %v", b.name, refused)
		}
	}
}

// TestARefusalMeansOneMember: a question may be answered when somebody else is at
// the address that it came from.
func TestARefusalMeansOneMember(t *testing.T) {
	for _, c := range []struct {
		means func(*box) replica.MemberID
		ends  bool
	}{
		{func(n *box) replica.MemberID { return n.core.member + 1 }, false},
		{func(n *box) replica.MemberID { return n.core.member }, true},
		{func(*box) replica.MemberID { return 0 }, true}, // of a node that does not say
	} {
		newcomer := newWorld(t, 1).add("d", true, peersOf("abcd")).start()
		newcomer.step(replica.Received{From: "a:1", Incarnation: 1, Message: replica.Refusal{Reason: "removed", Member: c.means(newcomer)}})
		if ended := newcomer.exited != ""; ended != c.ends {
			t.Errorf("a refusal for member %x ends %x: %v", c.means(newcomer), newcomer.core.member, ended)
		}
	}
}

// TestWhoSaysThatItKnowsOfAChangeHasItOnDisk: a removed node goes by what the others
// say, so after a loss of power they must still know (R1).
func TestWhoSaysThatItKnowsOfAChangeHasItOnDisk(t *testing.T) {
	for seed := range uint64(10) {
		w := startWorld(t, seed, "abcd", true)
		p := w.awaitPrimary()
		w.run(30)
		w.disk = 10 * tickTime
		var removed *box
		for _, name := range w.names {
			if b := w.nodes[name]; b != p {
				removed = b
			}
		}
		early := 0
		w.drop = func(to replica.NodeID, m replica.Message) bool {
			for _, b := range w.nodes {
				for id, said := range b.core.digests.others {
					for _, o := range w.nodes {
						if o.core.member == id && said[len(said)-1].Index >= o.core.roster.asOf && !o.core.keepsChange() {
							early++
						}
					}
				}
			}
			return false
		}
		w.order(replica.Order{Kind: replica.RemoveMember, Name: removed.name})
		w.until("it ends", func() bool { return removed.exited != "" })
		if early > 0 {
			t.Fatalf("seed %d: what is not on disk yet was said", seed)
		}
	}
}

// TestAPrimaryOfYesterdayIsNotSure: what seems done to it may long be otherwise.
func TestAPrimaryOfYesterdayIsNotSure(t *testing.T) {
	w := startWorld(t, 4, "abc", true)
	p := w.awaitPrimary()
	w.run(30)
	w.isolate(p, true)
	for range 3 {
		for _, o := range []replica.Order{
			{Kind: replica.RemoveMember, Name: "x"}, {Kind: replica.AddMember, Name: "b", Address: "b:1"}, {Kind: replica.SwitchOver, Name: p.name},
		} {
			if a := p.order(o); a.Kind != replica.Executed || a.Outcome != replica.OrderWorking {
				t.Errorf("%+v is answered %+v", o, a)
			}
		}
		w.run(1)
	}
	w.isolate(p, false)
	if a := w.order(replica.Order{Kind: replica.RemoveMember, Name: "x"}); a.Outcome != replica.OrderDone {
		t.Errorf("%+v", a)
	}
}

// TestAChangeThatAnEarlierPrimaryBegan: who asks again elsewhere for what is under
// way is not refused for it.
func TestAChangeThatAnEarlierPrimaryBegan(t *testing.T) {
	w := startWorld(t, 4, "abc", true)
	p := w.awaitPrimary()
	w.run(30)
	p.core.roster.changedAt = p.core.applied + 1
	for _, kind := range []replica.OrderKind{replica.AddMember, replica.RemoveMember} {
		if a := p.order(replica.Order{Kind: kind, Name: "d", Address: "d:1"}); a.Outcome != replica.OrderWorking {
			t.Errorf("%+v", a)
		}
	}
}

// TestAChangeThatIsCutOff: where no change of the members stands any more, none is
// under way.
func TestAChangeThatIsCutOff(t *testing.T) {
	q := &Quorum{}
	normal, changes := raftpb.EntryNormal.Enum(), raftpb.EntryConfChangeV2.Enum()
	entry := func(index uint64, kind *raftpb.EntryType) []*raftpb.Entry {
		return []*raftpb.Entry{{Index: new(index), Term: new(uint64(1)), Type: kind}}
	}
	q.locate(entry(5, changes))
	q.locate(entry(6, normal))
	if q.roster.changedAt != 5 {
		t.Errorf("the last change is entry %d", q.roster.changedAt)
	}
	q.locate(entry(4, normal))
	if q.roster.changedAt >= 4 {
		t.Errorf("entry %d is cut off", q.roster.changedAt)
	}
	q.locate(entry(5, changes))
	q.arrived = &arrival{at: place{9, 2}}
	q.restore(place{9, 2})
	if q.roster.changedAt != 0 {
		t.Errorf("entry %d is none of this log", q.roster.changedAt)
	}
}

// TestADeadSelfIsNotThere: a member that has lost its log copies under another
// name. Its former self is no heir, is switched over to by nobody, and does not count
// when a majority must be left.
func TestADeadSelfIsNotThere(t *testing.T) {
	w := newWorld(t, 3)
	for _, p := range peersOf("abc") {
		b := w.add(p.Name, true, peersOf("abc"))
		b.quiet = p.Name == "b"
		b.start()
	}
	p := w.awaitPrimary()
	other := w.node("a")
	if p == other {
		other = w.node("c")
	}
	dead := other.core.member
	other.crash()
	other.saved = replica.Recovered{}
	w.drop = func(to replica.NodeID, m replica.Message) bool { // it does not catch up
		_, chunk := m.(replica.Chunk)
		return to == other.address && chunk
	}
	other.start()
	w.until("it is taken in", func() bool { return len(p.core.roster.members) == 4 && p.core.heardLately(other.address, 2) })
	if heir := p.core.heir(); heir != 0 {
		t.Errorf("the heir is %x, and %x is dead", uint64(heir), uint64(dead))
	}
	if o := p.order(replica.Order{Kind: replica.SwitchOver, Name: other.name}); o.Outcome != replica.OrderRefused || !strings.Contains(o.Text, "is not heard") {
		t.Errorf("switching over to it: %+v", o)
	}
	if cost := p.core.costOf("b"); !strings.Contains(cost, "only 1 of 2") {
		t.Errorf("without b: %q", cost)
	}
}
