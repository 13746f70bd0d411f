package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// maxSnapshotBytes bounds what a snapshot may claim to be.
const maxSnapshotBytes = 1 << 33

// intake is what has come of a snapshot; arrival is a whole one that the engine
// is being told of.
type intake struct {
	term  uint64 // in which it is sent: the next primary has another snapshot
	at    place
	total uint64
	bytes []byte
}

type arrival struct {
	at    place
	head  header
	table []byte
	bytes []byte
}

// onChunk takes the next piece of the primary's newest snapshot.
func (q *Quorum) onChunk(from replica.NodeID, m replica.Chunk) {
	if from != q.hint() {
		return
	}
	at := place{uint64(m.Base), uint64(m.View)}
	if at.index <= q.engine.commit {
		// It is here already, and the primary does not know: the engine's message,
		// which comes after the last piece, will be answered.
		q.send(from, replica.Report{View: m.View, Base: m.Base, Offset: m.Total})
		return
	}
	if m.Total > maxSnapshotBytes {
		return
	}
	in := q.intake
	if in == nil || in.term != q.engine.term || at.index > in.at.index {
		in = &intake{term: q.engine.term, at: at, total: m.Total}
		q.intake = in
	}
	if in.at != at || in.total != m.Total {
		return
	}
	if m.Offset == uint64(len(in.bytes)) && m.Offset+uint64(len(m.Bytes)) <= in.total {
		in.bytes = append(in.bytes, m.Bytes...)
	}
	q.reportIntake(from, in.at)
}

func (q *Quorum) reportIntake(to replica.NodeID, at place) {
	r := replica.Report{View: lock.View(at.term), Base: lock.Index(at.index)}
	if in := q.intake; in != nil && in.at == at {
		r.Offset = uint64(len(in.bytes))
	}
	q.send(to, r)
}

// takeArrival reports whether the engine may hear of a snapshot: all of it is
// here and whole, or it is not needed. Else the sender learns what is missing.
func (q *Quorum) takeArrival(from replica.NodeID, m *raftpb.Message) bool {
	meta := m.GetSnapshot().GetMetadata()
	at := place{meta.GetIndex(), meta.GetTerm()}
	if at.index <= q.engine.commit {
		return true
	}
	in := q.intake
	if in == nil || in.at != at || uint64(len(in.bytes)) != in.total {
		q.reportIntake(from, at)
		return false
	}
	head, table, err := decodeSnapshot(in.bytes)
	if err != nil || head.cluster != q.cluster {
		q.say(true, fmt.Sprintf("the snapshot of %s is not used (%v); asking for it again", from, err))
		q.intake = nil
		q.reportIntake(from, at)
		return false
	}
	q.arrived = &arrival{at: at, head: head, table: table, bytes: in.bytes}
	return true
}
