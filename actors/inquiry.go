package actors

import (
	"context"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"lockstep/messages"
	"lockstep/muster"
	"lockstep/replica"
)

// inquiry is an actor that asks nodes where they stand, or who the members are,
// and hands on what they say.
type inquiry struct{ told chan<- any }

// Receive dispatches.
func (q *inquiry) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *StatusTold, *ToldByNode:
		select {
		case q.told <- m:
		default: // more than was asked for
		}
	case *LinkUp, *LinkDown, *DialRefused, *RefusedByNode, *FromNode:
	default:
		unknown(ctx)
	}
}

const (
	// firstInquiry keeps the ids of inquiries, each a client of its own to the
	// door, apart from those of clients.
	firstInquiry = 1 << 31
	// inquiryRepeat is how long a question may take before it is asked again.
	inquiryRepeat = 200 * time.Millisecond
	// otherAnswers is how long the first answer waits for others that may know
	// better.
	otherAnswers = 100 * time.Millisecond
)

// survey is one question to several nodes.
type survey struct {
	nodes  []replica.NodeID // that are asked, in this order
	later  []replica.NodeID // that are asked if those have answered, or do not
	answer map[replica.NodeID]bool
	ask    func(messages.ClientID) messages.Parcel
	hear   func(answer any) (good bool) // and note it
	known  func(replica.NodeID) bool    // a node that calls itself so has answered
	// within, if not zero, is how long the first good answer waits for the others.
	within time.Duration
}

// more has further nodes asked, unless they turned out to be among the first by
// another name.
func (s *survey) more(known func(replica.NodeID) bool) {
	for _, node := range s.later {
		if !known(node) && !slices.Contains(s.nodes, node) && len(s.nodes) < replica.MaxClientNodes {
			s.nodes = append(s.nodes, node)
		}
	}
	s.later = nil
}

// isOver reports whether there is nobody left to ask.
func (s *survey) isOver() bool {
	if len(s.answer) == len(s.nodes) {
		s.more(s.known)
	}
	return len(s.answer) == len(s.nodes)
}

// run asks until all nodes have answered or ctx ends.
func (c *Caller) run(ctx context.Context, s *survey) {
	h, id := c.host, messages.ClientID(firstInquiry|c.inquiries.Add(1))
	told := make(chan any, 4*replica.MaxClientNodes)
	pid := h.Root().Spawn(Props(func() actor.Actor { return &inquiry{told} }, actor.WithDispatcher(h.Workers())))
	h.Enroll(id, pid)
	defer func() {
		h.Dismiss(id)
		h.Root().Stop(pid)
	}()
	repeat := time.NewTicker(inquiryRepeat)
	defer repeat.Stop()
	asked := map[replica.NodeID]bool{} // since the last repeat
	for !s.isOver() && !c.queue.isClosed() {
		for _, node := range s.nodes {
			if !s.answer[node] && !asked[node] {
				asked[node] = true
				h.Send(node, s.ask(id))
			}
		}
		select {
		case m := <-told:
			if s.hear(m) && s.within > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, s.within)
				defer cancel()
				s.within = 0
			}
		case <-repeat.C:
			clear(asked)
			s.more(s.known)
		case <-ctx.Done():
			return
		}
	}
}

// AskStatus asks the nodes that are known where they stand, and those that they
// name as members, until all have answered or ctx ends.
func (c *Caller) AskStatus(ctx context.Context) []muster.Told {
	reports := map[replica.NodeID]*replica.Status{}
	reigns := map[replica.NodeID][]muster.Reign{}
	versions := map[replica.NodeID]uint32{}
	names := map[replica.NodeID]string{}
	s := &survey{nodes: c.Known(), answer: map[replica.NodeID]bool{}}
	s.ask = func(id messages.ClientID) messages.Parcel {
		return messages.Parcel{StatusQueries: []messages.ClientID{id}}
	}
	s.hear = func(answer any) bool {
		m, ok := answer.(*StatusTold)
		if !ok || !slices.Contains(s.nodes, m.From) {
			return false
		}
		reports[m.From], versions[m.From], s.answer[m.From] = &m.Status, m.Version, true
		reigns[m.From] = m.Reigns
		for _, member := range m.Status.Members {
			names[member.Address] = member.Name
			s.later = append(s.later, member.Address)
		}
		return true
	}
	s.known = func(node replica.NodeID) bool { return answered(reports, node) }
	c.run(ctx, s)
	var all []muster.Told
	for i, node := range s.nodes {
		status := reports[node]
		if status != nil && answeredAs(reports, s.nodes[:i], status.Node) || status == nil && answered(reports, node) {
			continue // it goes by two names
		}
		report := replica.NodeReport{Node: node, Name: names[node], Status: status, Version: versions[node]}
		all = append(all, muster.Told{NodeReport: report, Reigns: reigns[node]})
	}
	return all
}

// answered reports whether a node has, under whatever name.
func answered(reports map[replica.NodeID]*replica.Status, node replica.NodeID) bool {
	for _, status := range reports {
		if status.Node == node {
			return true
		}
	}
	return false
}

// answeredAs reports whether one of several names stands for the node.
func answeredAs(reports map[replica.NodeID]*replica.Status, names []replica.NodeID, node replica.NodeID) bool {
	return slices.ContainsFunc(names, func(name replica.NodeID) bool {
		return reports[name] != nil && reports[name].Node == node
	})
}

// AskMembers asks the nodes that are known who the members are, and returns the
// newest of what they say. It reports false if ctx ends before one has answered.
func (c *Caller) AskMembers(ctx context.Context) (told replica.Told, ok bool) {
	s := &survey{nodes: c.Known(), answer: map[replica.NodeID]bool{}, within: otherAnswers}
	s.ask = func(id messages.ClientID) messages.Parcel {
		return messages.Parcel{MemberQueries: []messages.ClientID{id}}
	}
	s.hear = func(answer any) bool {
		m, is := answer.(*ToldByNode)
		if !is || !slices.Contains(s.nodes, m.From) {
			return false
		}
		s.answer[m.From] = true
		if len(m.Told.Members) > 0 && (!ok || m.Told.View > told.View) {
			told, ok = m.Told, true
		}
		return ok
	}
	c.run(ctx, s)
	return told, ok
}

// Known lists the nodes that the client asks, in the order of asking.
func (c *Caller) Known() []replica.NodeID { return slices.Clone(*c.known.Load()) }
