package lock

import (
	"reflect"
	"strings"
	"testing"
)

// sound is a snapshot that every case below spoils in one way.
func sound() Snapshot {
	id := func(n Token) SessionID { return SessionID(at(2, n)) }
	return Snapshot{
		Index: 9,
		Last:  uint64(at(2, 6)),
		Locks: []HeldLock{{"a", at(2, 3)}, {"b", at(2, 5)}},
		Sessions: []SessionState{
			{ID: id(1), Nonce: 70, TTL: MinTTL, Slots: []SlotState{{0, 4, granted(at(2, 3))}, {7, 1, is(Held)}}},
			{ID: id(2), Nonce: 71, TTL: MaxTTL, Since: 5, Info: "host=h"},
		},
	}
}

func TestASoundSnapshotIsRestored(t *testing.T) {
	table, err := Restore(sound())
	if err != nil {
		t.Fatal(err)
	}
	if got := table.Snapshot(); !reflect.DeepEqual(got, sound()) {
		t.Errorf("got back %+v", got)
	}
	s := &script{t, table, 2}
	s.then(locking(SessionID(at(2, 1)), 0, 4, "a"), granted(at(2, 3)))
	s.then(locking(SessionID(at(2, 2)), 0, 1, "c"), granted(at(2, 7)))
}

func TestAnEmptySnapshotIsAnEmptyTable(t *testing.T) {
	table, err := Restore(Snapshot{})
	if err != nil {
		t.Fatal(err)
	}
	if table.Digest() != 0 || NewTable().Digest() != 0 {
		t.Error("an empty table has a digest other than zero")
	}
	(&script{t, table, 1}).open(1)
}

func TestMalformedSnapshotsAreRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Snapshot){
		"locks out of order":    func(s *Snapshot) { s.Locks[0], s.Locks[1] = s.Locks[1], s.Locks[0] },
		"a lock twice":          func(s *Snapshot) { s.Locks[1] = s.Locks[0] },
		"a lock without name":   func(s *Snapshot) { s.Locks[0].Name = "" },
		"a name too long":       func(s *Snapshot) { s.Locks[0].Name = strings.Repeat("a", 257) },
		"a lock without token":  func(s *Snapshot) { s.Locks[0].Token = 0 },
		"a token not drawn yet": func(s *Snapshot) { s.Locks[0].Token = at(2, 7) },
		"sessions out of order": func(s *Snapshot) { s.Sessions[0], s.Sessions[1] = s.Sessions[1], s.Sessions[0] },
		"a session twice":       func(s *Snapshot) { s.Sessions[1].ID = s.Sessions[0].ID },
		"no session":            func(s *Snapshot) { s.Sessions[0].ID = 0 },
		"a session not drawn":   func(s *Snapshot) { s.Sessions[1].ID = SessionID(at(2, 7)) },
		"a nonce twice":         func(s *Snapshot) { s.Sessions[1].Nonce = 70 },
		"no nonce":              func(s *Snapshot) { s.Sessions[1].Nonce = 0 },
		"slots out of order":    func(s *Snapshot) { s.Sessions[0].Slots[1].Slot = 0 },
		"a slot beyond all":     func(s *Snapshot) { s.Sessions[0].Slots[1].Slot = MaxSlots },
		"an unused slot":        func(s *Snapshot) { s.Sessions[0].Slots[0].Number = 0 },
		"no answer":             func(s *Snapshot) { s.Sessions[0].Slots[0].Answer = Result{} },
		"a grant without token": func(s *Snapshot) { s.Sessions[0].Slots[0].Answer.Token = 0 },
		"a grant not drawn yet": func(s *Snapshot) { s.Sessions[0].Slots[0].Answer.Token = at(2, 7) },
		"a token not granted":   func(s *Snapshot) { s.Sessions[0].Slots[1].Answer.Token = at(2, 3) },
		"too many sessions":     func(s *Snapshot) { s.Sessions = make([]SessionState, MaxSessions+1) },
	} {
		t.Run(name, func(t *testing.T) {
			snap := sound()
			spoil(&snap)
			if _, err := Restore(snap); err == nil {
				t.Error("it was restored")
			} else if !strings.HasPrefix(err.Error(), "lock: snapshot at 9: ") {
				t.Errorf("the error reads %q", err)
			}
		})
	}
}

// A digest is the same in every process and on every machine: replicas compare
// theirs. A change of this number makes versions that cannot be mixed.
func TestTheDigestOfAKnownStateIsKnown(t *testing.T) {
	table, err := Restore(sound())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := table.Digest(), Digest(0xe56d876e60569c6f); got != want {
		t.Errorf("the digest is %#x, not %#x", uint64(got), uint64(want))
	}
}

// Sessions whose ids differ in the view's high bits only must not look alike.
func TestTheDigestTellsSessionsOfAllViewsApart(t *testing.T) {
	seen := map[uint64]View{}
	for shift := range 23 {
		view := View(1) << shift
		s := &session{id: SessionID(at(view, 1)), slots: []slot{{number: 1, outcome: Held}}}
		h := ofSlot(s, 0)
		if other, taken := seen[h]; taken {
			t.Errorf("a slot in view %d looks like one in view %d", view, other)
		}
		seen[h] = view
	}
}
