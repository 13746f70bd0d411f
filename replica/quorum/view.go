package quorum

import (
	"fmt"
	"slices"

	"lockstep/lock"
	"lockstep/replica"
)

// A view is a term of the engine. In every durability mode the highest is in the
// identity file before this node says a word in it: without a log the file is
// all that keeps a node from using a view twice, and with one it outlives the
// log.
type views struct {
	highest lock.View
	syncing []lock.View      // Persist effects that have not come back
	held    []replica.Effect // they wait for that
}

// see takes note of a view. What follows waits until it is on disk.
func (q *Quorum) see(view lock.View) {
	if view > lock.MaxView {
		q.exit(fmt.Sprintf("view %d is past the last one, %d: start a new cluster with empty state directories", view, lock.MaxView))
		return
	}
	if view > q.views.highest {
		q.views.highest = view
		q.persist()
	}
}

// adopt makes this node one of a cluster.
func (q *Quorum) adopt(cluster replica.ClusterID) {
	if cluster != q.cluster {
		q.cluster = cluster
		q.persist()
	}
}

func (q *Quorum) persist() {
	q.views.syncing = append(q.views.syncing, q.views.highest)
	q.out = append(q.out, replica.Persist{View: q.views.highest, Cluster: q.cluster})
}

// synced reports whether all that was seen is on disk.
func (q *Quorum) synced() bool { return len(q.views.syncing) == 0 }

func (q *Quorum) onSynced(view lock.View) {
	if i := slices.Index(q.views.syncing, view); i >= 0 {
		q.views.syncing = q.views.syncing[i+1:]
	}
	if q.synced() {
		q.out = append(q.out, q.views.held...)
		q.views.held = nil
		q.written()
	}
}

// send gives a message to the link, now or when the view is on disk.
func (q *Quorum) send(to replica.NodeID, m replica.Message) {
	if to == q.cfg.Address {
		return // a former life of this node is a member still
	}
	e := replica.Send{To: to, Message: m}
	if q.synced() {
		q.out = append(q.out, e)
	} else {
		q.views.held = append(q.views.held, e)
	}
}
