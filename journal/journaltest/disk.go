// Package journaltest has a disk for tests of what is kept by a journal. It loses
// and tears what was not synced, fills up, fails and rots, all by a seed.
package journaltest

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"

	"lockstep/journal"
)

// ErrPower is what a disk without power answers.
var ErrPower = errors.New("journaltest: there is no power")

// Disk is a file system in memory. Its operations take no time. What was written
// survives a loss of power when its file was synced, and a name when the directory
// was; of the rest, some may have arrived, sector by sector and name by name, in
// any order. It is not for several goroutines at once.
type Disk struct {
	rng   *rand.Rand
	names map[string]*inode // as they are seen
	safe  map[string]*inode // as they survive
	steps []step            // from safe to names

	room     int // bytes that still fit; negative: any number
	readOnly bool
	garbles  bool

	ops     int
	faults  map[int]error // by operation
	noPower bool
}

var _ journal.FS = (*Disk)(nil)

const sectorBytes = 512

// inode is a file, whatever its name.
type inode struct {
	content []byte // as it is read
	disk    []byte // as it survives, for what is not dirty
	dirty   int    // from here on, content has not been synced
	writes  []int  // the lengths that it had since, but for the last
}

// step is something that was done to names.
type step struct {
	from, to string // made: no from; removed: no to
	file     *inode
}

// New returns an empty disk. What happens by chance comes from rng.
func New(rng *rand.Rand) *Disk {
	return &Disk{rng: rng, names: map[string]*inode{}, safe: map[string]*inode{}, room: -1, faults: map[int]error{}}
}

// SetRoom says how many bytes may still be written before the disk is full;
// negative: any number.
func (d *Disk) SetRoom(bytes int) { d.room = bytes }

// SetReadOnly makes all that would change something fail.
func (d *Disk) SetReadOnly(on bool) { d.readOnly = on }

// SetGarbles lets sectors that were not synced arrive with a wrong bit, too.
func (d *Disk) SetGarbles(on bool) { d.garbles = on }

// Ops is how many operations were tried that would change or sync something.
func (d *Disk) Ops() int { return d.ops }

// FailAt makes the nth operation from now on fail, from 1. A sync that fails has
// lost what it was to save, though it is still read: so do the systems that we
// run on.
func (d *Disk) FailAt(n int, err error) { d.faults[d.ops+n] = err }

// CutPowerAt lets the power fail during the nth operation from now on, from 1.
func (d *Disk) CutPowerAt(n int) { d.FailAt(n, ErrPower) }

// ClearFaults forgets the faults that are to come.
func (d *Disk) ClearFaults() { clear(d.faults) }

// Off reports whether the power has failed.
func (d *Disk) Off() bool { return d.noPower }

// operate begins an operation that would change or sync something.
func (d *Disk) operate(op, name string) error {
	d.ops++
	err := d.faults[d.ops]
	switch {
	case d.noPower:
		err = ErrPower
	case err == nil && d.readOnly:
		err = syscall.EROFS
	}
	d.noPower = d.noPower || errors.Is(err, ErrPower)
	if err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return nil
}

func (d *Disk) do(s step) {
	apply(d.names, s)
	d.steps = append(d.steps, s)
}

func apply(names map[string]*inode, s step) {
	if s.from != "" {
		delete(names, s.from)
	}
	if s.to != "" {
		names[s.to] = s.file
	}
}

// chance is true in one of two cases.
func (d *Disk) chance() bool { return d.rng.IntN(2) == 0 }

// Create makes a file.
func (d *Disk) Create(name string) (journal.File, error) {
	err := d.operate("create", name)
	if errors.Is(err, ErrPower) && d.chance() || err == nil {
		if d.names[name] != nil {
			return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
		}
		d.do(step{to: name, file: &inode{}})
	}
	if err != nil {
		return nil, err
	}
	return &file{disk: d, inode: d.names[name], name: name}, nil
}

// Rename gives a file another name, in place of what had it.
func (d *Disk) Rename(from, to string) error { return d.change("rename", step{from: from, to: to}) }

// Remove takes a file's name away.
func (d *Disk) Remove(name string) error { return d.change("remove", step{from: name}) }

func (d *Disk) change(op string, s step) error {
	err := d.operate(op, s.from)
	if errors.Is(err, ErrPower) && d.chance() || err == nil {
		s.file = d.names[s.from]
		if s.file == nil {
			return &fs.PathError{Op: op, Path: s.from, Err: fs.ErrNotExist}
		}
		d.do(s)
	}
	return err
}

// SyncDir makes all names survive.
func (d *Disk) SyncDir() error {
	if err := d.operate("sync", d.String()); err != nil {
		return err
	}
	d.safe, d.steps = maps.Clone(d.names), nil
	return nil
}

// Read returns all of a file.
func (d *Disk) Read(name string) ([]byte, error) {
	f := d.names[name]
	switch {
	case d.noPower:
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrPower}
	case f == nil:
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	default:
		return slices.Clone(f.content), nil
	}
}

// List returns all names.
func (d *Disk) List() ([]string, error) {
	if d.noPower {
		return nil, ErrPower
	}
	return slices.Sorted(maps.Keys(d.names)), nil
}

// String is what errors call the directory.
func (d *Disk) String() string { return "disk" }

// file is one that is open.
type file struct {
	disk  *Disk
	inode *inode
	name  string
}

