package messages

import (
	"google.golang.org/protobuf/encoding/protowire"

	"lockstep/lock"
	"lockstep/replica"
)

// The messages by which a pair becomes a quorum. A node of an older version skips
// them.

func appendGrow(b []byte, num protowire.Number, m replica.Grow) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Round)
	b = appendVarint(b, 3, m.Index)
	b = appendFixed64(b, 4, m.Digest)
	b = appendFixed64(b, 5, m.Cluster)
	b = appendVarint(b, 6, m.Begins)
	b = appendMembers(b, 7, m.Members)
	return closeMessage(b, start)
}

func (r *reader) grow(field string) (m replica.Grow) {
	outer := r.enter(field)
	for r.next("Grow") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Grow.view"))
		case 2:
			m.Round = r.varint("Grow.round")
		case 3:
			m.Index = lock.Index(r.varint("Grow.index"))
		case 4:
			m.Digest = lock.Digest(r.fixed64("Grow.digest"))
		case 5:
			m.Cluster = replica.ClusterID(r.fixed64("Grow.cluster"))
		case 6:
			m.Begins = lock.View(r.varint("Grow.begins"))
		case 7:
			r.member("Grow.members", more(r, &m.Members))
		default:
			r.skip("Grow")
		}
	}
	r.leave(outer)
	return m
}

func appendGrown(b []byte, num protowire.Number, m replica.Grown) []byte {
	b, start := openMessage(b, num)
	b = appendVarint(b, 1, m.View)
	b = appendVarint(b, 2, m.Round)
	b = appendFixed64(b, 3, m.Member)
	b = appendBool(b, 4, m.Ready)
	b = appendBytes(b, 5, m.Reason)
	return closeMessage(b, start)
}

func (r *reader) grown(field string) (m replica.Grown) {
	outer := r.enter(field)
	for r.next("Grown") {
		switch r.num {
		case 1:
			m.View = lock.View(r.varint("Grown.view"))
		case 2:
			m.Round = r.varint("Grown.round")
		case 3:
			m.Member = replica.MemberID(r.fixed64("Grown.member"))
		case 4:
			m.Ready = r.bool("Grown.ready")
		case 5:
			m.Reason = r.own("Grown.reason")
		default:
			r.skip("Grown")
		}
	}
	r.leave(outer)
	return m
}
