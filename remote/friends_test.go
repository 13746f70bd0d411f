package remote

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/messages"
	"lockstep/replica"
)

const (
	nodeA replica.NodeID = "127.0.0.1:1"
	nodeB replica.NodeID = "127.0.0.1:2"
	nodeC replica.NodeID = "127.0.0.1:3"
)

// startCircle starts nodes of which each has all others for friends.
func startCircle(t *testing.T, n *Network, names ...replica.NodeID) (nodes []*Process, probes []*probe) {
	t.Helper()
	for _, name := range names {
		node := mustStart(t, n, Config{Listen: string(name), Peers: without(names, []replica.NodeID{name})})
		nodes, probes = append(nodes, node), append(probes, serveEcho(node))
	}
	settle()
	return nodes, probes
}

func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func kill(nodes ...*Process) {
	for _, n := range nodes {
		n.Kill()
	}
}

// Every friend's messages and links reach the replicator, under its name.
func TestManyFriends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		nodes, probes := startCircle(t, n, nodeA, nodeB, nodeC)
		if got := of[*actors.LinkUp](probes[0]); len(got) != 2 {
			t.Errorf("links up: %v", got)
		}
		nodes[1].Send(nodeA, heartbeat(1))
		nodes[2].Send(nodeA, heartbeat(2))
		synctest.Wait()
		got := of[*actors.FromPeer](probes[0])
		if len(got) != 2 || got[0].From == got[1].From || !got[0].NewConnection || !got[1].NewConnection {
			t.Errorf("from the friends: %+v", got)
		}
		nodes[2].Kill()
		time.Sleep(150 * time.Millisecond)
		synctest.Wait()
		for what, names := range map[string][]replica.NodeID{
			"down":    each(of[*actors.LinkDown](probes[0]), func(e *actors.LinkDown) replica.NodeID { return e.Node }),
			"refused": each(of[*actors.DialRefused](probes[0]), func(e *actors.DialRefused) replica.NodeID { return e.Node }),
			"ended":   each(of[*actors.StreamEnded](probes[0]), func(e *actors.StreamEnded) replica.NodeID { return e.From }),
		} {
			if len(names) == 0 || names[len(names)-1] != nodeC {
				t.Errorf("%s: %v", what, names)
			}
		}
		kill(nodes[:2]...)
	})
	goleak.VerifyNone(t)
}

func each[T, U any](list []T, f func(T) U) (mapped []U) {
	for _, item := range list {
		mapped = append(mapped, f(item))
	}
	return mapped
}

// A node that is befriended is dialled, and its messages pass; one that is not
// any more is a stranger, and is forgotten like any other.
func TestBefriend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		nodes, probes := startCircle(t, n, nodeA, nodeB)
		c := mustStart(t, n, Config{Listen: string(nodeC), Peers: []replica.NodeID{nodeA}})
		pc := serveEcho(c)
		settle()
		seek := messages.Parcel{Pair: []replica.Message{replica.Seek{Name: "c"}, replica.Heartbeat{View: 9}}}
		c.Send(nodeA, seek)
		synctest.Wait()
		if got := probes[0].pair(); len(got) != 1 || got[0].(replica.Seek).Name != "c" {
			t.Fatalf("of a stranger: %v", got)
		}

		ups := len(of[*actors.LinkUp](probes[0]))
		nodes[0].Befriend([]replica.NodeID{nodeA, nodeB, nodeC, nodeC}) // itself and repeats are left out
		settle()
		if got := of[*actors.LinkUp](probes[0]); len(got) != ups+1 || got[ups].Node != nodeC {
			t.Errorf("links up: %v", got)
		}
		c.Send(nodeA, heartbeat(1))
		nodes[0].Send(nodeC, heartbeat(2))
		synctest.Wait()
		if got := probes[0].pair(); len(got) != 2 {
			t.Errorf("of a friend: %v", got)
		}
		if got := pc.pair(); len(got) != 1 {
			t.Errorf("to a friend: %v", got)
		}

		nodes[0].Befriend([]replica.NodeID{nodeC})
		downs := len(of[*actors.LinkDown](probes[0]))
		nodes[1].Send(nodeA, heartbeat(3))
		synctest.Wait()
		if got := probes[0].pair(); len(got) != 2 {
			t.Errorf("of a former friend: %v", got)
		}
		nodes[1].Kill()
		time.Sleep(2 * forgetAfter)
		synctest.Wait()
		if got := len(of[*actors.LinkDown](probes[0])); got != downs {
			t.Errorf("a former friend's link was reported down")
		}
		if nodes[0].neighbour(nodeB) != nil {
			t.Error("the former friend is still in the book")
		}
		if nodes[0].neighbour(nodeC) == nil {
			t.Error("the friend was forgotten")
		}
		kill(nodes[0], c)
	})
	goleak.VerifyNone(t)
}

