package quorum

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"lockstep/replica"
)

// handover is a reign on its way to another node. From the moment it is wanted
// nothing new is proposed: what is under way ends first, so that everybody who
// asked is answered, and what queues is sent on to the new primary when it is
// known. Clients notice a delay, and no failure.
type handover struct {
	target replica.MemberID
	why    string
	begun  bool // the engine has been asked
	lost   bool // the leadership has gone; who has it is not known yet
	ticks  int
}

// drainTicks is how long a handover waits for what is under way.
const drainTicks = 3

// handOver begins to give the reign to a member. It reports false if there is
// nobody fit for it.
func (q *Quorum) handOver(target replica.MemberID, why string) bool {
	if q.handover != nil {
		return true
	}
	if !q.leading() || target == 0 {
		return false
	}
	q.handover = &handover{target: target, why: why}
	q.say(false, fmt.Sprintf("handing over to %s: %s", q.nameOf(target), why))
	return true
}

// passOn carries a handover on. It comes at the end of every step.
func (q *Quorum) passOn() {
	h := q.handover
	switch {
	case h == nil:
	case q.leading() && h.lost:
		// This node was chosen again. What it had proposed in its last reign and is
		// not applied by now never will be (R5).
		if q.caughtUp() { // a quiet node, too: it has to hand over anew
			q.handover = nil
			if q.forgetLost() {
				q.out = append(q.out, replica.Abandon{})
			}
		}
	case q.leading():
		if !h.begun && (q.underWay() == 0 || h.ticks >= drainTicks) {
			h.begun, h.ticks = true, 0
			q.node.TransferLeader(uint64(h.target))
		}
	case q.engine.leader != raft.None:
		q.handover = nil
		q.release()
	}
	if q.leaving && q.handover == nil {
		q.tryLeave()
	}
}

// forgetLost drops the proposals of earlier reigns. It reports whether there
// were any.
func (q *Quorum) forgetLost() bool {
	lost := false
	for len(q.proposals) > 0 && q.proposals[0].at.term != q.engine.term {
		q.proposals = q.proposals[1:]
		lost = true
	}
	return lost
}

// tickHandover gives up what takes too long.
func (q *Quorum) tickHandover() {
	h := q.handover
	if h == nil {
		return
	}
	h.ticks++
	switch {
	case q.leading() && h.begun && !h.lost && q.node.BasicStatus().LeadTransferee == raft.None:
		q.handover = nil
		if q.leaving { // perhaps all of them stop
			q.say(false, fmt.Sprintf("%s has not taken over", q.nameOf(h.target)))
		} else {
			q.say(true, fmt.Sprintf("%s has not taken over; this node goes on", q.nameOf(h.target)))
		}
	case !q.leading() && h.ticks > q.cfg.ElectionTicks:
		q.handover = nil
		q.release()
	}
}

// tickQuiet gives the reign away if this node must not serve.
func (q *Quorum) tickQuiet() {
	if q.leading() && q.quiet() {
		q.handOver(q.heir(), "this node is quiet")
	}
}

// heir is the voter that is fit to reign next: heard lately, and with the most
// of the log. Zero is nobody.
func (q *Quorum) heir() replica.MemberID {
	var best replica.MemberID
	var most uint64
	match := q.matches()
	for _, m := range q.roster.members {
		fit := m.ID != q.member && m.Voter && !m.Quiet && q.isThere(m, q.cfg.ElectionTicks/2)
		if fit && (best == 0 || match[m.ID] > most) {
			best, most = m.ID, match[m.ID]
		}
	}
	return best
}

// matches says how much of the log each member is known to have, if this node
// leads.
func (q *Quorum) matches() map[replica.MemberID]uint64 {
	match := map[replica.MemberID]uint64{}
	if q.leading() {
		q.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
			match[replica.MemberID(id)] = p.Match
		})
	}
	return match
}

// renewView begins a new view before this one runs out of tokens (S3): another
// node takes over, and if there is none, this one is elected anew.
func (q *Quorum) renewView() {
	const why = "the view has drawn all its tokens"
	if q.handOver(q.heir(), why) {
		return
	}
	q.say(false, why)
	self := uint64(q.member)
	q.stepEngine(&raftpb.Message{
		Type: raftpb.MsgAppResp.Enum(), From: &self, To: &self, Term: new(q.engine.term + 1),
	})
	q.drain()
	_ = q.node.Campaign()
}

// leave hands the reign over, if there is one and somebody to take it, and ends
// this node's part.
func (q *Quorum) leave() {
	q.leaving, q.left = true, q.ticks
	q.tryLeave()
}

func (q *Quorum) tryLeave() {
	late := q.ticks-q.left > uint64(q.cfg.ElectionTicks)
	if !late && q.handOver(q.heir(), "this node stops") {
		return
	}
	q.handover = nil
	q.release()
	q.settleReads()
	if q.reign != 0 {
		q.reign = 0
		q.out = append(q.out, replica.Ended{})
	}
	q.out = append(q.out, replica.Left{})
	q.over = true
}

// turnAway answers who still comes while the process ends: without an answer it
// would wait for the end of its attempt.
func (q *Quorum) turnAway(ev replica.Event) {
	switch e := ev.(type) {
	case replica.Submit:
		if e.View == 0 {
			q.refuse(e.Commands)
		}
	case replica.Barrier:
		q.bar(e.ID)
	}
}

// settleReads refuses the barriers that are left.
func (q *Quorum) settleReads() {
	if r := &q.reads; r.settled != r.arrived {
		r.settled, r.covered = r.arrived, r.arrived
		q.bar(r.arrived)
	}
}
