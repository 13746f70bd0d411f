package replica

import "testing"

// newTestPrimary is a primary at its first start, with the least N.
func newTestPrimary(trustRefused bool) *Pair {
	return NewPair(PairConfig{
		Pair: [2]NodeID{"a", "b"}, AsPrimary: true, Incarnation: 1, NewCluster: 7,
		SuspectTicks: MinSuspectTicks, TrustRefused: trustRefused,
	})
}

func fromBackup(m Message) Received {
	return Received{From: "b", Incarnation: 1, Message: m}
}

func (p *Pair) silentTicks(n int) {
	for range n {
		p.Step(Tick{})
	}
}

// A first start that hears nobody founds alone (P0).
func TestFreshPrimaryFoundsAlone(t *testing.T) {
	p := newTestPrimary(false)
	p.silentTicks(MinSuspectTicks)
	if p.role != Solo {
		t.Fatalf("the role is %s", p.role)
	}
}

// A fresh primary that has heard a peer with a role does not: the peer is silent
// now, but may hold every lock (P0).
func TestFreshPrimaryWaitsForAPeerWithARole(t *testing.T) {
	for name, heard := range map[string]Message{
		"a beat":               Alone{View: 5},
		"a piece of its state": Chunk{View: 5, Base: 1, Total: 10, Bytes: []byte{1}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPrimary(false)
			p.Step(fromBackup(heard))
			p.silentTicks(10 * MinSuspectTicks)
			if p.role != Joining {
				t.Fatalf("the role is %s in view %d", p.role, p.view)
			}
		})
	}
}

// One refusal after the stream's end may be of a dial that began before it; the
// second proves that nobody listens (P9).
func TestSecondRefusalCounts(t *testing.T) {
	p := newTestPrimary(true)
	p.Step(fromBackup(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
	p.Step(Synced{View: 1})
	p.Step(fromBackup(Ack{View: 1}))
	if p.role != Primary {
		t.Fatalf("the role is %s", p.role)
	}
	p.Step(DialRefused{}) // from before the peer listened
	p.Step(StreamEnded{Incarnation: 1})
	p.Step(DialRefused{})
	if p.role != Primary {
		t.Fatalf("after one refusal the role is %s", p.role)
	}
	p.Step(DialRefused{})
	if p.role != Solo {
		t.Fatalf("after two refusals the role is %s", p.role)
	}
}

// A node of a cluster that was started at the peer's address is sent away. It is
// no new life of the peer, and what it says ends nobody (R10).
func TestNodesOfAClusterAreSentAway(t *testing.T) {
	for name, said := range map[string]Message{
		"a seeker": Seek{Member: 1, Name: "c"}, "an engine": Engine{Bytes: []byte{1}},
		"a founder": Found{Cluster: 3, View: 1}, "a digest": Digests{},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPrimary(false)
			p.Step(fromBackup(Hello{Role: Joining, Pair: [2]NodeID{"a", "b"}, Knows: 1}))
			p.Step(Synced{View: 1})
			p.Step(fromBackup(Ack{View: 1}))
			refused := false
			for _, e := range p.Step(Received{From: "b", Incarnation: 9, Cluster: 7, Message: said}) {
				send, ok := e.(Send)
				if _, is := send.Message.(Refusal); ok && is {
					refused = true
				}
			}
			if _, seeks := said.(Seek); refused != seeks {
				t.Errorf("refused: %t", refused)
			}
			if p.role != Primary || p.life.incarnation != 1 {
				t.Errorf("the role is %s, the peer's life %d", p.role, p.life.incarnation)
			}
		})
	}
}
