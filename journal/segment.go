package journal

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"lockstep/replica"
)

const (
	segmentSuffix  = ".log"
	snapshotSuffix = ".snapshot"
	newSuffix      = ".snapshot.new" // a snapshot that is being written
	digits         = 10
	highestNumber  = 1 << 62 // nobody lives to see it, and numbers never overflow
)

func segmentName(number uint64) string  { return fmt.Sprintf("%0*d%s", digits, number, segmentSuffix) }
func snapshotName(number uint64) string { return fmt.Sprintf("%0*d%s", digits, number, snapshotSuffix) }
func newName(number uint64) string      { return fmt.Sprintf("%0*d%s", digits, number, newSuffix) }

// parseName returns false for a file that is not ours.
func parseName(name string) (number uint64, suffix string, ok bool) {
	digit, suffix, _ := strings.Cut(name, ".")
	suffix = "." + suffix
	number, err := strconv.ParseUint(digit, 10, 64)
	ok = err == nil && number > 0 && number <= highestNumber && name == fmt.Sprintf("%0*d%s", digits, number, suffix) &&
		(suffix == segmentSuffix || suffix == snapshotSuffix || suffix == newSuffix)
	return number, suffix, ok
}

// open has a segment for what is appended next.
func (j *Journal) open() {
	if j.err == nil && (j.file == nil || j.full && j.records == 0) {
		j.begin(j.next, false)
	}
}

// begin begins a segment, and with it a group. All that was written before is
// on disk. With whole, no older segment counts.
func (j *Journal) begin(number uint64, whole bool) {
	if j.file != nil {
		j.keep(j.file.Close())
		j.file = nil
		j.older = append(j.older, j.segment)
	}
	j.retire(whole)
	chain := chain{first: number}
	if len(j.older) > 0 {
		previous := j.older[len(j.older)-1]
		chain.first, chain.previous, chain.counts = j.older[0].number, previous.number, previous.size
	}
	j.beginAfter(number, chain)
}

// retire drops the oldest segments that have no entry behind the snapshot.
func (j *Journal) retire(whole bool) {
	n := 0
	for n < len(j.older) && (whole || j.older[n].high <= j.snapshot.index) {
		j.obsolete = append(j.obsolete, segmentName(j.older[n].number))
		n++
	}
	j.older = append(j.older[:0], j.older[n:]...)
}

// beginAfter begins a segment that goes on where the chain ends.
func (j *Journal) beginAfter(number uint64, c chain) {
	if j.err != nil {
		return
	}
	file, err := j.fs.Create(segmentName(number))
	if err != nil {
		j.keep(err)
		return
	}
	j.file, j.unlisted, j.full = file, true, false
	j.segment, j.next = segment{number: number}, number+1
	j.group, j.records = 1, 0
	j.buf = beginFile(j.buf[:0])
	j.record(kindHeader, 0, 0, encodeHeader(j.owner, c))
	if j.state != nil {
		j.record(kindState, 0, 0, j.state)
	}
	if j.snapshot.number != 0 {
		binary.LittleEndian.PutUint64(j.term[:], j.snapshot.term)
		j.record(kindSnapshot, 0, j.snapshot.index, j.term[:], binary.LittleEndian.AppendUint64(nil, j.snapshot.number))
	}
}

// chain is how a segment goes on where others ended.
type chain struct {
	first    uint64 // the oldest segment that counts
	previous uint64 // if it is not the first itself
	counts   uint64 // bytes of the previous
}

const headerFixed = 40

func encodeHeader(h Header, c chain) []byte {
	b := make([]byte, 0, headerFixed+len(h.Node))
	for _, n := range []uint64{uint64(h.Cluster), uint64(h.Member), c.first, c.previous, c.counts} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return append(b, h.Node...)
}

func decodeHeader(data []byte) (h Header, c chain, ok bool) {
	if len(data) < headerFixed {
		return Header{}, chain{}, false
	}
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8*i:]) }
	h = Header{Cluster: replica.ClusterID(n(0)), Member: replica.MemberID(n(1)), Node: string(data[headerFixed:])}
	return h, chain{first: n(2), previous: n(3), counts: n(4)}, true
}

// takeSnapshot writes a snapshot into a file of its own, and begins the segment
// that counts with it.
func (j *Journal) takeSnapshot(s *replica.Store) error {
	if err := j.Sync(); err != nil {
		return err
	}
	number := j.next
	size, err := j.writeSnapshot(number, s.Snapshot)
	if err != nil {
		return err
	}
	if j.snapshot.number != 0 {
		j.obsolete = append(j.obsolete, snapshotName(j.snapshot.number))
	}
	j.snapshot = snapshotRef{number: number, index: s.Snapshot.Index, term: s.Snapshot.Term, size: size}
	if s.Whole {
		j.last = 0
	}
	j.last, j.some = max(j.last, s.Snapshot.Index), true
	if s.State != nil {
		j.setState(s.State)
	}
	j.begin(number, s.Whole)
	return j.err
}

// writeSnapshot returns when the snapshot would survive a loss of power under its
// name.
func (j *Journal) writeSnapshot(number uint64, s *replica.LogSnapshot) (size uint64, err error) {
	if uint64(len(s.Data)) > math.MaxUint32-8 {
		return 0, fmt.Errorf("a snapshot of %d bytes is too large", len(s.Data))
	}
	file, err := j.fs.Create(newName(number))
	if err != nil {
		return 0, err
	}
	front, back := encodeSnapshot(number, j.owner, s)
	for _, part := range [][]byte{front, s.Data, back} {
		size += uint64(len(part))
		if err == nil {
			err = writeAll(file, part)
		}
	}
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return 0, err
	}
	if err := j.fs.Rename(newName(number), snapshotName(number)); err != nil {
		return 0, err
	}
	return size, j.fs.SyncDir()
}

func writeAll(f File, b []byte) error {
	n, err := f.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
