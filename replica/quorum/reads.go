package quorum

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"

	"lockstep/lock"
	"lockstep/replica"
)

// A keep-alive and a question are never ordered, so nothing about them shows
// whether this node still reigns. Whoever wants to answer without an entry puts
// a Barrier before it (T1). The engine settles it by a round of heartbeats that
// began after the barrier had come: if a majority still follows this node, no
// other had committed anything until then. One round is under way at a time, and
// all barriers that come meanwhile share the next.
//
// The engine gives back the context of a round, which was never used before in
// any life of this node: an older round proves nothing (R7).
type reads struct {
	arrived replica.BarrierID // the last that came
	covered replica.BarrierID // the last that had come when the round under way began
	settled replica.BarrierID // the last that was answered; covered, if no round is under way
	rounds  uint64            // of this life
	index   uint64            // that must be applied, once the round is over; zero until then
}

func (q *Quorum) onBarrier(id replica.BarrierID) {
	if id <= q.reads.arrived {
		panic("quorum: a barrier whose number has not risen")
	}
	q.reads.arrived = id
}

// confirm answers the barriers as far as the reign lets it.
func (q *Quorum) confirm() {
	r := &q.reads
	if r.index != 0 && q.applied >= r.index {
		q.confirmTo(r.covered)
	}
	switch {
	case r.settled == r.arrived:
	case q.ready():
		if r.covered == r.settled {
			r.rounds++
			r.covered = r.arrived
			q.node.ReadIndex(q.readContext())
		}
	case q.queues(): // it will be seen soon who reigns
	default:
		r.settled, r.covered = r.arrived, r.arrived
		q.bar(r.arrived)
	}
}

// bar refuses barriers, with where to go instead, if that is known.
func (q *Quorum) bar(id replica.BarrierID) {
	barred := replica.Barred{ID: id, Kind: replica.NotPrimary, Hint: q.hint()}
	if barred.Hint == "" {
		barred.Kind = replica.NoQuorum
	}
	q.out = append(q.out, barred)
}

func (q *Quorum) confirmTo(id replica.BarrierID) {
	q.reads.settled, q.reads.covered, q.reads.index = id, id, 0
	q.out = append(q.out, replica.Confirmed{ID: id})
}

// cancel ends the round under way: the reign is over. The barriers stay.
func (r *reads) cancel() { r.covered, r.index = r.settled, 0 }

// readContext names the round under way.
func (q *Quorum) readContext() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(q.cfg.Incarnation))
	return binary.BigEndian.AppendUint64(b, q.reads.rounds)
}

// onRead is the engine's answer: this node reigned when the round began, and all
// that was answered by then stands at Index or before it.
func (q *Quorum) onRead(read raft.ReadState) {
	r := &q.reads
	if r.covered > r.settled && string(read.RequestCtx) == string(q.readContext()) {
		r.index = read.Index
	}
}

// announce tells the lock table when a reign has begun or ended, for the
// sessions' time-outs (T3). When a node is ready, all that was pending has been
// applied, and the view is on disk, since the majority's votes are.
func (q *Quorum) announce() {
	var now lock.View
	if q.ready() {
		now = lock.View(q.engine.term)
	}
	switch {
	case now == q.reign:
		return
	case now == 0:
		q.out = append(q.out, replica.Ended{})
		q.reign = 0
		return
	case q.reign != 0:
		q.out = append(q.out, replica.Ended{})
	}
	q.reign = now
	q.out = append(q.out, replica.Began{View: now})
}
