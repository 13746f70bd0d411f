package quorum

import (
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/replica"
)

// TestBootstrapOfAQuietNode: what is left serves, whatever it was started as; it
// would be of no use else.
func TestBootstrapOfAQuietNode(t *testing.T) {
	w := newWorld(t, 4)
	for _, name := range []string{"a", "b", "c"} {
		b := w.add(name, true, peersOf("abc"))
		b.quiet = name == "b"
		b.start()
	}
	w.awaitPrimary()
	session := w.open(1).Session
	w.alike()
	w.node("a").crash()
	w.node("c").crash()
	w.run(40)
	w.node("b").begins(t)
	if again := w.open(1).Session; again != session {
		t.Errorf("session %d is %d now", session, again)
	}
	if w.open(2).Session <= session {
		t.Error("it does not serve")
	}
}

// TestBootstrapForgetsWhoSought: a member of the old cluster that had lost touch
// asked who the members are. It is no newcomer to the next one: that would wait
// for ever for somebody who is dead.
func TestBootstrapForgetsWhoSought(t *testing.T) {
	w := startWorld(t, 4, "abc", true)
	w.awaitPrimary()
	w.alike()
	a := w.node("a")
	w.node("b").crash()
	w.node("c").crash()
	w.run(40)
	lost := a.core.roster.members[slices.IndexFunc(a.core.roster.members, func(m replica.Member) bool { return m.Name == "b" })]
	a.step(replica.Received{From: "b:1", Incarnation: 1 << 40, Cluster: a.cluster, Message: replica.Seek{Member: lost.ID, Name: "b", View: 2}})
	a.begins(t)
	if got := a.order(replica.Order{Kind: replica.AddMember, Name: "b", Address: "b:1"}); got.Outcome != replica.OrderRefused {
		t.Errorf("%+v; it has %+v", got, a.core.roster.members)
	}
}

// TestAClusterOfOneIsNotFoundedTwice: the commit index is written now and then, so
// after a crash a log with all that was answered may say that nothing ever was. A
// newcomer with nothing, which the same -peers list, is no reason to begin anew.
func TestAClusterOfOneIsNotFoundedTwice(t *testing.T) {
	w := newWorld(t, 4)
	a := w.add("a", true, peersOf("ab")).start()
	w.run(3)
	a.begins(t)
	session, cluster := w.open(1).Session, a.cluster
	w.run(3)
	a.crash()
	a.saved.State = a.core.encodeState(&raftpb.HardState{
		Term: new(a.core.engine.term), Vote: new(uint64(a.member)), Commit: new(uint64(foundingIndex)),
	})
	w.add("b", true, peersOf("ab")).start()
	a.start()
	w.run(40)
	if a.cluster != cluster {
		t.Fatalf("cluster %x is %x now", uint64(cluster), uint64(a.cluster))
	}
	if again := w.open(1).Session; again != session {
		t.Errorf("session %d is %d now", session, again)
	}
}
