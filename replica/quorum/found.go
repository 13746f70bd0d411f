package quorum

import (
	"cmp"
	"fmt"
	"slices"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// The log of a cluster begins with a snapshot of nothing, which says who its
// members are. That is in view 1; whoever takes part in a later one has that in
// its identity before it says a word, so a node that knows of no higher view
// than this has never voted for, copied or held anything.
const (
	foundingIndex = 1
	foundingView  = 1
)

// seeker is a node without a log, as it was last heard.
type seeker struct {
	replica.Seek
	incarnation replica.Incarnation
	at          uint64
}

// fresh reports whether this node never had a part in a cluster.
func (q *Quorum) fresh() bool { return q.views.highest <= foundingView }

// seek tells everybody who might know what this node is to be a member of.
func (q *Quorum) seek() {
	for _, address := range q.sought() {
		q.sendSeek(address)
	}
}

func (q *Quorum) sendSeek(to replica.NodeID) {
	m := replica.Seek{
		Member: q.member, Name: q.cfg.Name, Quiet: q.cfg.Quiet, Fresh: q.log == nil && q.fresh(),
		View: q.views.highest, Peers: q.cfg.Peers,
	}
	if l := q.heard[to]; l != nil {
		m.Knows = l.incarnation
	}
	q.send(to, m)
}

// callIn has the primary speak to members that are silent. One that has lost all
// it had, and knows of nobody but itself, hears of its cluster by that.
func (q *Quorum) callIn() {
	if !q.ready() {
		return
	}
	for _, m := range q.roster.members {
		if !q.heardLately(m.Address, 2) {
			q.sendSeek(m.Address)
		}
	}
}

// sayWaiting tells people why nothing happens.
func (q *Quorum) sayWaiting() {
	if q.ticks%(60*uint64(q.cfg.ElectionTicks)) != 3*uint64(q.cfg.ElectionTicks) {
		return
	}
	if q.fresh() && len(q.cfg.Peers) == 1 && !q.cfg.Found {
		q.say(true, "waiting for a cluster that takes this node in: start it with -found to found a cluster of this node alone, or list the cluster's other nodes in -peers")
		return
	}
	if q.fresh() {
		q.say(false, fmt.Sprintf("waiting for all of %s to be there, or for a cluster that takes this node in", peersText(q.cfg.Peers)))
		return
	}
	q.say(true, fmt.Sprintf("waiting for the cluster: this node has been in view %d and has no log any more; if a majority of the logs is lost for good, begin anew with lockc cluster bootstrap: on a node that still has one, which lockc status names, and on one like this only if there is none", q.views.highest))
}

// sought are the addresses where somebody may know.
func (q *Quorum) sought() []replica.NodeID {
	var list []replica.NodeID
	for _, p := range q.cfg.Peers {
		list = append(list, p.Address)
	}
	for _, members := range [][]replica.Member{q.roster.members, q.roster.book} {
		for _, m := range members {
			list = append(list, m.Address)
		}
	}
	for address := range q.seekers { // a member that was taken in after what is known here
		list = append(list, address)
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(a replica.NodeID) bool { return a == q.cfg.Address })
}

// lostForLong reports whether a node with a log has heard of no primary for so
// long that it may have missed who belongs to the cluster, or that it was
// removed itself.
func (q *Quorum) lostForLong() bool {
	return q.node != nil && q.ticks-q.led > 3*uint64(q.cfg.ElectionTicks)
}

// tickLost asks everybody known, once in a while. A member that cannot be
// elected never gives up its primary, so that the primary is known counts only
// if it is heard.
func (q *Quorum) tickLost() {
	if q.leading() || q.hint() != "" && q.heardLately(q.hint(), 1) {
		q.led = q.ticks
	}
	if q.lostForLong() && q.ticks%uint64(q.cfg.ElectionTicks) == 0 {
		q.seek()
	}
}

// onSeek is a node without a log, or one that has lost touch.
func (q *Quorum) onSeek(e replica.Received, m replica.Seek) {
	if e.From == q.cfg.Address || m.Member == 0 || m.View > lock.MaxView {
		return
	}
	if m.View > q.seen {
		q.seen = m.View
	}
	if reason := q.mismatch(e, m); reason != "" {
		q.onMismatch(e, m, reason)
		return
	}
	if s := q.seekers[e.From]; s == nil && len(q.seekers) >= maxLives {
		return
	}
	q.seekers[e.From] = &seeker{Seek: m, incarnation: e.Incarnation, at: q.ticks}
	if q.node == nil || q.unused() {
		q.tryFound()
	}
	if q.node == nil || !q.begun() {
		return
	}
	if slices.Contains(q.roster.gone, m.Member) && q.mayGo() {
		q.send(e.From, replica.Refusal{Reason: removedText(m.Name), Member: m.Member})
		return
	}
	if len(q.roster.members) == 0 {
		return // it knows no more than the seeker
	}
	q.send(e.From, replica.Found{Cluster: q.cluster, View: q.foundView(), Members: q.roster.members})
}

// begun reports whether the beginning of the log is on disk: nobody else may
// begin before (R1).
func (q *Quorum) begun() bool { return q.synced() && q.disk.stored >= q.disk.begun }

// foundView is 1 as long as the cluster is nothing but founded: then a newcomer
// begins with the same snapshot, and else the primary sends it one.
func (q *Quorum) foundView() lock.View {
	if q.unused() {
		return foundingView
	}
	return max(q.views.highest, foundingView+1)
}

// unused reports whether nothing has been committed since the cluster was
// founded. After a restart how much was committed need not be in the log: who is
// the only member cannot tell, and nobody whose log has commands.
func (q *Quorum) unused() bool {
	if q.node == nil || len(q.roster.members) < 2 || q.log.base.index != foundingIndex || q.engine.commit != foundingIndex {
		return false
	}
	return !slices.ContainsFunc(q.log.entries, func(e *raftpb.Entry) bool { return len(e.GetData()) > 0 })
}

// mismatch says why a node that seeks cannot be a member here. Two that have
// nothing compare their lists only as long as neither knows of a cluster: who
// joins one later may have another list.
func (q *Quorum) mismatch(e replica.Received, m replica.Seek) string {
	if q.node == nil {
		founding := m.Fresh && q.fresh() && len(q.roster.book) == 0
		if founding && !samePeers(m.Peers, q.cfg.Peers) {
			return fmt.Sprintf("%s was started with the peers %s, and %s with %s; start all with the same -peers",
				q.cfg.Name, peersText(q.cfg.Peers), m.Name, peersText(m.Peers))
		}
		return ""
	}
	astray := !m.Fresh && e.Cluster != 0 && e.Cluster != q.cluster
	if _, member := q.roster.byID(m.Member); astray && !(member && m.View <= foundingView) {
		return fmt.Sprintf("%s belongs to cluster %x, and this is cluster %x; start it with an empty state directory", m.Name, uint64(e.Cluster), uint64(q.cluster))
	}
	for _, member := range q.roster.members {
		if (member.Name == m.Name) != (member.Address == e.From) {
			return fmt.Sprintf("%s at %s cannot be a member beside %s at %s", m.Name, e.From, member.Name, member.Address)
		}
	}
	return ""
}

// onMismatch sends a newcomer away. Of two that have nothing it is the one that
// was started later.
func (q *Quorum) onMismatch(e replica.Received, m replica.Seek, reason string) {
	if q.node == nil && e.Incarnation < q.cfg.Incarnation {
		return
	}
	if q.node != nil && !q.ready() {
		sameCluster := m.Fresh || e.Cluster == 0 || e.Cluster == q.cluster
		switch {
		case !q.begun() || !q.hearsPrimary():
			return
		case sameCluster:
			// Its members may be those of long ago, but the seeker learns where else to ask.
			q.send(e.From, replica.Found{Cluster: q.cluster, View: q.foundView(), Members: q.roster.members})
			return
		}
	}
	q.send(e.From, replica.Refusal{Reason: reason, Member: m.Member})
	if q.ticks%uint64(q.cfg.ElectionTicks) == 0 {
		q.say(true, "refused a newcomer: "+reason)
	}
}

func samePeers(a, b []replica.Peer) bool { return slices.Equal(sortedPeers(a), sortedPeers(b)) }

func sortedPeers(peers []replica.Peer) []replica.Peer {
	sorted := slices.Clone(peers)
	slices.SortFunc(sorted, func(a, b replica.Peer) int { return cmp.Compare(a.Name, b.Name) })
	return sorted
}

func peersText(peers []replica.Peer) string {
	text := ""
	for i, p := range peers {
		if i > 0 {
			text += ","
		}
		text += p.Name + "=" + string(p.Address)
	}
	return text
}

// tryFound founds the cluster, if all that are listed are there, have nothing,
// and have heard this very life, which is the only one that may. That is the
// first by name, or one whose last founding came to nothing: it has a log that was
// never used, and so many have come back under new names that it never can be.
// Those who took part in that founding, and in nothing since, take part in the
// next one, which is begun by the first of them by name.
func (q *Quorum) tryFound() {
	if q.over || q.node != nil && (!q.unused() || q.engine.leader != raft.None) {
		return
	}
	if len(q.cfg.Peers) == 0 || q.node == nil && len(q.cfg.Peers) == 1 && !q.mayFoundAlone() {
		return
	}
	founder := slices.MinFunc(q.cfg.Peers, func(a, b replica.Peer) int { return cmp.Compare(a.Name, b.Name) })
	if q.node == nil && (founder.Name != q.cfg.Name || !q.fresh()) {
		return
	}
	if q.node != nil && len(q.cfg.Peers) < 2 {
		return
	}
	members := []replica.Member{{ID: q.member, Name: q.cfg.Name, Address: q.cfg.Address, Voter: true, Quiet: q.cfg.Quiet}}
	gone := 0 // of the last founding
	for _, p := range q.cfg.Peers {
		if p.Address == q.cfg.Address {
			continue
		}
		s := q.seekers[p.Address]
		if s == nil || !q.mayFoundWith(p, s) {
			return
		}
		_, member := q.roster.byID(s.Member)
		switch {
		case member && s.Name < q.cfg.Name:
			return
		case !member && q.occupied(p.Address):
			gone++
		}
		members = append(members, replica.Member{ID: s.Member, Name: s.Name, Address: p.Address, Voter: true, Quiet: s.Quiet})
	}
	if n := len(q.roster.members); n-gone > n/2 {
		return // the last one may come to something yet
	}
	q.found(members)
}

// aloneTicks is how long a node that is to found alone listens first.
const aloneTicks = 5

// mayFoundAlone reports whether somebody has said so, and no cluster is heard of:
// a list of one that has grown since must not begin anew when its first node has
// lost its disk. That nobody speaks does not prove it: the others may be down, cut
// off, or without a primary at this moment.
func (q *Quorum) mayFoundAlone() bool {
	if !q.cfg.Found {
		return false
	}
	for _, s := range q.seekers {
		if !s.Fresh {
			return false
		}
	}
	return q.ticks >= aloneTicks
}

// mayFoundWith reports whether somebody, in the newest life that was heard of,
// has nothing: no log, or one of this founding and no view since.
func (q *Quorum) mayFoundWith(p replica.Peer, s *seeker) bool {
	_, member := q.roster.byID(s.Member)
	nothing := s.Fresh && !member || !s.Fresh && member && s.View <= foundingView
	l := q.heard[p.Address]
	newest := l != nil && l.incarnation == s.incarnation
	return s.Name == p.Name && nothing && newest && s.Knows == q.cfg.Incarnation &&
		q.ticks-s.at <= uint64(q.cfg.ElectionTicks) && samePeers(s.Peers, q.cfg.Peers)
}

func (q *Quorum) found(members []replica.Member) {
	cluster := q.cfg.NewCluster
	if q.node != nil {
		cluster = q.nextCluster(q.views.highest)
		q.see(q.views.highest + 1) // in the last one it may have voted
	}
	q.say(false, fmt.Sprintf("founded cluster %x with %d nodes", uint64(cluster), len(members)))
	q.begin(cluster, members)
	q.founding = q.ticks
}

// begin starts the log of a cluster that has nothing yet.
func (q *Quorum) begin(cluster replica.ClusterID, members []replica.Member) {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b replica.Member) int { return cmp.Compare(a.ID, b.ID) })
	conf := &raftpb.ConfState{}
	for _, m := range members {
		conf.Voters = append(conf.Voters, uint64(m.ID))
	}
	q.beginAt(place{foundingIndex, foundingView}, header{cluster: cluster, conf: conf, members: members}, nil)
}

