package replica

import (
	"errors"
	"fmt"

	"lockstep/lock"
)

// ledger is what a durable node knows of its log on disk. A node that keeps
// nothing on disk has none of it: there every entry counts at once.
//
// An entry counts on a node when it would survive a loss of power there, and is
// applied when it counts wherever it has to: on a PRIMARY and its backup when
// both have it, on a SOLO node when that one has. So whatever anybody was
// answered is in every log that may be the only one left (P8).
//
// The disk keeps the order of the Stores: what is on disk is always what the
// first so many of them have left.
//
// A batch is one piece of the log, numbered by itself: commands only, since their
// indexes go on from the snapshot's, and their view is the piece's term. Of a
// snapshot the number is that of the last piece that it stands for, and the term
// its index in the order.
type ledger struct {
	seq  uint64 // of the last Store
	done uint64 // up to which they are on disk
	// role is the Store that says the present role: nothing of that role leaves
	// the node before it is on disk.
	role   uint64
	says   standing
	writes []write // of the present order, on their way to the disk
	pieces uint64  // the last number

	// How large the log is, for its next snapshot.
	base     lock.Index // of the snapshot
	behind   uint64     // bytes of the entries behind the snapshot
	snapshot uint64     // bytes of that
	taking   *taking
}

// standing is the State in the log: the last role, and its view. A node that
// has given up its copy says so.
type standing struct {
	role Role
	view lock.View
}

// whole reports whether the log is a copy: everything up to its last entry, as
// the pair has ordered it.
func (s standing) whole() bool {
	return s.role == Primary || s.role == Backup || s.role == Solo
}

// write is a Store that brings entries up to last.
type write struct {
	seq  uint64
	last lock.Index
}

// taking is a snapshot that was asked for to shorten the log.
type taking struct {
	index  lock.Index
	piece  uint64 // the last that it stands for
	before int    // snapshots asked for earlier, for a joiner or another order
	behind uint64 // bytes of the pieces that it replaces
}

// store gives the log what comes next. It does not wait for anything.
func (p *Pair) store(s Store) {
	p.disk.seq++
	s.Seq = p.disk.seq
	p.out = append(p.out, s)
}

// mark writes the role into the log. What leaves the node from now on waits
// until that is on disk.
func (p *Pair) mark(role Role, view lock.View) {
	if !p.cfg.Durable {
		return
	}
	p.disk.says = standing{role, view}
	p.store(Store{State: p.disk.says.encode()})
	p.disk.role = p.disk.seq
}

// giveUp drops the copy and says so in the log: entries are missing, or it is about to be replaced. A log that is half of one copy and half of another
// must never be taken for a whole one.
func (p *Pair) giveUp(role Role) {
	if p.disk.says.whole() {
		p.mark(role, p.view)
	}
	if p.copy != nil {
		p.say(!p.handed(), fmt.Sprintf("the copy of view %d up to entry %d is out of date: the peer has gone on", p.copy.view, p.copy.last))
		p.copy = nil
		p.do(Reset{})
	}
}

// replaceLog begins another history on disk, from a snapshot of it.
func (p *Pair) replaceLog(index lock.Index, state []byte) {
	if !p.cfg.Durable {
		return
	}
	p.disk.behind, p.disk.snapshot, p.disk.taking = 0, uint64(len(state)), nil
	p.disk.base = index
	p.disk.says = standing{Joining, p.view} // until it has a role with it
	p.store(Store{
		Snapshot: &LogSnapshot{Index: p.disk.pieces, Term: uint64(index), Data: state},
		Whole:    true, State: p.disk.says.encode(),
	})
}

// keep writes entries to the log, those of one view as one piece.
func (p *Pair) keep(entries []lock.Entry) {
	if !p.cfg.Durable || len(entries) == 0 {
		return
	}
	last := entries[len(entries)-1].Index
	var pieces []LogEntry
	for len(entries) > 0 {
		n := 1
		for n < len(entries) && entries[n].View == entries[0].View {
			n++
		}
		pieces = append(pieces, p.piece(entries[:n]))
		entries = entries[n:]
	}
	p.store(Store{Entries: pieces})
	if p.hasRole() {
		p.disk.writes = append(p.disk.writes, write{p.disk.seq, last})
	}
}

