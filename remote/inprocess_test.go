package remote

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

func mustStart(t *testing.T, n *Network, cfg Config) *Process {
	t.Helper()
	if cfg.Incarnation == 0 {
		cfg.Incarnation = 1
	}
	p, err := n.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A client and a node meet, and the answer finds the client that asked.
func TestRequestAndAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		node := mustStart(t, n, Config{Listen: "127.0.0.1:1"})
		serveEcho(node)
		client := mustStart(t, n, Config{Nodes: []replica.NodeID{"127.0.0.1:1"}})
		one, two := newProbe(client), newProbe(client)
		client.Enroll(1, one.pid)
		client.Enroll(2, two.pid)
		client.Send(node.Address(), request(1, 7))
		client.Send(node.Address(), request(2, 8))
		synctest.Wait()
		if got := one.answers(); len(got) != 1 || got[0].Request.Number != 7 {
			t.Errorf("client 1 got %v", got)
		}
		if got := two.answers(); len(got) != 1 || got[0].Request.Number != 8 {
			t.Errorf("client 2 got %v", got)
		}
		if got := of[*actors.LinkUp](one); len(got) == 0 || got[0].Node != node.Address() {
			t.Errorf("link up: %v", got)
		}
		client.Stop(time.Second)
		node.Stop(time.Second)
	})
	goleak.VerifyNone(t)
}

// startPair starts two nodes that know each other.
func startPair(t *testing.T, n *Network) (a, b *Process, pa, pb *probe) {
	t.Helper()
	a = mustStart(t, n, Config{Listen: "127.0.0.1:1", Peers: []replica.NodeID{"127.0.0.1:2"}})
	b = mustStart(t, n, Config{Listen: "127.0.0.1:2", Peers: []replica.NodeID{"127.0.0.1:1"}})
	pa, pb = serveEcho(a), serveEcho(b)
	time.Sleep(time.Second)
	synctest.Wait()
	return a, b, pa, pb
}

// A node that is killed is reported down, its stream ended after its last frame,
// and its address refused; the next life is a new connection.
func TestKillAndRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, _ := startPair(t, n)
		b.Send(a.Address(), heartbeat(1))
		b.Send(a.Address(), heartbeat(2))
		synctest.Wait()
		if got := of[*actors.FromPeer](pa); len(pa.pair()) != 2 || !got[0].NewConnection || got[0].Incarnation != 1 {
			t.Fatalf("from the peer: %+v", got)
		}
		refusedBefore := len(of[*actors.DialRefused](pa))
		b.Kill()
		synctest.Wait()
		if got := of[*actors.LinkDown](pa); len(got) != 1 {
			t.Errorf("link down: %v", got)
		}
		if got := of[*actors.StreamEnded](pa); len(got) != 1 || got[0].Incarnation != 1 {
			t.Errorf("stream ended: %v", got)
		}
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		if got := len(of[*actors.DialRefused](pa)); got <= refusedBefore {
			t.Error("a dead node's address was not refused")
		}
		ups := len(of[*actors.LinkUp](pa))
		a.Send(b.Address(), heartbeat(77)) // for the dead life: must not reach the next
		time.Sleep(2 * time.Second)

		b = mustStart(t, n, Config{Listen: "127.0.0.1:2", Peers: []replica.NodeID{"127.0.0.1:1"}, Incarnation: 2})
		pb := serveEcho(b)
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := len(of[*actors.LinkUp](pa)); got != ups+1 {
			t.Errorf("links up after the restart: %d, before: %d", got, ups)
		}
		b.Send(a.Address(), heartbeat(3))
		a.Send(b.Address(), heartbeat(4))
		synctest.Wait()
		got := of[*actors.FromPeer](pa)
		if last := got[len(got)-1]; !last.NewConnection || last.Incarnation != 2 {
			t.Errorf("the new life's first frame: %+v", last)
		}
		if got := pb.pair(); len(got) != 1 || got[0] != (replica.Heartbeat{View: 1, Index: 4}) {
			t.Errorf("the new life got %v", got)
		}
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// Reset cuts what is queued, and the link comes back by itself.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, pb := startPair(t, n)
		a.Send(b.Address(), heartbeat(1))
		synctest.Wait()
		a.Reset(b.Address())
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := len(of[*actors.LinkUp](pa)); got != 2 {
			t.Errorf("links up: %d", got)
		}
		a.Send(b.Address(), heartbeat(2))
		synctest.Wait()
		if got := of[*actors.FromPeer](pb); len(got) != 2 || !got[1].NewConnection {
			t.Errorf("after the reset: %+v", got)
		}
		if got := of[*actors.StreamEnded](pb); len(got) != 1 {
			t.Errorf("streams ended: %v", got)
		}
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// The window bounds what is under way to a process that does not handle frames,
// and what waited too long is thrown away; then everything goes on.
func TestCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, _, pb := startPair(t, n)
		b.Hold(true)
		for i := range 3 * Window {
			a.Send(b.Address(), heartbeat(1))
			if i%2 == 0 {
				synctest.Wait()
			}
		}
		link := a.neighbour(b.Address())
		link.mu.Lock()
		underWay, stalled := link.underWayLocked(), link.stalled
		link.mu.Unlock()
		if underWay != Window || !stalled {
			t.Errorf("%d under way, stalled %v", underWay, stalled)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if underWay = link.underWayLocked(); underWay > Window+40 {
			t.Errorf("%d probes in a minute", underWay-Window)
		}
		b.Hold(false)
		synctest.Wait()
		time.Sleep(200 * time.Millisecond)
		before := len(pb.pair())
		for range 10 * Window {
			a.Send(b.Address(), heartbeat(2))
			synctest.Wait()
		}
		if got := len(pb.pair()) - before; got != 10*Window {
			t.Errorf("%d of %d arrived after the hold", got, 10*Window)
		}
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// Everything that queued while a link was busy leaves in few frames.
func TestPacking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, _, pb := startPair(t, n)
		sent := a.neighbour(b.Address())
		for range 10_000 {
			a.Send(b.Address(), heartbeat(1))
		}
		synctest.Wait()
		if got := len(pb.pair()); got != 10_000 {
			t.Errorf("%d arrived", got)
		}
		t.Logf("%d frames for 10000 messages", sent.sent)
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// A silent process lives on for the others, but nothing leaves or arrives.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, pb := startPair(t, n)
		b.Silence()
		a.Send(b.Address(), heartbeat(1))
		b.Send(a.Address(), heartbeat(1))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(pa.pair())+len(pb.pair()) != 0 {
			t.Error("something passed")
		}
		if got := of[*actors.LinkDown](pa); len(got) != 0 {
			t.Errorf("link down: %v", got)
		}
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// A held process gets and sends everything when it is released, in order.
func TestHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, pb := startPair(t, n)
		b.Hold(true)
		for i := range 10 {
			a.Send(b.Address(), heartbeat(lockIndex(i)))
			b.Send(a.Address(), heartbeat(lockIndex(i)))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(pa.pair())+len(pb.pair()) != 0 {
			t.Error("something passed")
		}
		b.Hold(false)
		synctest.Wait()
		for _, pr := range []*probe{pa, pb} {
			got := pr.pair()
			if len(got) != 10 {
				t.Fatalf("%d of 10 arrived", len(got))
			}
			for i, m := range got {
				if m != (replica.Heartbeat{View: 1, Index: lockIndex(i)}) {
					t.Errorf("message %d is %v", i, m)
				}
			}
		}
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// Who is not the peer may say hello and ask, but not speak as the pair.
func TestOnlyThePeerSpeaksAsThePair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, _ := startPair(t, n)
		c := mustStart(t, n, Config{Listen: "127.0.0.1:3", Nodes: []replica.NodeID{a.Address()}})
		c.Send(a.Address(), messages.Parcel{
			Pair:          []replica.Message{replica.Alone{View: 9}, replica.Hello{View: 9}},
			StatusQueries: []messages.ClientID{5},
			Refused:       "go away",
		})
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		if got := pa.pair(); len(got) != 1 || got[0] != (replica.Hello{View: 9}) {
			t.Errorf("the replicator got %v", got)
		}
		if got := of[*actors.StatusAsked](pa); len(got) != 1 || got[0].From != c.Address() || got[0].Client != 5 {
			t.Errorf("status asked: %v", got)
		}
		if got := of[*actors.RefusedByNode](pa); len(got) != 0 {
			t.Errorf("refused: %v", got)
		}
		// Answers that nobody asked for go nowhere.
		pr := newProbe(a)
		a.Enroll(1, pr.pid)
		c.Send(a.Address(), messages.Parcel{Answers: []messages.Answer{{Client: 1}}})
		synctest.Wait()
		if got := pr.answers(); len(got) != 0 {
			t.Errorf("answers: %v", got)
		}
		a.Kill()
		b.Kill()
		c.Kill()
	})
	goleak.VerifyNone(t)
}

