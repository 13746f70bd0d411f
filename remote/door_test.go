package remote

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

// stranger sends frames straight to a door, and takes what is sent to the
// address that it listens on, like a process that keeps no rules.
type stranger struct {
	target *Process
	stream *stream
	plug   *plug
	inbox  *probe
}

// newStranger enters a network under an address. What reaches it is a list of
// frames: its door is a probe.
func newStranger(t *testing.T, n *Network, target *Process, address replica.NodeID) *stranger {
	t.Helper()
	cfg, err := Config{Incarnation: 1}.complete()
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(cfg)
	end := &plug{network: n, process: p, wires: map[replica.NodeID]*wire{}}
	p.transport, p.address = end, address
	p.system.ProcessRegistry.Address = string(address)
	pr := newProbe(p)
	p.door = pr.pid
	n.mu.Lock()
	n.plugs[address] = end
	n.mu.Unlock()
	p.dialNodes()
	s := &stranger{target: target, plug: end, inbox: pr}
	s.connect(address)
	return s
}

// connect opens a stream that claims to come from an address.
func (s *stranger) connect(address replica.NodeID) {
	number := streamNumbers.Add(1)
	s.stream = &stream{name: "strange-" + string(address), number: number, address: address, prove: func() {}}
	s.target.Root().Send(s.target.door, streamOpened{s.stream})
}

func (s *stranger) send(h messages.Header, p messages.Parcel) {
	if h.From == "" {
		h.From = s.stream.address
	}
	if h.Version == 0 {
		h.Version = messages.Version
	}
	if h.FromIncarnation == 0 {
		h.FromIncarnation = 1
	}
	h.Challenge = 4711
	s.target.Root().Send(s.target.door, &actor.MessageEnvelope{
		Message: messages.Encode(h, &p), Sender: actor.NewPID(string(s.stream.address), s.stream.name)})
	synctest.Wait()
}

func (s *stranger) got() (headers []messages.Header, parcels []messages.Parcel) {
	for _, f := range of[*messages.Frame](s.inbox) {
		h, p, _ := messages.Decode(f)
		headers, parcels = append(headers, h), append(parcels, p)
	}
	return headers, parcels
}

func (s *stranger) leave() { s.plug.process.Kill() }

// A frame counts only with the number that was sent to the address it claims.
func TestForgedSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, pa, _ := startPair(t, n)
		table := newProbe(a)
		a.Serve(table.pid, pa.pid)
		ask := request(1, 1)

		s := newStranger(t, n, a, "127.0.0.1:66")
		// Without a proof, and with a wrong one.
		s.send(messages.Header{}, ask)
		s.send(messages.Header{Proof: 1}, ask)
		// Under the peer's name.
		s.connect(b.Address())
		before := len(pa.got)
		s.send(messages.Header{FromIncarnation: 9}, messages.Parcel{Pair: []replica.Message{replica.Alone{View: 99}}})
		s.send(messages.Header{FromIncarnation: 9, Proof: 12345}, messages.Parcel{Pair: []replica.Message{replica.Alone{View: 99}}})
		// On a stream of its own, but with another sender in the frame.
		s.connect("127.0.0.1:67")
		s.send(messages.Header{From: b.Address(), Proof: 1}, ask)
		a.Root().Send(a.door, streamEnded{s.stream})
		synctest.Wait()
		if got := table.requests(); len(got) != 0 {
			t.Errorf("the lock table got %v", got)
		}
		if len(pa.got) != before {
			t.Errorf("the replicator got %v", pa.got[before:])
		}

		// The number goes to whoever listens at the address. With it the frame counts.
		headers, _ := s.got()
		if len(headers) != 1 || headers[0].Proof != 4711 || headers[0].Challenge == 0 {
			t.Fatalf("the stranger was answered %+v", headers)
		}
		s.connect("127.0.0.1:66")
		s.send(messages.Header{Proof: headers[0].Challenge}, ask)
		if got := table.requests(); len(got) != 1 {
			t.Errorf("the lock table got %v", got)
		}
		// It is good for that address only.
		s.connect("127.0.0.1:68")
		s.send(messages.Header{Proof: headers[0].Challenge}, ask)
		if got := table.requests(); len(got) != 1 {
			t.Errorf("the lock table got %v", got)
		}
		s.leave()
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// What a node does for somebody, and what clients want themselves, is told apart:
// the one was written down where it came in.
func TestTheDoorSaysWhoAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, _, _ := startPair(t, n)
		table, replicator := newProbe(a), newProbe(a)
		a.Serve(table.pid, replicator.pid)
		asked := request(1, 1)
		asked.Orders = []messages.Order{{Client: 1, ID: 1, Order: replica.Order{Kind: replica.SwitchOver, Name: "b"}}}

		b.Send(a.Address(), asked)
		synctest.Wait()
		a.Send(a.Address(), asked)
		synctest.Wait()
		s := newStranger(t, n, a, "127.0.0.1:66")
		s.send(messages.Header{}, messages.Parcel{})
		headers, _ := s.got()
		s.stream.principal, s.stream.client = "alice", true
		s.send(messages.Header{Proof: headers[0].Challenge}, asked)

		var requests, orders []string
		for _, m := range of[*actors.FromClients](table) {
			requests = append(requests, fmt.Sprintf("%s %q %t", m.From, m.By, m.Peer))
		}
		for _, m := range of[*actors.OrdersFromClients](replicator) {
			orders = append(orders, fmt.Sprintf("%s %q", m.From, m.By))
		}
		if want := []string{`127.0.0.1:2 "" true`, `127.0.0.1:1 "" true`, `127.0.0.1:66 "alice" false`}; !slices.Equal(requests, want) {
			t.Errorf("requests of %q, not %q", requests, want)
		}
		if want := []string{`127.0.0.1:2 ""`, `127.0.0.1:1 ""`, `127.0.0.1:66 "alice"`}; !slices.Equal(orders, want) {
			t.Errorf("orders of %q, not %q", orders, want)
		}
		s.leave()
		a.Kill()
		b.Kill()
	})
	goleak.VerifyNone(t)
}