// beginAt starts a log with a snapshot. Nothing is said before it is on disk.
func (q *Quorum) beginAt(at place, h header, table []byte) {
	q.adopt(h.cluster)
	q.see(lock.View(at.term))
	q.takeHeader(h, at.index)
	q.roster.book = nil
	q.applied, q.appliedTerm = at.index, at.term
	q.cuts.last, q.cuts.behind = at.index, 0
	q.start(&storage{base: at, conf: h.conf}, &replica.LogSnapshot{Index: at.index, Term: at.term, Data: encodeSnapshot(h, table)})
}

// start hosts the engine on a log that begins here and now.
func (q *Quorum) start(log *storage, snapshot *replica.LogSnapshot) {
	q.log = log
	q.log.state = &raftpb.HardState{Term: new(uint64(q.views.highest)), Vote: new(uint64(0)), Commit: new(log.base.index)}
	q.disk.writes, q.disk.unsaved, q.disk.changed, q.disk.change = nil, false, false, 0
	if q.cfg.Durable {
		q.disk.begun = q.emitStore(replica.Store{Snapshot: snapshot, Whole: true, State: q.encodeState(q.log.state)})
	}
	q.host()
	q.led = q.ticks
}

// tickFounding has the founder ask for its election as soon as the others can
// answer: it need not wait for a silence.
func (q *Quorum) tickFounding() {
	if q.founding == 0 || !q.begun() || q.quiet() {
		return
	}
	if q.engine.leader != raft.None || q.ticks-q.founding > 2*uint64(q.cfg.ElectionTicks) {
		q.founding = 0
		return
	}
	if q.engine.role == raft.StateFollower || q.engine.role == raft.StatePreCandidate {
		_ = q.node.Campaign()
	}
}

