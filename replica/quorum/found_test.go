package quorum

import (
	"strings"
	"testing"

	"lockstep/lock"
	"lockstep/replica"
)

// TestFoundingNeedsAll: as long as one of those listed is not there, nobody
// founds.
func TestFoundingNeedsAll(t *testing.T) {
	w := newWorld(t, 1)
	a, b := w.add("a", true, peersOf("abc")).start(), w.add("b", true, peersOf("abc")).start()
	w.run(50)
	if a.core.node != nil || b.core.node != nil {
		t.Fatal("two of three have founded")
	}
	w.add("c", true, peersOf("abc")).start()
	w.awaitPrimary()
}

// TestFoundingIsInterrupted: whoever dies while a cluster is founded, it is
// founded in the end, once.
func TestFoundingIsInterrupted(t *testing.T) {
	for seed := range uint64(150) {
		w := newWorld(t, seed)
		w.loss, w.disk = 0.2, 120
		for _, p := range peersOf("abc") {
			w.add(p.Name, seed%2 == 0, peersOf("abc")).start()
		}
		for range 4 {
			b := w.nodes[w.names[w.chance.IntN(3)]]
			w.after(w.upTo(8*tickTime), func() {
				// In memory mode each restart loses a copy: only one that had no part yet
				// may be lost without harm.
				if b.up && (b.durable || b.core.fresh()) {
					b.crash()
					w.after(w.upTo(2*tickTime), func() { b.start() })
				}
			})
		}
		w.run(10)
		w.loss = 0
		for _, a := range w.names {
			if b := w.nodes[a]; !b.up {
				w.run(2)
			}
		}
		w.awaitPrimary()
		w.open(1)
		w.whole()
		w.alike()
	}
}

// TestAFoundingThatTooFewHeardOf: of five only two have the log that a cluster was
// founded with when the others are restarted, under new names. It can never be used,
// so that there is another founding, in which the two take part.
func TestAFoundingThatTooFewHeardOf(t *testing.T) {
	for seed := range uint64(24) {
		w := startWorld(t, seed, "abcde", seed%2 == 0)
		w.drop = func(to replica.NodeID, m replica.Message) bool {
			_, found := m.(replica.Found)
			return found && to != "b:1"
		}
		a, b := w.node("a"), w.node("b")
		w.until("two of five know of the cluster", func() bool { return a.core.node != nil && b.core.node != nil && a.core.begun() && b.core.begun() })
		first := a.core.cluster
		for _, name := range []string{"c", "d", "e"} {
			w.node(name).crash()
			w.node(name).start()
		}
		if seed%3 == 0 {
			a.crash()
			a.start()
		}
		w.drop = nil
		w.until("b has left the first founding", func() bool { return b.core.cluster != first })
		if seed%4 == 0 { // perhaps before it has anything of the next one
			b.crash()
			b.start()
		}
		w.awaitPrimary()
		w.open(1)
		w.whole()
		w.alike()
		for _, box := range w.nodes {
			if box.core.cluster == first {
				t.Errorf("seed %d: %s is in cluster %x, of which three have no log", seed, box.name, uint64(first))
			}
		}
	}
}

// TestAFoundingThatMayBeUsed: as long as a majority may have the log with which a
// cluster was founded, nobody founds another.
func TestAFoundingThatMayBeUsed(t *testing.T) {
	w := startWorld(t, 1, "abcde", true)
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		_, found := m.(replica.Found)
		return found && (to == "d:1" || to == "e:1")
	}
	a := w.node("a")
	w.until("the cluster is founded", func() bool { return a.core.node != nil && a.core.begun() })
	first := a.core.cluster
	for _, name := range []string{"d", "e"} {
		w.node(name).crash()
		w.node(name).start()
	}
	w.drop = nil
	w.awaitPrimary()
	w.open(1)
	w.whole()
	for _, box := range w.nodes {
		if box.core.cluster != first {
			t.Errorf("%s is in cluster %x, and the first was %x", box.name, uint64(box.core.cluster), uint64(first))
		}
	}
}

// foundedByTwo returns five nodes of which a and b alone have the log that the
// cluster was founded with; the others have forgotten that there was one.
func foundedByTwo(t *testing.T, meanwhile func(a, b, c *box)) *world {
	w := startWorld(t, 1, "abcde", true)
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		_, found := m.(replica.Found)
		return found && to != "b:1"
	}
	a, b := w.node("a"), w.node("b")
	w.until("two of five know of the cluster", func() bool { return a.core.node != nil && b.core.node != nil && a.core.begun() && b.core.begun() })
	meanwhile(a, b, w.node("c"))
	for _, name := range []string{"c", "d", "e"} {
		w.node(name).crash()
		w.node(name).start()
	}
	return w
}

