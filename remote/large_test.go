package remote

import (
	"bytes"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"lockstep/messages"
	"lockstep/replica"
)

// engine is a message of the consensus engine as large as it makes them, and a
// bit more.
func engine(n byte) replica.Message {
	return replica.Engine{Bytes: bytes.Repeat([]byte{n}, 1<<20+1<<18)}
}

// Large messages travel in frames of their own, in order, while small ones join
// each other.
func TestLargeMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		a, b, _, pb := startPair(t, n)
		for round := range byte(20) {
			for i := range byte(5) { // what may be under way to one node
				a.Send(nodeB, messages.Parcel{Pair: []replica.Message{engine(5*round + i)}})
			}
			synctest.Wait()
		}
		got := pb.pair()
		if len(got) != 100 {
			t.Fatalf("%d of 100 arrived", len(got))
		}
		for i, m := range got {
			if m.(replica.Engine).Bytes[0] != byte(i) {
				t.Fatalf("message %d is number %d", i, m.(replica.Engine).Bytes[0])
			}
		}
		if got := a.Refusals(); len(got) > 0 {
			t.Errorf("refused: %v", got)
		}
		kill(a, b)
	})
	goleak.VerifyNone(t)
}

// The largest message that may be, with a frame's worth of small ones before it,
// is a frame that is let in.
func TestLargestFrame(t *testing.T) {
	var w waiting
	for w.bytes < frameBytes-1000 {
		w.add(&messages.Parcel{Pair: []replica.Message{replica.Engine{Bytes: make([]byte, 500)}}})
	}
	w.add(&messages.Parcel{Pair: []replica.Message{engine(1)}})
	p := w.take()
	if got := len(messages.Encode(messages.Header{}, &p).GetBody()); got < frameBytes || got > maxFrameBytes {
		t.Errorf("the frame has %d bytes", got)
	}
}

// Of what waits for a process that cannot be reached, the protocol's messages go
// last, and operators' orders, which are repeated, go with the requests.
func TestProtocolIsDroppedLast(t *testing.T) {
	var w waiting
	w.add(&messages.Parcel{
		Requests: make([]messages.Request, 10), Orders: make([]messages.Order, 10), MemberQueries: make([]messages.ClientID, 10),
		Ordered: make([]messages.Ordered, 10), Told: make([]messages.Told, 10), Answers: make([]messages.Answer, 10),
		Pair: []replica.Message{engine(1)},
	})
	w.add(&messages.Parcel{Requests: make([]messages.Request, maxWaitingItems)})
	if !w.overflowing() {
		t.Fatal("nothing was dropped")
	}
	if p := w.parcel; len(p.Requests)+len(p.Orders)+len(p.MemberQueries) > 0 || len(p.Ordered) != 10 || len(p.Told) != 10 || len(p.Pair) != 1 {
		t.Errorf("requests dropped first: left are %d, %d, %d, %d, %d, %d",
			len(p.Requests), len(p.Orders), len(p.MemberQueries), len(p.Ordered), len(p.Told), len(p.Pair))
	}
	w.add(&messages.Parcel{Told: make([]messages.Told, maxWaitingItems)})
	w.overflowing()
	if p := w.parcel; len(p.Ordered)+len(p.Told) > 0 || len(p.Answers) != 10 || len(p.Pair) != 1 {
		t.Errorf("what was told is dropped next: left are %d, %d, %d, %d", len(p.Ordered), len(p.Told), len(p.Answers), len(p.Pair))
	}
	if w.items != 11 {
		t.Errorf("%d items are left", w.items)
	}
}