// onFound gives this node a log to begin with, if it is a member; or tells it
// who else may know.
func (q *Quorum) onFound(e replica.Received, m replica.Found) {
	// A founding that came to nothing is left for the next one.
	anew := q.unused() && q.fresh() && e.Cluster == m.Cluster && q.cluster != m.Cluster
	if m.View > lock.MaxView || m.Cluster == 0 || q.cluster != 0 && q.cluster != m.Cluster && !anew {
		return
	}
	i := slices.IndexFunc(m.Members, func(n replica.Member) bool { return n.ID == q.member })
	if q.node != nil && !anew || i < 0 || m.Members[i].Address != q.cfg.Address || m.Members[i].Name != q.cfg.Name {
		if anew {
			return
		}
		q.note(m)
		return
	}
	q.say(false, fmt.Sprintf("%s takes this node into cluster %x", e.From, uint64(m.Cluster)))
	if m.View == foundingView {
		q.begin(m.Cluster, m.Members)
		return
	}
	q.adopt(m.Cluster)
	q.see(m.View)
	if anew { // what there was must not be found beside it
		q.beginAt(place{}, header{cluster: m.Cluster, conf: &raftpb.ConfState{}}, nil)
	} else {
		q.start(&storage{conf: &raftpb.ConfState{}}, nil)
	}
	q.note(m)
}

