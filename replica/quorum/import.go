package quorum

import (
	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// Legacy is the state with which a cluster of one node begins that was something
// else before.
type Legacy struct {
	Member  replica.Member // its only one
	Cluster replica.ClusterID
	View    lock.View // above all that anybody has used
	Index   lock.Index
	Digest  lock.Digest
	Table   []byte // as it travels in a snapshot
}

// Begin returns what the log of such a cluster begins with.
func Begin(l Legacy) replica.Store {
	q := &Quorum{member: l.Member.ID, cluster: l.Cluster}
	l.Member.Voter = true
	at := place{foundingIndex + 1, uint64(l.View)} // behind the founding, which is over
	h := header{
		cluster: l.Cluster, index: l.Index, digest: l.Digest,
		conf: &raftpb.ConfState{Voters: []uint64{uint64(l.Member.ID)}}, members: []replica.Member{l.Member},
	}
	state := &raftpb.HardState{Term: new(at.term), Vote: new(uint64(0)), Commit: new(at.index)}
	return replica.Store{
		Seq: 1, Whole: true, State: q.encodeState(state),
		Snapshot: &replica.LogSnapshot{Index: at.index, Term: at.term, Data: encodeSnapshot(h, l.Table)},
	}
}