// Strangers' frames are answered rarely, in total and each.
func TestStrangersAreAnsweredRarely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{})
		s := newStranger(t, n, a, "127.0.0.1:66")
		for range 1000 {
			s.send(messages.Header{}, messages.Parcel{})
		}
		if headers, _ := s.got(); len(headers) != 1 {
			t.Errorf("%d answers within a tick", len(headers))
		}
		time.Sleep(10*time.Second + time.Millisecond) // between two ticks
		synctest.Wait()
		for range 1000 {
			s.send(messages.Header{}, messages.Parcel{})
		}
		if headers, _ := s.got(); len(headers) != 2 {
			t.Errorf("%d answers within two ticks", len(headers))
		}
		s.leave()
		a.Kill()
	})
	goleak.VerifyNone(t)
	allowed := newAllowance()
	taken := 0
	for i := range 10_000 {
		if allowed.take(replica.NodeID(rune('a'+i)), false) {
			taken++
		}
	}
	if taken != strangersBurst || !allowed.take("the peer", true) {
		t.Errorf("%d strangers were answered at once", taken)
	}
}

// introduced is a stranger that has proven its address.
func introduced(t *testing.T, n *Network, target *Process, address replica.NodeID) (*stranger, uint64) {
	t.Helper()
	s := newStranger(t, n, target, address)
	s.send(messages.Header{}, messages.Parcel{})
	headers, _ := s.got()
	if len(headers) != 1 {
		t.Fatalf("answers: %v", headers)
	}
	return s, headers[0].Challenge
}

// Versions that do not go together say so, once a tick, and never answer a
// refusal with a refusal.
func TestVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: "127.0.0.1:1", Nodes: []replica.NodeID{"127.0.0.1:66"}})
		table, pr := newProbe(a), newProbe(a)
		a.Serve(table.pid, pr.pid)
		client := newProbe(a)
		a.Enroll(1, client.pid)
		s := newStranger(t, n, a, "127.0.0.1:66")
		time.Sleep(time.Second)
		synctest.Wait()
		headers, _ := s.got() // the knock of the node that was told to dial us
		proof := headers[len(headers)-1].Challenge
		for range 10 {
			s.send(messages.Header{Proof: proof, Version: 99}, request(1, 1))
		}
		var refusals []string
		_, parcels := s.got()
		for _, p := range parcels {
			if p.Refused != "" {
				refusals = append(refusals, p.Refused)
			}
		}
		if len(refusals) != 1 || !strings.Contains(refusals[0], "version 99") || len(table.requests()) != 0 {
			t.Errorf("refusals %q, requests %v", refusals, table.requests())
		}
		s.send(messages.Header{Proof: proof, Version: 99}, messages.Parcel{Refused: "we do not go together"})
		if got := of[*actors.RefusedByNode](client); len(got) != 1 || got[0].Reason != "we do not go together" {
			t.Errorf("the client was told %v", got)
		}
		s.leave()
		a.Kill()
	})
	goleak.VerifyNone(t)
}

// What was meant for a former life of this process, or for another table, or
// comes from a former life of a node, is dropped.
func TestDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: "127.0.0.1:1", Incarnation: 5})
		table, pr := newProbe(a), newProbe(a)
		a.Serve(table.pid, pr.pid)
		s, proof := introduced(t, n, a, "127.0.0.1:66")
		s.send(messages.Header{Proof: proof, ToIncarnation: 4}, request(1, 1))
		if headers, _ := s.got(); len(headers) != 2 || headers[1].FromIncarnation != 5 {
			t.Errorf("answers: %+v", headers)
		}
		s.send(messages.Header{Proof: proof, ToIncarnation: 5, Table: "other"}, request(1, 2))
		s.send(messages.Header{Proof: proof, ToIncarnation: 5, FromIncarnation: 7}, request(1, 3))
		if got := table.requests(); len(got) != 0 {
			t.Errorf("the lock table got %v", got)
		}
		s.send(messages.Header{Proof: proof, ToIncarnation: 5}, request(1, 4))
		if got := table.requests(); len(got) != 1 || got[0].Command.Number != 4 {
			t.Errorf("the lock table got %v", got)
		}
		counts := a.Refusals()
		for _, reason := range []string{"for a former life of this process", "unknown lock table", "another life on the same stream"} {
			if counts[reason] != 1 {
				t.Errorf("%s: %d", reason, counts[reason])
			}
		}
		s.leave()
		a.Kill()
	})
	goleak.VerifyNone(t)
}