// note keeps the newest list of members that was heard of.
func (q *Quorum) note(m replica.Found) {
	if len(m.Members) > 0 && len(m.Members) <= maxLives && m.View >= q.roster.bookView {
		q.roster.book, q.roster.bookView = m.Members, m.View
		q.befriendDue = true
	}
}

// onRefusal ends a newcomer that was sent away, and who was removed. A node with a
// log believes only its own cluster, and only if it has lost touch, is retired, or
// its primary says so.
func (q *Quorum) onRefusal(e replica.Received, m replica.Refusal) {
	if m.Member != 0 && m.Member != q.member {
		return // it asked long ago, and was at this address before
	}
	if m.Member == 0 && q.node != nil && e.Cluster == q.cluster {
		return // meant for what this node was before it was a member
	}
	from := func(n replica.Member) bool { return n.Address == e.From }
	if q.node == nil {
		// Once a cluster is known, another newcomer has no say.
		if len(q.roster.book) == 0 || slices.ContainsFunc(q.roster.book, from) {
			q.exit("the cluster refuses this node: " + m.Reason)
		}
		return
	}
	// Who was removed before its log came knows the members by hearsay only.
	known := slices.ContainsFunc(q.roster.members, from) || slices.ContainsFunc(q.roster.book, from)
	if known && q.retired {
		q.exit(removedText(q.cfg.Name))
		return
	}
	if known && e.Cluster == q.cluster && (q.engine.leader == raft.None || q.hint() == e.From || q.lostForLong()) {
		q.exit("the cluster refuses this node: " + m.Reason)
	}
	// Its own cluster was not there in all of this life, and where others should be
	// is a node of another one: this log is of no use here. One that has known its
	// primary goes on: the other may be the stray one.
	astray := e.Cluster != 0 && e.Cluster != q.cluster && q.led == 0 && q.lostForLong()
	if astray && slices.Contains(q.sought(), e.From) {
		q.exit("the cluster refuses this node: " + m.Reason)
	}
}
