package quorum

import (
	"cmp"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"lockstep/lock"
	"lockstep/replica"
)

// roster is who belongs to the cluster, as of the last entry applied. It is part
// of the replicated state: every node has the same at the same entry.
type roster struct {
	members   []replica.Member // by id
	conf      *raftpb.ConfState
	gone      []replica.MemberID // removed, the last maxGone of them
	changedAt uint64             // the last entry of this log that changes the members
	asOf      uint64             // the last such entry that was applied, or the snapshot that says who they are

	// book holds members that this node has only heard of: those of a cluster
	// whose log it does not have yet, or has fallen behind.
	book     []replica.Member
	bookView lock.View
}

// maxGone is how many removed members are remembered, so that they can be told.
const maxGone = 1024

func (r *roster) byID(id replica.MemberID) (replica.Member, bool) {
	i, found := slices.BinarySearchFunc(r.members, id, func(m replica.Member, id replica.MemberID) int { return cmp.Compare(m.ID, id) })
	if !found {
		return replica.Member{}, false
	}
	return r.members[i], true
}

// find looks among those heard of, too.
func (r *roster) find(id replica.MemberID) (replica.Member, bool) {
	if m, ok := r.byID(id); ok {
		return m, true
	}
	i := slices.IndexFunc(r.book, func(m replica.Member) bool { return m.ID == id })
	if i < 0 || slices.Contains(r.gone, id) {
		return replica.Member{}, false
	}
	return r.book[i], true
}

// joint reports whether a change of several members is half done.
func (r *roster) joint() bool { return len(r.conf.GetVotersOutgoing()) > 0 }

// take makes a configuration of the engine the present one. added are members
// that were not there before.
func (r *roster) take(conf *raftpb.ConfState, added []replica.Member) (removed []replica.Member) {
	var members []replica.Member
	for _, ids := range [][]uint64{conf.GetVoters(), conf.GetLearners(), conf.GetVotersOutgoing(), conf.GetLearnersNext()} {
		for _, id := range ids {
			members = append(members, replica.Member{ID: replica.MemberID(id)})
		}
	}
	slices.SortFunc(members, func(a, b replica.Member) int { return cmp.Compare(a.ID, b.ID) })
	members = slices.Compact(members)
	for i := range members {
		m := &members[i]
		if j := slices.IndexFunc(added, func(a replica.Member) bool { return a.ID == m.ID }); j >= 0 {
			*m = added[j]
		} else if known, ok := r.byID(m.ID); ok {
			*m = known
		}
		m.Voter = slices.Contains(conf.GetVoters(), uint64(m.ID))
	}
	for _, m := range r.members {
		if !slices.ContainsFunc(members, func(n replica.Member) bool { return n.ID == m.ID }) {
			removed = append(removed, m)
			r.gone = append(r.gone, m.ID)
		}
	}
	if over := len(r.gone) - maxGone; over > 0 {
		r.gone = slices.Clone(r.gone[over:])
	}
	r.members, r.conf = members, conf
	return removed
}

// nameOf is what people call a member.
func (q *Quorum) nameOf(id replica.MemberID) string {
	if m, ok := q.roster.find(id); ok {
		return m.Name
	}
	return fmt.Sprintf("member %x", uint64(id))
}

// applyChange makes a committed change of the members take effect (R9).
func (q *Quorum) applyChange(e *raftpb.Entry) {
	change := &raftpb.ConfChangeV2{}
	if err := proto.Unmarshal(e.GetData(), change); err != nil {
		q.exit(fmt.Sprintf("entry %d of the log, a change of the members, cannot be read: %v", e.GetIndex(), err))
		return
	}
	r := fields{b: change.GetContext()}
	var added []replica.Member
	if len(r.b) > 0 {
		added = r.members()
	}
	before := q.roster.members
	removed := q.roster.take(q.node.ApplyConfChange(change), added)
	q.sayChange(before)
	q.roster.asOf = e.GetIndex()
	q.befriendDue, q.disk.changed = true, true
	// Others who were removed learn it when they ask: at such an address there may
	// be somebody else by now.
	if slices.ContainsFunc(removed, func(m replica.Member) bool { return m.ID == q.member }) {
		q.retired = true
		q.say(false, "was removed from the cluster, and ends as soon as a majority of the others knows it")
	}
}

// tickRetired asks whether a node that was removed may go. The others may not know
// yet that the change is committed, and then they still need its vote, to elect a
// primary and to commit what that one begins with. So it stays, serves nobody, and
// answers the engine.
func (q *Quorum) tickRetired() {
	if q.retired && q.ticks%uint64(q.cfg.ElectionTicks) == 0 {
		q.seek()
	}
}

// mayGo reports whether a member that was removed is needed no more: a majority
// of those that are left has said what it has after the change.
func (q *Quorum) mayGo() bool {
	voters, aware := 0, 0
	for _, m := range q.roster.members {
		if !m.Voter {
			continue
		}
		voters++
		said := q.digests.others[m.ID]
		if m.ID == q.member || len(said) > 0 && said[len(said)-1].Index >= q.roster.asOf {
			aware++
		}
	}
	return q.ready() && !q.changing() && q.keepsChange() && aware > voters/2
}

func removedText(name string) string {
	return name + " was removed from the cluster; to take it in again, start it with an empty state directory and add it"
}

// occupied reports whether a member has an address.
func (q *Quorum) occupied(address replica.NodeID) bool {
	return slices.ContainsFunc(q.roster.members, func(m replica.Member) bool { return m.Address == address })
}

func (q *Quorum) sayChange(before []replica.Member) {
	old := roster{members: before}
	for _, m := range q.roster.members {
		was, known := old.byID(m.ID)
		switch {
		case !known && !m.Voter:
			q.say(false, fmt.Sprintf("%s at %s is taken in, and copies", m.Name, m.Address))
		case m.Voter && !(known && was.Voter):
			q.say(false, fmt.Sprintf("%s at %s counts for a majority", m.Name, m.Address))
		}
	}
	for _, m := range before {
		if _, still := q.roster.byID(m.ID); !still {
			q.say(false, fmt.Sprintf("%s at %s (member %x) is no member any more", m.Name, m.Address, uint64(m.ID)))
		}
	}
}

// befriend tells the shell with whom the protocol is spoken, when that has
// changed.
func (q *Quorum) befriend() {
	if q.over || !q.befriendDue {
		return
	}
	q.befriendDue = false
	var friends []replica.NodeID
	for _, list := range [][]replica.Member{q.roster.members, q.roster.book} {
		for _, m := range list {
			friends = append(friends, m.Address)
		}
	}
	if q.node == nil || q.lostForLong() {
		for _, p := range q.cfg.Peers {
			friends = append(friends, p.Address)
		}
		for address := range q.seekers {
			friends = append(friends, address)
		}
	}
	friends = slices.DeleteFunc(friends, func(a replica.NodeID) bool { return a == q.cfg.Address })
	slices.Sort(friends)
	friends = slices.Compact(friends)
	if !slices.Equal(friends, q.befriends) {
		q.befriends = friends
		q.out = append(q.out, replica.Befriend{Nodes: friends})
	}
}
