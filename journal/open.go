package journal

import (
	"encoding/binary"
	"fmt"
	"slices"

	"lockstep/replica"
)

// Open reads the log in a directory; an empty one has none. Each check may refuse
// the owner before anything is changed. Errors name the file and say what would
// help; none of them has changed anything that counts.
func Open(fs FS, checks ...func(Header) error) (*Journal, replica.Recovered, Header, error) {
	o := opening{fs: fs}
	if err := o.read(); err != nil {
		return nil, replica.Recovered{}, Header{}, err
	}
	if o.newest == nil {
		j, err := o.empty()
		return j, replica.Recovered{}, Header{}, err
	}
	for _, check := range checks {
		if err := check(o.newest.owner); err != nil {
			return nil, replica.Recovered{}, Header{}, err
		}
	}
	j, err := o.goOn()
	if err != nil {
		return nil, replica.Recovered{}, Header{}, err
	}
	return j, o.log, o.newest.owner, nil
}

// Read reads the log in a directory as Open does, and changes nothing there. An
// empty directory has none: its Header is the zero one.
func Read(fs FS) (replica.Recovered, Header, error) {
	o := opening{fs: fs}
	if err := o.read(); err != nil || o.newest == nil {
		return replica.Recovered{}, Header{}, err
	}
	return o.log, o.newest.owner, nil
}

// opening is what Open finds out.
type opening struct {
	fs        FS
	files     []string
	segments  []uint64 // their numbers, sorted
	snapshots []uint64
	highest   uint64 // of all numbers

	newest *contents   // nil: there is no log
	older  []*contents // that count, the oldest first
	cut    string

	log      replica.Recovered
	snapshot snapshotRef
}

// read reads everything and changes nothing.
func (o *opening) read() error {
	if err := o.list(); err != nil {
		return err
	}
	if err := o.findNewest(); err != nil {
		return err
	}
	if o.newest == nil {
		return o.checkEmpty()
	}
	if err := o.findOlder(); err != nil {
		return err
	}
	for _, c := range o.older {
		if err := o.replay(c); err != nil {
			return err
		}
	}
	if err := o.replay(o.newest); err != nil {
		return err
	}
	return o.readSnapshot()
}

func (o *opening) list() (err error) {
	if o.files, err = o.fs.List(); err != nil {
		return explain(o.fs, err)
	}
	for _, name := range o.files {
		number, suffix, ok := parseName(name)
		if !ok {
			return fmt.Errorf("%s has a file that is not the log's: %s; move it away, or give the node a directory of its own", o.fs, name)
		}
		o.highest = max(o.highest, number)
		switch suffix {
		case segmentSuffix:
			o.segments = append(o.segments, number)
		case snapshotSuffix:
			o.snapshots = append(o.snapshots, number)
		}
	}
	slices.Sort(o.segments)
	return nil
}

func (o *opening) reader(name string, number uint64) (*reader, error) {
	content, err := o.fs.Read(name)
	if err != nil {
		return nil, explain(o.fs, err)
	}
	return &reader{dir: o.fs.String(), name: name, number: number, content: content}, nil
}

// findNewest passes over segments whose first group is torn: what they were to
// hold was never stored.
func (o *opening) findNewest() error {
	for _, number := range slices.Backward(o.segments) {
		r, err := o.reader(segmentName(number), number)
		if err != nil {
			return err
		}
		if o.newest, err = r.readSegment(); err != nil {
			return err
		}
		if torn := len(r.content); o.newest == nil && torn > 0 {
			o.say(r, 0, torn)
		}
		if o.newest != nil {
			if o.newest.torn > 0 {
				o.say(r, int(o.newest.size), o.newest.torn)
			}
			return nil
		}
	}
	return nil
}

func (o *opening) say(r *reader, from, bytes int) {
	o.cut = fmt.Sprintf("the last group of the log was not written to its end, and does not count: %d bytes from byte %d of %s/%s",
		bytes, from, r.dir, r.name)
}

// checkEmpty tells a log that was about to begin from one that has lost its
// segments.
func (o *opening) checkEmpty() error {
	lost := len(o.segments) > 0 && o.segments[0] != 1 ||
		len(o.segments) == 0 && len(o.snapshots) > 0 && !slices.Equal(o.snapshots, []uint64{1})
	if lost {
		return fmt.Errorf("%s has lost the segments of its log: %s", o.fs, remedy)
	}
	return nil
}

// findOlder follows the chain from the newest segment to the first that counts.
func (o *opening) findOlder() error {
	for c := o.newest; c.number != c.chain.first; {
		first, number := o.newest.chain.first, c.chain.previous
		if number < first || number >= c.number {
			r := reader{dir: o.fs.String(), name: segmentName(c.number)}
			return r.damaged(0)
		}
		if _, found := slices.BinarySearch(o.segments, number); !found {
			return fmt.Errorf("%s/%s is missing: %s", o.fs, segmentName(number), remedy)
		}
		older, err := o.readWhole(number, c.chain.counts)
		if err != nil {
			return err
		}
		older.chain.first = first // what was there before has gone since
		o.older = append(o.older, older)
		c = older
	}
	slices.Reverse(o.older)
	return nil
}

// readWhole reads a segment of which so many bytes were on disk.
func (o *opening) readWhole(number, counts uint64) (*contents, error) {
	r, err := o.reader(segmentName(number), number)
	if err != nil {
		return nil, err
	}
	if uint64(len(r.content)) < counts {
		return nil, r.damaged(len(r.content))
	}
	r.content, r.exact = r.content[:counts], true
	c, err := r.readSegment()
	if err == nil && c == nil {
		err = r.damaged(0)
	}
	return c, err
}