// Write appends. A disk that is full takes what fits.
func (f *file) Write(b []byte) (int, error) {
	err := f.disk.operate("write", f.name)
	n := len(b)
	switch {
	case errors.Is(err, ErrPower), errors.Is(err, syscall.ENOSPC):
		n = f.disk.rng.IntN(len(b) + 1)
	case err != nil:
		n = 0
	case f.disk.room >= 0 && n > f.disk.room:
		n, err = f.disk.room, &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	if f.disk.room >= 0 {
		f.disk.room = max(0, f.disk.room-n)
	}
	if n > 0 {
		f.inode.writes = append(f.inode.writes, len(f.inode.content))
		f.inode.content = append(f.inode.content, b[:n]...)
	}
	return n, err
}

// Sync makes the content survive, or loses what was not synced before.
func (f *file) Sync() error {
	err := f.disk.operate("sync", f.name)
	switch {
	case err == nil:
		f.inode.save()
	case !errors.Is(err, ErrPower):
		f.inode.disk = f.disk.arrived(f.inode)
		f.inode.dirty, f.inode.writes = len(f.inode.content), nil
	}
	return err
}

// Close gives the file back.
func (f *file) Close() error { return nil }

// save writes the sectors that are dirty.
func (i *inode) save() {
	begins := i.dirty / sectorBytes * sectorBytes
	i.extend(len(i.content))
	copy(i.disk[begins:], i.content[begins:])
	i.dirty, i.writes = len(i.content), nil
}

// extend fills up with zeros what is on the disk.
func (i *inode) extend(size int) {
	if size > len(i.disk) {
		i.disk = append(i.disk, make([]byte, size-len(i.disk))...)
	}
}

// arrived returns what is on the disk, of which some that was not synced. A file
// only grows, so a sector on its way holds a first part of what it holds now.
func (d *Disk) arrived(i *inode) []byte {
	survivor := &inode{disk: slices.Clone(i.disk)}
	if i.dirty == len(i.content) {
		return survivor.disk
	}
	size := len(i.content)
	if d.chance() {
		size = max(len(i.disk), i.dirty+d.rng.IntN(size-i.dirty+1))
	}
	survivor.extend(size)
	all, none := d.rng.IntN(4) == 0, d.rng.IntN(4) == 0
	for at := i.dirty / sectorBytes * sectorBytes; at < size; at += sectorBytes {
		if none || !all && d.chance() {
			continue
		}
		ends := min(size, at+sectorBytes)
		if len(i.writes) > 0 && !all && d.rng.IntN(4) == 0 {
			ends = min(ends, i.writes[d.rng.IntN(len(i.writes))])
		}
		if ends > at {
			copy(survivor.disk[at:ends], i.content[at:ends])
		}
	}
	if d.garbles && d.rng.IntN(4) == 0 {
		if at := i.dirty + d.rng.IntN(len(i.content)-i.dirty); at < size {
			survivor.disk[at] ^= 1 << d.rng.IntN(8)
		}
	}
	return survivor.disk
}

// Crash cuts the power, and returns the disk as it is when the power comes back.
// This one answers nothing any more.
func (d *Disk) Crash() *Disk {
	d.noPower = true
	after := New(d.rng)
	after.room, after.readOnly, after.garbles = d.room, d.readOnly, d.garbles
	names := maps.Clone(d.safe)
	done, anyOrder := d.rng.IntN(len(d.steps)+1), d.rng.IntN(4) == 0
	for n, s := range d.steps {
		if n < done && !anyOrder || anyOrder && d.chance() {
			apply(names, s)
		}
	}
	survivors := map[*inode]*inode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old := names[name]
		if survivors[old] == nil {
			content := d.arrived(old)
			survivors[old] = &inode{content: content, disk: slices.Clone(content), dirty: len(content)}
		}
		after.names[name] = survivors[old]
	}
	after.safe = maps.Clone(after.names)
	return after
}

// Rot flips one bit of what is read, somewhere, and says where: ok is false for a
// disk without a byte.
func (d *Disk) Rot() (name string, at int, ok bool) {
	name, at, ok = d.Anywhere()
	if ok {
		d.Flip(name, at, d.rng.IntN(8))
	}
	return name, at, ok
}

// Anywhere returns a byte's place, each as likely as the others.
func (d *Disk) Anywhere() (name string, at int, ok bool) {
	total := 0
	for _, f := range d.names {
		total += len(f.content)
	}
	if total == 0 {
		return "", 0, false
	}
	at = d.rng.IntN(total)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		if size := len(d.names[name].content); at >= size {
			at -= size
			continue
		}
		return name, at, true
	}
	panic("not reached")
}

// Flip flips one bit of a file.
func (d *Disk) Flip(name string, at, bit int) {
	f := d.names[name]
	f.content[at] ^= 1 << bit
	if at < len(f.disk) {
		f.disk[at] ^= 1 << bit
	}
}

// Lose fills the sector that a byte is in with zeros.
func (d *Disk) Lose(name string, at int) {
	f, at := d.names[name], at/sectorBytes*sectorBytes
	clear(f.content[at:min(at+sectorBytes, len(f.content))])
	clear(f.disk[min(at, len(f.disk)):min(at+sectorBytes, len(f.disk))])
}

// Files returns what every file holds.
func (d *Disk) Files() map[string][]byte {
	files := map[string][]byte{}
	for name, f := range d.names {
		files[name] = slices.Clone(f.content)
	}
	return files
}

// Put makes files that are on the disk for sure.
func (d *Disk) Put(files map[string][]byte) {
	for name, content := range files {
		i := &inode{content: slices.Clone(content), disk: slices.Clone(content), dirty: len(content)}
		d.names[name], d.safe[name] = i, i
	}
}