func (p *Pair) piece(entries []lock.Entry) LogEntry {
	commands := make([]lock.Command, len(entries))
	for i := range entries {
		commands[i] = entries[i].Command
	}
	data := p.cfg.Codec.EncodeCommands(commands)
	p.disk.behind += uint64(len(data))
	p.disk.pieces++
	return LogEntry{Index: p.disk.pieces, Term: uint64(entries[0].View), Data: data}
}

// kept is the last entry that counts here.
func (p *Pair) kept() lock.Index {
	if !p.cfg.Durable {
		return p.order.last
	}
	return p.order.stored
}

// onStored lets go what waited for the disk, and counts what has got there.
func (p *Pair) onStored(seq uint64) {
	d := &p.disk
	if seq > d.seq {
		panic("replica: more is stored than was given to the log")
	}
	d.done = max(d.done, seq)
	before := p.order.stored
	for len(d.writes) > 0 && d.writes[0].seq <= seq {
		p.order.stored = d.writes[0].last
		d.writes = d.writes[1:]
	}
	p.release()
	if p.order.stored == before {
		return
	}
	switch {
	case p.role == Backup:
		p.send(Ack{View: p.view, Index: p.order.stored})
	case p.role == Primary && !p.starting:
		p.send(Heartbeat{View: p.view, Index: p.order.stored}) // the backup's clients wait for it
	}
	p.settle()
}

// settle applies what counts wherever it has to, and goes on with what queues.
func (p *Pair) settle() {
	switch {
	case p.role == Solo:
		p.apply(p.order.upTo(p.kept()))
	case p.role == Primary && !p.starting:
		p.apply(p.order.upTo(min(p.order.acked, p.kept())))
	case p.role == Backup:
		p.apply(p.order.upTo(min(p.order.safe, p.kept())))
	}
	p.compact()
	p.pump()
	p.passOn()
	p.grow()
}

// begin starts an order anew, behind what is in place already.
func (p *Pair) begin(index lock.Index) {
	p.order.startAt(index)
	p.disk.writes = nil
}

// takeSnapshot asks for the state as it is after everything applied so far.
func (p *Pair) takeSnapshot() {
	p.snapshots++
	p.do(TakeSnapshot{})
}

// compact asks for a snapshot when the log behind the last one is long: several
// times as long as the state, so that what is written twice stays little. Between
// two batches all that is in the log has been applied.
func (p *Pair) compact() {
	d := &p.disk
	if !p.hasRole() || p.growth != nil || p.order.applied != p.order.last || d.taking != nil || d.behind <= max(p.cfg.RetainBytes, 4*d.snapshot) {
		return
	}
	d.taking = &taking{index: p.order.applied, piece: d.pieces, before: p.snapshots, behind: d.behind}
	p.takeSnapshot()
}

// shorten stores the snapshot that was asked for, in place of the entries up to
// it.
func (p *Pair) shorten(e SnapshotTaken) {
	t := p.disk.taking
	if t == nil {
		return
	}
	if t.before > 0 {
		t.before-- // of an earlier order, perhaps
		return
	}
	p.disk.taking = nil
	if e.Index != t.index {
		panic("replica: the snapshot is not the one that was asked for")
	}
	p.disk.base = e.Index
	p.disk.behind -= t.behind
	p.disk.snapshot = uint64(len(e.Bytes))
	p.store(Store{Snapshot: &LogSnapshot{Index: t.piece, Term: uint64(e.Index), Data: e.Bytes}})
}

// stateVersion begins each State, so that a later version can tell them apart.
const stateVersion = 1

// encode needs three bytes for the view, which is below lock.MaxView.
func (s standing) encode() []byte {
	return []byte{stateVersion, byte(s.role), byte(s.view >> 16), byte(s.view >> 8), byte(s.view)}
}

func decodeStanding(raw []byte) (standing, error) {
	if len(raw) != 5 || raw[0] != stateVersion {
		return standing{}, errors.New("replica: the log's state is not of this version")
	}
	s := standing{Role(raw[1]), lock.View(raw[2])<<16 | lock.View(raw[3])<<8 | lock.View(raw[4])}
	if s.role < Joining || s.role > Demoted || s.view > lock.MaxView || s.whole() && s.view == 0 {
		return standing{}, errors.New("replica: the log's state makes no sense")
	}
	return s, nil
}
