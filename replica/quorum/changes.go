package quorum

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"

	"lockstep/replica"
)

// A newcomer copies first, and counts for a majority when it has caught up. A
// node that has lost its log comes back as a newcomer: its former self is still
// a member, and dead, so it is swapped for the new one in a single change, which
// never makes the majority smaller than it was (R2, R9).

// caughtUp is how many entries a newcomer may be behind when it becomes a voter.
const caughtUp = 1000

// changing reports whether a change of the members is not over.
func (q *Quorum) changing() bool { return q.roster.changedAt > q.applied || q.roster.joint() }

// tickChanges takes the next step of what has to change.
func (q *Quorum) tickChanges() {
	for address, s := range q.seekers {
		if q.ticks-s.at > 10*uint64(q.cfg.ElectionTicks) {
			delete(q.seekers, address)
		}
	}
	if !q.ready() || q.handover != nil || q.changing() {
		return
	}
	if q.replace() {
		return
	}
	q.promote()
}

// replace takes in the first member that seeks under a new name.
func (q *Quorum) replace() bool {
	for _, m := range q.roster.members {
		s := q.seekers[m.Address]
		if s == nil || m.ID == q.member || !q.seeksAnew(m, s) {
			continue
		}
		newcomer := replica.Member{ID: s.Member, Name: s.Name, Address: m.Address, Quiet: s.Quiet || m.Quiet}
		q.say(false, fmt.Sprintf("%s has come back without its log: taking it in anew", m.Name))
		changes := []*raftpb.ConfChangeSingle{change(raftpb.ConfChangeAddLearnerNode, newcomer.ID)}
		// A newcomer that was not done with this has lost its log again.
		for _, stale := range q.roster.members {
			if stale.Address == m.Address && !stale.Voter {
				changes = append(changes, change(raftpb.ConfChangeRemoveNode, stale.ID))
			}
		}
		q.proposeChange(changes, newcomer)
		return true
	}
	return false
}

// seeksAnew reports whether a seeker is a member whose log is gone. Its life is
// the newest that was heard from there, so the member that was there is dead.
func (q *Quorum) seeksAnew(m replica.Member, s *seeker) bool {
	l := q.heard[m.Address]
	_, member := q.roster.byID(s.Member)
	return s.Name == m.Name && !member && !slices.Contains(q.roster.gone, s.Member) &&
		l != nil && l.incarnation == s.incarnation && q.ticks-s.at <= uint64(q.cfg.ElectionTicks)
}

// promote makes the first newcomer a voter that has caught up.
func (q *Quorum) promote() {
	for _, m := range q.roster.members {
		if m.Voter || !q.hasCaughtUp(m) {
			continue
		}
		changes := []*raftpb.ConfChangeSingle{change(raftpb.ConfChangeAddNode, m.ID)}
		for _, old := range q.roster.members {
			if old.ID != m.ID && old.Address == m.Address {
				changes = append(changes, change(raftpb.ConfChangeRemoveNode, old.ID))
			}
		}
		q.proposeChange(changes)
		return
	}
}

func (q *Quorum) hasCaughtUp(m replica.Member) bool {
	fit := false
	q.node.WithProgress(func(id uint64, _ raft.ProgressType, p tracker.Progress) {
		if id == uint64(m.ID) {
			fit = p.State == tracker.StateReplicate && p.Match+caughtUp >= q.engine.commit
		}
	})
	return fit && q.heardLately(m.Address, q.cfg.ElectionTicks/2)
}

func change(kind raftpb.ConfChangeType, id replica.MemberID) *raftpb.ConfChangeSingle {
	return &raftpb.ConfChangeSingle{Type: kind.Enum(), NodeId: new(uint64(id))}
}

// proposeChange begins a change. More than one thing at once goes through a
// joint configuration, which the engine leaves by itself.
func (q *Quorum) proposeChange(changes []*raftpb.ConfChangeSingle, added ...replica.Member) {
	c := &raftpb.ConfChangeV2{Changes: changes}
	if len(added) > 0 {
		c.Context = appendMembers(nil, added)
	}
	_ = q.node.ProposeConfChange(c) // refused at a bad moment: it is tried again
	q.drain()
}