// A friend whose link stands already is reported up at once: it may have been
// dialled by a client of this process, or have asked something.
func TestBefriendWhoIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: string(nodeA), Nodes: []replica.NodeID{nodeB}})
		b := mustStart(t, n, Config{Listen: string(nodeB)})
		pa := serveEcho(a)
		settle()
		if got := of[*actors.LinkUp](pa); len(got) != 0 {
			t.Errorf("links of strangers: %v", got)
		}
		a.Befriend([]replica.NodeID{nodeB})
		synctest.Wait()
		if got := of[*actors.LinkUp](pa); len(got) != 1 || got[0].Node != nodeB {
			t.Errorf("links up: %v", got)
		}
		kill(a, b)
	})
	goleak.VerifyNone(t)
}

// A client hears of nodes that it gets to know, before and after they live, and
// a node that is not there any more is dialled until it is back.
func TestKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		nodes, _ := startCircle(t, n, nodeA, nodeB)
		client := mustStart(t, n, Config{Nodes: []replica.NodeID{nodeA}})
		pr := newProbe(client)
		client.Enroll(1, pr.pid)
		settle()
		client.Know(1, []replica.NodeID{nodeA, nodeB, nodeC})
		settle()
		ups := func() []replica.NodeID { // it may be told twice of what comes up as it asks
			return slices.Compact(each(of[*actors.LinkUp](pr), func(e *actors.LinkUp) replica.NodeID { return e.Node }))
		}
		if got := without(ups(), []replica.NodeID{nodeA}); len(got) != 1 || got[0] != nodeB {
			t.Errorf("links up: %v", ups())
		}
		if got := of[*actors.DialRefused](pr); len(got) == 0 || got[0].Node != nodeC {
			t.Errorf("refused: %v", got)
		}
		c := mustStart(t, n, Config{Listen: string(nodeC)})
		settle()
		if got := ups(); got[len(got)-1] != nodeC {
			t.Errorf("links up: %v", got)
		}
		late := newProbe(client)
		client.Enroll(2, late.pid)
		synctest.Wait()
		if got := of[*actors.LinkUp](late); len(got) != 3 {
			t.Errorf("a later client was told of %v", got)
		}
		client.Know(2, []replica.NodeID{nodeB})
		client.Know(1, nil)
		if known := client.circle.Load().known; !slices.Equal(known, []replica.NodeID{nodeA, nodeB}) {
			t.Errorf("known are %v: the configured one and client 2's", known)
		}
		client.Dismiss(2)
		if known := client.circle.Load().known; !slices.Equal(known, []replica.NodeID{nodeA}) {
			t.Errorf("known are %v: the configured one", known)
		}
		kill(nodes...)
		kill(c, client)
	})
	goleak.VerifyNone(t)
}

// Operators' orders and questions about members find the replicator, and the
// answers the clients that asked.
func TestOrdersAndMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		node := mustStart(t, n, Config{Listen: string(nodeA)})
		pr := serveEcho(node)
		client := mustStart(t, n, Config{Nodes: []replica.NodeID{nodeA}})
		one, two := newProbe(client), newProbe(client)
		client.Enroll(1, one.pid)
		client.Enroll(2, two.pid)
		client.Send(nodeA, messages.Parcel{
			Orders:        []messages.Order{{Client: 1, ID: 7, Order: replica.Order{Kind: replica.SwitchOver, Name: "b"}}},
			MemberQueries: []messages.ClientID{2},
		})
		synctest.Wait()
		orders, asked := of[*actors.OrdersFromClients](pr), of[*actors.MembersAsked](pr)
		if len(orders) != 1 || orders[0].From != client.Address() || orders[0].Orders[0].ID != 7 {
			t.Fatalf("orders: %+v", orders)
		}
		if len(asked) != 1 || *asked[0] != (actors.MembersAsked{From: client.Address(), Client: 2}) {
			t.Fatalf("asked: %+v", asked)
		}
		node.Send(client.Address(), messages.Parcel{
			Ordered: []messages.Ordered{
				{Client: 1, Ordered: replica.Ordered{ID: 7}}, {Client: 1, Ordered: replica.Ordered{ID: 8}}, {Client: 2},
			},
			Told: []messages.Told{{Client: 2, Told: replica.Told{View: 3}}},
		})
		synctest.Wait()
		if got := of[*actors.OrderedFromNode](one); len(got) != 1 || got[0].From != nodeA || len(got[0].Ordered) != 2 || got[0].Ordered[1].ID != 8 {
			t.Errorf("client 1 was answered %+v", got)
		}
		if got := of[*actors.ToldByNode](two); len(got) != 1 || got[0].From != nodeA || got[0].Told.View != 3 || got[0].Version != messages.Version {
			t.Errorf("client 2 was told %+v", got)
		}
		kill(client, node)
	})
	goleak.VerifyNone(t)
}
