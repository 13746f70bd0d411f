package lock

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Snapshot is a table's whole state after the entry Index, in one canonical
// order: equal tables have equal snapshots.
type Snapshot struct {
	Index    Index
	Last     uint64 // the highest token or session id drawn
	Locks    []HeldLock
	Sessions []SessionState
	Grants   []GrantState
	Waits    []WaitState
	Delays   []DelayState
}

// HeldLock is an ownerless lock that is held. Snapshots list them by name.
type HeldLock struct {
	Name  string
	Token Token
}

// GrantState is what one Acquire got. Snapshots list them by token.
type GrantState struct {
	Token   Token
	Session SessionID
	Since   Millis
	Under   []Token // the grants it was asked under, the outermost first
	Name    string
	Count   uint32 // how often it was granted, at least 1
	Mode    Mode
	// Terms holds And, Permits, Of, Info, MaxHold and LockDelay, and is nil if all
	// of them are zero.
	Terms *Terms
}

// WaitState is an Acquire that waits; its number is the last one of its slot.
// Snapshots list them by Queued.
type WaitState struct {
	Queued  Index // the entry that queued it: no two waits share it
	Session SessionID
	Since   Millis
	Under   []Token // as of a GrantState
	Name    string
	Slot    Slot
	Mode    Mode
	Terms   *Terms // as of a GrantState
}

// DelayState is a lock-delay that keeps Name closed (T6). Snapshots list them by
// token and name.
type DelayState struct {
	Name  string
	Token Token // the grant whose loss began it
	Span  Millis
}

// SessionState is an open session. Snapshots list them by id.
type SessionState struct {
	ID          SessionID
	Nonce       Number
	TTL         Millis
	Since       Millis
	Info        Info
	Revoked     uint32       // grants that were ever taken from it
	Revocations []Revocation // the last of them, oldest first
	Slots       []SlotState
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
	if len(t.locks) > 0 {
		snap.Locks = make([]HeldLock, 0, len(t.locks))
	}
	for name, token := range t.locks {
		snap.Locks = append(snap.Locks, HeldLock{Name: name, Token: token})
	}
	slices.SortFunc(snap.Locks, func(a, b HeldLock) int { return strings.Compare(a.Name, b.Name) })
	for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
		snap.Sessions = append(snap.Sessions, t.sessions[id].state())
	}
	return snap
}

func (s *session) state() SessionState {
	state := SessionState{ID: s.id, Nonce: s.nonce}
	if len(s.slots) > 0 {
		state.Slots = make([]SlotState, 0, len(s.slots))
	}
	for i, remembered := range s.slots {
		if remembered.number != 0 {
			state.Slots = append(state.Slots, SlotState{Slot(i), remembered.number, remembered.answer})
		}
	}
	return state
}

// Restore returns the table that a snapshot was taken of. A snapshot that is out
// of order or out of range, so that no table can have given it, is refused.
func Restore(snap Snapshot) (*Table, error) {
	t := NewTable()
	t.index, t.last = snap.Index, snap.Last
	t.digest.add(ofCounter(t.last))
	if err := t.restore(snap); err != nil {
		return nil, fmt.Errorf("lock: snapshot at %d: %w", snap.Index, err)
	}
	return t, nil
}

func (t *Table) restore(snap Snapshot) error {
	if len(snap.Locks) > MaxLocks || len(snap.Sessions) > MaxSessions {
		return fmt.Errorf("%d locks and %d sessions are too many", len(snap.Locks), len(snap.Sessions))
	}
	if !risingBy(snap.Locks, func(l HeldLock) string { return l.Name }) {
		return errors.New("its locks are not in order")
	}
	if !risingBy(snap.Sessions, func(s SessionState) SessionID { return s.ID }) {
		return errors.New("its sessions are not in order")
	}
	t.locks = make(map[string]Token, len(snap.Locks))
	for _, l := range snap.Locks {
		if err := t.restoreLock(l); err != nil {
			return fmt.Errorf("lock %q: %w", l.Name, err)
		}
	}
	for _, s := range snap.Sessions {
		if err := t.restoreSession(s); err != nil {
			return fmt.Errorf("session %d: %w", s.ID, err)
		}
	}
	return nil
}

// restoreLock checks the name's length only: which runes are printable may
// differ between two versions of Unicode, and the name has been let in already.
func (t *Table) restoreLock(l HeldLock) error {
	if len(l.Name) == 0 || len(l.Name) > MaxNameBytes {
		return fmt.Errorf("a name of %d bytes cannot be", len(l.Name))
	}
	if !t.drew(uint64(l.Token)) {
		return fmt.Errorf("token %d was never drawn", l.Token)
	}
	t.hold(l.Name, l.Token)
	return nil
}

func (t *Table) restoreSession(state SessionState) error {
	if !t.drew(uint64(state.ID)) {
		return errors.New("its id was never drawn")
	}
	if _, taken := t.openings[state.Nonce]; taken || state.Nonce == 0 {
		return fmt.Errorf("nonce %d is none, or opened another session", state.Nonce)
	}
	if !risingBy(state.Slots, func(s SlotState) Slot { return s.Slot }) {
		return errors.New("its slots are not in order")
	}
	s := &session{id: state.ID, nonce: state.Nonce, slots: make([]slot, 0, len(state.Slots))}
	t.addSession(s)
	for _, remembered := range state.Slots {
		if remembered.Slot >= MaxSlots || remembered.Number == 0 || !t.drewFor(remembered.Answer) {
			return fmt.Errorf("slot %d with number %d and answer %+v cannot be",
				remembered.Slot, remembered.Number, remembered.Answer)
		}
		t.remember(s, remembered.Slot, slot{remembered.Number, remembered.Answer})
	}
	return nil
}

// drew reports whether a token or a session id can have been drawn so far.
func (t *Table) drew(value uint64) bool { return value != 0 && value <= t.last }

// drewFor reports whether an answer can stand in a slot: a token that was drawn
// with Granted, and none otherwise.
func (t *Table) drewFor(answer Result) bool {
	if answer.Outcome == Granted {
		return t.drew(uint64(answer.Token))
	}
	return answer.Outcome != 0 && answer.Token == 0
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
