package quorum

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// storage is the log as the engine reads it: all that is kept of it, in memory.
// With a log on disk it holds nothing that is not there too.
//
//	1 ... base | base+1 ... last
//	 forgotten |      kept
type storage struct {
	base    place
	entries []*raftpb.Entry // base+1 to last
	bytes   uint64          // of the entries
	state   *raftpb.HardState
	conf    *raftpb.ConfState // at the start

	// cut is the snapshot for those who need what is forgotten. It is there only
	// while somebody gets it; wanted says that the engine has asked for one.
	cut    *raftpb.Snapshot
	wanted bool
}

// place is an entry's index and term, which name it.
type place struct{ index, term uint64 }

func placeOf(e *raftpb.Entry) place { return place{e.GetIndex(), e.GetTerm()} }

// entryBytes is about how much room an entry takes.
func entryBytes(e *raftpb.Entry) uint64 { return uint64(len(e.GetData())) + 64 }

func (s *storage) last() uint64 { return s.base.index + uint64(len(s.entries)) }

// InitialState is asked for once, when the engine starts.
func (s *storage) InitialState() (*raftpb.HardState, *raftpb.ConfState, error) {
	return s.state, s.conf, nil
}

// Entries returns those from lo to hi-1, or the first of them if all weigh more
// than maxSize.
func (s *storage) Entries(lo, hi, maxSize uint64) ([]*raftpb.Entry, error) {
	if lo <= s.base.index {
		return nil, raft.ErrCompacted
	}
	if hi > s.last()+1 {
		return nil, raft.ErrUnavailable
	}
	entries := s.entries[lo-s.base.index-1 : hi-s.base.index-1]
	size := uint64(0)
	for i, e := range entries {
		if size += entryBytes(e); size > maxSize && i > 0 {
			entries = entries[:i]
			break
		}
	}
	return entries[:len(entries):len(entries)], nil
}

// Term returns an entry's term.
func (s *storage) Term(i uint64) (uint64, error) {
	switch {
	case i < s.base.index:
		return 0, raft.ErrCompacted
	case i == s.base.index:
		return s.base.term, nil
	case i > s.last():
		return 0, raft.ErrUnavailable
	default:
		return s.entries[i-s.base.index-1].GetTerm(), nil
	}
}

// LastIndex returns the index of the last entry.
func (s *storage) LastIndex() (uint64, error) { return s.last(), nil }

// FirstIndex returns the index of the first entry that is kept.
func (s *storage) FirstIndex() (uint64, error) { return s.base.index + 1, nil }

// Snapshot returns where the snapshot for others was cut. Its bytes never go
// through the engine, which would copy them many times.
func (s *storage) Snapshot() (*raftpb.Snapshot, error) {
	if s.cut == nil || s.cut.GetMetadata().GetIndex() < s.base.index {
		s.wanted = true
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return s.cut, nil
}

// append adds entries, in place of those at their indexes and behind. What the
// engine was given before stays as it was.
func (s *storage) append(entries []*raftpb.Entry) {
	if len(entries) == 0 {
		return
	}
	first := entries[0].GetIndex()
	if first <= s.base.index || first > s.last()+1 {
		panic("quorum: entries that do not follow the log")
	}
	if keep := first - s.base.index - 1; keep < uint64(len(s.entries)) {
		for _, e := range s.entries[keep:] {
			s.bytes -= entryBytes(e)
		}
		s.entries = slices.Clone(s.entries[:keep])
	}
	for _, e := range entries {
		s.bytes += entryBytes(e)
	}
	s.entries = append(s.entries, entries...)
}

// restart forgets everything for a snapshot.
func (s *storage) restart(at place) {
	*s = storage{base: at, state: s.state, conf: s.conf}
}

// forget drops the entries up to an index.
func (s *storage) forget(index uint64) {
	if index <= s.base.index {
		return
	}
	n := index - s.base.index
	for _, e := range s.entries[:n] {
		s.bytes -= entryBytes(e)
	}
	s.base = placeOf(s.entries[n-1])
	// A fresh array, so that the forgotten ones can go.
	s.entries = slices.Clone(s.entries[n:])
}
