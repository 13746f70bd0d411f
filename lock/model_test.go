package lock

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// model is the table as slowly and plainly as it can be told: lists that are
// searched from end to end, and a history instead of remembered answers. It
// shares no code with the table.
type model struct {
	held    []string
	open    []modelSession
	history []modelAnswer // of every request that was executed
	drawn   []uint64      // every token and session id

	maxHeld, maxOpen int
}

type modelSession struct {
	id    SessionID
	nonce Number
}

type modelAnswer struct {
	session SessionID
	slot    Slot
	number  Number
	result  Result
}

func (m *model) apply(view View, c Command) Result {
	switch c.Verb {
	case OpenSession:
		return m.openSession(view, c.Number)
	case CloseSession:
		m.open = slices.DeleteFunc(m.open, func(s modelSession) bool { return s.id == c.Session })
		return Result{Outcome: Closed}
	}
	if !slices.ContainsFunc(m.open, func(s modelSession) bool { return s.id == c.Session }) {
		return Result{Outcome: SessionExpired}
	}
	for _, past := range slices.Backward(m.history) {
		if past.session != c.Session || past.slot != c.Slot {
			continue
		}
		if past.number == c.Number {
			return past.result
		}
		if past.number > c.Number {
			return Result{Outcome: Stale}
		}
		break
	}
	result := m.lockOrUnlock(view, c)
	m.history = append(m.history, modelAnswer{c.Session, c.Slot, c.Number, result})
	return result
}

func (m *model) openSession(view View, nonce Number) Result {
	for _, s := range m.open {
		if s.nonce == nonce {
			return Result{Outcome: Opened, Session: s.id}
		}
	}
	if len(m.open) == m.maxOpen {
		return Result{Outcome: LimitReached, Limit: LimitSessions}
	}
	id := SessionID(m.draw(view))
	m.open = append(m.open, modelSession{id, nonce})
	return Result{Outcome: Opened, Session: id}
}

func (m *model) lockOrUnlock(view View, c Command) Result {
	i := slices.Index(m.held, c.Name)
	switch {
	case c.Verb == Unlock && i < 0:
		return Result{Outcome: NotHeld}
	case c.Verb == Unlock:
		m.held = slices.Delete(m.held, i, i+1)
		return Result{Outcome: Released}
	case i >= 0:
		return Result{Outcome: Held}
	case len(m.held) == m.maxHeld:
		return Result{Outcome: LimitReached, Limit: LimitLocks}
	}
	m.held = append(m.held, c.Name)
	return Result{Outcome: Granted, Token: Token(m.draw(view))}
}

// draw counts what was drawn in the view and takes the next.
func (m *model) draw(view View) uint64 {
	n := uint64(1)
	for _, d := range m.drawn {
		if d/(1<<40) == uint64(view) {
			n++
		}
	}
	m.drawn = append(m.drawn, uint64(view)*(1<<40)+n)
	return m.drawn[len(m.drawn)-1]
}

var small = limits{locks: 2, sessions: 3}

func smallTable() *Table {
	t := NewTable()
	t.limits = small
	return t
}

// anyEntries draws a history in which requests of few sessions, slots, numbers
// and names meet, repeat and overtake each other.
func anyEntries(t *rapid.T) []Entry {
	var entries []Entry
	view, ids := View(rapid.IntRange(1, 300).Draw(t, "view")), []SessionID{0, 1}
	shadow := smallTable() // only to learn which session ids there are
	for range rapid.IntRange(0, 60).Draw(t, "entries") {
		view += View(rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 2, 1000}).Draw(t, "rise"))
		entry := Entry{View: view, Index: Index(len(entries) + 1), Command: anyCommand(t, ids)}
		entries = append(entries, entry)
		if r := shadow.Apply(entry); r.Outcome == Opened {
			ids = append(ids, r.Session, r.Session) // the live ones more often
		}
	}
	return entries
}

