package remote

import (
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"lockstep/actors"
	"lockstep/lock"
	"lockstep/messages"
	"lockstep/replica"
)

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// followedRequest is a request of a trace that somebody keeps.
func followedRequest(n int, name string) messages.Parcel {
	c := lock.Command{Session: 1, Number: lockNumber(n), Verb: lock.Lock, Name: name}
	return messages.Parcel{
		Requests: []messages.Request{{Client: 1, Command: c}}, Traces: []messages.Trace{{Request: c.ID(), Parent: traceparent}},
	}
}

// A trace arrives beside its request, whatever versions the two speak, and nobody
// is refused for it. On the way within a process it is there as well.
func TestTracesArrive(t *testing.T) {
	for name, version := range map[string]uint32{"today's node": messages.Version, "an old node": messages.OldestVersion} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := NewNetwork()
				node := mustStart(t, n, Config{Listen: string(nodeA), Version: version})
				asked := newProbe(node)
				node.Serve(asked.pid, asked.pid)
				client := mustStart(t, n, Config{Nodes: []replica.NodeID{nodeA}})
				client.Send(nodeA, followedRequest(0, "a"))
				synctest.Wait()
				node.Send(nodeA, followedRequest(1, "a"))
				synctest.Wait()
				got := of[*actors.FromClients](asked)
				if len(got) != 2 {
					t.Fatalf("%d parcels arrived", len(got))
				}
				for _, m := range got {
					if len(m.Traces) != 1 || len(m.Requests) != 1 || m.Traces[0] != (messages.Trace{Request: m.Requests[0].Command.ID(), Parent: traceparent}) {
						t.Errorf("got %+v", m)
					}
				}
				for _, p := range []*Process{node, client} {
					if got := p.Refusals(); len(got) > 0 {
						t.Errorf("refused: %v", got)
					}
				}
				kill(client, node)
			})
			goleak.VerifyNone(t)
		})
	}
}

// Of requests that are split into frames each has its trace with it.
func TestTracesAreSplitWithTheirRequests(t *testing.T) {
	var w waiting
	name := strings.Repeat("x", lock.MaxNameBytes)
	const sent = 20_000
	for i := range sent {
		p := followedRequest(i, name)
		if i%3 > 0 {
			p.Traces = nil // nobody keeps it
		}
		w.add(&p)
	}
	requests, traces, frames := 0, 0, 0
	for ; !w.empty(); frames++ {
		p := w.take()
		if size := len(messages.Encode(messages.Header{}, &p).GetBody()); size > 2*frameBytes {
			t.Errorf("frame %d has %d bytes", frames, size)
		}
		next := 0
		for _, r := range p.Requests {
			if requests%3 == 0 {
				if next == len(p.Traces) || p.Traces[next].Request != r.Command.ID() {
					t.Fatalf("request %d is without its trace", requests)
				}
				next++
			}
			requests++
		}
		if next != len(p.Traces) {
			t.Fatalf("frame %d has %d traces of requests that are elsewhere", frames, len(p.Traces)-next)
		}
		traces += next
	}
	if requests != sent || traces != (sent+2)/3 || frames < 5 {
		t.Errorf("%d requests and %d traces arrived in %d frames", requests, traces, frames)
	}
}

// Traces are dropped with their requests.
func TestTracesGoWithTheirRequests(t *testing.T) {
	var w waiting
	w.add(&messages.Parcel{Answers: make([]messages.Answer, 10)})
	for i := range maxWaitingItems/2 + 1 {
		p := followedRequest(i, "a")
		w.add(&p)
	}
	if !w.overflowing() || w.items != 10 || len(w.parcel.Traces) > 0 {
		t.Errorf("%d items are left, %d of them traces", w.items, len(w.parcel.Traces))
	}
}
