package actors

import (
	"context"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/messages"
	"lockstep/replica"
)

// inquiry is an actor that asks nodes for their status and hands on the
// reports.
type inquiry struct{ told chan<- *StatusTold }

// Receive dispatches.
func (q *inquiry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *StatusTold:
		select {
		case q.told <- m:
		default: // more than was asked for
		}
	case *LinkUp, *LinkDown, *DialRefused, *RefusedByNode, *FromNode:
	default:
		unknown(ctx)
	}
}

// firstInquiry keeps the ids of inquiries, each a client of its own to the door,
// apart from those of clients.
const firstInquiry = 1 << 31

// inquiryRepeat is how long a question may take before it is asked again.
const inquiryRepeat = 200 * time.Millisecond

// AskStatus asks nodes where they stand until all have answered or ctx ends,
// and returns the reports of those that did.
func (c *Caller) AskStatus(ctx context.Context, nodes []replica.NodeID) map[replica.NodeID]replica.Status {
	h, id := c.host, messages.ClientID(firstInquiry|c.inquiries.Add(1))
	told := make(chan *StatusTold, 4*len(nodes))
	pid := h.Root().Spawn(Props(func() actor.Actor { return &inquiry{told} }, actor.WithDispatcher(h.Workers())))
	h.Enroll(id, pid)
	defer func() {
		h.Dismiss(id)
		h.Root().Stop(pid)
	}()
	repeat := time.NewTicker(inquiryRepeat)
	defer repeat.Stop()
	reports := map[replica.NodeID]replica.Status{}
	for !c.queue.isClosed() {
		for _, node := range nodes {
			if _, known := reports[node]; !known {
				h.Send(node, messages.Parcel{StatusQueries: []messages.ClientID{id}})
			}
		}
		for waiting := true; waiting; {
			select {
			case m := <-told:
				// A node may call itself by another name than it was asked by.
				reports[m.From] = m.Status
				if len(reports) == len(nodes) {
					return reports
				}
			case <-repeat.C:
				waiting = false
			case <-ctx.Done():
				return reports
			}
		}
	}
	return reports
}
