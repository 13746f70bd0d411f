package quorum

import (
	"go.etcd.io/raft/v3"

	"lockstep/lock"
	"lockstep/replica"
)

// Status tells where the node stands.
func (q *Quorum) Status() replica.Status {
	s := replica.Status{
		Node: q.cfg.Address, Role: q.role(), View: q.views.highest, Index: q.index, Cluster: q.cluster,
		Name: q.cfg.Name, Quorum: true, Durable: q.cfg.Durable, Peer: q.hint(),
	}
	if q.node == nil {
		return s
	}
	s.View = lock.View(q.engine.term)
	s.First, s.Last, s.Committed = q.log.base.index+1, q.log.last(), q.engine.commit
	match := q.matches()
	for _, m := range q.roster.members {
		ms := replica.MemberStatus{Member: m, Role: q.roleOf(m), Match: match[m.ID]}
		if m.ID == q.member {
			ms.Match, ms.Heard = q.log.last(), true
		} else if l := q.heard[m.Address]; l != nil && l.heard {
			ms.Heard, ms.HeardAgo = true, q.ticks-l.at
		}
		if s.Peer == m.Address {
			s.Heard, s.HeardAgo = ms.Heard, ms.HeardAgo
		}
		s.Members = append(s.Members, ms)
	}
	return s
}

func (q *Quorum) role() replica.Role {
	self, member := q.roster.byID(q.member)
	switch {
	case q.node == nil:
		return replica.Joining
	case q.quiet():
		return replica.Quiet
	case q.ready():
		return replica.Primary
	case q.leading() || q.engine.leader == raft.None:
		return replica.Electing
	case !member || !self.Voter:
		return replica.Joining
	default:
		return replica.Backup
	}
}

// roleOf is what another member is, as far as it can be known here.
func (q *Quorum) roleOf(m replica.Member) replica.Role {
	switch {
	case m.ID == q.member:
		return q.role()
	case m.Quiet:
		return replica.Quiet
	case m.ID == replica.MemberID(q.engine.leader):
		return replica.Primary
	case !m.Voter:
		return replica.Joining
	case q.engine.leader == raft.None || !q.isThere(m, 2*q.cfg.ElectionTicks) && q.leading():
		return replica.Electing
	default:
		return replica.Backup
	}
}
