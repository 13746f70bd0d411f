package quorum

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"

	"lockstep/lock"
	"lockstep/replica"
)

// Nodes that have applied the same entries have the same state, and its digest
// is compared to find out when they have not (R4). It is taken at certain
// entries, the same on all nodes, and when nothing has happened for a while. They
// also tell the primary who has applied a change of the members: so there is one
// after each change, and after the first entry of each view.
const (
	digestEvery = 512 // entries of the engine
	digestIdle  = 20  // ticks; so often they are told again, too
	digestsKept = 16
	digestsSent = 4
)

type digests struct {
	asked  []fingerprintOf // in the order of asking
	own    []replica.DigestAt
	others map[replica.MemberID][]replica.DigestAt
	last   uint64 // the entry after which the last was asked for
	moved  uint64 // the tick at which something was last applied
	at     uint64 // what was applied then
	told   uint64 // the entry of the last warning
}

// fingerprintOf is a Fingerprint under way: after which entries.
type fingerprintOf struct {
	engine uint64
	table  lock.Index
}

// isCompared reports whether the state after an entry is compared.
func isCompared(e *raftpb.Entry) bool {
	begins := len(e.GetData()) == 0 // a view
	return e.GetIndex()%digestEvery == 0 || e.GetType() != raftpb.EntryNormal || begins
}

// fingerprint asks for the digest of the table as it is now.
func (q *Quorum) fingerprint() {
	d := &q.digests
	d.last = q.applied
	d.asked = append(d.asked, fingerprintOf{q.applied, q.index})
	q.out = append(q.out, replica.Fingerprint{})
}

func (q *Quorum) tickDigest() {
	d := &q.digests
	if q.ticks%digestIdle == 0 {
		q.tellDigests() // a message may have been lost
	}
	if d.at != q.applied {
		d.at, d.moved = q.applied, q.ticks
		return
	}
	if q.ticks-d.moved >= digestIdle && d.last != q.applied {
		q.fingerprint()
	}
}

func (q *Quorum) onFingerprinted(e replica.Fingerprinted) {
	d := &q.digests
	if len(d.asked) == 0 {
		panic("quorum: a digest that nobody has asked for")
	}
	asked := d.asked[0]
	d.asked = d.asked[1:]
	if e.Index != asked.table {
		panic("quorum: the lock table is not where the order is")
	}
	if q.node == nil {
		return
	}
	d.own = keepLast(append(d.own, replica.DigestAt{Index: asked.engine, Digest: e.Digest}), digestsKept)
	q.tellDigests()
	q.compare(asked.engine, e.Digest)
}

// tellDigests tells the others what this node has applied. That it knows of a
// change of the members it says when it cannot forget it any more.
func (q *Quorum) tellDigests() {
	newest := keepLast(slices.Clone(q.digests.own), digestsSent)
	if !q.keepsChange() {
		newest = slices.DeleteFunc(newest, func(d replica.DigestAt) bool { return d.Index >= q.roster.asOf })
	}
	if len(newest) == 0 {
		return
	}
	for _, m := range q.roster.members {
		if m.ID != q.member {
			q.send(m.Address, replica.Digests{At: newest})
		}
	}
}

func keepLast[T any](list []T, n int) []T {
	if over := len(list) - n; over > 0 {
		return append(list[:0:0], list[over:]...)
	}
	return list
}

// onDigests hears of another's states.
func (q *Quorum) onDigests(from replica.NodeID, m replica.Digests) {
	for _, member := range q.roster.members {
		if member.Address != from || len(m.At) > digestsKept {
			continue
		}
		if q.digests.others == nil {
			q.digests.others = map[replica.MemberID][]replica.DigestAt{}
		}
		q.digests.others[member.ID] = m.At
	}
	for _, own := range q.digests.own {
		q.compare(own.Index, own.Digest)
	}
}

// compare ends this node if a majority of all members agrees on another state
// after the same entry: then it is this one that has gone wrong.
func (q *Quorum) compare(entry uint64, own lock.Digest) {
	equal := map[lock.Digest]int{}
	differs := ""
	for _, m := range q.roster.members {
		for _, at := range q.digests.others[m.ID] {
			if at.Index == entry && at.Digest != own {
				equal[at.Digest]++
				differs = m.Name
				if equal[at.Digest] > len(q.roster.members)/2 {
					q.exit(fmt.Sprintf("the state after entry %d differs from that of a majority: this node's copy is damaged; start it with an empty state directory", entry))
					return
				}
			}
		}
	}
	if differs != "" && entry > q.digests.told {
		q.digests.told = entry
		q.say(true, fmt.Sprintf("the state after entry %d differs from that of %s", entry, differs))
	}
}