// A client inside a node reaches its own node.
func TestMailToSelf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{})
		serveEcho(a)
		pr := newProbe(a)
		a.Enroll(1, pr.pid)
		a.Send(a.Address(), request(1, 3))
		synctest.Wait()
		if got := pr.answers(); len(got) != 1 {
			t.Errorf("answers: %v", got)
		}
		a.Stop(time.Second)
	})
	goleak.VerifyNone(t)
}

// What is sent right before Stop arrives.
func TestStopLetsTheLastWordsLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, _ := startPair(t, n)
		b.Send(a.Address(), messages.Parcel{Pair: []replica.Message{replica.Bye{View: 3}}})
		b.Stop(time.Second)
		synctest.Wait()
		if got := pa.pair(); len(got) != 1 || got[0] != (replica.Bye{View: 3}) {
			t.Errorf("got %v", got)
		}
		a.Stop(time.Second)
	})
	goleak.VerifyNone(t)
}

// A client that has gone is not dialled for ever, and is forgotten.
func TestClientsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		node := mustStart(t, n, Config{Listen: "127.0.0.1:1"})
		serveEcho(node)
		for i := range 20 {
			client := mustStart(t, n, Config{Nodes: []replica.NodeID{node.Address()}})
			pr := newProbe(client)
			client.Enroll(1, pr.pid)
			client.Send(node.Address(), request(1, lockNumber(i)))
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
			if len(pr.answers()) != 1 {
				t.Errorf("client %d got %d answers", i, len(pr.answers()))
			}
			client.Kill()
		}
		if got := len(node.neighbours()); got != 20 {
			t.Errorf("%d neighbours", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if got := len(node.neighbours()); got != 0 {
			t.Errorf("%d neighbours are left", got)
		}
		node.Stop(time.Second)
	})
	goleak.VerifyNone(t)
}

// A second process cannot take an address, and is told what to do.
func TestAddressInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: "127.0.0.1:1"})
		if _, err := n.Start(Config{Listen: "127.0.0.1:1", Incarnation: 1}); err == nil {
			t.Error("two processes have one address")
		} else {
			t.Log(err)
		}
		a.Stop(time.Second)
	})
	goleak.VerifyNone(t)
}
