package quorum

import (
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"lockstep/lock"
	"lockstep/replica"
)

// chunkWindow is how many pieces of a snapshot travel without being reported.
const chunkWindow = 4

// transfer is a snapshot on its way to a member. The engine's own message comes
// last, when the receiver has all the bytes.
type transfer struct {
	to           replica.Member
	message      *raftpb.Message
	at           place
	bytes        []byte
	offset, sent uint64 // reported, and sent
	idle         int    // ticks without a report that told something new
	silent       int    // and since one told anything
}

// beginTransfer takes the engine's snapshot message into its hands.
func (q *Quorum) beginTransfer(m *raftpb.Message) {
	to, known := q.roster.find(replica.MemberID(m.GetTo()))
	at := m.GetSnapshot().GetMetadata()
	if !known || q.cuts.bytes == nil {
		q.node.ReportSnapshot(m.GetTo(), raft.SnapshotFailure)
		return
	}
	if !lists(at.GetConfState(), to.ID) {
		// It was cut before this member was taken in, who would not accept it.
		q.log.cut, q.cuts.bytes, q.log.wanted = nil, nil, true
		q.node.ReportSnapshot(m.GetTo(), raft.SnapshotFailure)
		return
	}
	q.dropTransfer(to.ID)
	t := &transfer{to: to, message: m, at: place{at.GetIndex(), at.GetTerm()}, bytes: q.cuts.bytes}
	q.transfers = append(q.transfers, t)
	q.feed(t)
}

// lists reports whether a member belongs to a configuration, as the engine of the
// one that gets a snapshot asks.
func lists(conf *raftpb.ConfState, id replica.MemberID) bool {
	for _, ids := range [][]uint64{conf.GetVoters(), conf.GetLearners(), conf.GetVotersOutgoing()} {
		if slices.Contains(ids, uint64(id)) {
			return true
		}
	}
	return false
}

func (q *Quorum) dropTransfer(to replica.MemberID) {
	var rest []*transfer
	for _, t := range q.transfers {
		if t.to.ID != to {
			rest = append(rest, t)
		}
	}
	q.transfers = rest
}

// feed sends what fits into the window, and the engine's message at the end.
func (q *Quorum) feed(t *transfer) {
	size, total := uint64(q.cfg.ChunkBytes), uint64(len(t.bytes))
	for t.sent < total && t.sent-t.offset < chunkWindow*size {
		end := min(t.sent+size, total)
		q.send(t.to.Address, replica.Chunk{
			View: lock.View(t.at.term), Base: lock.Index(t.at.index), Offset: t.sent, Total: total, Bytes: t.bytes[t.sent:end:end],
		})
		t.sent = end
	}
	if t.offset == total {
		q.mail(t.message)
	}
}

// onReport moves the window.
func (q *Quorum) onReport(from replica.NodeID, r replica.Report) {
	for _, t := range q.transfers {
		if t.to.Address != from || t.at != (place{uint64(r.Base), uint64(r.View)}) || r.Offset > uint64(len(t.bytes)) {
			continue
		}
		t.silent = 0
		if r.Offset != t.offset {
			t.offset, t.idle = r.Offset, 0
			t.sent = max(t.sent, t.offset)
			q.feed(t)
		}
	}
}

// tickTransfers repeats what may be lost, and ends what is over.
func (q *Quorum) tickTransfers() {
	if len(q.transfers) == 0 {
		return
	}
	waiting := map[replica.MemberID]uint64{}
	if q.leading() {
		q.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
			if p.State == tracker.StateSnapshot {
				waiting[replica.MemberID(id)] = p.PendingSnapshot
			}
		})
	}
	for _, t := range q.transfers {
		switch {
		case waiting[t.to.ID] != t.at.index:
			q.dropTransfer(t.to.ID)
		case t.silent > 3*q.cfg.ElectionTicks:
			q.dropTransfer(t.to.ID)
			q.node.ReportSnapshot(uint64(t.to.ID), raft.SnapshotFailure)
		default:
			t.silent++
			if t.idle++; t.idle >= 2 {
				t.idle, t.sent = 0, t.offset
				q.feed(t)
			}
		}
	}
}
