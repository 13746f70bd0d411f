package lock

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Snapshot is a table's whole state after the entry Index, in one canonical
// order: equal tables have equal snapshots.
type Snapshot struct {
	Index    Index
	Last     uint64 // the highest token or session id drawn
	Locks    []HeldLock
	Sessions []SessionState
}

// HeldLock is an ownerless lock that is held. Snapshots list them by name.
type HeldLock struct {
	Name  string
	Token Token
}

// SessionState is an open session. Snapshots list them by id.
type SessionState struct {
	ID    SessionID
	Nonce Number
	Slots []SlotState
}

// SlotState is what a used slot remembers. Sessions list them by slot.
type SlotState struct {
	Slot   Slot
	Number Number
	Answer Result
}

// Snapshot returns a copy of the state that shares nothing with the table.
func (t *Table) Snapshot() Snapshot {
	snap := Snapshot{Index: t.index, Last: t.last}
	for _, name := range slices.Sorted(maps.Keys(t.locks)) {
		snap.Locks = append(snap.Locks, HeldLock{Name: name, Token: t.locks[name]})
	}
	for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
		snap.Sessions = append(snap.Sessions, t.sessions[id].state())
	}
	return snap
}

func (s *session) state() SessionState {
	state := SessionState{ID: s.id, Nonce: s.nonce}
	for i, remembered := range s.slots {
		if remembered.number != 0 {
			state.Slots = append(state.Slots, SlotState{Slot(i), remembered.number, remembered.answer})
		}
	}
	return state
}

// Restore returns the table that a snapshot was taken of. A snapshot that no
// table can have given is refused.
func Restore(snap Snapshot) (*Table, error) {
	t := NewTable()
	t.index, t.last = snap.Index, snap.Last
	t.digest.add(ofCounter(t.last))
	if !risingBy(snap.Locks, func(l HeldLock) string { return l.Name }) {
		return nil, fmt.Errorf("lock: snapshot at %d: its locks are not in order", snap.Index)
	}
	if !risingBy(snap.Sessions, func(s SessionState) SessionID { return s.ID }) {
		return nil, fmt.Errorf("lock: snapshot at %d: its sessions are not in order", snap.Index)
	}
	for _, l := range snap.Locks {
		t.hold(l.Name, l.Token)
	}
	for _, s := range snap.Sessions {
		if err := t.restoreSession(s); err != nil {
			return nil, fmt.Errorf("lock: snapshot at %d: session %d: %w", snap.Index, s.ID, err)
		}
	}
	return t, nil
}

func (t *Table) restoreSession(state SessionState) error {
	if _, taken := t.openings[state.Nonce]; taken {
		return fmt.Errorf("its nonce opened another session")
	}
	if !risingBy(state.Slots, func(s SlotState) Slot { return s.Slot }) {
		return fmt.Errorf("its slots are not in order")
	}
	s := &session{id: state.ID, nonce: state.Nonce}
	t.addSession(s)
	for _, remembered := range state.Slots {
		if remembered.Slot >= MaxSlots || remembered.Number == 0 {
			return fmt.Errorf("slot %d with number %d cannot be", remembered.Slot, remembered.Number)
		}
		t.remember(s, remembered.Slot, slot{remembered.Number, remembered.Answer})
	}
	return nil
}

// risingBy reports whether the keys of items strictly rise.
func risingBy[T any, K cmp.Ordered](items []T, key func(T) K) bool {
	for i := 1; i < len(items); i++ {
		if key(items[i-1]) >= key(items[i]) {
			return false
		}
	}
	return true
}
