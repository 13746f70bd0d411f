package sim

import (
	"encoding/binary"
	"errors"
	"fmt"

	"lockstep/lock"
)

// encode writes a snapshot as numbers and names, one after another. Package
// messages has the real codec, with tests of its own.
func encode(s lock.Snapshot) []byte {
	var b []byte
	put := func(numbers ...uint64) {
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
	}
	put(uint64(s.Index), s.Last, uint64(len(s.Locks)))
	for _, l := range s.Locks {
		put(uint64(l.Token), uint64(len(l.Name)))
		b = append(b, l.Name...)
	}
	put(uint64(len(s.Sessions)))
	for _, session := range s.Sessions {
		put(uint64(session.ID), uint64(session.Nonce), uint64(len(session.Slots)))
		for _, slot := range session.Slots {
			a := slot.Answer
			put(uint64(slot.Slot), uint64(slot.Number), uint64(a.Outcome), uint64(a.Limit), uint64(a.Token), uint64(a.Session))
		}
	}
	return b
}

var errShort = errors.New("sim: the snapshot is cut short")

// scanner reads numbers until it fails.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) number() uint64 {
	n, size := binary.Uvarint(s.b)
	if size <= 0 {
		s.b, s.err = nil, errShort
		return 0
	}
	s.b = s.b[size:]
	return n
}

func (s *scanner) name() string {
	n := s.number()
	if n > uint64(len(s.b)) {
		s.b, s.err = nil, errShort
		return ""
	}
	name := string(s.b[:n])
	s.b = s.b[n:]
	return name
}

// count reads a length; no list can have more members than there are bytes.
func (s *scanner) count() uint64 {
	n := s.number()
	if n > uint64(len(s.b)) {
		s.err = errShort
		return 0
	}
	return n
}

func decode(b []byte) (lock.Snapshot, error) {
	s := &scanner{b: b}
	snap := lock.Snapshot{Index: lock.Index(s.number()), Last: s.number()}
	for range s.count() {
		token := lock.Token(s.number())
		snap.Locks = append(snap.Locks, lock.HeldLock{Name: s.name(), Token: token})
	}
	for range s.count() {
		session := lock.SessionState{ID: lock.SessionID(s.number()), Nonce: lock.Number(s.number())}
		for range s.count() {
			session.Slots = append(session.Slots, s.slot())
		}
		snap.Sessions = append(snap.Sessions, session)
	}
	if s.err == nil && len(s.b) > 0 {
		s.err = fmt.Errorf("sim: %d bytes behind the snapshot", len(s.b))
	}
	return snap, s.err
}

func (s *scanner) slot() lock.SlotState {
	return lock.SlotState{
		Slot: lock.Slot(s.number()), Number: lock.Number(s.number()),
		Answer: lock.Result{
			Outcome: lock.Outcome(s.number()), Limit: lock.Limit(s.number()),
			Token: lock.Token(s.number()), Session: lock.SessionID(s.number()),
		},
	}
}
