package quorum

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// disk is what is on its way to the log on disk. The engine's writes are done
// one after another; each has answers, to this engine or to others, that may be
// given only when it and all before it would survive a loss of power (R1).
type disk struct {
	seq     uint64 // of the last Store
	strict  uint64 // of the last one that somebody waits for
	stored  uint64
	writes  []write
	begun   uint64 // the Store with which the log began
	unsaved bool   // the commit index has risen since the last Store
	changed bool   // and over a change of the members
	change  uint64 // the Store of the last such change
}

// write is one of the engine's writes. In memory it is there as soon as the
// identity is synced.
type write struct {
	state     *raftpb.HardState // nil: as before
	restart   place             // not zero: everything before it is replaced by a snapshot
	entries   []*raftpb.Entry
	responses []*raftpb.Message
	seq       uint64 // the Store that must be on disk
}

// drain does all that the engine wants.
func (q *Quorum) drain() {
	for q.node != nil && !q.over && q.node.HasReady() {
		rd := q.node.Ready()
		q.noteState(rd)
		for _, read := range rd.ReadStates {
			q.onRead(read)
		}
		for _, m := range rd.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
				q.onWrite(m)
			case raft.LocalApplyThread:
				q.onApply(m)
			default:
				q.post(m)
			}
		}
	}
}

// noteState takes over what the engine says of itself.
func (q *Quorum) noteState(rd raft.Ready) {
	was := q.engine
	if s := rd.SoftState; s != nil {
		q.engine.leader, q.engine.role = s.Lead, s.RaftState
	}
	if s := rd.HardState; !raft.IsEmptyHardState(s) {
		q.engine.term, q.engine.commit, q.engine.vote = s.GetTerm(), s.GetCommit(), s.GetVote()
		q.see(lock.View(s.GetTerm()))
	}
	if q.engine.leader != was.leader || q.engine.role != was.role {
		q.sayRole(was)
	}
	if was.role == raft.StateLeader && (q.engine.role != was.role || q.engine.term != was.term) {
		q.stepDown()
	}
}

func (q *Quorum) sayRole(was engineState) {
	switch {
	case q.engine.role == raft.StateLeader:
		q.say(false, fmt.Sprintf("chosen as primary in view %d", q.engine.term))
	case q.engine.leader != raft.None && q.engine.leader != was.leader:
		q.say(false, fmt.Sprintf("%s is the primary in view %d", q.nameOf(replica.MemberID(q.engine.leader)), q.engine.term))
	case q.engine.leader == raft.None && was.leader != raft.None:
		q.say(q.hasLost(replica.MemberID(was.leader)), "knows of no primary")
	}
}

// hasLost reports whether a former primary has not just handed over.
func (q *Quorum) hasLost(primary replica.MemberID) bool {
	if primary == q.member {
		return q.handover == nil
	}
	m, _ := q.roster.byID(primary)
	return !q.heardLately(m.Address, q.cfg.ElectionTicks/2)
}

// onWrite begins one of the engine's writes.
func (q *Quorum) onWrite(m *raftpb.Message) {
	w := write{entries: m.GetEntries(), responses: m.GetResponses()}
	if m.Term != nil || m.Vote != nil || m.Commit != nil {
		w.state = &raftpb.HardState{Term: new(m.GetTerm()), Vote: new(m.GetVote()), Commit: new(m.GetCommit())}
	}
	var snapshot *replica.LogSnapshot
	if at := m.GetSnapshot().GetMetadata(); at.GetIndex() != 0 {
		w.restart = place{at.GetIndex(), at.GetTerm()}
		snapshot = q.restore(w.restart)
	}
	q.locate(w.entries)
	if q.cfg.Durable {
		q.store(&w, snapshot)
	}
	q.disk.writes = append(q.disk.writes, w)
	q.written()
}

// store sends a write to the disk. That the commit index has risen can be found
// out again from the others, so it alone waits for the next tick. But entries never
// go without it. A change of the members is proposed by who knows that the one
// before is committed, and reaches others with that; so whoever has a change on disk
// counts by the one before, at least. Else, restarted, it could count by the members
// of long ago, and be chosen by a majority of them that has nothing of what a
// majority of today has committed (R1, R9).
func (q *Quorum) store(w *write, snapshot *replica.LogSnapshot) {
	news := snapshot != nil || len(w.entries) > 0 || w.state != nil && q.changes(w.state)
	if !news {
		q.disk.unsaved = q.disk.unsaved || w.state != nil
		w.seq = q.disk.strict
		return
	}
	s := replica.Store{Snapshot: snapshot, Whole: snapshot != nil}
	if w.state == nil && q.disk.unsaved {
		w.state = q.newestState()
	}
	if w.state != nil {
		s.State = q.encodeState(w.state)
		if q.disk.changed {
			q.disk.change = q.disk.seq + 1
		}
		q.disk.unsaved, q.disk.changed = false, false
	}
	for _, e := range w.entries {
		s.Entries = append(s.Entries, replica.LogEntry{
			Index: e.GetIndex(), Term: e.GetTerm(), Kind: uint8(e.GetType()), Data: e.GetData(),
		})
	}
	w.seq = q.emitStore(s)
}

