package journal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"lockstep/journal"
	"lockstep/replica"
)

var owner = journal.Header{Cluster: 7, Member: 9, Node: "a"}

// model is what a log should hold.
type model replica.Recovered

// after returns what a log holds after one more Store. It shares nothing that
// changes.
func (m model) after(s replica.Store) model {
	if s.Snapshot != nil {
		m.Snapshot = s.Snapshot
		if s.Whole {
			m.Entries = nil
		}
		m.Entries = slices.DeleteFunc(slices.Clone(m.Entries), func(e replica.LogEntry) bool { return e.Index <= s.Snapshot.Index })
	}
	if s.State != nil {
		m.State = s.State
	}
	for _, e := range s.Entries {
		kept := slices.DeleteFunc(slices.Clone(m.Entries), func(old replica.LogEntry) bool { return old.Index >= e.Index })
		m.Entries = append(kept, e)
	}
	return m
}

func (m model) last() uint64 {
	last := uint64(0)
	if m.Snapshot != nil {
		last = m.Snapshot.Index
	}
	if n := len(m.Entries); n > 0 {
		last = m.Entries[n-1].Index
	}
	return last
}

func (m model) base() uint64 {
	if m.Snapshot != nil {
		return m.Snapshot.Index
	}
	return 0
}

func (m model) equal(o model) bool {
	if (m.Snapshot == nil) != (o.Snapshot == nil) || (m.State == nil) != (o.State == nil) || !bytes.Equal(m.State, o.State) {
		return false
	}
	if m.Snapshot != nil && (m.Snapshot.Index != o.Snapshot.Index || m.Snapshot.Term != o.Snapshot.Term ||
		!bytes.Equal(m.Snapshot.Data, o.Snapshot.Data)) {
		return false
	}
	return slices.EqualFunc(m.Entries, o.Entries, func(a, b replica.LogEntry) bool {
		return a.Index == b.Index && a.Term == b.Term && a.Kind == b.Kind && bytes.Equal(a.Data, b.Data)
	})
}

func (m model) String() string {
	s := "no snapshot"
	if m.Snapshot != nil {
		s = fmt.Sprintf("snapshot %d/%d", m.Snapshot.Index, m.Snapshot.Term)
	}
	s += fmt.Sprintf(", state %x, entries", m.State)
	for _, e := range m.Entries {
		s += fmt.Sprintf(" %d/%d(%d)", e.Index, e.Term, len(e.Data))
	}
	return s
}

// author writes Stores as a core would, at random.
type author struct {
	rng   *rand.Rand
	seq   uint64
	term  uint64
	zeros bool // some entries hold nothing but zeros
}

func (a *author) bytes(n int) []byte {
	b := make([]byte, n)
	if a.zeros && a.rng.IntN(3) == 0 {
		return b
	}
	for i := range b {
		b[i] = byte(1 + a.rng.IntN(255))
	}
	return b
}

func (a *author) size() int {
	switch a.rng.IntN(4) {
	case 0:
		return 0
	case 1:
		return a.rng.IntN(2000)
	default:
		return a.rng.IntN(100)
	}
}

func (a *author) store(m model) replica.Store {
	a.seq++
	s := replica.Store{Seq: a.seq}
	if a.rng.IntN(8) == 0 {
		s.Whole = a.rng.IntN(3) == 0
		index := m.base() + 1 + a.rng.Uint64N(m.last()-m.base()+4)
		s.Snapshot = &replica.LogSnapshot{Index: index, Term: a.term, Data: a.bytes(a.size())}
	}
	if a.rng.IntN(3) == 0 {
		a.term++
		s.State = a.bytes(1 + a.rng.IntN(40))
	}
	m = m.after(s)
	if count := a.rng.IntN(5); count > 0 {
		index := m.last() + 1
		if back := m.last() - m.base(); back > 0 && a.rng.IntN(4) == 0 {
			index -= a.rng.Uint64N(back) + 1
			index++
		}
		for ; count > 0; count-- {
			s.Entries = append(s.Entries, replica.LogEntry{
				Index: index, Term: a.term, Kind: byte(a.rng.IntN(3)), Data: a.bytes(a.size()),
			})
			index++
		}
	}
	return s
}
