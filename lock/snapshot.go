package lock

import (
	"cmp"
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
	Record   *Record // nil: of a version that kept none
}

// HeldLock is an ownerless lock that is held. Snapshots list them by name.
type HeldLock struct {
	Name  string
	Token Token
	Since Millis // zero: of a version that did not keep it
}

// GrantState is what one Acquire got. Snapshots list them by token.
type GrantState struct {
	Token   Token
	Session SessionID
	Since   Millis
	Waited  Millis  // before that, for the record
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

// Snapshot returns a copy of the state that shares nothing with the table but
// what never changes.
func (t *Table) Snapshot() Snapshot {
	snap := Snapshot{Index: t.index, Last: t.last, Locks: empty[HeldLock](len(t.locks))}
	for name, held := range t.locks {
		snap.Locks = append(snap.Locks, HeldLock{Name: name, Token: held.token, Since: held.since})
	}
	slices.SortFunc(snap.Locks, func(a, b HeldLock) int { return strings.Compare(a.Name, b.Name) })
	t.snapSessions(&snap)
	for d := range t.Delays() {
		snap.Delays = append(snap.Delays, DelayState{Name: d.Name, Token: d.Token, Span: d.Span})
	}
	snap.Record = t.snapRecord()
	return snap
}

// snapSessions takes the sessions with all that they hold and wait for.
func (t *Table) snapSessions(snap *Snapshot) {
	snap.Grants, snap.Waits = empty[GrantState](t.grants()), empty[WaitState](t.waits)
	for _, id := range slices.Sorted(maps.Keys(t.sessions)) {
		s := t.sessions[id]
		snap.Sessions = append(snap.Sessions, s.state())
		for g := range s.grants.all() {
			snap.Grants = append(snap.Grants, g.grantState())
		}
		for w := range s.waits.all() {
			snap.Waits = append(snap.Waits, w.waitState())
		}
	}
	slices.SortFunc(snap.Grants, func(a, b GrantState) int { return cmp.Compare(a.Token, b.Token) })
	slices.SortFunc(snap.Waits, func(a, b WaitState) int { return cmp.Compare(a.Queued, b.Queued) })
}

// grants counts them.
func (t *Table) grants() int {
	n := 0
	for _, s := range t.sessions {
		n += s.grants.n
	}
	return n
}

// empty returns room for n, or nil if that is none: so what was empty compares
// equal.
func empty[T any](n int) []T {
	if n == 0 {
		return nil
	}
	return make([]T, 0, n)
}

func (s *session) state() SessionState {
	state := SessionState{
		ID: s.id, Nonce: s.nonce, TTL: s.ttl, Since: s.since, Info: s.info,
		Revoked: s.revoked, Revocations: slices.Clone(s.revocations), Slots: empty[SlotState](s.slots.used()),
	}
	for i, remembered := range s.slots.all() {
		if remembered.number != 0 {
			state.Slots = append(state.Slots, SlotState{i, remembered.number, s.answer(i)})
		}
	}
	return state
}

func (c *claim) grantState() GrantState {
	return GrantState{
		Token: c.token, Session: c.session.id, Since: c.since, Waited: c.rest().waited, Under: c.underTokens(),
		Name: c.lock.name, Count: c.count, Mode: c.mode, Terms: c.more.state(),
	}
}

func (c *claim) waitState() WaitState {
	return WaitState{
		Queued: c.more.queued, Session: c.session.id, Since: c.since, Under: c.underTokens(),
		Name: c.lock.name, Slot: c.slot, Mode: c.mode, Terms: c.more.state(),
	}
}

func (c *claim) underTokens() []Token {
	under := c.rest().under
	tokens := empty[Token](len(under))
	for _, k := range under {
		tokens = append(tokens, k.token)
	}
	return tokens
}

func (m *more) state() *Terms {
	if m == nil || m.parts == nil && m.info == "" && m.maxHold == 0 && m.lockDelay == 0 {
		return nil
	}
	terms := &Terms{Info: m.info, MaxHold: m.maxHold, LockDelay: m.lockDelay}
	if m.parts == nil {
		return terms
	}
	terms.Permits, terms.Of = m.parts[0].permits, m.parts[0].of
	for _, p := range m.parts[1:] {
		terms.And = append(terms.And, Want{p.lock.name, p.mode, p.permits, p.of})
	}
	return terms
}
