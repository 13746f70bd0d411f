package journal

import (
	"fmt"

	"lockstep/replica"
)

// FS is what a journal needs of a file system.
type FS interface {
	// Create makes a file that is not there yet, for appending.
	Create(name string) (File, error)
	// Read returns all of a file.
	Read(name string) ([]byte, error)
	// List returns the names of all files, sorted.
	List() ([]string, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes what was created, renamed or removed survive a loss of power.
	SyncDir() error
	// String says where this is, for people.
	String() string
}

// File is a file that is written to its end.
type File interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// Header says whose log this is. It stands at the beginning of every file.
type Header struct {
	Cluster replica.ClusterID
	Member  replica.MemberID // zero for a node of a pair
	Node    string           // its name
}

const (
	segmentBytes = 16 << 20
	flushBytes   = 1 << 20
)

// Journal is the log of one node. One actor owns it.
type Journal struct {
	fs    FS
	owner Header
	err   error // after it nothing more is written (R3)
	cut   string
	// segmentBytes is the size from which on a segment is followed by the next,
	// flushBytes how much of a group is kept before some of it is written.
	segmentBytes, flushBytes uint64

	// What the next segment begins with, and where the log stands.
	state    []byte // nil before the first
	snapshot snapshotRef
	next     uint64 // the number that no file has had
	last     uint64 // the index of the last entry, or of the snapshot
	some     bool   // there is one

	segment  segment // that is being written
	file     File    // of it; nil before the first
	unlisted bool    // the directory does not show it for sure yet
	full     bool    // the next group begins a new one
	older    []segment
	obsolete []string // files that the group under way makes superfluous

	buf     []byte // the end of the group, behind what was written
	group   uint64 // its number
	records uint64 // in it so far
	term    [8]byte
}

// segment is what is known of one without reading it.
type segment struct {
	number uint64
	size   uint64 // of it that counts
	high   uint64 // the highest index of its entries
}

// snapshotRef names the snapshot that is valid. Number zero means none.
type snapshotRef struct {
	number, index, term, size uint64
}

// Owner says whose log this is. The zero Header is that of no log: Begin it.
func (j *Journal) Owner() Header { return j.owner }

// Cut says in one line what Open left out, since it was being written when the
// power failed or the disk was full. It is empty if there was nothing of that.
func (j *Journal) Cut() string { return j.cut }

// SetSizes is for tests that want the segments, and the parts in which a group is
// written, to be small.
func (j *Journal) SetSizes(segment, flush uint64) { j.segmentBytes, j.flushBytes = segment, flush }

// Begin names the owner of a log that begins, or who owns it from the next group
// on.
func (j *Journal) Begin(h Header) error {
	if err := j.Sync(); err != nil {
		return err
	}
	j.owner, j.full = h, true
	return nil
}

// Append writes what a Store says, without syncing it. A snapshot is synced all
// the same, and so is what was appended before it.
func (j *Journal) Append(s replica.Store) error {
	if j.owner == (Header{}) {
		panic("journal: a log without an owner")
	}
	j.check(&s)
	if s.Snapshot != nil {
		j.keep(j.takeSnapshot(&s))
	} else if s.State != nil {
		j.open()
		j.setState(s.State)
		j.record(kindState, 0, 0, s.State)
	}
	for i := range s.Entries {
		j.open()
		e := &s.Entries[i]
		j.entry(e)
		j.last, j.some = e.Index, true
	}
	return j.err
}

// check panics when a Store would leave a gap: the core that gave it is broken.
func (j *Journal) check(s *replica.Store) {
	last, some, floor := j.last, j.some, j.snapshot.index
	if s.Snapshot != nil {
		last, some, floor = s.Snapshot.Index, true, s.Snapshot.Index
		if !s.Whole {
			last = max(last, j.last)
		}
	}
	for i := range s.Entries {
		index := s.Entries[i].Index
		if some && index > last+1 || index <= floor {
			panic(fmt.Sprintf("journal: entry %d behind entry %d and snapshot %d", index, last, floor))
		}
		last, some = index, true
	}
}

func (j *Journal) setState(state []byte) {
	if j.state == nil {
		j.state = []byte{}
	}
	j.state = append(j.state[:0], state...)
}

// Sync makes all that was appended survive a loss of power. After an error the
// process must end: what is on disk is unknown (R3).
func (j *Journal) Sync() error {
	if j.records == 0 || j.err != nil {
		return j.err
	}
	j.record(kindCommit, 0, 0)
	j.write(len(j.buf))
	if j.err == nil {
		j.keep(j.file.Sync())
	}
	if j.err == nil && j.unlisted {
		j.keep(j.fs.SyncDir())
	}
	if j.err != nil {
		return j.err
	}
	j.group, j.records, j.unlisted = j.group+1, 0, false
	j.full = j.full || j.segment.size >= j.segmentBytes
	if cap(j.buf) > 2*flushBytes {
		j.buf = nil // one large group is no reason to keep it
	}
	j.tidy()
	return j.err
}

// tidy removes what a new segment has made superfluous.
func (j *Journal) tidy() {
	for _, name := range j.obsolete {
		j.keep(j.fs.Remove(name))
	}
	j.obsolete = j.obsolete[:0]
}

// keep keeps the first error: nothing is done after it.
func (j *Journal) keep(err error) {
	if j.err == nil && err != nil {
		j.err = explain(j.fs, err)
	}
}

// Bytes is how much disk the log and its snapshot take.
func (j *Journal) Bytes() uint64 {
	n := j.segment.size + uint64(len(j.buf)) + j.snapshot.size
	for i := range j.older {
		n += j.older[i].size
	}
	return n
}

// Close gives the files back. What was not synced may be lost.
func (j *Journal) Close() error {
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	j.keep(errClosed)
	return err
}