func anyCommand(t *rapid.T, ids []SessionID) Command {
	verbs := []Verb{OpenSession, CloseSession, Lock, Lock, Lock, Lock, Unlock, Unlock, Unlock}
	c := Command{Verb: rapid.SampledFrom(verbs).Draw(t, "verb")}
	if c.Verb != OpenSession {
		c.Session = rapid.SampledFrom(ids).Draw(t, "session")
	}
	if c.Verb != CloseSession {
		c.Number = Number(rapid.IntRange(1, 6).Draw(t, "number"))
	}
	if c.Verb == Lock || c.Verb == Unlock {
		c.Slot = rapid.SampledFrom([]Slot{0, 1, 4095}).Draw(t, "slot")
		c.Name = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
	}
	return c
}

func TestTheTableDoesWhatTheModelDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, m := smallTable(), &model{maxHeld: small.locks, maxOpen: small.sessions}
		for _, e := range anyEntries(t) {
			got, want := table.Apply(e), m.apply(e.View, e.Command)
			if got != want {
				t.Fatalf("entry %+v: %+v, but the model says %+v", e, got, want)
			}
			checkAgainst(t, table, m)
		}
	})
}

func checkAgainst(t *rapid.T, table *Table, m *model) {
	if locks, sessions := table.Size(); locks != len(m.held) || sessions != len(m.open) {
		t.Fatalf("%d locks, %d sessions; the model has %d and %d", locks, sessions, len(m.held), len(m.open))
	}
	if !slices.IsSorted(m.drawn) {
		t.Fatal("what is drawn does not rise") // S3, S4
	}
	if n := len(m.drawn); n > 0 && table.last != m.drawn[n-1] {
		t.Fatalf("the table has drawn %d last, the model %d", table.last, m.drawn[n-1])
	}
}

// A table restored from a snapshot after any prefix equals the table that went
// on, at once and after every later entry. So does the digest that Restore
// computes afresh and the one that was kept in step.
func TestASnapshotAfterAnyPrefixContinuesAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := anyEntries(t)
		cut := rapid.IntRange(0, len(entries)).Draw(t, "cut")
		table := smallTable()
		for _, e := range entries[:cut] {
			table.Apply(e)
		}
		snap := table.Snapshot()
		restored := restore(t, snap)
		mustEqual(t, table, restored)
		for _, e := range entries[cut:] {
			if a, b := table.Apply(e), restored.Apply(e); a != b {
				t.Fatalf("entry %+v: %+v, restored %+v", e, a, b)
			}
			mustEqual(t, table, restored)
		}
		if again := restore(t, snap).Snapshot(); !reflect.DeepEqual(again, snap) {
			t.Fatal("the snapshot changed with the table that gave it")
		}
	})
}

func restore(t *rapid.T, snap Snapshot) *Table {
	restored, err := Restore(snap)
	if err != nil {
		t.Fatal(err)
	}
	restored.limits = small
	return restored
}

func mustEqual(t *rapid.T, a, b *Table) {
	if a.Index() != b.Index() || a.Digest() != b.Digest() {
		t.Fatalf("at %d with digest %x, but at %d with %x", a.Index(), a.Digest(), b.Index(), b.Digest())
	}
	if !reflect.DeepEqual(a.Snapshot(), b.Snapshot()) {
		t.Fatalf("snapshots differ:\n%+v\n%+v", a.Snapshot(), b.Snapshot())
	}
}

// Two tables that differ in anything have different digests, as far as one can
// try.
func TestDifferentStatesHaveDifferentDigests(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := smallTable(), smallTable()
		for _, e := range anyEntries(t) {
			a.Apply(e)
		}
		for _, e := range anyEntries(t) {
			b.Apply(e)
		}
		one, two := a.Snapshot(), b.Snapshot()
		one.Index, two.Index = 0, 0 // the digest is of the state alone
		if same := reflect.DeepEqual(one, two); same != (a.Digest() == b.Digest()) {
			t.Fatalf("equal states: %v, equal digests: %v", same, !same)
		}
	})
}
