package actors

import "lockstep/lock"

// The faults that the lab's scenarios need. Nothing sends these messages but
// package locktest and a lockd that was built for tests.
type (
	// DieBeforeReply arms a LockTable: it takes exactly one more request in a
	// slot, alone in its batch. When that has been applied, Died is called in
	// place of the reply; it has to silence the process.
	DieBeforeReply struct{ Died func() }

	// DieBeforeAck arms a Replicator: when it has taken the next entries, Died is
	// called in place of the acknowledgement.
	DieBeforeAck struct{ Died func() }
)

// replyFault is the state of DieBeforeReply.
type replyFault struct {
	died func()
	took bool
	last lock.RequestID
}

func (f *replyFault) arm(m DieBeforeReply) { *f = replyFault{died: m.Died} }

// admits reports whether a request may still be taken. Those about sessions do
// not count.
func (f *replyFault) admits(c lock.Command) bool {
	if f.died == nil || !c.Verb.InSlot() {
		return true
	}
	if f.took {
		return false
	}
	f.took, f.last = true, c.ID()
	return true
}

// strikes reports whether this was the last request, whose reply must not leave.
func (f *replyFault) strikes(id lock.RequestID) bool {
	if !f.took || id != f.last {
		return false
	}
	f.died()
	return true
}

// ackFault is the state of DieBeforeAck.
type ackFault struct{ died func() }

// strike silences the process once, before the entries are looked at: they are
// applied, and nobody hears of it.
func (f *ackFault) strike() {
	if f.died != nil {
		f.died()
		f.died = nil
	}
}
