package messages

import "lockstep/lock"

// What the parts of a snapshot take at most, without their strings and lists.
// There are very many of most of them.
const (
	headerSize   = 24
	heldLockSize = 24
	stateSize    = 56 // of a session, a grant or a wait
	slotSize     = 52
	delaySize    = 24
	tenureSize   = 96
	partySize    = 16
)

// snapshotSize is how many bytes a snapshot takes, or some more.
func snapshotSize(snap *lock.Snapshot) int {
	size := headerSize + len(snap.Locks)*heldLockSize
	for i := range snap.Locks {
		size += len(snap.Locks[i].Name)
	}
	for i := range snap.Sessions {
		size += sizeOfSession(&snap.Sessions[i])
	}
	for i := range snap.Grants {
		g := &snap.Grants[i]
		size += sizeOfState(g.Name, g.Under, g.Terms)
	}
	for i := range snap.Waits {
		w := &snap.Waits[i]
		size += sizeOfState(w.Name, w.Under, w.Terms)
	}
	for i := range snap.Delays {
		size += delaySize + len(snap.Delays[i].Name)
	}
	return size + sizeOfRecord(snap.Record)
}

// sizeOfRecord is also that of a report's.
func sizeOfRecord(v *lock.Record) int {
	if v == nil {
		return 0
	}
	size := headerSize + len(v.Parties)*partySize + len(v.Tenures)*tenureSize
	for i := range v.Parties {
		size += len(v.Parties[i].Info)
	}
	for i := range v.Tenures {
		one := &v.Tenures[i]
		size += len(one.Name) + len(one.Info) + len(one.Reason)
	}
	return size
}

func sizeOfSession(s *lock.SessionState) int {
	size := stateSize + len(s.Info) + len(s.Slots)*slotSize
	for i := range s.Slots {
		size += len(s.Slots[i].Answer.Cycle)
	}
	for i := range s.Revocations {
		size += sizeOfRevocation(&s.Revocations[i])
	}
	return size
}

// sizeOfState is the size of a grant or a wait.
func sizeOfState(name string, under []lock.Token, terms *lock.Terms) int {
	const perToken = 8
	size := stateSize + len(name) + len(under)*perToken
	if terms != nil {
		size += sizeOfTerms(terms)
	}
	return size
}
