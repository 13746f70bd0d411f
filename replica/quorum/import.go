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
	l.Member.Voter = true
	return BeginGrown(&replica.Became{
		Self: l.Member.ID, Cluster: l.Cluster, View: l.View, Index: l.Index, Members: []replica.Member{l.Member},
	}, l.Digest, l.Table)
}

// BeginGrown returns what the log of a node begins with that was one of a pair. A
// node that has ended between its identity and its log begins it at its next start.
func BeginGrown(b *replica.Became, digest lock.Digest, table []byte) replica.Store {
	q := &Quorum{member: b.Self, cluster: b.Cluster}
	at := beginning(b.View)
	state := &raftpb.HardState{Term: new(at.term), Vote: new(uint64(0)), Commit: new(at.index)}
	return replica.Store{
		Seq: 1, Whole: true, State: q.encodeState(state),
		Snapshot: &replica.LogSnapshot{Index: at.index, Term: at.term, Data: encodeSnapshot(headerOf(b, digest), table)},
	}
}

// beginning is where the log of a cluster begins that was something else before:
// behind its founding, which is over.
func beginning(view lock.View) place { return place{foundingIndex + 1, uint64(view)} }

func headerOf(b *replica.Became, digest lock.Digest) header {
	conf := &raftpb.ConfState{}
	for _, m := range b.Members {
		conf.Voters = append(conf.Voters, uint64(m.ID))
	}
	return header{cluster: b.Cluster, index: b.Index, digest: digest, conf: conf, members: b.Members}
}
