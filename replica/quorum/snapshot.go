package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/replica"
)

// cuts are the snapshots of this node's own state. Each is one cut of everything
// (R8): the lock table is asked right after it was given an entry, and the rest
// is written down in that same step.
type cuts struct {
	asked      []*cut   // TakeSnapshot effects whose SnapshotTaken has not come yet
	taking     *cut     // the last of them, if it is of any use
	last       uint64   // the entry of the last that is on disk
	behind     uint64   // bytes of the log behind that
	installing []header // Install effects whose Installed has not come yet
	bytes      []byte   // of the snapshot that others get, if there is one
	unused     int      // ticks without anybody who gets it
	size       uint64   // of the last table
}

// cut is a snapshot that is being taken.
type cut struct {
	at   place
	head header
}

// cutNow asks for the table as it is after the last entry.
func (q *Quorum) cutNow() {
	if q.cuts.taking != nil || q.applied == 0 {
		return
	}
	q.cuts.taking = &cut{at: place{q.applied, q.appliedTerm}, head: header{
		cluster: q.cluster, index: q.index, conf: q.roster.conf, members: q.roster.members, gone: q.roster.gone,
	}}
	q.cuts.asked = append(q.cuts.asked, q.cuts.taking)
	q.out = append(q.out, replica.TakeSnapshot{})
}

func (q *Quorum) onSnapshotTaken(e replica.SnapshotTaken) {
	if len(q.cuts.asked) == 0 || e.Index != q.cuts.asked[0].head.index {
		panic("quorum: a snapshot of another entry than asked for")
	}
	c := q.cuts.asked[0]
	q.cuts.asked = q.cuts.asked[1:]
	if c != q.cuts.taking {
		return // what it was asked for is over
	}
	q.cuts.taking = nil
	c.head.digest = e.Digest
	bytes := encodeSnapshot(c.head, e.Bytes)
	q.cuts.size = uint64(len(bytes))
	if q.bootstrap != nil {
		q.finishBootstrap(c.head, e.Bytes)
		return
	}
	if c.at.index < q.log.base.index {
		return // another snapshot has come meanwhile
	}
	if q.log.wanted {
		q.log.wanted = false
		q.log.cut = &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{
			Index: new(c.at.index), Term: new(c.at.term), ConfState: c.head.conf,
		}}
		q.cuts.bytes, q.cuts.unused = bytes, 0
	}
	if q.cfg.Durable && c.at.index > q.cuts.last {
		q.cuts.last = c.at.index
		q.cuts.behind = q.log.bytesBehind(c.at.index)
		q.emitStore(replica.Store{Snapshot: &replica.LogSnapshot{Index: c.at.index, Term: c.at.term, Data: bytes}})
	}
}

// tickSnapshot takes a snapshot when somebody needs one, or when the log on disk
// has grown, and drops what nobody needs from memory.
func (q *Quorum) tickSnapshot() {
	// A snapshot takes a while, and the engine asks again when it next hears the
	// member that needs it.
	if q.cuts.unused++; q.cuts.unused > 2*q.cfg.ElectionTicks {
		q.log.cut, q.cuts.bytes = nil, nil
	}
	if len(q.transfers) > 0 {
		q.cuts.unused = 0
	}
	grown := q.cfg.Durable && q.cuts.behind > max(q.cfg.RetainBytes, 4*q.cuts.size)
	if grown || q.log.wanted && q.leading() {
		q.cutNow()
	}
	q.shorten()
}

// shorten forgets the oldest entries in memory. On disk they are behind the last
// snapshot, if there is a disk; whoever still needs them gets a snapshot, and
// then the entries behind that one, which are kept for it.
func (q *Quorum) shorten() {
	limit := q.applied
	if q.cfg.Durable {
		limit = min(limit, q.cuts.last)
	}
	keep := q.cfg.RetainBytes
	if q.log.cut != nil {
		if c := q.log.cut.GetMetadata().GetIndex(); q.log.bytes < 8*q.cfg.RetainBytes {
			limit = min(limit, c)
		}
	}
	if q.log.bytes > keep+keep/4 {
		q.log.forget(min(limit, q.log.oldestWithin(keep)))
	}
}

// bytesBehind is how much the entries behind an index take.
func (s *storage) bytesBehind(index uint64) uint64 {
	if index <= s.base.index {
		return s.bytes
	}
	bytes := uint64(0)
	for i := len(s.entries); i > 0 && s.entries[i-1].GetIndex() > index; i-- {
		bytes += entryBytes(s.entries[i-1])
	}
	return bytes
}

// oldestWithin is the last entry that has to go so that the rest takes no more
// than so many bytes.
func (s *storage) oldestWithin(bytes uint64) uint64 {
	left, index := s.bytes, s.base.index
	for _, e := range s.entries {
		if left <= bytes {
			break
		}
		left -= entryBytes(e)
		index = e.GetIndex()
	}
	return index
}

// restore takes over a snapshot of the primary, which the engine has accepted:
// the table is replaced whole, and entries behind it follow.
func (q *Quorum) restore(at place) *replica.LogSnapshot {
	a := q.arrived
	if a == nil || a.at != at {
		panic("quorum: a snapshot without its bytes")
	}
	q.arrived, q.intake = nil, nil
	q.takeHeader(a.head, at.index)
	q.roster.book, q.roster.changedAt = nil, 0
	q.applied, q.appliedTerm = at.index, at.term
	q.cuts.last, q.cuts.behind, q.cuts.taking = at.index, 0, nil
	q.out = append(q.out, replica.Install{Bytes: a.table})
	q.cuts.installing = append(q.cuts.installing, a.head)
	q.say(false, fmt.Sprintf("installing the state after entry %d of the log, %d bytes", at.index, len(a.table)))
	return &replica.LogSnapshot{Index: at.index, Term: at.term, Data: a.bytes}
}

// onInstalled checks that the table is what it was where the snapshot was cut.
func (q *Quorum) onInstalled(e replica.Installed) {
	if len(q.cuts.installing) == 0 {
		panic("quorum: a table was installed that nobody has sent")
	}
	h := q.cuts.installing[0]
	q.cuts.installing = q.cuts.installing[1:]
	if !e.OK || e.Index != h.index || e.Digest != h.digest {
		q.exit("the snapshot of the state cannot be installed, or is not what it was when it was taken; start this node with an empty state directory")
	}
}