// A node that was asked by two names returns the number that it was sent last, by
// whichever: what it says counts, under the name that its stream has proven.
func TestTwoNamesOfOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{Listen: "127.0.0.1:1"})
		table, pr := newProbe(a), newProbe(a)
		a.Serve(table.pid, pr.pid)
		s, proof := introduced(t, n, a, "127.0.0.1:66")
		s.send(messages.Header{Proof: proof}, messages.Parcel{})
		a.Know(1, []replica.NodeID{"localhost:66"})
		other := a.neighbour("localhost:66")
		s.send(messages.Header{Proof: other.ours}, request(1, 1))
		if got := of[*actors.FromClients](table); len(got) != 1 || got[0].From != "127.0.0.1:66" {
			t.Errorf("the lock table got %v", got)
		}
		s.send(messages.Header{Proof: other.ours, FromIncarnation: 7}, request(1, 2))
		if counts := a.Refusals(); counts["another life on the same stream"] != 1 {
			t.Errorf("refusals: %v", counts)
		}
		s.leave()
		a.Kill()
	})
	goleak.VerifyNone(t)
}

// A malformed body costs nothing but itself.
func TestMalformedParcel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a := mustStart(t, n, Config{})
		table, pr := newProbe(a), newProbe(a)
		a.Serve(table.pid, pr.pid)
		s, proof := introduced(t, n, a, "127.0.0.1:66")
		f := messages.Encode(messages.Header{From: "127.0.0.1:66", FromIncarnation: 1, ToIncarnation: 1, Version: messages.Version, Proof: proof}, &messages.Parcel{})
		f.Body = []byte{0xff, 0xff, 0xff}
		a.Root().Send(a.door, &actor.MessageEnvelope{Message: f, Sender: actor.NewPID("127.0.0.1:66", s.stream.name)})
		s.send(messages.Header{Proof: proof, ToIncarnation: 1}, request(1, 4))
		if got := table.requests(); len(got) != 1 || a.Refusals()["malformed parcel"] != 1 {
			t.Errorf("%v, %v", got, a.Refusals())
		}
		s.leave()
		a.Kill()
	})
	goleak.VerifyNone(t)
}

// Requests are dropped first when too much waits, the pair's messages last.
func TestOverflow(t *testing.T) {
	var w waiting
	for range maxWaitingItems {
		w.add(&messages.Parcel{Requests: []messages.Request{{}}})
	}
	if w.overflowing() {
		t.Error("overflowing at the limit")
	}
	w.add(&messages.Parcel{Pair: []replica.Message{replica.Alone{}}, Answers: []messages.Answer{{}}})
	if !w.overflowing() || len(w.parcel.Requests) != 0 || len(w.parcel.Pair) != 1 || len(w.parcel.Answers) != 1 || w.items != 2 {
		t.Errorf("%d items are left: %v", w.items, w.parcel)
	}
	for range 100 {
		w.add(&messages.Parcel{Pair: []replica.Message{replica.Chunk{Bytes: make([]byte, 100_000)}}})
	}
	if !w.overflowing() || !w.empty() {
		t.Errorf("%d items of %d bytes are left", w.items, w.bytes)
	}
}

// A large parcel is split into frames, and nothing is lost or out of order.
func TestSplitting(t *testing.T) {
	var w waiting
	name := strings.Repeat("x", 256)
	for i := range 20_000 {
		w.add(&messages.Parcel{
			Requests: []messages.Request{{Command: lock.Command{Number: lock.Number(i), Name: name}}},
			Pair:     []replica.Message{replica.Ack{Index: lock.Index(i)}},
		})
	}
	var requests, acks, frames int
	for ; !w.empty(); frames++ {
		p := w.take()
		if body := len(messages.Encode(messages.Header{}, &p).GetBody()); body > frameBytes+1000 {
			t.Errorf("frame %d has %d bytes", frames, body)
		}
		for _, r := range p.Requests {
			if r.Command.Number != lock.Number(requests) {
				t.Fatalf("request %d is number %d", requests, r.Command.Number)
			}
			requests++
		}
		for _, m := range p.Pair {
			if m.(replica.Ack).Index != lock.Index(acks) {
				t.Fatalf("ack %d is %v", acks, m)
			}
			acks++
		}
	}
	if requests != 20_000 || acks != 20_000 || frames < 7 {
		t.Errorf("%d requests, %d acks, %d frames", requests, acks, frames)
	}
}
