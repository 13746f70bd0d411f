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
	StatusQuerySize = 8

	requestSize = 12 // without its command
	entrySize   = 24 // without its command
	commandSize = 40 // of one on an ownerless lock, without its name
	ownedSize   = 16 // what one on an owned lock may have besides
	termsSize   = 64 // without lists and strings
	wantSize    = 24 // without its name
	answerSize  = 80 // without its strings
	smallSize   = 96 // of a message without lists and strings
	sessionSize = 48 // of a SessionCard, without its info
	stepSize    = 24 // of a CycleStep, or a Revocation, without its strings
)

// Size is how many bytes the parcel takes on the wire, or some more.
func (p *Parcel) Size() int {
	size := len(p.StatusQueries)*StatusQuerySize + len(p.Refused)
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
	return size
}

// Size is how many bytes the request takes on the wire, or some more.
func (q *Request) Size() int { return requestSize + sizeOfCommand(&q.Command) }

// Size is how many bytes the answer takes on the wire, or some more.
func (a *Answer) Size() int { return answerSize + len(a.Answer.Hint) + len(a.Answer.Result.Cycle) }

// Size is how many bytes the report takes on the wire, or some more.
func (r *StatusReport) Size() int { return smallSize + len(r.Status.Node) + len(r.Status.Peer) }

// Size is how many bytes the query takes on the wire, or some more.
func (q *Query) Size() int { return smallSize + len(q.Query.Name) + len(q.Query.After) }

// Size is how many bytes the notice takes on the wire, or some more.
func (n *Notice) Size() int { return smallSize + len(n.Revocation.Reason) }

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
