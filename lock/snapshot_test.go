package lock

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// sound is a snapshot that every case below spoils in one way: an ownerless
// lock, two who share a counted lock, one who waits for both, a lost grant whose
// lock is closed.
func sound() Snapshot {
	id := func(n Token) SessionID { return SessionID(at(2, n)) }
	return Snapshot{
		Index: 20,
		Last:  uint64(at(2, 9)),
		Locks: []HeldLock{{"a", at(2, 3), 8}, {"b", at(2, 5), 0}},
		Sessions: []SessionState{
			{ID: id(1), Nonce: 70, TTL: MinTTL, Slots: []SlotState{
				{0, 4, granted(at(2, 3))}, {1, 1, granted(at(2, 6))}, {7, 1, is(Held)},
				{8, 1, Result{Outcome: Deadlock, Cycle: "round and round"}}, {9, 3, is(Waiting)},
			}},
			{ID: id(2), Nonce: 71, TTL: MaxTTL, Since: 5, Info: "host=h", Revoked: 1,
				Revocations: []Revocation{{at(2, 8), LockRevoked, "why not"}},
				Slots:       []SlotState{{0, 2, granted(at(2, 7))}}},
		},
		Grants: []GrantState{
			{Token: at(2, 6), Session: id(1), Since: 11, Name: "c", Count: 2, Mode: Counted, Terms: &Terms{
				Permits: 1, Of: 3, And: []Want{{Name: "d", Mode: Shared}}, Info: "k=v", MaxHold: MinMaxHold, LockDelay: 5,
			}},
			{Token: at(2, 7), Session: id(2), Since: 12, Waited: 3, Under: []Token{at(2, 6)}, Name: "c", Count: 1, Mode: Counted,
				Terms: &Terms{Permits: 2, Of: 3}},
		},
		Waits: []WaitState{
			{Queued: 19, Session: id(1), Since: 13, Under: []Token{at(2, 7)}, Name: "a", Slot: 9, Terms: &Terms{And: []Want{{Name: "c"}}}},
		},
		Delays: []DelayState{{"e", at(2, 8), 9}, {"f", at(2, 8), 10}},
		Record: &Record{
			Forgot:  6,
			Parties: []Party{{id(2), "host=h"}, {id(4), "gone=1"}},
			Tenures: []Tenure{
				{Name: "f", Token: at(2, 4), Session: id(4), Mode: Counted, Permits: 1, Of: 3, Since: 5, Until: 7, Waited: 1,
					How: LockExpired, Info: "k=v", Forgot: 4},
				{Name: "e", Token: at(2, 8), Session: id(2), Since: 7, Until: 9, How: LockRevoked, By: id(4), Reason: "why not"},
				{Name: "f", Token: at(2, 8), Session: id(2), Since: 7, Until: 9, How: LockRevoked, By: id(4), Reason: "why not"},
			},
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
	one, two := SessionID(at(2, 1)), SessionID(at(2, 2))
	s := &script{t, table, 2}
	s.then(locking(one, 0, 4, "a"), granted(at(2, 3)))
	s.then(locking(two, 3, 1, "g"), granted(at(2, 10)))
	s.then(trying(two, 4, 1, "e"), is(Held))
	s.then(canceling(two, 0, 3), is(Released)) // the slot knows its grant
	s.then(canceling(one, 1, 2), is(Released)) // twice granted, once given back
	s.then(unlocking(two, 4, 2, "a"), is(Released))
	s.told("released 0 a")
	s.then(releasing(one, 1, 3, "c", at(2, 6)), is(Released))
	s.told("released 1 c", "released 1 d", "acquired 1 a", "acquired 1 c")
	s.then(Command{Session: one, Slot: 9, Number: 3, Verb: Acquire}, granted(at(2, 11)))
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
		"a token not drawn yet": func(s *Snapshot) { s.Locks[0].Token = at(2, 10) },
		"sessions out of order": func(s *Snapshot) { s.Sessions[0], s.Sessions[1] = s.Sessions[1], s.Sessions[0] },
		"a session twice":       func(s *Snapshot) { s.Sessions[1].ID = s.Sessions[0].ID },
		"no session":            func(s *Snapshot) { s.Sessions[0].ID = 0 },
		"a session not drawn":   func(s *Snapshot) { s.Sessions[1].ID = SessionID(at(2, 10)) },
		"a nonce twice":         func(s *Snapshot) { s.Sessions[1].Nonce = 70 },
		"no nonce":              func(s *Snapshot) { s.Sessions[1].Nonce = 0 },
		"slots out of order":    func(s *Snapshot) { s.Sessions[0].Slots[1].Slot = 0 },
		"a slot beyond all":     func(s *Snapshot) { s.Sessions[0].Slots[4].Slot = MaxSlots },
		"an unused slot":        func(s *Snapshot) { s.Sessions[0].Slots[0].Number = 0 },
		"no answer":             func(s *Snapshot) { s.Sessions[0].Slots[0].Answer = Result{} },
		"a grant without token": func(s *Snapshot) { s.Sessions[0].Slots[0].Answer.Token = 0 },
		"a grant not drawn yet": func(s *Snapshot) { s.Sessions[0].Slots[0].Answer.Token = at(2, 10) },
		"a token not granted":   func(s *Snapshot) { s.Sessions[0].Slots[2].Answer.Token = at(2, 3) },
		"too many sessions":     func(s *Snapshot) { s.Sessions = make([]SessionState, MaxSessions+1) },
		"a TTL too short":       func(s *Snapshot) { s.Sessions[0].TTL = MinTTL - 1 },
		"a TTL too long":        func(s *Snapshot) { s.Sessions[0].TTL = MaxTTL + 1 },
		"a long info":           func(s *Snapshot) { s.Sessions[0].Info = Info(strings.Repeat("x", MaxInfoBytes+1)) },
		"a long reason":         func(s *Snapshot) { s.Sessions[1].Revocations[0].Reason = strings.Repeat("x", MaxReasonBytes+1) },
		"a revocation too few":  func(s *Snapshot) { s.Sessions[1].Revoked = 2 },
		"an opening in a slot":  func(s *Snapshot) { s.Sessions[0].Slots[2].Answer.Session = 1 },
		"a beat in a slot":      func(s *Snapshot) { s.Sessions[0].Slots[2].Answer.Revoked = 1 },
		"a cycle too many":      func(s *Snapshot) { s.Sessions[0].Slots[2].Answer.Cycle = "x" },
		"no cycle":              func(s *Snapshot) { s.Sessions[0].Slots[3].Answer.Cycle = "" },
		"a long cycle":          func(s *Snapshot) { s.Sessions[0].Slots[3].Answer.Cycle = strings.Repeat("x", MaxCycleBytes+1) },
		"a wait for nothing":    func(s *Snapshot) { s.Waits = nil },
		"grants out of order":   func(s *Snapshot) { s.Grants[0], s.Grants[1] = s.Grants[1], s.Grants[0] },
		"no grant's token":      func(s *Snapshot) { s.Grants[0].Token = 0 },
		"a later grant's token": func(s *Snapshot) { s.Grants[1].Token = at(2, 10) },
		"a grant of no session": func(s *Snapshot) { s.Grants[0].Session = 5 },
		"a grant of no time":    func(s *Snapshot) { s.Grants[0].Count = 0 },
		"a grant of no name":    func(s *Snapshot) { s.Grants[0].Name = "" },
		"too many permits":      func(s *Snapshot) { s.Grants[1].Terms.Permits = 3 },
		"permits of a share":    func(s *Snapshot) { s.Grants[0].Terms.And[0].Permits = 1 },
		"an unknown mode":       func(s *Snapshot) { s.Grants[0].Terms.And[0].Mode = 3 },
		"a name twice":          func(s *Snapshot) { s.Grants[0].Terms.And[0].Name = "c" },
		"two kinds of holder":   func(s *Snapshot) { s.Grants[0].Terms.And[0].Name = "a" },
		"a hold too long":       func(s *Snapshot) { s.Grants[0].Terms.MaxHold = MaxMaxHold + 1 },
		"terms of an opening":   func(s *Snapshot) { s.Grants[0].Terms.TTL = MinTTL },
		"terms of a request":    func(s *Snapshot) { s.Grants[0].Terms.Reentrant = true },
		"terms of a wait":       func(s *Snapshot) { s.Waits[0].Terms.Sequential = true },
		"a long grant's info":   func(s *Snapshot) { s.Grants[0].Terms.Info = Info(strings.Repeat("x", MaxInfoBytes+1)) },
		"under no token":        func(s *Snapshot) { s.Grants[1].Under[0] = 0 },
		"under too many":        func(s *Snapshot) { s.Grants[1].Under = make([]Token, MaxUnder+1) },
		"a wait twice":          func(s *Snapshot) { s.Waits = append(s.Waits, s.Waits[0]) },
		"two waits of a slot": func(s *Snapshot) {
			s.Waits = append(s.Waits, s.Waits[0])
			s.Waits[0].Queued = 18
		},
		"a wait never queued":    func(s *Snapshot) { s.Waits[0].Queued = 0 },
		"a wait not queued yet":  func(s *Snapshot) { s.Waits[0].Queued = 21 },
		"a wait of no session":   func(s *Snapshot) { s.Waits[0].Session = 5 },
		"a wait of another slot": func(s *Snapshot) { s.Waits[0].Slot = 7 },
		"a wait of no slot":      func(s *Snapshot) { s.Waits[0].Slot = 4000 },
		"a wait that is over":    func(s *Snapshot) { s.Waits[0].Name, s.Waits[0].Terms = "z", nil },
		"delays out of order":    func(s *Snapshot) { s.Delays[0], s.Delays[1] = s.Delays[1], s.Delays[0] },
		"a delay of no name":     func(s *Snapshot) { s.Delays[0].Name = "" },
		"a delay after nothing":  func(s *Snapshot) { s.Delays[0].Token = 0 },
		"a delay of no time":     func(s *Snapshot) { s.Delays[0].Span = 0 },
		"a delay too long":       func(s *Snapshot) { s.Delays[0].Span = MaxLockDelay + 1 },

		"a record whole, and not":  func(s *Snapshot) { s.Record.Whole = true },
		"parties out of order":     func(s *Snapshot) { s.Record.Parties[0].ID, s.Record.Parties[1].ID = 4, 2 },
		"a party not drawn":        func(s *Snapshot) { s.Record.Parties[1].ID = SessionID(at(2, 10)) },
		"a party's long info":      func(s *Snapshot) { s.Record.Parties[1].Info = Info(strings.Repeat("x", MaxInfoBytes+1)) },
		"a party called otherwise": func(s *Snapshot) { s.Record.Parties[0].Info = "host=i" },
		"a party without a tenure": func(s *Snapshot) { s.Record.Parties = append(s.Record.Parties, Party{ID: SessionID(at(2, 9))}) },
		"a tenure of no name":      func(s *Snapshot) { s.Record.Tenures[0].Name = "" },
		"a tenure's token":         func(s *Snapshot) { s.Record.Tenures[0].Token = at(2, 10) },
		"a tenure without token":   func(s *Snapshot) { s.Record.Tenures[0].Token = 0 },
		"a tenure of nobody":       func(s *Snapshot) { s.Record.Tenures[0].Session = SessionID(at(2, 1)) },
		"a tenure ended by nobody": func(s *Snapshot) { s.Record.Tenures[1].By = SessionID(at(2, 1)) },
		"a tenure of no mode":      func(s *Snapshot) { s.Record.Tenures[0].Mode = 3 },
		"a tenure of many permits": func(s *Snapshot) { s.Record.Tenures[0].Permits = 4 },
		"a tenure without an end":  func(s *Snapshot) { s.Record.Tenures[0].How = 0 },
		"a tenure ended by a wait": func(s *Snapshot) { s.Record.Tenures[0].How = WaitEnded },
		"a tenure that lasts":      func(s *Snapshot) { s.Record.Tenures[0].Name, s.Record.Tenures[0].Token = "c", at(2, 7) },
		"a lock that is held":      func(s *Snapshot) { s.Record.Tenures[0].Name, s.Record.Tenures[0].Token = "a", at(2, 3) },
		"a tenure twice":           func(s *Snapshot) { s.Record.Tenures[0].Token = at(2, 8) },
		"a tenure's long reason":   func(s *Snapshot) { s.Record.Tenures[1].Reason = strings.Repeat("x", MaxReasonBytes+1) },
		"a tenure's long info":     func(s *Snapshot) { s.Record.Tenures[1].Info = Info(strings.Repeat("x", MaxInfoBytes+1)) },
		"forgotten in the middle":  func(s *Snapshot) { s.Record.Tenures[2].Forgot = 1 },
		"too many tenures of a lock": func(s *Snapshot) {
			s.Last = uint64(at(2, 99))
			for i := range Token(MaxLockTenures) {
				s.Record.Tenures = append(s.Record.Tenures, Tenure{Name: "f", Token: at(2, 50+i), How: LockReleased})
			}
		},
		"too many tenures": func(s *Snapshot) {
			s.Last = uint64(at(2, 99))
			for i := range MaxTenures {
				s.Record.Tenures = append(s.Record.Tenures, Tenure{Name: fmt.Sprint("x/", i), Token: at(2, 50), How: LockReleased})
			}
		},
		"too many bytes in a record": func(s *Snapshot) {
			s.Last = uint64(at(2, 99))
			long := Info(strings.Repeat("x", MaxInfoBytes))
			for i := range MaxRecordBytes / MaxInfoBytes {
				s.Record.Tenures = append(s.Record.Tenures, Tenure{Name: fmt.Sprint("x/", i), Token: at(2, 50), How: LockReleased, Info: long})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			snap := sound()
			spoil(&snap)
			if _, err := Restore(snap); err == nil {
				t.Error("it was restored")
			} else if !strings.HasPrefix(err.Error(), "lock: snapshot at 20: ") {
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
	if got, want := table.Digest(), Digest(0xc0080fdf73a13057); got != want {
		t.Errorf("the digest is %#x, not %#x", uint64(got), uint64(want))
	}
}

// Sessions whose ids differ in the view's high bits only must not look alike.
func TestTheDigestTellsSessionsOfAllViewsApart(t *testing.T) {
	seen := map[uint64]View{}
	for shift := range 23 {
		view := View(1) << shift
		s := &session{id: SessionID(at(view, 1)), slots: slots{{{number: 1, outcome: Held}}}}
		h := ofSlot(s, 0)
		if other, taken := seen[h]; taken {
			t.Errorf("a slot in view %d looks like one in view %d", view, other)
		}
		seen[h] = view
	}
}
