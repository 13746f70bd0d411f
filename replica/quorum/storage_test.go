package quorum

import (
	"errors"
	"testing"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

func logOf(from, to, term uint64) []*raftpb.Entry {
	var entries []*raftpb.Entry
	for i := from; i <= to; i++ {
		entries = append(entries, &raftpb.Entry{Index: new(i), Term: new(term), Data: make([]byte, 36)})
	}
	return entries
}

// TestStorage: what the engine reads is what was written, and what it was given
// before does not change under it.
func TestStorage(t *testing.T) {
	s := &storage{base: place{10, 2}}
	s.append(logOf(11, 15, 3))
	before, err := s.Entries(11, 16, 1<<20)
	if err != nil || len(before) != 5 {
		t.Fatalf("%d entries, %v", len(before), err)
	}
	s.append(logOf(14, 14, 4))
	if s.last() != 14 || before[3].GetTerm() != 3 {
		t.Errorf("the last is %d; what was read has term %d now", s.last(), before[3].GetTerm())
	}
	if s.bytes != 400 {
		t.Errorf("%d bytes", s.bytes)
	}
	for _, c := range []struct {
		lo, hi, size uint64
		n            int
		err          error
	}{
		{10, 12, 1000, 0, raft.ErrCompacted}, {11, 16, 1000, 0, raft.ErrUnavailable},
		{11, 15, 1000, 4, nil}, {11, 15, 250, 2, nil}, {12, 15, 0, 1, nil}, {15, 15, 1000, 0, nil},
	} {
		if got, err := s.Entries(c.lo, c.hi, c.size); len(got) != c.n || !errors.Is(err, c.err) {
			t.Errorf("entries %d to %d within %d: %d, %v", c.lo, c.hi, c.size, len(got), err)
		}
	}
	for _, c := range []struct {
		index, term uint64
		err         error
	}{{9, 0, raft.ErrCompacted}, {10, 2, nil}, {13, 3, nil}, {14, 4, nil}, {15, 0, raft.ErrUnavailable}} {
		if got, err := s.Term(c.index); got != c.term || !errors.Is(err, c.err) {
			t.Errorf("the term of entry %d: %d, %v", c.index, got, err)
		}
	}
	if got := s.oldestWithin(200); got != 12 {
		t.Errorf("200 bytes begin behind entry %d", got)
	}
	if got := s.bytesBehind(13); got != 100 {
		t.Errorf("%d bytes behind entry 13", got)
	}
	s.forget(12)
	if s.base != (place{12, 3}) || s.last() != 14 || s.bytes != 200 {
		t.Errorf("%+v, to %d, %d bytes", s.base, s.last(), s.bytes)
	}
	if _, err := s.Snapshot(); !errors.Is(err, raft.ErrSnapshotTemporarilyUnavailable) || !s.wanted {
		t.Errorf("a snapshot that nobody has cut: %v", err)
	}
	s.restart(place{50, 9})
	if s.last() != 50 || s.bytes != 0 || len(s.entries) != 0 {
		t.Errorf("after a snapshot: %+v", s)
	}
}

// TestStorageAsserts: a log with a gap is no log.
func TestStorageAsserts(t *testing.T) {
	for _, at := range []uint64{10, 12} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("entry %d behind entry 10 of the base", at)
				}
			}()
			s := &storage{base: place{10, 2}}
			s.append(logOf(at, at, 3))
		}()
	}
}