func (b *box) votes(candidate *box, view lock.View) {
	b.step(replica.Received{From: candidate.address, Incarnation: candidate.id.incarnation, Cluster: b.core.cluster,
		Message: engineVote(candidate.core.member, b.core.member, uint64(view))})
}

// TestWhoHasVotedIsCountedOn: a member that has voted may have made somebody the
// primary who is not heard of now: there is no other founding with it.
func TestWhoHasVotedIsCountedOn(t *testing.T) {
	w := foundedByTwo(t, func(_, b, c *box) { b.votes(c, 2) })
	first := w.node("a").core.cluster
	w.drop = nil
	w.run(200)
	for _, name := range []string{"a", "b"} {
		if now := w.node(name).core.cluster; now != first {
			t.Errorf("%s is in cluster %x, and %x may have been used", name, uint64(now), uint64(first))
		}
	}
}

// TestWhoHasVotedStays: a node leaves a founding that came to nothing for the next
// one, but not if it has voted in it.
func TestWhoHasVotedStays(t *testing.T) {
	for view := range lock.View(3) {
		w := foundedByTwo(t, func(_, b, c *box) {
			if view > foundingView {
				b.votes(c, view)
			}
		})
		w.drop = func(replica.NodeID, replica.Message) bool { return true }
		a, b := w.node("a"), w.node("b")
		first, next := b.core.cluster, b.core.cluster+2
		b.step(replica.Received{From: a.address, Incarnation: a.id.incarnation, Cluster: next,
			Message: replica.Found{Cluster: next, View: foundingView, Members: b.core.roster.members}})
		if stays := b.core.cluster == first; stays != (view > foundingView) {
			t.Errorf("with a vote in view %d: b is in cluster %x, and was in %x", view, uint64(b.core.cluster), uint64(first))
		}
	}
}

// TestPowerCutInMemory: nodes that have had a part in a cluster found no other
// when all copies are lost, since their tokens would begin anew (S3).
func TestPowerCutInMemory(t *testing.T) {
	w := startWorld(t, 2, "abc", false)
	w.awaitPrimary()
	w.open(1)
	for _, a := range w.names {
		w.nodes[a].crash()
	}
	for _, a := range w.names {
		w.nodes[a].start()
	}
	w.run(60)
	if p := w.primary(); p != nil {
		t.Fatalf("%s reigns with nothing", p.name)
	}
	if !w.heard("lockc cluster bootstrap") {
		t.Errorf("nobody says what to do: %s", w.said)
	}
}

// TestOneNodeInMemory: a cluster of one that loses its memory does not begin its
// views anew.
func TestOneNodeInMemory(t *testing.T) {
	w := startWorld(t, 2, "a", false)
	w.awaitPrimary()
	w.open(1)
	w.node("a").crash()
	w.node("a").start()
	w.run(40)
	if p := w.primary(); p != nil {
		t.Fatalf("it reigns in view %d again", p.reigning)
	}
}

// TestWrongPeers: two lists cannot be of one cluster. The one that came later
// gives up.
func TestWrongPeers(t *testing.T) {
	w := newWorld(t, 1)
	a := w.add("a", true, peersOf("abc")).start()
	w.run(2)
	b := w.add("b", true, peersOf("abd")).start()
	w.run(3)
	if a.exited != "" || !strings.Contains(b.exited, "-peers") {
		t.Errorf("a ends with %q and b with %q", a.exited, b.exited)
	}
}

// TestNewcomersAreNoJudges: a member that has lost its disk comes back with the
// list that it always had, while another node, with a list that has itself in it
// too, waits to be added. The cluster is known to both.
func TestNewcomersAreNoJudges(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	w.awaitPrimary()
	d := w.add("d", true, peersOf("abcd")).start()
	w.run(5)
	w.drop = func(_ replica.NodeID, m replica.Message) bool {
		if _, is := m.(replica.Refusal); is {
			t.Errorf("%+v", m)
		}
		return false
	}
	d.step(replica.Received{From: "e:1", Incarnation: d.id.incarnation + 1, Message: replica.Seek{Member: 9, Name: "e", Fresh: true, Peers: peersOf("abce")}})
	d.step(replica.Received{From: "e:1", Incarnation: d.id.incarnation + 1, Message: replica.Refusal{Reason: "another list", Member: d.member}})
	if d.exited != "" {
		t.Errorf("d ends with %q", d.exited)
	}
}

