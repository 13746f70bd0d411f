package messages

import (
	"lockstep/lock"
	"lockstep/replica"
)

// The sizes below are upper bounds for all but the longest names and for what
// only a forged parcel holds: a buffer of that size need not grow, and a frame
// that was filled by them is not too large. They count what the schema needs at
// most, rounded up.
const (
	OnlyClientSize = 8 // of a status query or a member query

	requestSize = 12 // without its command
	entrySize   = 24 // without its command
	commandSize = 40 // of one on an ownerless lock, without its name
	ownedSize   = 16 // what one on an owned lock may have besides
	termsSize   = 64 // without lists and strings
	wantSize    = 24 // without its name
	answerSize  = 80 // without its strings
	smallSize   = 96 // of a message without lists and strings
	sessionSize = 48 // of a SessionCard, without its info
	stepSize    = 24 // of a CycleStep, a Revocation or a Member, without its strings
	statusSize  = 160
)

// Size is how many bytes the parcel takes on the wire, or some more.
func (p *Parcel) Size() int {
	size := (len(p.StatusQueries)+len(p.MemberQueries))*OnlyClientSize + len(p.Refused)
	for i := range p.Requests {
		size += p.Requests[i].Size()
	}
	for i := range p.Answers {
		size += p.Answers[i].Size()
	}
	for _, m := range p.Pair {
		size += PairSize(m)
	}
	for i := range p.StatusReports {
		size += p.StatusReports[i].Size()
	}
	for i := range p.Queries {
		size += p.Queries[i].Size()
	}
	for i := range p.Reports {
		size += p.Reports[i].Size()
	}
	for i := range p.Notices {
		size += p.Notices[i].Size()
	}
	for i := range p.Orders {
		size += p.Orders[i].Size()
	}
	for i := range p.Ordered {
		size += p.Ordered[i].Size()
	}
	for i := range p.Told {
		size += p.Told[i].Size()
	}
	for i := range p.Traces {
		size += p.Traces[i].Size()
	}
	return size
}

// Size is how many bytes the request takes on the wire, or some more.
func (q *Request) Size() int { return requestSize + sizeOfCommand(&q.Command) }

// Size is how many bytes the answer takes on the wire, or some more.
func (a *Answer) Size() int { return answerSize + len(a.Answer.Hint) + len(a.Answer.Result.Cycle) }

// Size is how many bytes the report takes on the wire, or some more.
func (r *StatusReport) Size() int {
	s := &r.Status
	size := statusSize + len(s.Node) + len(s.Peer) + len(s.Name)
	for i := range s.Members {
		size += smallSize + len(s.Members[i].Name) + len(s.Members[i].Address)
	}
	return size + sizeOfReigns(r.Reigns)
}

// Size is how many bytes the query takes on the wire, or some more.
func (q *Query) Size() int { return smallSize + len(q.Query.Name) + len(q.Query.After) }

// Size is how many bytes the notice takes on the wire, or some more.
func (n *Notice) Size() int { return smallSize + len(n.Revocation.Reason) }

// Size is how many bytes the order takes on the wire, or some more.
func (o *Order) Size() int { return smallSize + len(o.Order.Name) + len(o.Order.Address) }

// Size is how many bytes the answer takes on the wire, or some more.
func (o *Ordered) Size() int { return smallSize + len(o.Ordered.Hint) + len(o.Ordered.Text) }

// Size is how many bytes the answer takes on the wire, or some more.
func (t *Told) Size() int { return smallSize + sizeOfMembers(t.Told.Members) }

// Size is how many bytes the trace takes on the wire, or some more.
func (t *Trace) Size() int { return smallSize + len(t.Parent) }

// PairSize is how many bytes a message of the pair takes on the wire, or some
// more.
func PairSize(m replica.Message) int {
	size := smallSize
	switch m := m.(type) {
	case replica.Forward:
		size += sizeOfEntries(m.Entries)
	case replica.Tail:
		size += sizeOfEntries(m.Entries)
	case replica.Relay:
		for i := range m.Commands {
			size += sizeOfCommand(&m.Commands[i])
		}
	case replica.Chunk:
		size += len(m.Bytes)
	case replica.Hello:
		size += len(m.Pair[0]) + len(m.Pair[1])
	case replica.Refusal:
		size += len(m.Reason)
	case replica.Engine:
		size += len(m.Bytes)
	case replica.Seek:
		size += len(m.Name)
		for i := range m.Peers {
			size += stepSize + len(m.Peers[i].Name) + len(m.Peers[i].Address)
		}
	case replica.Found:
		size += sizeOfMembers(m.Members)
	case replica.Grow:
		size += sizeOfMembers(m.Members)
	case replica.Grown:
		size += len(m.Reason)
	case replica.Digests:
		size += len(m.At) * entrySize
	}
	return size
}

func sizeOfMembers(members []replica.Member) int {
	size := 0
	for i := range members {
		size += stepSize + len(members[i].Name) + len(members[i].Address)
	}
	return size
}

func sizeOfEntries(entries []lock.Entry) int {
	size := len(entries) * entrySize
	for i := range entries {
		size += sizeOfCommand(&entries[i].Command)
	}
	return size
}

func sizeOfCommand(c *lock.Command) int {
	size := commandSize + len(c.Name)
	if c.Verb > lock.Unlock {
		size += ownedSize
	}
	if c.Terms != nil {
		size += sizeOfTerms(c.Terms)
	}
	return size
}

func sizeOfTerms(t *lock.Terms) int {
	size := termsSize + len(t.Info) + len(t.Under.Name) + len(t.And)*wantSize
	for i := range t.And {
		size += len(t.And[i].Name)
	}
	return size
}