// replay takes what a segment says.
func (o *opening) replay(c *contents) error {
	for i := range c.records {
		rec := &c.records[i]
		switch rec.kind {
		case kindState:
			o.log.State = append([]byte{}, rec.data...)
		case kindSnapshot:
			o.snapshot = snapshotRef{
				index: rec.index, term: binary.LittleEndian.Uint64(rec.data), number: binary.LittleEndian.Uint64(rec.data[8:]),
			}
			o.dropUpTo(rec.index)
		case kindEntry:
			if !o.addEntry(rec) {
				return fmt.Errorf("%s/%s has entry %d, and none before it: %s", o.fs, segmentName(c.number), rec.index, remedy)
			}
		}
	}
	return nil
}

// addEntry puts an entry in its place, where it replaces what was there and
// behind it. It returns false if there would be a gap.
func (o *opening) addEntry(rec *record) bool {
	e := replica.LogEntry{
		Index: rec.index, Term: binary.LittleEndian.Uint64(rec.data), Kind: rec.entry, Data: rec.data[8:],
	}
	entries := o.log.Entries
	switch {
	case len(entries) == 0 || e.Index < entries[0].Index:
		entries = entries[:0]
	case e.Index > entries[len(entries)-1].Index+1:
		return false
	default:
		entries = entries[:e.Index-entries[0].Index]
	}
	o.log.Entries = append(entries, e)
	return true
}

func (o *opening) dropUpTo(index uint64) {
	entries := o.log.Entries
	n := 0
	for n < len(entries) && entries[n].Index <= index {
		n++
	}
	if n > 0 {
		o.log.Entries = append(entries[:0], entries[n:]...)
	}
}

// readSnapshot reads the snapshot that is valid at the end.
func (o *opening) readSnapshot() error {
	o.dropUpTo(o.snapshot.index) // what an old segment that is still kept begins with
	if o.snapshot.number == 0 {
		return nil
	}
	name := snapshotName(o.snapshot.number)
	if !slices.Contains(o.files, name) {
		return fmt.Errorf("%s/%s is missing: %s", o.fs, name, remedy)
	}
	r, err := o.reader(name, o.snapshot.number)
	if err != nil {
		return err
	}
	o.snapshot.size = uint64(len(r.content))
	if o.log.Snapshot, err = r.readSnapshot(o.snapshot); err != nil {
		return err
	}
	if entries := o.log.Entries; len(entries) > 0 && entries[0].Index != o.snapshot.index+1 {
		return fmt.Errorf("%s has entry %d behind snapshot %d: %s", o.fs, entries[0].Index, o.snapshot.index, remedy)
	}
	return nil
}

func (o *opening) journal() *Journal {
	return &Journal{fs: o.fs, cut: o.cut, segmentBytes: segmentBytes, flushBytes: flushBytes}
}

// empty clears what a log left that never began.
func (o *opening) empty() (*Journal, error) {
	for _, name := range o.files {
		if err := o.fs.Remove(name); err != nil {
			return nil, explain(o.fs, err)
		}
	}
	if len(o.files) > 0 {
		if err := o.fs.SyncDir(); err != nil {
			return nil, explain(o.fs, err)
		}
	}
	j := o.journal()
	j.next = 1
	return j, nil
}

// goOn begins a segment that says again what may not be on disk: the last group
// of the newest. All of the log is on disk when it returns.
func (o *opening) goOn() (*Journal, error) {
	j := o.journal()
	j.owner, j.snapshot = o.newest.owner, o.snapshot
	if o.log.State != nil {
		j.setState(o.log.State)
	}
	for _, c := range o.older {
		j.older = append(j.older, c.segment)
	}
	c := chain{first: o.newest.chain.first, previous: o.newest.number, counts: uint64(o.newest.begins)}
	if o.newest.begins == 0 {
		// Nothing of it counts: the new segment takes its place in the chain.
		c = o.newest.chain
		if c.first == o.newest.number {
			c = chain{first: o.highest + 1}
		}
	} else {
		last := o.newest.segment
		last.size = uint64(o.newest.begins)
		j.older = append(j.older, last)
	}
	o.dropUnfinished()
	j.beginAfter(o.highest+1, c)
	for i := range o.log.Entries {
		e := &o.log.Entries[i]
		if o.newest.low != 0 && e.Index >= o.newest.low {
			j.entry(e)
		}
		j.last, j.some = e.Index, true
	}
	j.last, j.some = max(j.last, o.snapshot.index), j.some || o.snapshot.number != 0
	if err := j.Sync(); err != nil {
		if j.file != nil {
			_ = j.file.Close()
			_ = o.fs.Remove(segmentName(o.highest + 1)) // what was there goes on counting
		}
		return nil, err
	}
	return j, o.tidy(j)
}

// dropUnfinished makes room: a snapshot that was never finished is nothing.
func (o *opening) dropUnfinished() {
	for _, name := range o.files {
		if _, suffix, _ := parseName(name); suffix == newSuffix {
			_ = o.fs.Remove(name)
		}
	}
}

// tidy removes what does not count.
func (o *opening) tidy(j *Journal) error {
	for _, name := range o.files {
		number, suffix, _ := parseName(name)
		counts := suffix == snapshotSuffix && number == j.snapshot.number ||
			suffix == segmentSuffix && slices.ContainsFunc(j.older, func(s segment) bool { return s.number == number })
		if counts || suffix == newSuffix {
			continue
		}
		if err := o.fs.Remove(name); err != nil {
			return explain(o.fs, err)
		}
	}
	return nil
}
