package quorum

import (
	"fmt"
	"hash/fnv"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// bootstrapLeap is how far a cluster that is begun anew leaves the highest known
// view behind: those that are lost may have gone higher, and tokens must rise.
const bootstrapLeap = 1000

// bootstrap is a new beginning under way.
type bootstrap struct {
	id   replica.OrderID
	view lock.View
	last uint64
}

// orderBootstrap makes this node a cluster of one, for when a majority is lost
// for good. It keeps all that its log has, whether a majority had it or not.
func (q *Quorum) orderBootstrap(e replica.Instruct) (replica.OrderOutcome, string) {
	switch {
	case q.bootstrapped == e.ID && e.ID != 0:
		if q.ready() {
			return done("%s is the primary of the new cluster %x; start the others with empty state directories and add them", q.cfg.Name, uint64(q.cluster))
		}
		return working("beginning the new cluster")
	case q.bootstrap != nil:
		return working("beginning a new cluster")
	case q.hearsPrimary():
		return refused("the cluster has a primary, %s: nothing is lost", q.nameOf(replica.MemberID(q.engine.leader)))
	case !e.Order.Force:
		return refused("%s; tokens go on from view %d, which is above those of the old cluster unless it had gone higher", q.whatIsLost(), q.nextView())
	}
	view := q.nextView()
	if view > lock.MaxView {
		return refused("view %d is past the last one, %d", view, lock.MaxView)
	}
	q.bootstrapped, q.handover = e.ID, nil
	q.say(true, "an operator begins a new cluster with this node alone")
	if q.cfg.Quiet {
		q.cfg.Quiet = false
		q.say(true, "this node is quiet no more: nobody else could serve; leave -quiet away when it is started again")
	}
	q.release()
	if q.hasNothing() {
		q.node = nil
		q.views.highest = max(q.views.highest, view-1)
		q.beginAlone(place{foundingIndex, uint64(view)}, header{}, nil)
		return working("beginning the new cluster %x, with nothing", uint64(q.cluster))
	}
	q.finishLog()
	if q.over {
		return refused("the log cannot be read")
	}
	q.bootstrap = &bootstrap{id: e.ID, view: view, last: q.log.last()}
	q.node = nil // the old cluster is over
	q.cuts.taking = nil
	q.cutNow()
	return working("beginning a new cluster with what this node has")
}

// nextView is that of a cluster begun anew. A node that knows of no view, since its
// directory was emptied, cannot tell how high the last cluster was: it begins where
// none can be by that day.
func (q *Quorum) nextView() lock.View {
	view := max(q.views.highest, q.seen) + bootstrapLeap
	if q.fresh() {
		view = max(view, q.cfg.BootstrapFloor)
	}
	return view
}

// Floor is a view above all that clusters have used by a moment, in seconds of
// Unix time: a thousand for each day since 2020, which rise by the minute and last
// until 2042. A cluster has a new view at each election, and a thousand more when
// it is begun anew.
func Floor(now int64) lock.View {
	const aDay, in2020 = 24 * 60 * 60, 1_577_836_800
	if now < in2020 {
		return 0
	}
	return min(lock.View((now-in2020)*bootstrapLeap/aDay), lock.MaxView/2)
}

// hearsPrimary reports whether this node leads, or has heard whoever does. One that
// cannot be elected never gives up its primary, and one that leads does not know at
// once that nobody follows.
func (q *Quorum) hearsPrimary() bool {
	return q.leading() || q.hint() != "" && q.heardLately(q.hint(), 2*q.cfg.ElectionTicks)
}

// hasNothing reports whether there is no state to go on with: no log, or one of
// which nothing has come yet.
func (q *Quorum) hasNothing() bool { return q.node == nil || q.applied == 0 }

func (q *Quorum) whatIsLost() string {
	if q.hasNothing() {
		return fmt.Sprintf("%s has no state: all locks and sessions of the cluster would be given up, and its other nodes could not come back", q.cfg.Name)
	}
	return fmt.Sprintf("%s would go on alone with what it has, up to entry %d: what only the others have is given up, and they could not come back but with empty state directories",
		q.cfg.Name, q.log.last())
}

// finishLog applies the rest of the log: a majority that is gone may have had
// it, and answered for it.
func (q *Quorum) finishLog() {
	for len(q.disk.writes) > 0 { // what was on its way to the disk is here, too
		if w := q.disk.writes[0]; w.restart != (place{}) {
			q.log.restart(w.restart)
		}
		q.log.append(q.disk.writes[0].entries)
		q.disk.writes = q.disk.writes[1:]
	}
	rest, err := q.log.Entries(q.applied+1, q.log.last()+1, 1<<62)
	if err != nil {
		panic(fmt.Sprintf("quorum: the end of the log is not there: %v", err))
	}
	for _, e := range rest {
		q.applied, q.appliedTerm = e.GetIndex(), e.GetTerm()
		if e.GetType() != raftpb.EntryNormal || len(e.GetData()) == 0 {
			continue
		}
		if batch := q.number(nil, e); !q.over {
			q.out = append(q.out, replica.Apply{Entries: batch})
		}
	}
}

// finishBootstrap begins the new cluster with the table as it is now.
func (q *Quorum) finishBootstrap(h header, table []byte) {
	b := q.bootstrap
	q.bootstrap = nil
	q.beginAlone(place{b.last + 1, uint64(b.view)}, h, table)
}

// beginAlone starts the log of a cluster whose only member is this node.
func (q *Quorum) beginAlone(at place, h header, table []byte) {
	self := replica.Member{ID: q.member, Name: q.cfg.Name, Address: q.cfg.Address, Voter: true, Quiet: q.cfg.Quiet}
	h.conf = &raftpb.ConfState{Voters: []uint64{uint64(q.member)}}
	h.members, h.gone = []replica.Member{self}, nil
	h.cluster = q.nextCluster(lock.View(at.term))
	q.proposals, q.transfers, q.intake, q.log = nil, nil, nil, nil
	q.retired = false
	clear(q.seekers) // who sought the old one does not come in under its name
	q.beginAt(at, h, table)
	q.founding = q.ticks
}

// nextCluster draws the id of a cluster out of that drawn for this node, which
// may have founded one already.
func (q *Quorum) nextCluster(view lock.View) replica.ClusterID {
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, uint64(q.cfg.NewCluster), uint64(q.cluster), uint64(view))
	return replica.ClusterID(h.Sum64() | 1)
}