// TestAPromisedBackupHearsOfItsCluster: it asks as a node of a pair, which is sent
// away; but with the members of the cluster that it has promised to be in. What is
// said to a node of a pair does not end a member.
func TestAPromisedBackupHearsOfItsCluster(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	w.awaitPrimary()
	var told []replica.Message
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		if to == "x:1" {
			told = append(told, m)
		}
		return false
	}
	a := w.node("a")
	a.step(replica.Received{From: "x:1", Incarnation: 1, Message: replica.Hello{Role: replica.Backup}})
	if found, ok := told[0].(replica.Found); !ok || found.Cluster != a.core.cluster || len(found.Members) != 3 {
		t.Errorf("told %+v", told)
	}
	b := w.node("b")
	b.core.engine.leader = 0
	b.step(replica.Received{From: a.address, Incarnation: a.id.incarnation, Cluster: a.core.cluster, Message: told[1]})
	if b.exited != "" {
		t.Errorf("b ends with %q", b.exited)
	}
}

// TestAnUnknownMemberIsAsked: who brings a newcomer its log may have become a member
// after what the newcomer has heard.
func TestAnUnknownMemberIsAsked(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	w.awaitPrimary()
	b := w.node("b")
	asked := 0
	w.drop = func(to replica.NodeID, m replica.Message) bool {
		if _, is := m.(replica.Seek); is && to == "x:1" {
			asked++
		}
		return false
	}
	for range 3 { // and once in a tick
		b.step(replica.Received{From: "x:1", Incarnation: 1, Cluster: b.core.cluster, Message: engineVote(99, b.member, 5)})
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestWrongCluster: a node that belongs to another cluster, or wants the name of
// a member, is sent away, and nobody else is disturbed.
func TestWrongCluster(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	w.awaitPrimary()
	alien := w.add("d", true, peersOf("abcd"))
	alien.id.written, alien.id.view, alien.id.cluster = true, 9, 12345
	alien.start()
	double := w.add("e", true, peersOf("abc"))
	double.name = "b"
	double.start()
	w.run(10)
	if !strings.Contains(alien.exited, "cluster 3039") {
		t.Errorf("a node of another cluster ends with %q", alien.exited)
	}
	if !strings.Contains(double.exited, "b at e:1 cannot be a member beside b at b:1") {
		t.Errorf("a node with a taken name ends with %q", double.exited)
	}
	w.open(1)
}

// TestStrangersFrames: what another cluster says, and what comes from elsewhere
// than the member it names, is not heard (R9).
func TestStrangersFrames(t *testing.T) {
	w := startWorld(t, 1, "abc", true)
	p := w.awaitPrimary()
	w.run(10)
	var backup *box
	for _, a := range w.names {
		if b := w.nodes[a]; b != p {
			backup = b
		}
	}
	// A vote of a far view would end the reign.
	vote := engineVote(backup.core.member, p.core.member, 5000)
	for _, ev := range []replica.Received{
		{From: backup.address, Incarnation: backup.id.incarnation, Cluster: 99, Message: vote},
		{From: backup.address, Incarnation: backup.id.incarnation, Message: vote},
		{From: "x:1", Incarnation: 1, Cluster: p.cluster, Message: vote},
		{From: backup.address, Incarnation: backup.id.incarnation - 1, Cluster: p.cluster, Message: vote},
		{From: backup.address, Incarnation: backup.id.incarnation, Cluster: p.cluster, Message: engineVote(backup.core.member, p.core.member, uint64(lock.MaxView)+1)},
		{From: backup.address, Incarnation: backup.id.incarnation, Cluster: p.cluster, Message: replica.Engine{Bytes: []byte{1, 2, 3}}},
	} {
		p.step(ev)
		if !p.core.ready() {
			t.Fatalf("the primary listens to %+v", ev)
		}
	}
	p.step(replica.Received{From: backup.address, Incarnation: backup.id.incarnation, Cluster: p.cluster, Message: vote})
	if p.core.ready() {
		t.Fatal("the vote that all those repeat has no effect at all")
	}
}
