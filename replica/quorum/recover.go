package quorum

import (
	"errors"
	"fmt"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/replica"
)

// New returns a node that goes on where its log ends; without one it seeks a
// cluster that it is a member of. An error says what is wrong with the log, and
// nothing has happened to it.
func New(cfg Config, log replica.Recovered) (*Quorum, error) {
	cfg.setDefaults()
	q := &Quorum{
		cfg:     cfg,
		member:  cfg.Member,
		views:   views{highest: cfg.View},
		heard:   map[replica.NodeID]*life{},
		seekers: map[replica.NodeID]*seeker{},
		roster:  roster{conf: &raftpb.ConfState{}},
	}
	q.befriendDue = true
	if log.Empty() {
		if !q.fresh() {
			q.cluster = cfg.Cluster
		}
		return q, nil
	}
	if err := q.recover(log); err != nil {
		return nil, fmt.Errorf("the log of %s cannot be used: %w", cfg.Name, err)
	}
	return q, nil
}

// recover goes on with a log under the name that it has (R2). It must be whole:
// what is missing in the middle was promised to others (R3).
func (q *Quorum) recover(log replica.Recovered) error {
	if log.State == nil {
		return errors.New("it has entries and no state")
	}
	state, err := decodeState(log.State)
	if err != nil {
		return err
	}
	if q.cfg.Cluster != 0 && q.cfg.Cluster != state.cluster {
		return fmt.Errorf("it belongs to cluster %x, and the node to cluster %x", uint64(state.cluster), uint64(q.cfg.Cluster))
	}
	q.member, q.cluster = state.member, state.cluster
	q.log = &storage{conf: &raftpb.ConfState{}}
	if log.Snapshot != nil {
		if err := q.recoverSnapshot(log.Snapshot); err != nil {
			return err
		}
	}
	if err := q.recoverEntries(log.Entries); err != nil {
		return err
	}
	q.recoverState(state)
	q.host()
	return nil
}

func (q *Quorum) recoverSnapshot(s *replica.LogSnapshot) error {
	h, table, err := decodeSnapshot(s.Data)
	if err != nil {
		return err
	}
	if h.cluster != q.cluster {
		return fmt.Errorf("its snapshot belongs to cluster %x, and the rest to cluster %x", uint64(h.cluster), uint64(q.cluster))
	}
	self := roster{members: h.members}
	if m, ok := self.byID(q.member); ok && (m.Name != q.cfg.Name || m.Address != q.cfg.Address) {
		return fmt.Errorf("it is that of %s at %s, and this node was started as %s at %s", m.Name, m.Address, q.cfg.Name, q.cfg.Address)
	}
	q.log.base, q.log.conf = place{s.Index, s.Term}, h.conf
	q.takeHeader(h, s.Index)
	q.applied, q.appliedTerm = s.Index, s.Term
	q.cuts.last = s.Index
	if len(table) > 0 {
		q.awaken = append(q.awaken, replica.Install{Bytes: table})
		q.cuts.installing = append(q.cuts.installing, h)
	}
	return nil
}

// takeHeader takes over what a snapshot says beside the table.
func (q *Quorum) takeHeader(h header, index uint64) {
	q.roster.members, q.roster.conf, q.roster.gone, q.roster.asOf = h.members, h.conf, h.gone, index
	q.index = h.index
	q.befriendDue = true
}

func (q *Quorum) recoverEntries(saved []replica.LogEntry) error {
	entries := make([]*raftpb.Entry, 0, len(saved))
	next, term := q.log.base.index+1, q.log.base.term
	for _, e := range saved {
		if e.Index <= q.log.base.index {
			continue
		}
		if e.Index != next || e.Term < term {
			return fmt.Errorf("entry %d of term %d stands where entry %d of term %d or later must follow", e.Index, e.Term, next, term)
		}
		kind := raftpb.EntryType(e.Kind)
		switch kind {
		case raftpb.EntryNormal:
		case raftpb.EntryConfChangeV2:
			if err := proto.Unmarshal(e.Data, &raftpb.ConfChangeV2{}); err != nil {
				return fmt.Errorf("entry %d, a change of the members, cannot be read: %w", e.Index, err)
			}
			q.roster.changedAt = e.Index
		default:
			return fmt.Errorf("entry %d has kind %d, which this program does not know: it was written by a newer version", e.Index, e.Kind)
		}
		entries = append(entries, &raftpb.Entry{Index: new(e.Index), Term: new(e.Term), Type: kind.Enum(), Data: e.Data})
		next, term = e.Index+1, e.Term
	}
	q.log.append(entries)
	q.cuts.behind = q.log.bytes
	return nil
}

// recoverState takes over term, vote and commit index. The identity may know of
// a higher term: the node died when the log was about to hear of it, so it has
// not voted in it. The commit index may run ahead of what is on disk here, since
// the others' disks count too.
func (q *Quorum) recoverState(s savedState) {
	hard := s.hard
	if term := uint64(q.cfg.View); term > hard.GetTerm() {
		hard = &raftpb.HardState{Term: new(term), Vote: new(uint64(0)), Commit: new(hard.GetCommit())}
	}
	hard.Commit = new(min(max(hard.GetCommit(), q.log.base.index), q.log.last()))
	q.log.state = hard
	q.see(lock.View(hard.GetTerm()))
	q.awaken, q.out = append(q.out, q.awaken...), nil
}

// awake puts what New wants before the effects of the first step.
func (q *Quorum) awake() {
	q.out = append(q.out, q.awaken...)
	q.awaken = nil
}