// changes reports whether the state has a term or a vote that is not written
// yet: nothing else of it must survive.
func (q *Quorum) changes(state *raftpb.HardState) bool {
	last := q.newestState()
	return last.GetTerm() != state.GetTerm() || last.GetVote() != state.GetVote()
}

// newestState is the state of the last write that has one.
func (q *Quorum) newestState() *raftpb.HardState {
	for _, w := range slices.Backward(q.disk.writes) {
		if w.state != nil {
			return w.state
		}
	}
	return q.log.state
}

// emitStore numbers a Store that must be on disk.
func (q *Quorum) emitStore(s replica.Store) uint64 {
	q.disk.seq++
	s.Seq = q.disk.seq
	q.disk.strict = s.Seq
	q.out = append(q.out, s)
	return s.Seq
}

// tickState writes the commit index once in a while, so that a restarted node
// need not wait for the others to apply what it has.
func (q *Quorum) tickState() {
	if !q.cfg.Durable || !q.disk.unsaved || len(q.disk.writes) > 0 {
		return
	}
	q.disk.unsaved = false
	q.disk.seq++
	q.out = append(q.out, replica.Store{Seq: q.disk.seq, State: q.encodeState(q.log.state), Lazy: true})
}

// saveChange puts it on disk that a change of the members is committed. An
// election counts by the changes that a node knows to be so, and after a loss of
// power of all of them nobody could tell it: those who were replaced, whose logs
// are gone, would count again.
func (q *Quorum) saveChange() {
	if !q.cfg.Durable || !q.disk.changed || len(q.disk.writes) > 0 || q.over {
		return
	}
	q.disk.unsaved, q.disk.changed = false, false
	q.disk.change = q.emitStore(replica.Store{State: q.encodeState(q.log.state)})
}

// keepsChange reports whether it would survive a loss of power that the last
// change of the members is committed (R1).
func (q *Quorum) keepsChange() bool {
	return !q.cfg.Durable || !q.disk.changed && q.disk.stored >= q.disk.change
}

func (q *Quorum) onStored(seq uint64) {
	kept := q.keepsChange()
	q.disk.stored = max(q.disk.stored, seq)
	q.written()
	if !kept && q.keepsChange() {
		q.tellDigests()
	}
}

// written ends the writes that are safe, in order: then they are part of the
// log, and what waited for them is said (R1).
func (q *Quorum) written() {
	for len(q.disk.writes) > 0 && q.synced() && q.disk.writes[0].seq <= q.disk.stored {
		w := q.disk.writes[0]
		q.disk.writes = q.disk.writes[1:]
		if w.restart != (place{}) {
			q.log.restart(w.restart)
		}
		q.log.append(w.entries)
		for _, e := range w.entries {
			q.cuts.behind += entryBytes(e)
		}
		if w.state != nil {
			q.log.state = w.state
		}
		for _, m := range w.responses {
			if m.GetTo() == uint64(q.member) {
				q.stepEngine(m)
			} else {
				q.post(m)
			}
		}
	}
	if len(q.disk.writes) == 0 {
		q.disk.writes = nil
	}
}

// onApply gives committed entries to the lock table, in order, once (R4).
func (q *Quorum) onApply(m *raftpb.Message) {
	var batch []lock.Entry
	flush := func() {
		if len(batch) > 0 {
			q.out = append(q.out, replica.Apply{Entries: batch})
			batch = nil
		}
	}
	for _, e := range m.GetEntries() {
		if e.GetIndex() != q.applied+1 {
			panic("quorum: an entry out of order")
		}
		q.applied, q.appliedTerm = e.GetIndex(), e.GetTerm()
		switch {
		case e.GetType() != raftpb.EntryNormal:
			flush() // a snapshot may be cut after any entry
			q.applyChange(e)
		case len(e.GetData()) > 0:
			batch = q.number(batch, e)
		}
		if q.over {
			return
		}
		if isCompared(e) {
			flush()
			q.fingerprint()
		}
	}
	flush()
	for _, r := range m.GetResponses() {
		q.stepEngine(r)
	}
}

// number gives an entry's commands their places in the order.
func (q *Quorum) number(batch []lock.Entry, e *raftpb.Entry) []lock.Entry {
	commands, err := q.commandsOf(e)
	if err != nil {
		q.exit(fmt.Sprintf("entry %d of the log cannot be read: %v; was it written by a newer version?", e.GetIndex(), err))
		return nil
	}
	if batch == nil {
		batch = make([]lock.Entry, 0, len(commands))
	}
	for i := range commands {
		q.index++
		batch = append(batch, lock.Entry{View: lock.View(e.GetTerm()), Index: q.index, Command: commands[i]})
	}
	return batch
}
